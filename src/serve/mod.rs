//! The server: its services, its limits, and how it stops.

mod access;
mod admission;
mod answer;
mod answered;
mod audit;
mod begun;
mod call;
mod canary;
mod codec;
mod config;
mod counted;
mod discard;
mod door;
mod drain;
mod handshake;
mod health;
mod http2;
mod in_hand;
mod incoming;
mod lanes;
mod lifecycle;
mod limit;
mod lists;
mod methods;
mod model;
mod outcome;
mod patience;
mod promotion;
mod recorder;
mod reload;
mod reported;
mod request_id;
mod requests;
mod respite;
mod resume;
mod routes;
mod saving;
mod scorer;
mod scoring;
mod served;
mod service;
mod shadow;
mod staging;
mod stalled;
mod standing;
mod status;
mod submitted;
mod succession;
mod transport;
mod unread;
mod wakes;
mod writing;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tower_layer::Layer as _;

pub(crate) use codec::MessageCodec;
pub use config::{InvalidServe, ServeConfig, ValidServe};
pub use counted::route_names;
pub use lifecycle::Lifecycle;
pub use recorder::Recorder;
pub use reload::{ReloadError, reload};
pub use scorer::Scorer;
pub use standing::{Phase, Standing, Trouble};
pub use status::{code_name, item_error};

use routes::{Behind, Services};
use served::Served;

use crate::identity::{Exposed, Identity};
use crate::ledger::LedgerError;
use crate::registry::{Believed, GateConfig, ValidRegistry};
use crate::telemetry::fields;
use crate::traces::Traces;

/// What a server is made of.
#[derive(Debug)]
pub struct Parts {
    /// What decides. Whoever keeps the other end may put another in its place at any time: a
    /// request, and each message of a stream, is answered by one of them.
    pub scorer: Arc<ArcSwap<Scorer>>,
    /// What records decisions and outcomes; without it nothing is. The scorer's history must be the recorder's.
    pub recorder: Option<Arc<Recorder>>,
    /// How it is set.
    pub config: ValidServe,
    /// How it stands, for whoever shows it.
    pub standing: Arc<Standing>,
    /// Who callers are, and what they may; by default nobody is asked.
    pub identity: Arc<Identity>,
    /// Where calls are made spans; by default nowhere.
    pub traces: Traces,
    /// Where models and records are asked about, apart from scoring; by default nowhere apart.
    pub apart: Option<TcpListener>,
}

impl Parts {
    /// Puts them together.
    ///
    /// # Errors
    /// [`ServeError::Descriptor`] where the contract's descriptor does not read as one.
    pub fn new(
        scorer: Arc<ArcSwap<Scorer>>,
        recorder: Option<Arc<Recorder>>,
        config: ValidServe,
    ) -> Result<Self, ServeError> {
        let standing = Arc::new(Standing::new(Arc::clone(&scorer), recorder.as_ref(), &config)?);
        Ok(Self {
            scorer,
            recorder,
            config,
            standing,
            identity: Arc::default(),
            traces: Traces::default(),
            apart: None,
        })
    }

    /// The same, with callers that must be known.
    #[must_use]
    pub fn with_identity(self, identity: Arc<Identity>) -> Self {
        self.standing.knows(&identity);
        Self { identity, ..self }
    }

    /// The same, with calls that are made spans.
    #[must_use]
    pub fn with_traces(self, traces: Traces) -> Self {
        self.standing.shows(&traces);
        Self { traces, ..self }
    }

    /// The same, with the services about models and records at an address of their own.
    #[must_use]
    pub fn with_apart(self, apart: Option<TcpListener>) -> Self {
        Self { apart, ..self }
    }

    /// With the models of a registry, of which `champion` decides already. Nothing changes where the configuration names
    /// none.
    #[must_use]
    pub fn with_models(self, champion: Believed, registry: &ValidRegistry, gate: GateConfig) -> Self {
        let (standing, metrics) = (&self.standing, Arc::clone(self.standing.metrics()));
        let admission = Arc::clone(&standing.admission);
        let shadow =
            shadow::Shadow::new(registry.shadow_share(), registry.shadow_queue(), admission, Arc::clone(&metrics));
        let scorer = Arc::clone(&self.scorer);
        let settings = (registry, gate);
        if let Some(lifecycle) = Lifecycle::new(scorer, self.recorder.as_ref(), champion, settings, shadow, metrics) {
            standing.set_lifecycle(Arc::new(lifecycle));
        }
        self
    }
}

/// How a server stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Whether calls were still open at the end of the time that they had. They end with the runtime.
    pub cut: bool,
}

/// Why a server cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The listener is not one.
    #[error("asking for the address listened on")]
    Address(#[source] std::io::Error),
    /// It would be open to others, and that was not said.
    #[error(transparent)]
    Exposed(#[from] Exposed),
    /// A descriptor that is compiled in does not read as one.
    #[error("reading the contract's descriptor")]
    Descriptor(#[from] prost::DecodeError),
    /// Reflection cannot be built from the descriptors.
    #[error("building the reflection service")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// On what decisions rest can't be recorded.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Serves on `listener` until `shutdown` resolves, then drains.
///
/// The drain: health turns to NOT_SERVING and its watches end, streams end with UNAVAILABLE after
/// the reply in hand, connections are told to go elsewhere, and calls in flight have
/// [`ValidServe::drain_limit`] to complete.
///
/// # Errors
/// [`ServeError`] where it cannot start.
pub async fn serve(
    listener: TcpListener,
    parts: Parts,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<Drained, ServeError> {
    let Parts { scorer, recorder, config, standing, identity, traces, apart } = parts;
    let address = listener.local_addr().map_err(ServeError::Address)?;
    identity.check_exposure(address.ip().is_loopback())?;
    if let Some(apart) = &apart {
        let address = apart.local_addr().map_err(ServeError::Address)?;
        identity.check_exposure(address.ip().is_loopback())?;
    }
    if let Some(recorder) = &recorder {
        recorder.begin()?;
    }
    let model = scorer.load().model().r#ref.clone().unwrap_or_default();
    tracing::info!({ fields::SERVER_ADDRESS } = %address, "starting");

    let (start_drain, drain) = drain::drain();
    let mut health = health::Health::serving().await;
    let (admission, metrics) = (Arc::clone(&standing.admission), Arc::clone(standing.metrics()));
    let layer = call::CallLayer::new(call::Around {
        methods: methods::Methods::served()?,
        identity: Arc::clone(&identity),
        timeout: config.request_timeout(),
        stream_limit: config.stream_limits().whole,
        // A stream that is only idle has ended by itself by then.
        answer_limit: config.stream_limits().idle + Duration::from_secs(1),
        drain: drain.clone(),
        admission,
        metrics: Arc::clone(&metrics),
        traces,
    });
    let unread = unread::Unread::start(config.max_message_bytes());
    let services =
        Services { scorer, recorder, config: &config, health: &health, drain: drain.clone(), standing: &standing };
    let serve_on = |listener: TcpListener, served: Served| {
        let (room, metrics) = (standing.room.clone(), Arc::clone(&metrics));
        let security = handshake::Security::new(Arc::clone(&identity), Arc::clone(&metrics));
        let incoming = incoming::Incoming::new(listener, config.preface_timeout(), room, security, metrics);
        let recorder = services.recorder.clone();
        let at_leisure = move || {
            if let Some(recorder) = &recorder {
                recorder.at_leisure();
            }
        };
        transport::serve(incoming, layer.layer(served), at_leisure, &config, (drain.clone(), unread.clone()))
    };
    let behind = if apart.is_some() { Behind::Parcels } else { Behind::All };
    let scoring = serve_on(listener, services.served(behind)?);
    let apart = match apart {
        Some(apart) => Some(serve_on(apart, services.served(Behind::Apart)?)),
        None => None,
    };
    drop(services);
    let serving = async {
        let apart = async {
            if let Some(apart) = apart {
                apart.await;
            }
        };
        tokio::join!(scoring, apart)
    };
    let mut serving = pin!(serving);
    standing.enters(Phase::Serving);
    tracing::info!(
        { fields::SERVER_ADDRESS } = %address,
        { fields::MODEL_NAME } = model.name,
        { fields::MODEL_VERSION } = model.version,
        { fields::MODEL_DIGEST } = model.digest,
        "ready"
    );
    tokio::select! {
        _ = &mut serving => return Ok(Drained { cut: false }),
        () = shutdown => {}
    }

    let started = Instant::now();
    let limit = config.drain_limit();
    tracing::info!({ fields::DRAIN_LIMIT_SECONDS } = limit.as_secs(), "draining");
    standing.enters(Phase::Draining);
    health.stop().await;
    start_drain.start();
    let cut = tokio::select! {
        _ = serving => false,
        // A client that does not answer keeps its connection, and no call: nothing is cut by leaving it.
        () = drain::quiet(|| standing.metrics().n_calls_open()) => false,
        () = tokio::time::sleep(limit) => true,
    };
    tracing::info!({ fields::DRAIN_SECONDS } = started.elapsed().as_secs_f64(), { fields::CUT } = cut, "stopped");
    Ok(Drained { cut })
}

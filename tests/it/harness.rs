//! A running server, its clients, and parcels to send.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use parcel_risk::artifact::{Artifact, GoldenParcel, Manifest};
use parcel_risk::engine::Engine;
use parcel_risk::features::RatesConfig;
use parcel_risk::history::HistoryConfig;
use parcel_risk::ledger::{Clock, LedgerConfig};
use parcel_risk::model::{Model, ModelBody};
use parcel_risk::parcel::ParcelLimits;
use parcel_risk::policy::ThresholdsConfig;
use parcel_risk::serve::{Drained, Parts, Recorder, Scorer, ServeConfig, ServeError, serve};
use parcel_risk::wire::v1;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

/// A server that runs in this process until it is told to stop.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<Result<Drained, ServeError>>,
}

impl Server {
    /// Tells it to stop, and does not wait.
    pub(crate) fn tell_to_stop(&mut self) {
        let _ = self.stop.take().expect("told once").send(());
    }

    /// Tells it to stop where that was not done, and waits until it has.
    pub(crate) async fn stopped(mut self) -> Drained {
        drop(self.stop.take());
        within(self.serving).await.expect("no panic").expect("no error")
    }
}

/// Starts a server on a free port of this machine.
pub(crate) async fn start(parts: Parts) -> (Endpoint, Server) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(serve(listener, parts, async {
        let _ = stopped.await;
    }));
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    (endpoint, Server { address, stop: Some(stop), serving })
}

/// Starts a server with everything at its default.
pub(crate) async fn start_default() -> (Channel, Server) {
    let (endpoint, server) = start(default_parts()).await;
    (endpoint.connect().await.unwrap(), server)
}

pub(crate) fn default_parts() -> Parts {
    parts(ServeConfig::default())
}

/// The model of customs declarations, verified once for all tests: their fixtures are what it knows.
pub(crate) fn artifact() -> &'static Artifact {
    static ARTIFACT: OnceLock<Artifact> = OnceLock::new();
    ARTIFACT.get_or_init(|| {
        Artifact::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("models/customs-declarations")).unwrap()
    })
}

/// The built-in model under the default rates and thresholds.
pub(crate) fn engine() -> Engine {
    let (model, model_ref) = (Arc::clone(artifact().model()), Arc::clone(artifact().model_ref()));
    let rates = RatesConfig::default().check().unwrap();
    let policy = ThresholdsConfig::default().check().unwrap();
    Engine::new(model, model_ref, rates, policy).unwrap()
}

pub(crate) fn parts(config: ServeConfig) -> Parts {
    let scorer = Scorer::new(
        engine(),
        Arc::clone(artifact().settled_history()),
        ParcelLimits::default(),
        v1::ModelInfo {
            metrics: vec![v1::Metric { name: "roc_auc".to_owned(), value: 0.9, low_95: 0.8, high_95: 1.0 }],
            ..v1::ModelInfo::default()
        },
    );
    Parts::new(Arc::new(ArcSwap::from_pointee(scorer)), None, config.check().unwrap()).unwrap()
}

/// A server with everything at its default that records what it decides in `path`.
pub(crate) fn recording_parts(path: &Path, config: &LedgerConfig, clock: Clock) -> (Parts, Arc<Recorder>) {
    let history = HistoryConfig::default();
    let recorder = Arc::new(Recorder::open(path, (config, &history), clock, artifact(), &engine()).unwrap());
    recorder.begin().unwrap();
    (parts_of(&recorder), recorder)
}

/// A server with everything at its default that records with this recorder.
pub(crate) fn parts_of(recorder: &Arc<Recorder>) -> Parts {
    let history = recorder.history();
    let scorer = Scorer::with_history(artifact(), engine(), history, ParcelLimits::default());
    let config = ServeConfig::default().check().unwrap();
    Parts::new(Arc::new(ArcSwap::from_pointee(scorer)), Some(Arc::clone(recorder)), config).unwrap()
}

/// The model of customs declarations as `manifest` calls it, changed, with little history and `n_golden` golden decisions:
/// quick to prove.
pub(crate) fn small_artifact(manifest: Manifest, n_golden: usize, change: impl FnOnce(&mut ModelBody)) -> Artifact {
    let whole = artifact();
    let mut body = whole.model().body().clone();
    change(&mut body);
    let mut snapshot = whole.snapshot();
    let mut idx = 0;
    snapshot.entries.retain(|_| {
        idx += 1;
        idx % 1000 == 0
    });
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/customs-declarations/golden.jsonl");
    let golden = std::fs::read_to_string(golden).unwrap();
    let golden = golden.lines().take(n_golden).map(|line| serde_json::from_str::<GoldenParcel>(line).unwrap().parcel);
    Artifact::assemble(manifest, &Model::new(body).unwrap(), &snapshot, golden.collect()).unwrap()
}

/// Room for one call, and whatever has it holds it for as long as a test takes.
pub(crate) fn one_at_a_time() -> ServeConfig {
    ServeConfig {
        max_batch: 1,
        max_in_flight: 1,
        kept_for_critical: 0,
        request_timeout_seconds: 600,
        ..ServeConfig::default()
    }
}

/// A server of a process of its own, ended with the test, however that ends.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Starts one that has an admin port, as `command` says; where calls go to, and that port's address.
    pub(crate) async fn start(command: &mut Command) -> (Self, Channel, SocketAddr) {
        Self::start_logging_to(Stdio::null(), command).await
    }

    pub(crate) async fn start_logging_to(
        stderr: impl Into<Stdio>,
        command: &mut Command,
    ) -> (Self, Channel, SocketAddr) {
        let mut child = Self(command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap());
        let mut lines = BufReader::new(child.0.stdout.take().unwrap()).lines();
        let mut after = |start: &str| lines.next().unwrap().unwrap().strip_prefix(start).unwrap().to_owned();
        let (endpoint, admin) = (format!("http://{}", after("listening on ")), after("admin on http://"));
        let channel = Channel::from_shared(endpoint).unwrap().connect().await.unwrap();
        (child, channel, admin.parse().unwrap())
    }

    /// Tells it to stop; how it ends.
    pub(crate) async fn stop(mut self) -> ExitStatus {
        assert!(Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap().success());
        within(tokio::task::spawn_blocking(move || self.0.wait().unwrap())).await.unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Errors where it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The address that a server says it listens on when it has started; else what it says instead.
pub(crate) fn listening_on(child: &mut Child) -> Result<String, String> {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    line.trim().strip_prefix("listening on ").map(str::to_owned).ok_or(line)
}

/// Fails a test that would hang.
#[track_caller]
pub(crate) fn within<F: Future>(future: F) -> impl Future<Output = F::Output> {
    let caller = std::panic::Location::caller();
    async move {
        match tokio::time::timeout(Duration::from_secs(60), future).await {
            Ok(output) => output,
            Err(_) => panic!("hangs: {caller}"),
        }
    }
}

/// A parcel in which nothing is wrong.
pub(crate) fn parcel() -> v1::Parcel {
    v1::Parcel {
        item_id: "RB123456785CN".to_owned(),
        advised_at: Some(pbjson_types::Timestamp { seconds: 1_790_000_000, nanos: 0 }),
        origin_country: "CN".to_owned(),
        destination_country: "KZ".to_owned(),
        contents: vec![v1::ContentLine {
            description: "phone case".to_owned(),
            hs_code: "392690".to_owned(),
            ..v1::ContentLine::default()
        }],
        ..v1::Parcel::default()
    }
}

pub(crate) fn request(parcel: v1::Parcel) -> v1::ScoreParcelRequest {
    v1::ScoreParcelRequest { parcel: Some(parcel.into()), ..v1::ScoreParcelRequest::default() }
}

/// A request in which three fields are wrong.
pub(crate) fn bad_request() -> v1::ScoreParcelRequest {
    let mut bad = parcel();
    bad.advised_at = None;
    bad.contents[0].hs_code = "85.17".to_owned();
    v1::ScoreParcelRequest { explanation: 9, ..request(bad) }
}

/// What nothing that is told of a parcel may hold.
pub(crate) const CANARY: &str = "Canary Doe, 7 Cage Street";

/// A parcel that states a canary wherever it may, and one that does wherever it may not.
pub(crate) fn canary_parcels() -> [v1::Parcel; 2] {
    let party = v1::Party {
        party_id: CANARY.to_owned(),
        name: CANARY.to_owned(),
        street: CANARY.to_owned(),
        phone: CANARY.to_owned(),
        email: CANARY.to_owned(),
        ..v1::Party::default()
    };
    let mut good = v1::Parcel { sender: Some(party.clone()), addressee: Some(party), ..parcel() };
    good.contents[0].description = CANARY.to_owned();
    let mut bad = good.clone();
    bad.contents[0].hs_code = CANARY.to_owned();
    bad.origin_country = CANARY.to_owned();
    bad.item_id = CANARY.to_owned();
    [good, bad]
}

/// A message as it is sent.
pub(crate) fn framed(message: &impl prost::Message) -> Bytes {
    let n_bytes = u32::try_from(message.encoded_len()).unwrap();
    let mut framed = [&[0][..], &n_bytes.to_be_bytes()].concat();
    message.encode(&mut framed).unwrap();
    framed.into()
}

fn post(address: SocketAddr, method: &str) -> http::request::Builder {
    http::Request::post(format!("http://{address}/parcelrisk.v1.RiskScoringService/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
}

/// A call whose answer is taken by hand.
pub(crate) struct ByHand {
    pub(crate) response: h2::client::ResponseFuture,
    pub(crate) body: h2::SendStream<Bytes>,
    /// Ends with the connection.
    pub(crate) connection: JoinHandle<Result<(), h2::Error>>,
}

impl ByHand {
    /// Sends a message on a connection of its own.
    ///
    /// * `window`: bytes of the answer that may come before they are taken.
    pub(crate) async fn new(address: SocketAddr, method: &str, message: &impl prost::Message, window: u32) -> Self {
        let tcp = TcpStream::connect(address).await.unwrap();
        let mut client = h2::client::Builder::new();
        let (client, connection) = client.initial_window_size(window).handshake::<_, Bytes>(tcp).await.unwrap();
        let connection = tokio::spawn(connection);
        let head = post(address, method).body(()).unwrap();
        let (response, mut body) = client.ready().await.unwrap().send_request(head, false).unwrap();
        body.send_data(framed(message), false).unwrap();
        Self { response, body, connection }
    }
}

/// A `ScoreParcel` of which the client has sent the first half, and which has reached the server.
pub(crate) struct HalfSent {
    response: h2::client::ResponseFuture,
    body: h2::SendStream<Bytes>,
    rest: Bytes,
}

impl HalfSent {
    pub(crate) async fn new(address: SocketAddr) -> Self {
        Self::sent(address, None).await
    }

    /// One whose client says how long it waits.
    pub(crate) async fn with_timeout(address: SocketAddr, timeout: &str) -> Self {
        Self::sent(address, Some(timeout)).await
    }

    async fn sent(address: SocketAddr, timeout: Option<&str>) -> Self {
        let tcp = TcpStream::connect(address).await.unwrap();
        let (client, mut connection) = h2::client::handshake(tcp).await.unwrap();
        let mut ping = connection.ping_pong().unwrap();
        tokio::spawn(connection);

        let mut first = framed(&request(parcel()));
        let rest = first.split_off(first.len() / 2);

        let head = post(address, "ScoreParcel");
        let head = match timeout {
            Some(timeout) => head.header("grpc-timeout", timeout),
            None => head,
        };
        let head = head.body(()).unwrap();
        let (response, mut body) = client.ready().await.unwrap().send_request(head, false).unwrap();
        body.send_data(first, false).unwrap();
        // Frames are read in order, so what was sent before the ping is there when it is answered.
        ping.ping(h2::Ping::opaque()).await.unwrap();
        Self { response, body, rest }
    }

    /// Never sends the rest, and returns the `grpc-status` with which the server ends the call.
    pub(crate) async fn ended(self) -> String {
        let answer = self.response.await.unwrap();
        answer.headers().get("grpc-status").unwrap().to_str().unwrap().to_owned()
    }

    /// Sends the rest, and returns the answer's `grpc-status`.
    pub(crate) async fn complete(mut self) -> String {
        self.body.send_data(self.rest, true).unwrap();
        let mut body = self.response.await.unwrap().into_body();
        while let Some(data) = body.data().await {
            data.unwrap();
        }
        let trailers = body.trailers().await.unwrap().unwrap();
        trailers.get("grpc-status").unwrap().to_str().unwrap().to_owned()
    }
}

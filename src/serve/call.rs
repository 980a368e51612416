//! Around every call: room for it, its deadline, its log line and metrics, and an answer where its handler panics.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt as _;
use http::HeaderMap;
use tonic::Status;
use tonic::body::Body;
use tower_layer::Layer;
use tower_service::Service;
use tracing::{Instrument as _, field};

use super::access;
use super::admission::{Admission, Asking};
use super::answer::{Answer, Record, UntilDrain};
use super::drain::Drain;
use super::handshake::Peer;
use super::methods::Methods;
use super::request_id::RequestId;
use super::stalled::Watched;
use super::status::Refusal;
use crate::identity::Identity;
use crate::telemetry::{Metrics, fields};
use crate::traces::Traces;

/// The one method whose calls are open for long: its parcels take room, and not the call.
const STREAM: &str = "/parcelrisk.v1.RiskScoringService/StreamParcels";

/// The one method whose calls are all of one size: by them it is seen how fast the server is.
pub(super) const SINGLE: &str = "/parcelrisk.v1.RiskScoringService/ScoreParcel";

/// Wraps a server's services.
#[derive(Clone, Debug)]
pub(super) struct CallLayer(Arc<Around>);

/// What every call needs.
#[derive(Debug)]
pub(super) struct Around {
    pub(super) methods: Methods,
    pub(super) identity: Arc<Identity>,
    /// Longest until an answer begins.
    pub(super) timeout: Duration,
    /// Longest that a client may go on asking where it may ask more than once.
    pub(super) stream_limit: Duration,
    /// Longest that an answer may wait for its client to take more of it.
    pub(super) answer_limit: Duration,
    pub(super) drain: Drain,
    pub(super) admission: Arc<Admission>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) traces: Traces,
}

impl CallLayer {
    pub(super) fn new(around: Around) -> Self {
        Self(Arc::new(around))
    }
}

impl<S> Layer<S> for CallLayer {
    type Service = Call<S>;

    fn layer(&self, inner: S) -> Call<S> {
        Call { inner, around: Arc::clone(&self.0) }
    }
}

/// A service with what goes around each of its calls.
#[derive(Clone, Debug)]
pub(super) struct Call<S> {
    inner: S,
    around: Arc<Around>,
}

impl<S> Service<http::Request<Body>> for Call<S>
where
    S: Service<http::Request<Body>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, ctx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(ctx)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        let around = &self.around;
        let method = around.methods.name(request.uri().path());
        let request_id = RequestId::of(request.headers());
        let span = tracing::debug_span!(
            "call",
            { fields::RPC_METHOD } = method,
            { fields::REQUEST_ID } = request_id.as_str(),
            { fields::N_ITEMS } = field::Empty, // Recorded by the handler.
        );
        let trace = around.traces.begin(method, request.headers());
        let ours = (request_id, span.clone(), trace.clone());
        let mut record = Record::begin(method, ours, Arc::clone(&around.metrics));
        // Ours end by themselves, with no call half read. Reflection would hold up the drain.
        let is_ours = request.uri().path().starts_with("/parcelrisk.");
        let is_single = method == SINGLE;
        let let_in = access::admit(&around.identity, &request, &around.metrics).and_then(|allowed| {
            if let Some(caller) = &allowed.caller {
                record.caller = Arc::clone(&caller.digest);
            }
            // Health and reflection are always answered, and a stream waits for room with each of its parcels.
            let takes_room = is_ours && method != STREAM;
            let asking = Asking::of(request.headers(), Some(&allowed));
            let permit = takes_room.then(|| around.admission.admit(1, &asking)).transpose()?;
            Ok((allowed, permit))
        });
        let (allowed, permit) = match let_in {
            Ok(let_in) => let_in,
            Err(refusal) => {
                // Nothing of the call was looked at, and nothing of it will be.
                let response = record.refused(&refusal);
                return Box::pin(async move { Ok(response) });
            }
        };
        request.extensions_mut().insert(allowed);
        // Fixed here and not at the first poll, for which a call may wait.
        let timeout = stated_timeout(request.headers()).map_or(around.timeout, |t| t.min(around.timeout));
        let deadline = record.started + timeout;
        let request = if is_ours {
            request
        } else {
            let (draining, limit) = (around.drain.begun(), around.stream_limit);
            request.map(|body| Body::new(UntilDrain::new(body, draining, limit)))
        };
        let admission = Arc::clone(&around.admission);
        let peer = request.extensions().get::<Peer>().filter(|_| is_ours);
        let hang_up = peer.filter(|_| !is_single).map(Peer::hang_up);
        let (limit, metrics) = (around.answer_limit, Arc::clone(&around.metrics));
        let answer = self.inner.call(request);
        let whole = async move {
            // Else a panic would end the task, and the client would be told of a protocol error.
            let unless_it_panics = AssertUnwindSafe(answer).catch_unwind();
            let mut response = match tokio::time::timeout_at(deadline, unless_it_panics).await {
                Ok(Ok(response)) => response?,
                Ok(Err(_)) => {
                    record.metrics.panicked();
                    Status::from(Refusal::Internal).into_http()
                }
                Err(_) => Status::from(Refusal::DeadlineExceeded).into_http(),
            };
            record.head(response.headers_mut());
            if is_single {
                // Only these are all of one size. One that came too late counts as much as one that came late.
                admission.took(record.started.elapsed());
            }
            // An answer about one parcel is small, and holds no room while it waits to be taken.
            let room = if is_single { (None, None) } else { (permit, response.extensions_mut().remove()) };
            let watch = hang_up.map(|hang_up| Watched::begin(hang_up, limit, metrics));
            Ok(response.map(|body| Body::new(Answer::new(body, record, room, watch))))
        };
        trace.around(whole.instrument(span))
    }
}

/// The client's `grpc-timeout`; `None` where there is none, or it is malformed.
fn stated_timeout(headers: &HeaderMap) -> Option<Duration> {
    let stated = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = stated.split_at_checked(stated.len().checked_sub(1)?)?;
    // Eight digits at most, by the protocol; so it cannot overflow either.
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let n = digits.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(n * 3600)),
        "M" => Some(Duration::from_secs(n * 60)),
        "S" => Some(Duration::from_secs(n)),
        "m" => Some(Duration::from_millis(n)),
        "u" => Some(Duration::from_micros(n)),
        "n" => Some(Duration::from_nanos(n)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use tonic::Code;

    use super::*;
    use crate::serve::admission::Bounds;
    use crate::serve::drain::drain;

    /// The server's own.
    const LIMIT: Duration = Duration::from_millis(100);

    /// What a call of `handler` is answered with.
    async fn status_of<F>(timeout: Option<&str>, handler: impl Fn() -> F) -> (Option<Code>, String)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (_start, drain) = drain();
        let metrics = Arc::new(Metrics::new([], []));
        let bounds = Bounds { limit: 1, floor: None, kept: 0, times_free: 0 };
        let layer = CallLayer::new(Around {
            methods: Methods::served().unwrap(),
            identity: Arc::default(),
            timeout: LIMIT,
            stream_limit: LIMIT,
            answer_limit: LIMIT,
            drain,
            admission: Arc::new(Admission::new(bounds, Arc::clone(&metrics))),
            metrics,
            traces: Traces::default(),
        });
        let mut service = layer.layer(tower::service_fn(|_| {
            let answer = handler();
            async move {
                answer.await;
                Ok::<_, Infallible>(http::Response::new(Body::empty()))
            }
        }));
        let mut request = http::Request::new(Body::empty());
        if let Some(timeout) = timeout {
            request.headers_mut().insert("grpc-timeout", timeout.parse().unwrap());
        }
        let response = service.call(request).await.unwrap();
        let status = Status::from_header_map(response.headers());
        (status.as_ref().map(Status::code), status.map(|status| status.message().to_owned()).unwrap_or_default())
    }

    #[tokio::test]
    async fn a_panic_is_answered_and_says_nothing_of_its_cause() {
        let answer = status_of(None, || async { panic!("Jane Doe") }).await;
        assert_eq!(answer, (Some(Code::Internal), "internal error".to_owned()));
    }

    #[tokio::test]
    async fn a_deadline_that_passes_is_told_by_its_own_code() {
        let (code, _) = status_of(Some("10m"), std::future::pending).await;
        assert_eq!(code, Some(Code::DeadlineExceeded));
        // The server's own, where the client's is longer or there is none.
        for stated in [Some("1H"), None] {
            let (code, _) = status_of(stated, std::future::pending).await;
            assert_eq!(code, Some(Code::DeadlineExceeded), "{stated:?}");
        }
    }

    #[tokio::test]
    async fn a_call_that_ends_is_left_alone() {
        assert_eq!(status_of(Some("1H"), || async {}).await, (None, String::new()));
    }

    #[test]
    fn a_malformed_timeout_is_none() {
        let timeout = |text: &str| {
            let headers = HeaderMap::from_iter([("grpc-timeout".parse().unwrap(), text.parse().unwrap())]);
            stated_timeout(&headers)
        };
        assert_eq!(timeout("99999999H"), Some(Duration::from_secs(99_999_999 * 3600)));
        assert_eq!(timeout("100m"), Some(Duration::from_millis(100)));
        for text in ["", "m", "1", "1x", "123456789S", "+1S", "-1S", "1ü"] {
            assert_eq!(timeout(text), None, "{text}");
        }
    }
}

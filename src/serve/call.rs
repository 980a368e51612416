//! Around every call: room for it, its deadline, its log line and metrics, and an answer where its handler panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::HeaderMap;
use http_body::{Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tower_layer::Layer;
use tower_service::Service;
use tracing::{Instrument as _, Span, field};

use super::admission::{Admission, Permit, criticality};
use super::drain::{Drain, Draining};
use super::methods::Methods;
use super::status::{Refusal, code_name};
use crate::telemetry::{Metrics, fields};

/// The one method whose calls are open for long: its parcels take room, and not the call.
const STREAM: &str = "/parcelrisk.v1.RiskScoringService/StreamParcels";

/// Wraps a server's services.
#[derive(Clone, Debug)]
pub(super) struct CallLayer(Arc<Around>);

#[derive(Debug)]
struct Around {
    methods: Methods,
    /// Longest until an answer begins.
    timeout: Duration,
    drain: Drain,
    admission: Arc<Admission>,
    metrics: Arc<Metrics>,
}

impl CallLayer {
    pub(super) fn new(
        methods: Methods,
        timeout: Duration,
        drain: Drain,
        admission: Arc<Admission>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self(Arc::new(Around { methods, timeout, drain, admission, metrics }))
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

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let method = self.around.methods.name(path);
        let span = tracing::debug_span!(
            "call",
            { fields::RPC_METHOD } = method,
            { fields::N_ITEMS } = field::Empty, // Recorded by the handler.
        );
        // Ours end by themselves, with no call half read. Reflection would hold up the drain.
        let is_ours = path.starts_with("/parcelrisk.");
        let admission = &self.around.admission;
        // Health and reflection are always answered, and a stream waits for room with each of its parcels.
        let permit =
            (is_ours && path != STREAM).then(|| admission.admit(1, criticality(request.headers()))).transpose();
        let mut record = Record::begin(span.clone(), method, Arc::clone(&self.around.metrics));
        let permit = match permit {
            Ok(permit) => permit,
            Err(refusal) => {
                // Nothing of the call was read, and nothing of it will be.
                let response = Status::from(refusal).into_http();
                record.note(response.headers());
                return Box::pin(async move { Ok(response) });
            }
        };
        // Fixed here and not at the first poll: tonic keeps the client's deadline too, and answers
        // CANCELLED where it is first.
        let timeout = stated_timeout(request.headers()).map_or(self.around.timeout, |t| t.min(self.around.timeout));
        let deadline = record.started + timeout;
        let request = if is_ours {
            request
        } else {
            let draining = Some(self.around.drain.begun());
            request.map(|body| Body::new(UntilDrain { body, draining }))
        };
        let answer = self.inner.call(request);
        let whole = async move {
            let response = match tokio::time::timeout_at(deadline, unless_it_panics(answer)).await {
                Ok(Some(response)) => response?,
                Ok(None) => {
                    record.metrics.panicked();
                    Status::from(Refusal::Internal).into_http()
                }
                Err(_) => Status::from(Refusal::DeadlineExceeded).into_http(),
            };
            record.note(response.headers());
            Ok(response.map(|body| Body::new(Answer { body, record, has_ended: false, _permit: permit })))
        };
        Box::pin(whole.instrument(span))
    }
}

/// `None` where it panics. Else the panic would end the task, and the client would be told of a
/// protocol error.
async fn unless_it_panics<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|ctx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(ctx))) {
        Ok(polled) => polled.map(Some),
        Err(_) => Poll::Ready(None),
    })
    .await
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

/// What the log line and the metrics say; written when the call is over, however it ends.
struct Record {
    span: Span,
    method: &'static str,
    metrics: Arc<Metrics>,
    started: Instant,
    /// CANCELLED until an end is seen: a client that hangs up leaves no other trace.
    code: Code,
}

impl Record {
    fn begin(span: Span, method: &'static str, metrics: Arc<Metrics>) -> Self {
        metrics.call_begins(method);
        Self { span, method, metrics, started: Instant::now(), code: Code::Cancelled }
    }

    fn note(&mut self, headers: &HeaderMap) {
        let stated = headers.get("grpc-status").and_then(|code| code.to_str().ok()?.parse::<i32>().ok());
        self.code = stated.map_or(self.code, Code::from_i32);
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let (code, latency) = (code_name(self.code), self.started.elapsed());
        self.metrics.call_ends(self.method, code, latency);
        self.span.in_scope(|| {
            tracing::debug!(
                { fields::GRPC_CODE } = code,
                { fields::LATENCY_SECONDS } = latency.as_secs_f64(),
                "answered"
            );
        });
    }
}

/// An answer on its way out. Its parts are dropped in this order, the log line after the body.
struct Answer {
    body: Body,
    record: Record,
    has_ended: bool,
    /// Its room, until the last byte has left: what is not yet sent takes memory.
    _permit: Option<Permit>,
}

impl Answer {
    fn end(&mut self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.has_ended = true;
        let mut trailers = HeaderMap::new();
        Status::from(refusal).add_header(&mut trailers)?;
        self.record.note(&trailers);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }
}

impl http_body::Body for Answer {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.has_ended {
            return Poll::Ready(None);
        }
        let this = &mut *self;
        let polled = {
            let _entered = this.record.span.enter();
            catch_unwind(AssertUnwindSafe(|| Pin::new(&mut this.body).poll_frame(ctx)))
        };
        let Ok(polled) = polled else {
            this.record.metrics.panicked();
            return this.end(Refusal::Internal);
        };
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(trailers) = frame.trailers_ref()
        {
            this.record.note(trailers);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a client sends, which ends where the drain begins: as if it had nothing more to ask.
struct UntilDrain {
    body: Body,
    /// `None` once it has begun.
    draining: Option<Draining>,
}

impl http_body::Body for UntilDrain {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some(draining) = &mut self.draining else { return Poll::Ready(None) };
        if draining.as_mut().poll(ctx).is_ready() {
            self.draining = None;
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(ctx)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
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
        let admission = Arc::new(Admission::new(1, 0, Arc::clone(&metrics)));
        let layer = CallLayer::new(Methods::served().unwrap(), LIMIT, drain, admission, metrics);
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

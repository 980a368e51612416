//! An answer on its way out: its log line, its metrics and its room end with its last byte.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::{Level, Span};

use super::admission::Permit;
use super::drain::Draining;
use super::request_id::RequestId;
use super::stalled::Watched;
use super::status::{Refusal, code_name};
use crate::telemetry::{Metrics, call_level, fields};
use crate::traces::CallSpan;

/// What the log line and the metrics say; written when the call is over, however it ends.
pub(super) struct Record {
    method: &'static str,
    request_id: RequestId,
    span: Span,
    trace: CallSpan,
    /// As logs call whoever calls; empty where nobody is asked.
    pub(super) caller: Arc<str>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) started: Instant,
    /// CANCELLED until an end is seen: a client that hangs up leaves no other trace.
    code: Code,
}

impl Record {
    pub(super) fn begin(
        method: &'static str,
        (request_id, span, trace): (RequestId, Span, CallSpan),
        metrics: Arc<Metrics>,
    ) -> Self {
        metrics.call_begins(method);
        let (started, caller) = (Instant::now(), Arc::from(""));
        Self { method, request_id, span, trace, caller, metrics, started, code: Code::Cancelled }
    }

    /// The answer to a call that is refused before anything of it is read.
    pub(super) fn refused(&mut self, refusal: &Refusal) -> http::Response<Body> {
        self.code = refusal.code();
        self.request_id.refuse(refusal)
    }

    /// Takes the head of the answer, and marks it with the identifier of the call.
    pub(super) fn head(&mut self, headers: &mut HeaderMap) {
        self.note(headers);
        self.request_id.mark(headers);
    }

    /// Takes its end, and marks that where it is an error that the head could not tell.
    fn trailers(&mut self, trailers: &mut HeaderMap) {
        self.note(trailers);
        if self.code != Code::Ok {
            self.request_id.mark(trailers);
        }
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
        let trace_id = self.trace.trace_id();
        macro_rules! line {
            ($level:ident) => {
                tracing::event!(
                    Level::$level,
                    // The span has it too, but is there at `debug` only.
                    { fields::RPC_METHOD } = self.method,
                    { fields::REQUEST_ID } = self.request_id.as_str(),
                    { fields::CALLER } = &*self.caller,
                    { fields::TRACE_ID } = trace_id,
                    { fields::GRPC_CODE } = code,
                    { fields::LATENCY_SECONDS } = latency.as_secs_f64(),
                    "answered"
                )
            };
        }
        self.span.in_scope(|| match call_level(code) {
            Level::ERROR => line!(ERROR),
            Level::WARN => line!(WARN),
            Level::INFO => line!(INFO),
            _ => line!(DEBUG),
        });
        if self.trace.is_on() {
            self.trace.says(fields::REQUEST_ID, self.request_id.as_str());
            self.trace.says(fields::CALLER, &self.caller);
            self.trace.ends(self.code as i32, is_fault(self.code));
        }
    }
}

/// Whether it is the server's, by the conventions of OpenTelemetry for servers of gRPC.
fn is_fault(code: Code) -> bool {
    use Code::{DataLoss, DeadlineExceeded, Internal, Unavailable, Unimplemented, Unknown};
    matches!(code, Unknown | DeadlineExceeded | Unimplemented | Internal | Unavailable | DataLoss)
}

/// What is handed on at once. HTTP/2 takes a piece whole as soon as its client has room for one byte of it, and asks for the
/// next when that has left: of a reply in one piece it could not be seen whether anybody takes it.
const PIECE_BYTES: usize = 16 << 10;

/// Of one answer that HTTP/2 may hold before it asks for no more: one piece leaves while another waits.
pub(super) const MOST_HELD_BYTES: usize = 2 * PIECE_BYTES;

/// An answer on its way out. Its parts are dropped in this order, the log line after the body.
pub(super) struct Answer {
    body: Body,
    /// Of the body, and not handed on yet.
    rest: Bytes,
    record: Record,
    has_ended: bool,
    watch: Option<Watched>,
    /// Its room, until all but what HTTP/2 holds has left: what is not yet sent takes memory.
    _room: Room,
}

/// That of the call, and that of the further parcels of a batch.
pub(super) type Room = (Option<Permit>, Option<Arc<Permit>>);

impl Answer {
    pub(super) fn new(body: Body, record: Record, room: Room, watch: Option<Watched>) -> Self {
        Self { body, rest: Bytes::new(), record, has_ended: false, watch, _room: room }
    }

    /// The next piece of what is not handed on yet.
    fn piece(&mut self) -> Frame<Bytes> {
        if (MOST_HELD_BYTES + 1..=MOST_HELD_BYTES + PIECE_BYTES).contains(&self.rest.len()) {
            // What HTTP/2 still holds when the answer is over is not to keep the memory of all of it.
            self.rest = Bytes::copy_from_slice(&self.rest);
        }
        Frame::data(self.rest.split_to(PIECE_BYTES.min(self.rest.len())))
    }

    fn end(&mut self, refusal: Refusal) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.has_ended = true;
        let mut trailers = HeaderMap::new();
        Status::from(refusal).add_header(&mut trailers)?;
        self.record.trailers(&mut trailers);
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
        if let Some(watch) = &this.watch {
            watch.goes_on();
        }
        if !this.rest.is_empty() {
            return Poll::Ready(Some(Ok(this.piece())));
        }
        let polled = {
            let _entered = this.record.span.enter();
            catch_unwind(AssertUnwindSafe(|| Pin::new(&mut this.body).poll_frame(ctx)))
        };
        let Ok(mut polled) = polled else {
            this.record.metrics.panicked();
            return this.end(Refusal::Internal);
        };
        if let Poll::Ready(Some(Ok(frame))) = &mut polled {
            if let Some(trailers) = frame.trailers_mut() {
                this.record.trailers(trailers);
            } else if let Some(data) = frame.data_mut().filter(|data| data.len() > PIECE_BYTES) {
                this.rest = std::mem::take(data);
                *frame = this.piece();
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.has_ended || self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_empty() { self.body.size_hint() } else { SizeHint::new() }
    }
}

/// What a client sends, which ends where the drain begins or its time is over: as if it had nothing more to ask.
pub(super) struct UntilDrain {
    body: Body,
    /// `None` once one of them has happened.
    until: Option<(Draining, Pin<Box<Sleep>>)>,
}

impl UntilDrain {
    pub(super) fn new(body: Body, draining: Draining, limit: Duration) -> Self {
        Self { body, until: Some((draining, Box::pin(tokio::time::sleep(limit)))) }
    }
}

impl http_body::Body for UntilDrain {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Some((draining, limit)) = &mut self.until else { return Poll::Ready(None) };
        if draining.as_mut().poll(ctx).is_ready() || limit.as_mut().poll(ctx).is_ready() {
            self.until = None;
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(ctx)
    }
}

//! `RiskScoringService`: parcels in, decisions out.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep};
use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};
use tracing::Span;

use super::access::{may_explain, permit};
use super::admission::{Admission, Asking, Permit};
use super::answered::Results;
use super::codec::{Batch, Streamed};
use super::counted::brought;
use super::door::{Answering, Door, at_once, language, read};
use super::drain::{Drain, Draining};
use super::status::Refusal;
use crate::parcel::{InvalidParcel, Problem, Violation};
use crate::reasons::Language;
use crate::telemetry::fields;
use crate::traces::CallSpan;
use crate::wire::v1;

/// Answers with the scorer that serves at the time.
#[derive(Debug)]
pub(super) struct Scoring {
    door: Door,
    max_batch: usize,
    drain: Drain,
    admission: Arc<Admission>,
    limits: StreamLimits,
}

/// How long a stream may be open, and how long of that without a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct StreamLimits {
    pub(super) whole: Duration,
    pub(super) idle: Duration,
}

impl Scoring {
    pub(super) fn new(
        door: Door,
        max_batch: usize,
        drain: Drain,
        admission: Arc<Admission>,
        limits: StreamLimits,
    ) -> Self {
        Self { door, max_batch, drain, admission, limits }
    }

    /// Answers `ScoreParcels`.
    pub(super) async fn score_batch(&self, request: Request<Batch>) -> Result<Response<Vec<Results>>, Status> {
        let language = language(request.metadata());
        let asking = Asking::of(request.metadata().as_ref(), request.extensions().get());
        let may_explain = may_explain(request.extensions());
        let Batch { requests } = request.into_inner();
        let (got, max) = (requests.len(), self.max_batch);
        brought(got);
        if got > max {
            let violation = Violation::new("requests", Problem::TooMany { got, max });
            return Err(Refusal::InvalidRequest(violation).into());
        }
        // The call itself has room for one.
        let room = self.admission.admit(got.saturating_sub(1), &asking)?;
        let (results, room) = self.door.score_all(requests, may_explain, language, room).await?;
        let mut response = Response::new(results);
        // The answer has it until it has left.
        response.extensions_mut().insert(Arc::new(room));
        Ok(response)
    }

    /// Answers `ScoreParcel`.
    pub(super) fn score_one(&self, request: Request<v1::ScoreParcelRequest>) -> Answering {
        brought(1);
        let (language, may_explain) = (language(request.metadata()), may_explain(request.extensions()));
        let mut request = request.into_inner();
        match permit(&mut request, may_explain) {
            Ok(()) => self.door.score(request, language),
            Err(refusal) => at_once(Err(refusal)),
        }
    }

    /// Answers `StreamParcels`.
    pub(super) fn score_stream(&self, request: Request<Streaming<Streamed>>) -> Replies {
        Replies {
            language: language(request.metadata()),
            asking: Asking::of(request.metadata().as_ref(), request.extensions().get()),
            may_explain: may_explain(request.extensions()),
            ends: Box::pin(tokio::time::sleep(self.limits.whole)),
            idles: Box::pin(tokio::time::sleep(self.limits.idle)),
            idle: self.limits.idle,
            requests: request.into_inner(),
            next: None,
            waiting: None,
            admission: Arc::clone(&self.admission),
            in_hand: VecDeque::new(),
            has_ended: false,
            door: self.door.clone(),
            draining: self.drain.begun(),
            last: None,
            call: Span::current(),
            span: CallSpan::current(),
            n_items: 0,
        }
    }
}

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The replies to a stream of parcels: each is made when the client has room for it, or is written to the ledger by then,
/// so that a slow reader holds back its own requests and little piles up here.
pub(super) struct Replies {
    requests: Streaming<Streamed>,
    language: Language,
    asking: Asking,
    may_explain: bool,
    /// When it has been open for as long as it may.
    ends: Pin<Box<Sleep>>,
    /// When nothing was asked for as long as that may be, and all that was is answered.
    idles: Pin<Box<Sleep>>,
    idle: Duration,
    /// Read, and without room yet.
    next: Option<Option<Bytes>>,
    waiting: Option<Later<Permit>>,
    admission: Arc<Admission>,
    /// Decided, and not yet replied; in order, each with its room.
    in_hand: VecDeque<(Answering, Permit)>,
    /// Whether no request comes any more.
    has_ended: bool,
    door: Door,
    draining: Draining,
    /// What is said after the replies in hand.
    last: Option<Status>,
    call: Span,
    span: CallSpan,
    n_items: u64,
}

/// Decisions of one stream that may wait for the ledger at once.
const MOST_IN_HAND: usize = 64;

impl Replies {
    /// Takes requests for as long as there are any, and room.
    fn take_requests(&mut self, ctx: &mut Context<'_>) {
        while !self.has_ended && self.in_hand.len() < MOST_IN_HAND {
            // Before the next request, or a client that never pauses would hold up the drain.
            if let Some(ending) = self.ending(ctx) {
                (self.has_ended, self.last) = (true, Some(ending.into()));
                return;
            }
            if self.next.is_none() {
                match Pin::new(&mut self.requests).poll_next(ctx) {
                    Poll::Pending => {
                        // Not before it is seen that nothing came meanwhile.
                        let is_idle = self.in_hand.is_empty() && self.idles.as_mut().poll(ctx).is_ready();
                        if is_idle {
                            (self.has_ended, self.last) = (true, Some(Refusal::StreamIdle.into()));
                        }
                        return;
                    }
                    Poll::Ready(None) => self.has_ended = true,
                    // Either the client's own end of the stream, which nobody reads, or a message that could not be
                    // read, which the client has to know.
                    Poll::Ready(Some(Err(status))) => (self.has_ended, self.last) = (true, Some(status)),
                    Poll::Ready(Some(Ok(Streamed { request }))) => self.next = Some(request),
                }
            }
            let Some(request) = self.next.take() else { return };
            let Poll::Ready(room) = self.poll_room(ctx) else {
                self.next = Some(request);
                return;
            };
            self.n_items += 1;
            match request.map(|request| read(&request, self.may_explain).flatten()) {
                Some(Err(refusal)) => {
                    self.in_hand.push_back((at_once(Err(refusal)), room));
                }
                Some(Ok(request)) => {
                    let answer = self.door.score(request, self.language);
                    let is_made = self.door.answers_at_once();
                    self.in_hand.push_back((answer, room));
                    if is_made {
                        return;
                    }
                }
                None => {
                    let invalid = InvalidParcel(vec![Violation::new("request", Problem::Required)]);
                    self.in_hand.push_back((at_once(Err(invalid.into())), room));
                }
            }
        }
    }

    /// Why nothing more is taken, where that is so. What is in hand is answered all the same.
    fn ending(&mut self, ctx: &mut Context<'_>) -> Option<Refusal> {
        if self.draining.as_mut().poll(ctx).is_ready() {
            return Some(Refusal::Draining);
        }
        if self.ends.as_mut().poll(ctx).is_ready() {
            return Some(Refusal::StreamEnds);
        }
        None
    }

    /// Room for one parcel. A stream waits for it: its client is held back, and none of its parcels is refused.
    fn poll_room(&mut self, ctx: &mut Context<'_>) -> Poll<Permit> {
        if self.waiting.is_none()
            && let Ok(room) = self.admission.try_admit(1, &self.asking)
        {
            return Poll::Ready(room);
        }
        let Self { waiting, admission, asking, .. } = self;
        let waiting = waiting.get_or_insert_with(|| Box::pin(Arc::clone(admission).wait(1, asking.clone())));
        let room = waiting.as_mut().poll(ctx);
        if room.is_ready() {
            self.waiting = None;
        }
        room
    }
}

impl Stream for Replies {
    type Item = Result<Results, Status>;

    fn poll_next(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.take_requests(ctx);
        if let Some((first, _)) = self.in_hand.front_mut() {
            return Pin::new(first).poll(ctx).map(|answer| {
                self.in_hand.pop_front();
                // Since what was asked is answered, however long that took.
                let idles = Instant::now() + self.idle;
                self.idles.as_mut().reset(idles);
                Some(Ok(Results::of(answer)))
            });
        }
        if self.has_ended { Poll::Ready(self.last.take().map(Err)) } else { Poll::Pending }
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        self.call.record(fields::N_ITEMS, self.n_items);
        self.span.counts(fields::N_ITEMS, self.n_items);
    }
}

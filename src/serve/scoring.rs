//! `RiskScoringService`: parcels in, decisions out.

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio_stream::Stream;
use tonic::{Request, Response, Status, Streaming};
use tracing::Span;

use super::door::{Door, language, result};
use super::drain::{Drain, Draining};
use super::status::Refusal;
use crate::parcel::{InvalidParcel, Problem, Violation};
use crate::reasons::Language;
use crate::telemetry::fields;
use crate::wire::v1;

/// Answers with the scorer that serves at the time.
#[derive(Debug)]
pub(super) struct Scoring {
    door: Door,
    max_batch: usize,
    drain: Drain,
}

impl Scoring {
    pub(super) fn new(door: Door, max_batch: usize, drain: Drain) -> Self {
        Self { door, max_batch, drain }
    }
}

#[tonic::async_trait]
impl v1::risk_scoring_service_server::RiskScoringService for Scoring {
    type StreamParcelsStream = Replies;

    async fn score_parcel(
        &self,
        request: Request<v1::ScoreParcelRequest>,
    ) -> Result<Response<v1::ScoreParcelResponse>, Status> {
        Span::current().record(fields::N_ITEMS, 1);
        let language = language(request.metadata());
        let decision = self.door.score(request.into_inner(), language).await?;
        Ok(Response::new(v1::ScoreParcelResponse { decision: Some(decision) }))
    }

    async fn score_parcels(
        &self,
        request: Request<v1::ScoreParcelsRequest>,
    ) -> Result<Response<v1::ScoreParcelsResponse>, Status> {
        let language = language(request.metadata());
        let v1::ScoreParcelsRequest { requests } = request.into_inner();
        let (got, max) = (requests.len(), self.max_batch);
        Span::current().record(fields::N_ITEMS, got);
        if got > max {
            let violation = Violation::new("requests", Problem::TooMany { got, max });
            return Err(Refusal::InvalidRequest(violation).into());
        }
        let results = self.door.score_all(requests, language).await?;
        Ok(Response::new(v1::ScoreParcelsResponse { results }))
    }

    async fn stream_parcels(
        &self,
        request: Request<Streaming<v1::StreamParcelsRequest>>,
    ) -> Result<Response<Replies>, Status> {
        Ok(Response::new(Replies {
            language: language(request.metadata()),
            requests: request.into_inner(),
            in_hand: VecDeque::new(),
            has_ended: false,
            door: self.door.clone(),
            draining: self.drain.begun(),
            last: None,
            call: Span::current(),
            n_items: 0,
        }))
    }
}

/// The replies to a stream of parcels: each is made when the client has room for it, or is written to the ledger by then,
/// so that a slow reader holds back its own requests and little piles up here.
pub(super) struct Replies {
    requests: Streaming<v1::StreamParcelsRequest>,
    language: Language,
    /// Decided, and not yet replied; in order.
    in_hand: VecDeque<Pin<Box<dyn Future<Output = v1::ScoreResult> + Send>>>,
    /// Whether no request comes any more.
    has_ended: bool,
    door: Door,
    draining: Draining,
    /// What is said after the replies in hand.
    last: Option<Status>,
    call: Span,
    n_items: u64,
}

/// Decisions of one stream that may wait for the ledger at once.
const MOST_IN_HAND: usize = 64;

impl Replies {
    /// Takes requests for as long as there are any, and room.
    fn take_requests(&mut self, ctx: &mut Context<'_>) {
        while !self.has_ended && self.in_hand.len() < MOST_IN_HAND {
            // Before the next request, or a client that never pauses would hold up the drain.
            if self.draining.as_mut().poll(ctx).is_ready() {
                (self.has_ended, self.last) = (true, Some(Refusal::Draining.into()));
                return;
            }
            match Pin::new(&mut self.requests).poll_next(ctx) {
                Poll::Pending => return,
                Poll::Ready(None) => self.has_ended = true,
                // Either the client's own end of the stream, which nobody reads, or a message that could not be read,
                // which the client has to know.
                Poll::Ready(Some(Err(status))) => (self.has_ended, self.last) = (true, Some(status)),
                Poll::Ready(Some(Ok(v1::StreamParcelsRequest { request: Some(request) }))) => {
                    self.n_items += 1;
                    let answer = self.door.start(request, self.language);
                    let is_made = self.door.answers_at_once();
                    self.in_hand.push_back(answer);
                    if is_made {
                        return;
                    }
                }
                Poll::Ready(Some(Ok(v1::StreamParcelsRequest { request: None }))) => {
                    self.n_items += 1;
                    let invalid = InvalidParcel(vec![Violation::new("request", Problem::Required)]);
                    self.in_hand.push_back(Box::pin(std::future::ready(result(Err(invalid.into())))));
                }
            }
        }
    }
}

impl Stream for Replies {
    type Item = Result<v1::StreamParcelsResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.take_requests(ctx);
        if let Some(first) = self.in_hand.front_mut() {
            return first.as_mut().poll(ctx).map(|result| {
                self.in_hand.pop_front();
                Some(Ok(v1::StreamParcelsResponse { result: Some(result) }))
            });
        }
        if self.has_ended { Poll::Ready(self.last.take().map(Err)) } else { Poll::Pending }
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        self.call.record(fields::N_ITEMS, self.n_items);
    }
}

//! `RiskScoringService`: parcels in, decisions out.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use arc_swap::ArcSwap;
use rayon::iter::{IntoParallelIterator as _, ParallelIterator as _};
use tokio_stream::Stream;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};
use tracing::Span;

use super::Scorer;
use super::drain::{Drain, Draining};
use super::status::Refusal;
use crate::parcel::{InvalidParcel, Problem, Violation};
use crate::reasons::Language;
use crate::telemetry::fields;
use crate::wire::{self, v1};

/// Answers with the scorer that serves at the time.
#[derive(Debug)]
pub(super) struct Scoring {
    scorer: Arc<ArcSwap<Scorer>>,
    max_batch: usize,
    drain: Drain,
}

impl Scoring {
    pub(super) fn new(scorer: Arc<ArcSwap<Scorer>>, max_batch: usize, drain: Drain) -> Self {
        Self { scorer, max_batch, drain }
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
        // On the async worker: it takes microseconds, less than a hop to another thread.
        let language = language(request.metadata());
        let decision = score(&self.scorer.load(), request.into_inner(), language).map_err(Refusal::from)?;
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
        let scorer = self.scorer.load_full();
        let work = move || requests.into_par_iter().map(|request| result(score(&scorer, request, language))).collect();
        // A batch takes milliseconds, in which its worker would answer nobody else.
        let results = tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::Internal)?;
        Ok(Response::new(v1::ScoreParcelsResponse { results }))
    }

    async fn stream_parcels(
        &self,
        request: Request<Streaming<v1::StreamParcelsRequest>>,
    ) -> Result<Response<Replies>, Status> {
        Ok(Response::new(Replies {
            language: language(request.metadata()),
            requests: request.into_inner(),
            scorer: Arc::clone(&self.scorer),
            draining: Some(self.drain.begun()),
            call: Span::current(),
            n_items: 0,
        }))
    }
}

/// The replies to a stream of parcels: each is made when the client has room for it, so that a
/// slow reader holds back its own requests and nothing piles up here.
pub(super) struct Replies {
    requests: Streaming<v1::StreamParcelsRequest>,
    language: Language,
    scorer: Arc<ArcSwap<Scorer>>,
    /// `None` once it has ended the stream.
    draining: Option<Draining>,
    call: Span,
    n_items: u64,
}

impl Stream for Replies {
    type Item = Result<v1::StreamParcelsResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, ctx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(draining) = &mut self.draining else { return Poll::Ready(None) };
        // Before the next request, or a client that never pauses would hold up the drain.
        if draining.as_mut().poll(ctx).is_ready() {
            self.draining = None;
            return Poll::Ready(Some(Err(Refusal::Draining.into())));
        }
        Pin::new(&mut self.requests).poll_next(ctx).map(|request| {
            // An error is either the client's own end of the stream, which nobody reads, or a
            // message that could not be read, which the client has to know.
            request.map(|request| {
                request.map(|request| {
                    self.n_items += 1;
                    let scored = match request.request {
                        Some(request) => score(&self.scorer.load(), request, self.language),
                        None => Err(InvalidParcel(vec![Violation::new("request", Problem::Required)])),
                    };
                    v1::StreamParcelsResponse { result: Some(result(scored)) }
                })
            })
        })
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        self.call.record(fields::N_ITEMS, self.n_items);
    }
}

/// Scores one request; what is wrong with it is said all at once, in the order of its fields.
fn score(scorer: &Scorer, request: v1::ScoreParcelRequest, language: Language) -> Result<v1::Decision, InvalidParcel> {
    let explanation = wire::explanation_of(request.explanation);
    let scored = match request.parcel {
        Some(parcel) => scorer.score(wire::to_draft(parcel), explanation.clone().unwrap_or_default()),
        None => Err(InvalidParcel(vec![Violation::new("parcel", Problem::Required)])),
    };
    match (scored, explanation) {
        (Ok(decision), Ok(_)) => Ok(wire::from_decision(decision, language)),
        (Err(invalid), Ok(_)) => Err(invalid),
        (Ok(_), Err(violation)) => Err(InvalidParcel(vec![violation])),
        (Err(InvalidParcel(mut violations)), Err(violation)) => {
            violations.push(violation);
            Err(InvalidParcel(violations))
        }
    }
}

/// The language that the caller likes best, of those that reasons are told in.
fn language(metadata: &MetadataMap) -> Language {
    let header = metadata.get("accept-language").and_then(|value| value.to_str().ok());
    header.map_or_else(Language::default, Language::accepted)
}

fn result(scored: Result<v1::Decision, InvalidParcel>) -> v1::ScoreResult {
    use v1::score_result::Result::{Decision, Error};
    let result = match scored {
        Ok(decision) => Decision(decision),
        Err(invalid) => Error(Refusal::from(invalid).into()),
    };
    v1::ScoreResult { result: Some(result) }
}

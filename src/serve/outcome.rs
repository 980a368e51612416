//! `OutcomeService`: what inspection found.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tonic::{Request, Response, Status};

use super::counted::brought;
use super::status::Refusal;
use super::{Lifecycle, Recorder, Scorer};
use crate::parcel::{Problem, Violation};
use crate::registry::InspectedAt;
use crate::wire::v1;

/// Records results where there is a ledger, and says what it lacks where there is none.
#[derive(Debug)]
pub(super) struct Outcomes {
    scorer: Arc<ArcSwap<Scorer>>,
    recorder: Option<Arc<Recorder>>,
    max_batch: usize,
    lifecycle: Option<Arc<Lifecycle>>,
}

impl Outcomes {
    pub(super) fn new(
        scorer: Arc<ArcSwap<Scorer>>,
        recorder: Option<Arc<Recorder>>,
        max_batch: usize,
        lifecycle: Option<Arc<Lifecycle>>,
    ) -> Self {
        Self { scorer, recorder, max_batch, lifecycle }
    }
}

#[tonic::async_trait]
impl v1::outcome_service_server::OutcomeService for Outcomes {
    async fn record_outcomes(
        &self,
        request: Request<v1::RecordOutcomesRequest>,
    ) -> Result<Response<v1::RecordOutcomesResponse>, Status> {
        let Some(recorder) = &self.recorder else {
            return Err(Refusal::NoLedger { method: "RecordOutcomes" }.into());
        };
        let v1::RecordOutcomesRequest { outcomes } = request.into_inner();
        let (got, max) = (outcomes.len(), self.max_batch);
        brought(got);
        if got > max {
            let violation = Violation::new("outcomes", Problem::TooMany { got, max });
            return Err(Refusal::InvalidRequest(violation).into());
        }
        let (recorder, max_text_bytes) = (Arc::clone(recorder), self.scorer.load().limits().max_text_bytes);
        // It waits for the ledger. A call that is cancelled leaves it at work: what was begun is recorded whole.
        // What a challenger in the shadow is judged by.
        let found: Vec<_> = self.lifecycle.iter().flat_map(|_| outcomes.iter().map(found)).collect();
        let recorded = tokio::task::spawn_blocking(move || recorder.record_outcomes(outcomes, max_text_bytes));
        let errors = recorded.await.map_err(|_| Refusal::Internal)??;
        for ((item_id, at, infringement), error) in found.iter().zip(&errors) {
            if let (Some(lifecycle), None) = (&self.lifecycle, error) {
                lifecycle.shadow.outcome(item_id, *at, *infringement);
            }
        }
        let results = errors.into_iter().map(|error| v1::RecordOutcomeResult { error });
        Ok(Response::new(v1::RecordOutcomesResponse { results: results.collect() }))
    }
}

/// Of which item, when, and what was found of it.
fn found(outcome: &v1::Outcome) -> (String, InspectedAt, Option<bool>) {
    let at = outcome.inspected_at.as_ref().map_or((0, 0), |at| (at.seconds, at.nanos));
    let infringement = match outcome.finding() {
        v1::Finding::Clean => Some(false),
        v1::Finding::Infringement => Some(true),
        v1::Finding::Inconclusive | v1::Finding::Unspecified => None,
    };
    (outcome.item_id.clone(), at, infringement)
}

//! `OutcomeService`: what inspection found.

use tonic::{Request, Response, Status};

use super::status::Refusal;
use crate::wire::v1;

/// Says what it lacks.
#[derive(Debug)]
pub(super) struct Outcomes;

#[tonic::async_trait]
impl v1::outcome_service_server::OutcomeService for Outcomes {
    async fn record_outcomes(
        &self,
        _: Request<v1::RecordOutcomesRequest>,
    ) -> Result<Response<v1::RecordOutcomesResponse>, Status> {
        Err(Refusal::NotServed { method: "RecordOutcomes", lacks: "outcomes need the ledger" }.into())
    }
}

//! `AuditService`: looking decisions up.

use tonic::{Request, Response, Status};

use super::status::Refusal;
use crate::wire::v1;

/// Says what it lacks.
#[derive(Debug)]
pub(super) struct Audit;

const LACKS: &str = "looking decisions up needs the ledger";

#[tonic::async_trait]
impl v1::audit_service_server::AuditService for Audit {
    async fn get_decision(
        &self,
        _: Request<v1::GetDecisionRequest>,
    ) -> Result<Response<v1::GetDecisionResponse>, Status> {
        Err(Refusal::NotServed { method: "GetDecision", lacks: LACKS }.into())
    }

    async fn list_decisions(
        &self,
        _: Request<v1::ListDecisionsRequest>,
    ) -> Result<Response<v1::ListDecisionsResponse>, Status> {
        Err(Refusal::NotServed { method: "ListDecisions", lacks: LACKS }.into())
    }
}

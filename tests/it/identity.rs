//! Who is let in, and to what: certificates, tokens and roles, as a client meets them.

mod certificates;
mod issuer;
mod program;
mod tokens;

use std::sync::Arc;

use parcel_risk::identity::{Identity, IdentityConfig, Need, need};
use parcel_risk::serve::{ServeConfig, Standing};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::audit_service_client::AuditServiceClient;
use parcel_risk::wire::v1::model_service_client::ModelServiceClient;
use parcel_risk::wire::v1::outcome_service_client::OutcomeServiceClient;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::harness::{Server, parcel, parts, request, start};

/// A server that knows callers.
async fn secured(config: IdentityConfig) -> (Endpoint, Server, Arc<Standing>, Arc<Identity>) {
    let identity = Arc::new(Identity::load(config.check().unwrap()).unwrap());
    let parts = parts(ServeConfig::default()).with_identity(Arc::clone(&identity));
    let standing = Arc::clone(&parts.standing);
    let (endpoint, server) = start(parts).await;
    (endpoint, server, standing, identity)
}

async fn score(channel: &Channel) -> Result<v1::Decision, Status> {
    let scored = RiskScoringServiceClient::new(channel.clone()).score_parcel(request(parcel())).await;
    scored.map(|scored| scored.into_inner().decision.unwrap())
}

async fn is_healthy(channel: &Channel) -> bool {
    HealthClient::new(channel.clone()).check(HealthCheckRequest::default()).await.is_ok()
}

/// How a call of a method of each role ends; `None`: it is let in.
async fn refused(channel: &Channel) -> [Option<Code>; 4] {
    let let_in = |code: Result<(), Status>| {
        let code = code.err().map(|status| status.code());
        // What comes after the door is another thing.
        code.filter(|code| [Code::Unauthenticated, Code::PermissionDenied].contains(code))
    };
    let outcome =
        OutcomeServiceClient::new(channel.clone()).record_outcomes(v1::RecordOutcomesRequest::default()).await;
    let decisions = AuditServiceClient::new(channel.clone()).list_decisions(v1::ListDecisionsRequest::default()).await;
    let model = ModelServiceClient::new(channel.clone()).stage_model(v1::StageModelRequest::default()).await;
    [
        let_in(score(channel).await.map(drop)),
        let_in(outcome.map(drop)),
        let_in(decisions.map(drop)),
        let_in(model.map(drop)),
    ]
}

fn every_method() -> Vec<String> {
    let sets = [
        v1::FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
        tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let mut methods = Vec::new();
    for file in sets.into_iter().flat_map(|set| FileDescriptorSet::decode(set).unwrap().file) {
        for service in &file.service {
            let path = |method: &str| format!("/{}.{}/{method}", file.package(), service.name());
            methods.extend(service.method.iter().map(|method| path(method.name())));
        }
    }
    methods
}

#[test]
fn every_method_of_the_contract_says_whom_it_is_for() {
    let methods = every_method();
    assert!(methods.len() > 10, "{methods:?}");
    let forgotten: Vec<_> = methods.iter().filter(|path| need(path) == Need::Nobody).collect();
    assert!(forgotten.is_empty(), "identity/method.rs says of no caller that it may: {forgotten:?}");
    let open: Vec<_> = methods.iter().filter(|path| need(path) == Need::Nothing).collect();
    assert!(open.iter().all(|path| path.starts_with("/grpc.health.v1.Health/")), "{open:?}");
}

#[test]
fn every_role_is_documented() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/security.md");
    let document = std::fs::read_to_string(path).unwrap();
    for method in every_method().iter().filter(|path| path.starts_with("/parcelrisk.")) {
        let name = method.rsplit('/').next().unwrap();
        assert!(document.contains(&format!("`{name}`")), "docs/security.md says nothing of {name}");
    }
}

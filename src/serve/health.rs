//! `grpc.health.v1`: whether to send calls here.

use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

use crate::wire::v1::{
    audit_service_server, model_service_server, outcome_service_server, risk_scoring_service_server,
};

/// The server as a whole, and each of its services: `""` alone would not follow a service's name.
const NAMES: [&str; 5] = [
    "",
    risk_scoring_service_server::SERVICE_NAME,
    outcome_service_server::SERVICE_NAME,
    audit_service_server::SERVICE_NAME,
    model_service_server::SERVICE_NAME,
];

/// What is told under every name.
#[derive(Debug)]
pub(super) struct Health(HealthReporter);

impl Health {
    /// Serving, under every name.
    pub(super) async fn serving() -> Self {
        let reporter = HealthReporter::new();
        for name in NAMES {
            reporter.set_service_status(name, ServingStatus::Serving).await;
        }
        Self(reporter)
    }

    pub(super) fn server(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.0.clone()))
    }

    /// Not serving any more: whoever watches hears it as the last word.
    pub(super) async fn stop(&mut self) {
        for name in NAMES {
            self.0.set_service_status(name, ServingStatus::NotServing).await;
        }
        for name in NAMES {
            // Ends the watch, which would hold up the drain for as long as its client likes.
            self.0.clear_service_status(name).await;
        }
    }
}

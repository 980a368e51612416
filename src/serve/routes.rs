//! Which services stand behind which address.

use std::sync::Arc;

use arc_swap::ArcSwap;
use tonic::service::Routes;

use super::drain::Drain;
use super::health::Health;
use super::served::Served;
use super::standing::Standing;
use super::{Recorder, Scorer, ValidServe, audit, door, model, outcome, scoring, service};
use crate::wire::v1;
use crate::wire::v1::audit_service_server::AuditServiceServer;
use crate::wire::v1::model_service_server::ModelServiceServer;
use crate::wire::v1::outcome_service_server::OutcomeServiceServer;

/// Every contract that is served here.
pub(super) const DESCRIPTORS: [&[u8]; 4] = [
    v1::FILE_DESCRIPTOR_SET,
    tonic_health::pb::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
    tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
];

/// Longest question to health and reflection, in bytes: a service's or a symbol's name.
const MAX_QUESTION_BYTES: usize = 16 << 10;

/// What an address is for. Health and reflection stand behind each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behind {
    /// All services.
    All,
    /// Those that bring parcels and what became of them.
    Parcels,
    /// Those about models and records.
    Apart,
}

/// What services are made of.
pub(super) struct Services<'s> {
    pub(super) scorer: Arc<ArcSwap<Scorer>>,
    pub(super) recorder: Option<Arc<Recorder>>,
    pub(super) config: &'s ValidServe,
    pub(super) health: &'s Health,
    pub(super) drain: Drain,
    pub(super) standing: &'s Standing,
}

impl Services<'_> {
    pub(super) fn served(&self, behind: Behind) -> Result<Served, tonic_reflection::server::Error> {
        let (mut scoring, mut routes) = (None, Routes::builder());
        let (scorer, recorder, lifecycle) = (&self.scorer, &self.recorder, self.standing.lifecycle().cloned());
        let (max_batch, max_in, max_out) =
            (self.config.max_batch(), self.config.max_message_bytes(), self.config.max_reply_bytes());
        if behind != Behind::Apart {
            let metrics = Arc::clone(self.standing.metrics());
            let door = door::Door::new(Arc::clone(scorer), recorder.clone(), metrics, lifecycle.clone());
            let (drain, admission) = (self.drain.clone(), Arc::clone(&self.standing.admission));
            let answers = scoring::Scoring::new(door, max_batch, drain, admission, self.config.stream_limits());
            scoring = Some(service::ScoringServer::new(answers, max_in, max_out));
            let outcomes = outcome::Outcomes::new(Arc::clone(scorer), recorder.clone(), max_batch, lifecycle.clone());
            let outcomes = OutcomeServiceServer::new(outcomes);
            routes.add_service(outcomes.max_decoding_message_size(max_in).max_encoding_message_size(max_out));
        }
        if behind != Behind::Parcels {
            let audit = AuditServiceServer::new(audit::Audit::new(Arc::clone(scorer), recorder.clone(), max_out));
            routes.add_service(audit.max_decoding_message_size(max_in).max_encoding_message_size(max_out));
            let models = ModelServiceServer::new(model::Models::new(Arc::clone(scorer), lifecycle));
            routes.add_service(models.max_decoding_message_size(max_in).max_encoding_message_size(max_out));
        }
        let health = self.health.server();
        routes.add_service(
            health.max_decoding_message_size(MAX_QUESTION_BYTES).max_encoding_message_size(MAX_QUESTION_BYTES),
        );
        let reflection = reflection().build_v1()?;
        routes.add_service(reflection.max_decoding_message_size(MAX_QUESTION_BYTES).max_encoding_message_size(max_out));
        let reflection = self::reflection().build_v1alpha()?;
        routes.add_service(reflection.max_decoding_message_size(MAX_QUESTION_BYTES).max_encoding_message_size(max_out));
        Ok(Served { scoring, others: routes.routes().prepare() })
    }
}

fn reflection() -> tonic_reflection::server::Builder<'static> {
    DESCRIPTORS
        .into_iter()
        .fold(tonic_reflection::server::Builder::configure(), |builder, descriptor| {
            builder.register_encoded_file_descriptor_set(descriptor)
        })
        // All of them are among the descriptors; this would register one of them again.
        .include_reflection_service(false)
}

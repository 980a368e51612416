//! What became of a model, as the ledger holds it.

use serde::{Deserialize, Serialize};

use super::check::{Finding, Report};
use crate::engine::ModelRef;
use crate::history::Bucket;
use crate::ledger::{Content, Kind};

/// A change in the life of a model. As JSON, so that an auditor can read it without any program of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelEvent {
    /// What happened.
    pub what: Happened,
    /// Name of the line of models.
    pub model_name: String,
    /// Version within it.
    pub model_version: String,
    /// SHA-256 of the artifact; empty where it could not be read.
    pub model_digest: String,
    /// Who vouches for it; empty where nobody does.
    pub signer: String,
    /// The check that it did not pass, where it was rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Finding>,
    /// Every check that was made.
    #[serde(default)]
    pub report: Report,
    /// The share of the items that it decides about, where that is what happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
}

/// What can happen to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// It did not pass a check.
    Rejected,
    /// It passed every check; its history is made next.
    Passed,
    /// It is the challenger.
    Staged,
    /// It decides.
    Promoted,
    /// It decides again, because someone asked for it.
    RolledBack,
    /// It decides again, because the one after it gave a score that is no number.
    RolledBackByFault,
    /// It decides again, because the one after it was too slow.
    RolledBackByLatency,
    /// It decides, because the policy of promotion found it better.
    PromotedByPolicy,
    /// It decides about a share of the items.
    Canary,
    /// It decides about none of them any more.
    CanaryEnded,
    /// It is held ready again after a restart, as what it was before.
    Resumed,
}

impl Happened {
    /// Whether another model decides since.
    pub fn changes_the_champion(self) -> bool {
        matches!(
            self,
            Self::Promoted
                | Self::PromotedByPolicy
                | Self::RolledBack
                | Self::RolledBackByFault
                | Self::RolledBackByLatency
        )
    }

    /// Whether the one that decided before did what none may: it does not come back by a rollback.
    pub fn is_for_a_fault(self) -> bool {
        matches!(self, Self::RolledBackByFault | Self::RolledBackByLatency)
    }

    /// As metrics and log lines name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Passed => "passed",
            Self::Staged => "staged",
            Self::Promoted => "promoted",
            Self::RolledBack => "rolled_back",
            Self::RolledBackByFault => "rolled_back_by_fault",
            Self::RolledBackByLatency => "rolled_back_by_latency",
            Self::PromotedByPolicy => "promoted_by_policy",
            Self::Canary => "canary",
            Self::CanaryEnded => "canary_ended",
            Self::Resumed => "resumed",
        }
    }
}

impl ModelEvent {
    /// Something happened to this model.
    pub fn new(what: Happened, model: &ModelRef) -> Self {
        Self {
            what,
            model_name: model.name.clone(),
            model_version: model.version.clone(),
            model_digest: model.digest.clone(),
            signer: String::new(),
            rejection: None,
            report: Report::default(),
            share: None,
        }
    }

    /// Which model it happened to.
    pub fn model(&self) -> ModelRef {
        ModelRef {
            name: self.model_name.clone(),
            version: self.model_version.clone(),
            digest: self.model_digest.clone(),
        }
    }

    /// As a record.
    pub fn to_content(&self, at: Bucket) -> Content {
        let body = serde_json::to_vec(self).expect("texts and finite numbers always encode");
        Content::new(Kind::Model, at, body)
    }

    /// From a record's body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_body(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|error| error.to_string())
    }
}

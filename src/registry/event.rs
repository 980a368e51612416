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

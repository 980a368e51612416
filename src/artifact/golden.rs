//! Golden decisions: what the model must answer, to the bit, before it is believed.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Manifest;
use super::files::{ArtifactError, Files};
use crate::engine::{Engine, Explanation, ModelRef};
use crate::features::hex;
use crate::history::{History, Snapshot};
use crate::model::Model;
use crate::parcel::ParcelLimits;
use crate::wire::{self, v1};
use sha2::{Digest as _, Sha256};

/// One line of `golden.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenParcel {
    /// The parcel as stated.
    pub parcel: v1::Parcel,
    /// What is decided about it. Its identifier is a digest of every feature, its score of every weight.
    pub decision: v1::Decision,
}

/// Why golden decisions do not hold.
#[derive(Debug, thiserror::Error)]
pub enum GoldenError {
    /// A line does not parse.
    #[error("line {line} is not a parcel with its decision")]
    Line {
        /// From 1.
        line: usize,
        /// Why.
        source: serde_json::Error,
    },
    /// There is none to judge by.
    #[error("there is no golden decision")]
    Empty,
    /// The model cannot decide as it did when it was trained.
    #[error("the model's own rates or thresholds are not valid: {0}")]
    Setting(String),
    /// A parcel is refused.
    #[error("line {line}: the parcel is refused: {why}")]
    Refused {
        /// From 1.
        line: usize,
        /// Which fields.
        why: String,
    },
    /// Another decision than expected.
    #[error(
        "line {line}: another decision about {item_id:?} than expected: {part} differs, score {got} instead of {expected}"
    )]
    Differs {
        /// From 1.
        line: usize,
        /// Which parcel.
        item_id: String,
        /// The first part of the decision that differs.
        part: &'static str,
        /// Score now.
        got: f64,
        /// Score recorded.
        expected: f64,
    },
}

/// Decides about `parcels` and writes the lines.
pub(super) fn record(
    manifest: &Manifest,
    model: &[u8],
    history: &[u8],
    parcels: Vec<v1::Parcel>,
) -> Result<String, ArtifactError> {
    let judge = Judge::new(manifest, model, history)?;
    let mut lines = String::new();
    for (idx, parcel) in parcels.into_iter().enumerate() {
        let decision = judge.decide(idx + 1, &parcel)?;
        let golden = GoldenParcel { parcel, decision };
        lines += &serde_json::to_string(&golden).expect("finite numbers and names always encode");
        lines.push('\n');
    }
    Ok(lines)
}

/// Decides about every golden parcel again.
pub(super) fn verify(manifest: &Manifest, files: &Files) -> Result<(), ArtifactError> {
    let judge = Judge::new(manifest, &files.model, &files.history)?;
    if files.golden.is_empty() {
        return Err(GoldenError::Empty.into());
    }
    for (idx, line) in files.golden.lines().enumerate() {
        let line_number = idx + 1;
        let golden: GoldenParcel =
            serde_json::from_str(line).map_err(|source| GoldenError::Line { line: line_number, source })?;
        let decision = judge.decide(line_number, &golden.parcel)?;
        if let Some(part) = first_difference(&decision, &golden.decision) {
            let (got, expected) = (decision.risk_score, golden.decision.risk_score);
            return Err(
                GoldenError::Differs { line: line_number, item_id: decision.item_id, part, got, expected }.into()
            );
        }
    }
    Ok(())
}

fn first_difference(got: &v1::Decision, expected: &v1::Decision) -> Option<&'static str> {
    if got == expected {
        return None;
    }
    let parts = [
        ("the score", got.risk_score.to_bits() == expected.risk_score.to_bits()),
        ("the percentile", got.risk_percentile.to_bits() == expected.risk_percentile.to_bits()),
        ("the route", got.route == expected.route),
        ("a reason", got.reasons == expected.reasons),
        ("a notice", got.notices == expected.notices),
        ("the identifier, which is a digest of every feature,", got.decision_id == expected.decision_id),
    ];
    Some(parts.into_iter().find(|(_, equal)| !equal).map_or("a detail", |(part, _)| part))
}

/// The model as it was trained: its own rates, the thresholds of the manifest, the settled history.
struct Judge {
    engine: Engine,
    history: History,
    limits: ParcelLimits,
}

impl Judge {
    fn new(manifest: &Manifest, model: &[u8], history: &[u8]) -> Result<Self, ArtifactError> {
        // The artifact's own digest covers these decisions, so they name the model file's instead.
        let model_ref = ModelRef {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            digest: hex(&Sha256::digest(model)),
        };
        let model = Model::from_bytes(model).map_err(ArtifactError::Model)?;
        let history = Snapshot::from_bytes(history).map_err(ArtifactError::History)?.settled();
        let setting = |error: &dyn std::fmt::Display| GoldenError::Setting(error.to_string());
        let rates = model.body().rates.check().map_err(|error| setting(&error))?;
        let policy = manifest.golden_policy.check().map_err(|error| setting(&error))?;
        let engine =
            Engine::new(Arc::new(model), Arc::new(model_ref), rates, policy).map_err(|error| setting(&error))?;
        Ok(Self { engine, history, limits: ParcelLimits::default() })
    }

    fn decide(&self, line: usize, parcel: &v1::Parcel) -> Result<v1::Decision, GoldenError> {
        let parcel = wire::to_draft(parcel.clone())
            .check(&self.limits)
            .map_err(|invalid| GoldenError::Refused { line, why: invalid.to_string() })?;
        let at = self.engine.bucket_of(parcel.advised_at);
        let mut decision = wire::from_decision(self.engine.assess(&parcel, &self.history, at, Explanation::Reasons));
        // Words for officers may improve from release to release; that makes no other model.
        decision.reasons.iter_mut().for_each(|reason| reason.text.clear());
        decision.notices.iter_mut().for_each(|notice| notice.text.clear());
        Ok(decision)
    }
}

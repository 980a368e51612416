//! Golden decisions: what the model must answer, to the bit, before it is believed.

use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::Manifest;
use crate::engine::{Engine, Explanation, ModelRef};
use crate::features::hex;
use crate::history::History;
use crate::model::Model;
use crate::parcel::ParcelLimits;
use crate::reasons::Language;
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

impl GoldenParcel {
    /// Those of all lines, of which there must be one.
    pub(super) fn of_lines(lines: &str) -> Result<Vec<Self>, GoldenError> {
        if lines.is_empty() {
            return Err(GoldenError::Empty);
        }
        let of_line =
            |(idx, text)| serde_json::from_str(text).map_err(|source| GoldenError::Line { line: idx + 1, source });
        lines.lines().enumerate().map(of_line).collect()
    }
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

/// The model as it was trained: its own rates, the thresholds and limits of the manifest, the settled history.
pub(super) struct Judge {
    engine: Engine,
    history: Arc<History>,
    limits: ParcelLimits,
}

impl Judge {
    pub(super) fn new(
        manifest: &Manifest,
        model_bytes: &[u8],
        model: Arc<Model>,
        history: Arc<History>,
    ) -> Result<Self, GoldenError> {
        // The artifact's own digest covers these decisions, so they name the model file's instead.
        let model_ref = ModelRef {
            name: manifest.name.clone(),
            version: manifest.version.clone(),
            digest: hex(&Sha256::digest(model_bytes)),
        };
        let setting = |error: &dyn std::fmt::Display| GoldenError::Setting(error.to_string());
        let rates = model.body().rates.check().map_err(|error| setting(&error))?;
        let policy = manifest.golden_policy.check().map_err(|error| setting(&error))?;
        let engine = Engine::new(model, Arc::new(model_ref), rates, policy).map_err(|error| setting(&error))?;
        Ok(Self { engine, history, limits: manifest.data.reading.limits.clone() })
    }

    /// Decides about `parcels` and writes the lines.
    pub(super) fn record(&self, parcels: Vec<v1::Parcel>) -> Result<String, GoldenError> {
        let mut lines = String::new();
        for (idx, parcel) in parcels.into_iter().enumerate() {
            let decision = self.decide(idx + 1, &parcel)?;
            let golden = GoldenParcel { parcel, decision };
            lines += &serde_json::to_string(&golden).expect("finite numbers and names always encode");
            lines.push('\n');
        }
        Ok(lines)
    }

    /// Decides about every golden parcel again. Of those that do not hold, the first is told.
    pub(super) fn verify(&self, golden: &[GoldenParcel]) -> Result<(), GoldenError> {
        let judged: Vec<_> = golden.par_iter().enumerate().map(|(idx, golden)| self.judge(idx + 1, golden)).collect();
        judged.into_iter().collect()
    }

    fn judge(&self, line: usize, golden: &GoldenParcel) -> Result<(), GoldenError> {
        let decision = self.decide(line, &golden.parcel)?;
        if let Some(part) = first_difference(&decision, &golden.decision) {
            let (got, expected) = (decision.risk_score, golden.decision.risk_score);
            return Err(GoldenError::Differs { line, item_id: decision.item_id, part, got, expected });
        }
        Ok(())
    }

    fn decide(&self, line: usize, parcel: &v1::Parcel) -> Result<v1::Decision, GoldenError> {
        let parcel = wire::to_draft(parcel.clone())
            .check(&self.limits)
            .map_err(|invalid| GoldenError::Refused { line, why: invalid.to_string() })?;
        let at = self.engine.bucket_of(parcel.advised_at);
        let mut decision = wire::from_decision(
            self.engine.assess(&parcel, &self.history, at, Explanation::Reasons),
            Language::default(),
        );
        // Words for officers may improve from release to release; that makes no other model.
        decision.reasons.iter_mut().for_each(|reason| reason.text.clear());
        decision.notices.iter_mut().for_each(|notice| notice.text.clear());
        Ok(decision)
    }
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

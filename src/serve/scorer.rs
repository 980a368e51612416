//! What one request is scored with.

use std::sync::Arc;

use crate::engine::{Decision, Engine, Explanation};
use crate::history::History;
use crate::parcel::{Draft, InvalidParcel, ParcelLimits};
use crate::wire::{self, v1};

/// Everything that decides: one immutable value, so that a request sees one version of all of it.
pub struct Scorer {
    engine: Engine,
    history: Arc<History>,
    limits: ParcelLimits,
    model: v1::ModelInfo,
}

impl Scorer {
    /// Puts the parts together.
    ///
    /// `model` is what `ModelService` tells of the model. Its reference and state are set here, so
    /// that they cannot differ from those of the decisions.
    pub fn new(engine: Engine, history: Arc<History>, limits: ParcelLimits, model: v1::ModelInfo) -> Self {
        let model = v1::ModelInfo {
            r#ref: Some(wire::from_model_ref(engine.model_ref())),
            state: v1::ModelState::Champion.into(),
            ..model
        };
        Self { engine, history, limits, model }
    }

    /// Checks what was stated, and decides on it.
    ///
    /// # Errors
    /// [`InvalidParcel`] with every malformed field.
    pub fn score(&self, draft: Draft, explanation: Explanation) -> Result<Decision, InvalidParcel> {
        let parcel = draft.check(&self.limits)?;
        let at = self.engine.bucket_of(parcel.advised_at);
        Ok(self.engine.assess(&parcel, &self.history, at, explanation))
    }

    /// The model that decides.
    pub fn model(&self) -> &v1::ModelInfo {
        &self.model
    }
}

impl std::fmt::Debug for Scorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scorer").field("model", &self.model.r#ref).finish_non_exhaustive()
    }
}

//! A model as it would serve: what is compared is what would decide.

use std::sync::Arc;

use crate::artifact::Artifact;
use crate::engine::{Decision, Engine, Explanation, Scores};
use crate::features::FeatureRow;
use crate::history::History;
use crate::parcel::{Parcel, ParcelLimits};
use crate::wire;

/// A model under the rates and the policy that serve, with the history that it was trained on.
#[derive(Clone, Debug)]
pub struct Contender {
    engine: Engine,
    history: Arc<History>,
    golden: Arc<[Parcel]>,
}

impl Contender {
    /// The artifact's model in `engine`.
    pub fn new(artifact: &Artifact, engine: Engine) -> Self {
        let limits = ParcelLimits::default();
        let golden = artifact.golden_parcels().filter_map(|parcel| wire::to_draft(parcel).check(&limits).ok());
        Self { golden: golden.collect(), engine, history: Arc::clone(artifact.settled_history()) }
    }

    /// What decides.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// Parcels of the artifact, spread over those that its training held back.
    pub fn golden(&self) -> &[Parcel] {
        &self.golden
    }

    pub(super) fn scores(&self, parcel: &Parcel, row: &mut FeatureRow) -> Scores {
        let keys = self.engine.plan().keys(parcel, self.engine.rates());
        self.engine.score(&keys, &self.history, self.engine.bucket_of(parcel.advised_at), row)
    }

    pub(super) fn decide(&self, parcel: &Parcel, explanation: Explanation) -> Decision {
        self.engine.assess(parcel, &self.history, self.engine.bucket_of(parcel.advised_at), explanation)
    }
}

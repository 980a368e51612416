//! Leaving out of a history what changes no score by much.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use crate::features::{ExchangeRates, FeaturePlan, FeatureRow};
use crate::history::{Bucket, DueOutcome, EntityKey, History, KeyIsHash, Snapshot};
use crate::model::Linear;

use super::LabeledParcel;

/// By how much the score of some parcel changes where an entry is left out: the largest change,
/// in log-odds, over the parcels replayed that have the entity.
#[derive(Debug)]
pub struct Weight(Weights);

type Weights = HashMap<EntityKey, f32, BuildHasherDefault<KeyIsHash>>;

/// A limit on the history under which it could not tell seen consignments from unseen ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "train.history_max_bytes: the history of fingerprints alone takes {needed_bytes} bytes, the limit is {max_bytes}"
)]
pub struct LimitTooSmall {
    /// The limit.
    pub max_bytes: u64,
    /// The least that would do.
    pub needed_bytes: u64,
}

impl Weight {
    /// Measures each entry of `history` under the weights of a model.
    ///
    /// Features of `rows` are read as of `at`, when everything that is known has come in.
    pub fn measure(
        rows: &[LabeledParcel],
        plan: &FeaturePlan,
        rates: &ExchangeRates,
        linear: &Linear,
        history: &History,
        at: Bucket,
    ) -> Self {
        let mut weights = Weights::default();
        let mut with = FeatureRow::default();
        let history = history.view();
        for row in rows {
            let keys = row.keys(plan, rates);
            plan.fill(&keys, &history, at, &mut with);
            for (idx, entity) in keys.by_key().iter().enumerate() {
                let Some(entity) = entity else { continue };
                let changes = plan.change_without(idx, &with);
                let change: f64 = changes.iter().map(|(feature, change)| linear.slopes[*feature] * change).sum();
                // Reports tell seen consignments from unseen ones by this key: leaving one out would
                // count a seen consignment as new, and flatter the model on those.
                let change = if idx == plan.fingerprint() { f64::INFINITY } else { change.abs() };
                let weight = weights.entry(*entity).or_default();
                *weight = weight.max(change as f32);
            }
        }
        Self(weights)
    }

    /// Keeps the entries that weigh most, as many as fit into `max_bytes`. Answers with the
    /// pruned snapshot and the most that an entry left out weighs; zero where all were kept.
    ///
    /// Takes the whole one, so that it goes as soon as it can.
    ///
    /// # Errors
    /// [`LimitTooSmall`] where not even the fingerprints fit.
    pub fn prune(&self, snapshot: Snapshot, max_bytes: u64) -> Result<(Snapshot, f32), LimitTooSmall> {
        let bytes = snapshot.to_bytes().len() as u64;
        if bytes <= max_bytes {
            return Ok((snapshot, 0.0));
        }
        let mut weights: Vec<f32> = snapshot.entries.iter().map(|(key, _)| self.of(*key)).collect();
        weights.sort_by(|a, b| b.total_cmp(a));
        let n_fingerprints = weights.partition_point(|weight| weight.is_infinite());
        // Entries differ in size, and what is usual stays whole: the first guess is corrected until it fits.
        let mut n_kept = weights.len();
        let mut bytes_now = bytes;
        loop {
            let share = max_bytes as f64 / bytes_now as f64 * 0.98;
            n_kept = ((n_kept as f64 * share) as usize).max(n_fingerprints);
            let floor = weights.get(n_kept).copied().unwrap_or(0.0);
            let pruned = self.above(&snapshot, floor);
            bytes_now = pruned.to_bytes().len() as u64;
            if bytes_now <= max_bytes {
                return Ok((pruned, floor));
            }
            if n_kept == n_fingerprints {
                return Err(LimitTooSmall { max_bytes, needed_bytes: bytes_now });
            }
        }
    }

    /// Keeps the entries that weigh more than `floor`, and the activity of the same entities: of one whose counts change
    /// no score, when it was last seen is the largest part of what is kept, and is left out with them.
    pub fn above(&self, snapshot: &Snapshot, floor: f32) -> Snapshot {
        let keeps = |key: &EntityKey| self.is_above(*key, floor);
        let due = snapshot
            .due
            .iter()
            .map(|due| DueOutcome { keys: due.keys.iter().copied().filter(keeps).collect(), ..*due });
        Snapshot {
            decay: snapshot.decay,
            entries: snapshot.entries.iter().copied().filter(|(key, _)| keeps(key)).collect(),
            activity: snapshot.activity.iter().copied().filter(|(key, _)| self.is_active(*key, floor)).collect(),
            norms: snapshot.norms.clone(),
            due: due.filter(|due| !due.keys.is_empty()).collect(),
        }
    }

    /// Leaves in a history what [`Weight::above`] keeps of a snapshot of it.
    pub fn leave_above(&self, history: &mut History, floor: f32) {
        history.retain(|key| self.is_above(key, floor), |key| self.is_active(key, floor));
    }

    fn is_above(&self, key: EntityKey, floor: f32) -> bool {
        self.of(key) > floor
    }

    /// Whether its activity is kept.
    fn is_active(&self, key: EntityKey, floor: f32) -> bool {
        floor <= 0.0 || self.is_above(key, floor)
    }

    fn of(&self, key: EntityKey) -> f32 {
        self.0.get(&key).copied().unwrap_or(0.0)
    }
}

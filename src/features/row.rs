//! What the plan reads of one parcel: its keys, and its features.

use serde::{Deserialize, Serialize};

use crate::history::{Counts, EntityKey, Footprint};

/// What of one parcel does not depend on history.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ParcelKeys {
    /// One per key of the spec, `None` where a part is not stated.
    pub(super) by_key: Vec<Option<EntityKey>>,
    pub(super) norms: Vec<Option<(EntityKey, f64)>>,
    pub(super) footprint: Footprint,
    /// The parcel's own numbers and figures, as features.
    pub(super) numbers: Vec<f32>,
    pub(super) ngrams: Vec<u32>,
}

impl ParcelKeys {
    /// What the parcel adds to history when it is advised; its outcome is folded under the footprint's keys.
    pub fn footprint(&self) -> &Footprint {
        &self.footprint
    }

    /// Slots of the character n-grams of the descriptions, where the spec reads them.
    pub fn ngrams(&self) -> &[u32] {
        &self.ngrams
    }

    /// One per key of the spec, in its order.
    pub fn by_key(&self) -> &[Option<EntityKey>] {
        &self.by_key
    }
}

/// The history keys of one parcel as they are kept: what it adds to history, and what of history it reads.
///
/// Its own numbers and the n-grams of its descriptions are not among them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KeptKeys {
    pub(super) by_key: Vec<Option<u64>>,
    /// Places among the keys, and counterparts.
    pub(super) activity: Vec<(u32, Option<u64>)>,
    pub(super) norms: Vec<Option<(u64, f64)>>,
}

impl From<&ParcelKeys> for KeptKeys {
    fn from(keys: &ParcelKeys) -> Self {
        let place = |key: &EntityKey| keys.by_key.iter().position(|known| known.as_ref() == Some(key));
        let activity = keys.footprint.activity.iter();
        Self {
            by_key: keys.by_key.iter().map(|key| key.map(|key| key.0)).collect(),
            activity: activity
                .filter_map(|(key, counterpart)| Some((u32::try_from(place(key)?).ok()?, *counterpart)))
                .collect(),
            norms: keys.norms.iter().map(|norm| norm.map(|(key, number)| (key.0, number))).collect(),
        }
    }
}

impl From<KeptKeys> for ParcelKeys {
    fn from(kept: KeptKeys) -> Self {
        let by_key: Vec<_> = kept.by_key.into_iter().map(|key| key.map(EntityKey)).collect();
        let norms: Vec<_> =
            kept.norms.into_iter().map(|norm| norm.map(|(key, number)| (EntityKey(key), number))).collect();
        let of_place = |place: u32| by_key.get(usize::try_from(place).ok()?).copied().flatten();
        let footprint = Footprint {
            keys: by_key.iter().copied().flatten().collect(),
            activity: kept
                .activity
                .into_iter()
                .filter_map(|(place, counterpart)| Some((of_place(place)?, counterpart)))
                .collect(),
            numbers: norms.iter().copied().flatten().collect(),
        };
        Self { by_key, norms, footprint, numbers: Vec::new(), ngrams: Vec::new() }
    }
}

/// What of a parcel that was kept under pseudonyms is as it was stated: the keys of its history, and its own numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedKeys {
    keys: KeptKeys,
    /// Shape `(n_numbers,)`; `None` where they were not kept.
    numbers: Option<Box<[f32]>>,
}

impl RecordedKeys {
    /// * `values`: the features that a decision rested on, under the spec of `keys`, where there was one.
    pub fn new(keys: KeptKeys, values: Option<&[f32]>, n_numbers: usize) -> Self {
        let numbers = values.and_then(|values| values.get(..n_numbers)).map(Box::from);
        Self { keys, numbers }
    }

    /// In place of what `stated` reads of the pseudonyms. What is read of the descriptions stays.
    pub fn over(&self, stated: ParcelKeys) -> ParcelKeys {
        let ParcelKeys { by_key, norms, footprint, .. } = self.keys.clone().into();
        let numbers = self.numbers.as_ref().map_or(stated.numbers, |numbers| numbers.to_vec());
        ParcelKeys { by_key, norms, footprint, numbers, ngrams: stated.ngrams }
    }
}

/// The features of one parcel, reused from parcel to parcel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureRow {
    /// Shape `(n_features,)`; NaN where missing.
    pub values: Vec<f32>,
    /// What history knew, one per key of the spec; `None` where the parcel has no such key.
    pub counts: Vec<Option<Counts>>,
    /// Smoothed rate per key, after back-off.
    pub(super) rates: Vec<f64>,
}

impl FeatureRow {
    /// Smoothed rate of past infringements under a key of the spec, after back-off; it is there
    /// whether or not the parcel states the key's parts.
    pub fn rate(&self, key: usize) -> Option<f64> {
        self.rates.get(key).copied()
    }
}

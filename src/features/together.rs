//! Features of parcels of one bucket: what is known of an entity is read once for all of them that have it.

use std::iter;
use std::ops::Range;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Found;
use rayon::prelude::*;

use super::key::PlannedKey;
use super::norm::PlannedNorm;
use super::plan::refill;
use super::remembered::{RateOf, Remembered, Rows, SIGHTED_AT_ONCE};
use super::{FeaturePlan, FeatureRow, ParcelKeys};
use crate::history::{Bucket, EntityKey, Group, Groups, HistoryView, Sighted, Usual};

/// Fewer rows are not worth a task.
const ROWS_A_TASK: usize = 64;
/// Rows that are filled key by key: so many stay near.
const ROWS_AT_ONCE: usize = 32;
/// Fewer parcels have too little in common to be looked through for it.
const PARCELS_TOGETHER: usize = 16;

/// What parcels of one bucket know. Kept from bucket to bucket for the room that it has.
#[derive(Debug, Default)]
pub struct KnownTogether {
    keys: Vec<Common<Remembered>>,
    norms: Vec<Common<Vec<Option<Usual>>>>,
    /// Of the entities of all keys, key by key.
    rates: Vec<f64>,
}

/// What parcels know under one key or norm.
#[derive(Debug, Default)]
struct Common<T> {
    group: Group,
    /// The first parcel that has each entity.
    first: Vec<u32>,
    /// What is known of each.
    known: T,
    /// Places among the entities.
    index: HashTable<u32>,
}

/// What a thread keeps of the parcels that it fills the features of.
#[derive(Debug, Default)]
struct Filling {
    /// What rates are of, key by key, of each of [`ROWS_AT_ONCE`] parcels.
    rates: Vec<RateOf>,
    /// In the same order, the rates of those that are of one parcel.
    of_one_parcel: Vec<f64>,
    others: Vec<usize>,
    usual: Vec<Option<Usual>>,
    last_values: Vec<f32>,
}

impl FeaturePlan {
    /// As [`FeaturePlan::fill_while_learning`] for each of `parcels`, all of bucket `at`, by all threads. Gives what is in
    /// their footprints by groups; `None` where the parcels are too few to be looked through for them.
    ///
    /// * `values`: takes the features, shape `(n_parcels, n_features)` row by row.
    pub fn fill_together<'k>(
        &self,
        parcels: &[ParcelKeys],
        history: &HistoryView<'_>,
        at: Bucket,
        descriptions: &(dyn Fn(&[u32]) -> f64 + Sync),
        KnownTogether { keys, norms, rates }: &'k mut KnownTogether,
        values: &mut [f32],
    ) -> Option<Groups<'k>> {
        // No chunk can be empty, even where a spec has no features.
        let n_features = self.features().len().max(1);
        if parcels.len() < PARCELS_TOGETHER {
            let rows = values.par_chunks_mut(n_features).zip(parcels).with_min_len(ROWS_A_TASK);
            rows.for_each_init(FeatureRow::default, |row, (values, keys)| {
                self.fill_while_learning(keys, history, at, descriptions, row);
                values.copy_from_slice(&row.values);
            });
            return None;
        }
        keys.resize_with(self.keys.len(), Common::default);
        norms.resize_with(self.norms.len(), Common::default);
        keys.par_iter_mut().zip(&self.keys).enumerate().for_each(|(idx, (common, key)): (_, (_, &PlannedKey))| {
            common.gather(parcels, |keys| keys.by_key.get(idx).copied().flatten());
            let Group { entities, activity_at, .. } = &mut common.group;
            common.known.read(key, entities, activity_at, history, at);
        });
        norms.par_iter_mut().enumerate().for_each(|(idx, common)| {
            common.gather(parcels, |keys| keys.norms.get(idx).copied().flatten().map(|(kind, _)| kind));
            common.read_usual(history, at);
        });
        self.remember_rates(keys, rates);
        let rows = values.par_chunks_mut(n_features * ROWS_AT_ONCE).zip(parcels.par_chunks(ROWS_AT_ONCE));
        rows.enumerate().with_min_len(ROWS_A_TASK / ROWS_AT_ONCE).for_each_init(
            Filling::default,
            |filling, (chunk, (values, parcels))| {
                for (values, parcel) in values.chunks_exact_mut(n_features).zip(parcels) {
                    values.iter_mut().zip(&parcel.numbers).for_each(|(value, number)| *value = *number);
                }
                let first = chunk * ROWS_AT_ONCE;
                self.fill_keys(keys, rates, first..first + parcels.len(), filling, values);
                let Filling { usual, last_values, .. } = filling;
                for ((values, parcel), row) in values.chunks_exact_mut(n_features).zip(parcels).zip(first..) {
                    refill(
                        usual,
                        norms.iter().map(|norm| norm.known.get(norm.place(row)? as usize).copied().flatten()),
                    );
                    last_values.clear();
                    PlannedNorm::fill(&self.norms, &parcel.norms, usual, last_values);
                    last_values.extend(self.description(parcel, descriptions));
                    let begin = n_features.saturating_sub(last_values.len());
                    values.iter_mut().skip(begin).zip(&*last_values).for_each(|(value, last)| *value = *last);
                }
            },
        );
        // Of keys that were recorded under another spec, the groups would lack some.
        let has_all = |keys: &ParcelKeys| keys.by_key.len() == self.keys.len() && keys.norms.len() == self.norms.len();
        parcels.iter().all(has_all).then(|| Groups {
            counted: keys.iter().map(|common| &common.group).collect(),
            numbers: norms.iter().map(|common| &common.group).collect(),
        })
    }

    /// Remembers the rates of all entities, each for the first parcel that has it. A key backs off to one above it.
    fn remember_rates(&self, keys: &mut [Common<Remembered>], rates: &mut Vec<f64>) {
        rates.clear();
        for (idx, key) in self.keys.iter().enumerate() {
            let (above, rest) = keys.split_at_mut(idx);
            let Some(Common { first, known, .. }) = rest.first_mut() else { return };
            known.rate(key, rates, |place| {
                first.get(place).map_or(RateOf::NOTHING, |row| self.backs_off_to(key, *row as usize, above))
            });
        }
    }

    /// What a key backs off to for a parcel: the first of those above it that the parcel states.
    fn backs_off_to(&self, key: &PlannedKey, row: usize, above: &[Common<Remembered>]) -> RateOf {
        let mut parent = key.parent;
        while let Some(idx) = parent {
            if let Some(common) = above.get(idx)
                && let Some(place) = common.place(row)
            {
                return common.known.rate_of(place);
            }
            parent = self.keys.get(idx).and_then(|key| key.parent);
        }
        RateOf::NOTHING
    }

    /// Fills the features of all keys in for some parcels, of which there are at most [`ROWS_AT_ONCE`].
    fn fill_keys(
        &self,
        known: &[Common<Remembered>],
        all_rates: &[f64],
        rows: Range<usize>,
        Filling { rates, of_one_parcel, others, .. }: &mut Filling,
        values: &mut [f32],
    ) {
        let n_features = self.features().len();
        rates.resize(known.len() * ROWS_AT_ONCE, RateOf::NOTHING);
        of_one_parcel.resize(known.len() * ROWS_AT_ONCE, 0.0);
        for (idx, (key, common)) in self.keys.iter().zip(known).enumerate() {
            let (above, rest) = rates.split_at_mut(idx * ROWS_AT_ONCE);
            let nothing = [RateOf::NOTHING; ROWS_AT_ONCE];
            let backs_off = key.parent.and_then(|parent| above.get(parent * ROWS_AT_ONCE..)).unwrap_or(&nothing);
            let places = common.group.of_parcels.get(rows.clone()).unwrap_or_default();
            let filled = Rows { places, backs_off, rates: rest, values: &mut *values, n_features };
            others.clear();
            common.known.fill(key, filled, others);
            for row in others.iter().copied() {
                let of_parent = key.parent.and_then(|parent| of_one_parcel.get(parent * ROWS_AT_ONCE + row));
                let mut rate = match (backs_off.get(row), of_parent) {
                    (Some(&RateOf::ONE_PARCEL), Some(rate)) => *rate,
                    (to, _) => to.map_or(RateOf::NOTHING, |to| *to).rate(all_rates),
                };
                if let Some(counts) = places.get(row).and_then(|place| common.known.counts(*place)) {
                    rate = key.rate(counts, rate);
                    if let Some((place, log_odds)) = key.log_odds(rate)
                        && let Some(value) = values.get_mut(row * n_features + key.first + place)
                    {
                        *value = log_odds;
                    }
                }
                if let Some(of_row) = of_one_parcel.get_mut(idx * ROWS_AT_ONCE + row) {
                    *of_row = rate;
                }
            }
        }
    }
}

impl<T> Common<T> {
    /// Has it hold the entities of parcels, each once, in place of what it held.
    fn gather(&mut self, parcels: &[ParcelKeys], entity: impl Fn(&ParcelKeys) -> Option<EntityKey>) {
        let Self { group: Group { entities, of_parcels, .. }, first, index, .. } = self;
        entities.clear();
        first.clear();
        of_parcels.clear();
        index.clear();
        // Room for all: to grow takes longer than to leave it.
        index.reserve(parcels.len(), |_| 0);
        let mut place = |row: u32, entity: EntityKey| {
            // Keys are hashes already.
            let found = index.entry(
                entity.0,
                |place| entities[*place as usize].0 == entity,
                |place| entities[*place as usize].0.0,
            );
            match found {
                Found::Occupied(known) => *known.get(),
                Found::Vacant(new) => {
                    let place = entities.len() as u32;
                    new.insert(place);
                    entities.push((entity, None));
                    first.push(row);
                    place
                }
            }
        };
        let of_parcel = |(row, keys)| entity(keys).map_or(Group::NOT_STATED, |entity| place(row, entity));
        of_parcels.extend((0..).zip(parcels).map(of_parcel));
    }

    /// Which of the entities a parcel has; `None` where it states none.
    fn place(&self, row: usize) -> Option<u32> {
        self.group.of_parcels.get(row).copied().filter(|place| *place != Group::NOT_STATED)
    }
}

impl Common<Vec<Option<Usual>>> {
    /// Puts what is usual for each kind in place of what is known, and beside the kind where that stands in the history.
    fn read_usual(&mut self, history: &HistoryView<'_>, at: Bucket) {
        let Self { group: Group { entities, .. }, known, .. } = self;
        known.clear();
        let mut sighted = Sighted::default();
        for some in entities.chunks_mut(SIGHTED_AT_ONCE) {
            history.sight(iter::empty(), some.iter().map(|(kind, _)| Some(*kind)), &mut sighted);
            known.extend(some.iter_mut().enumerate().map(|(idx, (kind, place))| {
                let (stands_at, usual) = history.usual_at(&sighted, idx, *kind, at).unzip();
                *place = stands_at;
                usual.flatten()
            }));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::features::{FeatureSpec, KeptKeys};
    use crate::history::{Event, History};

    fn hash(parts: [u64; 3]) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&parts.map(u64::to_le_bytes).concat())
    }

    /// A parcel of which each key is one of three or not stated, whatever the others are.
    fn parcel(plan: &FeaturePlan, seed: u64) -> ParcelKeys {
        let pick = |of: usize| {
            let n = hash([seed, of as u64, 0]) % 4;
            (n < 3).then(|| hash([of as u64, n, 1]))
        };
        let by_key: Vec<_> = (0..plan.keys.len()).map(pick).collect();
        let is_active = |(at, entity): &(usize, &Option<u64>)| plan.keys[*at].keeps_activity && entity.is_some();
        let activity = by_key.iter().enumerate().filter(is_active);
        let norm = |of: usize| Some((pick(1000 + of)?, (hash([seed, of as u64, 2]) % 100) as f64 / 7.0));
        KeptKeys {
            activity: activity
                .map(|(at, _)| (at as u32, (!seed.is_multiple_of(3)).then_some(hash([seed, 3, 3]))))
                .collect(),
            by_key: by_key.clone(),
            norms: (0..plan.norms.len()).map(norm).collect(),
        }
        .into()
    }

    proptest! {
        #[test]
        fn together_is_each_by_itself(
            past in prop::collection::vec(any::<u64>(), 0..60),
            seeds in prop::collection::vec(any::<u64>(), 0..90),
        ) {
            let spec = FeatureSpec {
                numbers: Vec::new(),
                national_figures: Vec::new(),
                description_model: false,
                ..FeatureSpec::default()
            };
            let plan = FeaturePlan::compile(spec).unwrap();
            let history = History::empty(plan.spec().decay());
            for (n, seed) in past.into_iter().enumerate() {
                let (at, keys) = (Bucket(1 + n as u32 * 700), parcel(&plan, seed));
                history.fold(&Event::Advised { at, footprint: keys.footprint() });
                let (keys, infringement) = (&keys.footprint().keys, seed % 3 == 0);
                history.fold(&Event::Outcome { at, keys, infringement });
            }
            let (at, view) = (Bucket(50_000), history.view());
            let parcels: Vec<_> = seeds.into_iter().map(|seed| parcel(&plan, seed)).collect();
            let n_features = plan.features().len();
            let mut known = KnownTogether::default();
            // A second time in the same room, and with other parcels in it meanwhile.
            for parcels in [&parcels[..], &parcels[parcels.len() / 2..], &parcels[..]] {
                let mut values = vec![0.0; parcels.len() * n_features];
                let groups = plan.fill_together(parcels, &view, at, &|_| 0.0, &mut known, &mut values);
                prop_assert_eq!(groups.is_some(), parcels.len() >= PARCELS_TOGETHER);
                let mut row = FeatureRow::default();
                for (keys, values) in parcels.iter().zip(values.chunks(n_features)) {
                    plan.fill_while_learning(keys, &view, at, &|_| 0.0, &mut row);
                    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
                    prop_assert_eq!(bits(values), bits(&row.values));
                }
            }
        }
    }
}

//! Features of parcels of one bucket: what is known of an entity is read once for all of them that have it.

use std::iter;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Found;
use rayon::prelude::*;

use super::key::{PlannedKey, Remembered, SIGHTED_AT_ONCE};
use super::{FeaturePlan, FeatureRow, ParcelKeys};
use crate::history::{Bucket, EntityKey, Group, HistoryView, Place, Sighted, Usual};

/// Fewer rows are not worth a task.
const ROWS_A_TASK: usize = 64;
/// Fewer parcels have too little in common to be looked through for it.
const PARCELS_TOGETHER: usize = 16;

/// What parcels of one bucket know. Kept from bucket to bucket for the room that it has.
#[derive(Debug, Default)]
pub struct KnownTogether {
    keys: Vec<Common<Remembered>>,
    norms: Vec<Common<Option<Usual>>>,
}

/// What parcels know under one key or norm.
#[derive(Debug)]
struct Common<T> {
    group: Group,
    /// What is known of each entity of the group.
    known: Vec<T>,
    /// Places among the entities.
    index: HashTable<u32>,
}

impl<T> Default for Common<T> {
    fn default() -> Self {
        Self { group: Group::default(), known: Vec::new(), index: HashTable::new() }
    }
}

impl FeaturePlan {
    /// As [`FeaturePlan::fill_while_learning`] for each of `parcels`, all of bucket `at`, by all threads. Gives the
    /// entities of their footprints, key by key; `None` where the parcels are too few to be looked through for them.
    ///
    /// * `values`: takes the features, shape `(n_parcels, n_features)` row by row.
    pub fn fill_together<'k>(
        &self,
        parcels: &[ParcelKeys],
        history: &HistoryView<'_>,
        at: Bucket,
        descriptions: &(dyn Fn(&[u32]) -> f64 + Sync),
        KnownTogether { keys, norms }: &'k mut KnownTogether,
        values: &mut [f32],
    ) -> Option<Vec<&'k Group>> {
        // No chunk can be empty, even where a spec has no features.
        let rows = values.par_chunks_mut(self.features().len().max(1)).zip(parcels).with_min_len(ROWS_A_TASK);
        if parcels.len() < PARCELS_TOGETHER {
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
            key.remember(&mut common.group.entities, history, at, &mut common.known);
        });
        norms.par_iter_mut().enumerate().for_each(|(idx, common)| {
            common.gather(parcels, |keys| keys.norms.get(idx).copied().flatten().map(|(kind, _)| kind));
            read_usual(&common.group.entities, history, at, &mut common.known);
        });
        rows.enumerate().for_each_init(FeatureRow::default, |row, (idx, (values, parcel))| {
            let known = keys.iter().map(|key| key.of_row(idx));
            let usual = norms.iter().map(|norm| norm.of_row(idx).copied().flatten());
            self.fill_by(parcel, known, usual, descriptions, row);
            values.copy_from_slice(&row.values);
        });
        // Of keys that were recorded under another spec, the groups would lack some.
        let are_all = parcels.iter().all(|parcel| parcel.by_key.len() == self.keys.len());
        are_all.then(|| keys.iter().map(|common| &common.group).collect())
    }
}

impl<T> Common<T> {
    /// Has it hold the entities of parcels, each once, in place of what it held.
    fn gather(&mut self, parcels: &[ParcelKeys], entity: impl Fn(&ParcelKeys) -> Option<EntityKey>) {
        let Self { group: Group { entities, of_parcels }, index, .. } = self;
        entities.clear();
        of_parcels.clear();
        index.clear();
        // Room for all: to grow takes longer than to leave it.
        index.reserve(parcels.len(), |_| 0);
        let mut place = |entity: EntityKey| {
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
                    place
                }
            }
        };
        of_parcels.extend(parcels.iter().map(|keys| entity(keys).map_or(Group::NOT_STATED, &mut place)));
    }

    fn of_row(&self, row: usize) -> Option<&T> {
        // No place is as great as that of what is not stated.
        self.known.get(self.group.of_parcels[row] as usize)
    }
}

/// What is usual for each of some kinds of parcels, in place of what is in `usual`.
fn read_usual(
    kinds: &[(EntityKey, Option<Place>)],
    history: &HistoryView<'_>,
    at: Bucket,
    usual: &mut Vec<Option<Usual>>,
) {
    usual.clear();
    let mut sighted = Sighted::default();
    for some in kinds.chunks(SIGHTED_AT_ONCE) {
        history.sight(iter::empty(), some.iter().map(|(kind, _)| Some(*kind)), &mut sighted);
        usual.extend(some.iter().enumerate().map(|(place, (kind, _))| history.usual(&sighted, place, *kind, at)));
    }
}

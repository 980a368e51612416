//! Features of parcels of one bucket: what is known of an entity is read once for all of them that have it.

use std::iter;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Found;
use rayon::prelude::*;

use super::key::{PlannedKey, Remembered, SIGHTED_AT_ONCE};
use super::{FeaturePlan, FeatureRow, ParcelKeys};
use crate::history::{Bucket, EntityKey, Group, HistoryView, Sighted, Usual};

/// Fewer rows are not worth a task.
const ROWS_A_TASK: usize = 64;
/// Fewer parcels have too little in common to be looked through for it.
const PARCELS_TOGETHER: usize = 16;

/// What parcels of one bucket know under one key or norm.
struct Common<T> {
    /// Their entities, each once.
    entities: Vec<EntityKey>,
    /// What is known of each.
    known: Vec<T>,
    /// Its place in `known` for each parcel; [`Group::NOT_STATED`] where the parcel has no such entity.
    places: Vec<u32>,
}

impl<T> Common<T> {
    fn of_row(&self, row: usize) -> Option<&T> {
        // No place is as great as that of what is not stated.
        self.known.get(self.places[row] as usize)
    }
}

impl FeaturePlan {
    /// As [`FeaturePlan::fill_while_learning`] for each of `parcels`, all of bucket `at`, by all threads. Gives the
    /// entities of their footprints, key by key; `None` where the parcels are too few to be looked through for them.
    ///
    /// * `values`: takes the features, shape `(n_parcels, n_features)` row by row.
    pub fn fill_together(
        &self,
        parcels: &[&ParcelKeys],
        history: &HistoryView<'_>,
        at: Bucket,
        descriptions: &(dyn Fn(&[u32]) -> f64 + Sync),
        values: &mut [f32],
    ) -> Option<Vec<Group>> {
        // No chunk can be empty, even where a spec has no features.
        let rows = values.par_chunks_mut(self.features().len().max(1)).zip(parcels).with_min_len(ROWS_A_TASK);
        if parcels.len() < PARCELS_TOGETHER {
            rows.for_each_init(FeatureRow::default, |row, (values, keys)| {
                self.fill_while_learning(keys, history, at, descriptions, row);
                values.copy_from_slice(&row.values);
            });
            return None;
        }
        let of_key = |(idx, key): (usize, &PlannedKey)| {
            let entity = |keys: &ParcelKeys| keys.by_key.get(idx).copied().flatten();
            common(parcels, entity, |entities| key.remembered(entities, history, at))
        };
        let keys: Vec<_> = self.keys.par_iter().enumerate().map(of_key).collect();
        let of_norm = |idx: usize| {
            let entity = |keys: &ParcelKeys| keys.norms.get(idx).copied().flatten().map(|(entity, _)| entity);
            common(parcels, entity, |kinds| usual(kinds, history, at))
        };
        let norms: Vec<Common<Option<Usual>>> = (0..self.norms.len()).into_par_iter().map(of_norm).collect();
        rows.enumerate().for_each_init(FeatureRow::default, |row, (idx, (values, parcel))| {
            let known = keys.iter().map(|key| key.of_row(idx));
            let usual = norms.iter().map(|norm| norm.of_row(idx).copied().flatten());
            self.fill_by(parcel, known, usual, descriptions, row);
            values.copy_from_slice(&row.values);
        });
        let group = |Common { entities, known, places }: Common<Remembered>| Group {
            entities: entities.into_iter().zip(known.iter().map(|known| known.place)).collect(),
            of_parcels: places,
        };
        // Of keys that were recorded under another spec, the groups would lack some.
        let are_all = parcels.iter().all(|parcel| parcel.by_key.len() == self.keys.len());
        are_all.then(|| keys.into_iter().map(group).collect())
    }
}

/// What is usual for each of some kinds of parcels.
fn usual(kinds: &[EntityKey], history: &HistoryView<'_>, at: Bucket) -> Vec<Option<Usual>> {
    let (mut usual, mut sighted) = (Vec::with_capacity(kinds.len()), Sighted::default());
    for some in kinds.chunks(SIGHTED_AT_ONCE) {
        history.sight(iter::empty(), some.iter().copied().map(Some), &mut sighted);
        usual.extend(some.iter().enumerate().map(|(place, kind)| history.usual(&sighted, place, *kind, at)));
    }
    usual
}

/// What `read` knows of the entities of parcels, each once.
fn common<T>(
    parcels: &[&ParcelKeys],
    entity: impl Fn(&ParcelKeys) -> Option<EntityKey>,
    read: impl FnOnce(&[EntityKey]) -> Vec<T>,
) -> Common<T> {
    // Room for all: to grow takes longer than to leave it.
    let mut index: HashTable<u32> = HashTable::with_capacity(parcels.len());
    let mut entities: Vec<EntityKey> = Vec::with_capacity(parcels.len());
    let mut place = |entity: EntityKey| {
        // Keys are hashes already.
        let place =
            index.entry(entity.0, |place| entities[*place as usize] == entity, |place| entities[*place as usize].0);
        match place {
            Found::Occupied(known) => *known.get(),
            Found::Vacant(new) => {
                let place = entities.len() as u32;
                new.insert(place);
                entities.push(entity);
                place
            }
        }
    };
    let places = parcels.iter().map(|keys| entity(keys).map_or(Group::NOT_STATED, &mut place)).collect();
    Common { known: read(&entities), entities, places }
}

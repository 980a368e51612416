//! Events of one bucket, folded together: what they add to one entity is added up first.
//!
//! Within a bucket only integers are added and bits are set, so the sums are those of one event after the other.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Found;
use rayon::prelude::*;

use super::shards::{N_SHARDS, Shard, Shards, place};
use super::table::{Change, Place};
use super::{Activity, Bucket, Decay, EntityKey, Entry, Event, Footprint, Norm, found};

/// What events of one bucket add, by shard. Kept from bucket to bucket for the room that it has.
#[derive(Debug, Default)]
pub(super) struct Together([OfShard; N_SHARDS]);

#[derive(Debug, Default)]
struct OfShard {
    /// Added up for each entity: of a day's parcels most are of one country, and many of one HS code.
    counts: Vec<Change<[u32; 3]>>,
    /// Places in `counts`.
    index: HashTable<u32>,
    activity: Vec<Change<Option<u64>>>,
    numbers: Vec<Change<f64>>,
}

/// The entities of parcels under one key, each once, and which of them each parcel has.
#[derive(Debug, Default)]
pub struct Group {
    /// With where history had it, where it did.
    pub entities: Vec<(EntityKey, Option<Place>)>,
    /// One a parcel: a place in `entities`, or [`Group::NOT_STATED`].
    pub of_parcels: Vec<u32>,
}

impl Group {
    /// Of a parcel that has no such entity.
    pub const NOT_STATED: u32 = u32::MAX;

    /// Puts what is added to each entity in place of what is in `sums`.
    ///
    /// * `added`: what each parcel adds to its own.
    pub(super) fn add_up(&self, added: &[[u32; 3]], sums: &mut Vec<[u32; 3]>) {
        sums.clear();
        sums.resize(self.entities.len(), [0; 3]);
        for (at, added) in self.of_parcels.iter().zip(added) {
            if let Some(sums) = sums.get_mut(*at as usize) {
                add(sums, *added);
            }
        }
    }
}

/// Entities of a shard for which it is worth a task.
const ENTITIES_A_TASK: usize = 256;

impl Together {
    /// Adds an event. All of them must be of one bucket.
    pub(super) fn add(&mut self, event: &Event<'_>) {
        match *event {
            Event::Outcome { keys, infringement, .. } => self.count(keys, found(infringement)),
            Event::Advised { footprint, .. } => {
                self.count(&footprint.keys, [1, 0, 0]);
                self.add_uncounted(footprint);
            }
        }
    }

    /// Adds what a parcel that is advised adds besides counts.
    pub(super) fn add_uncounted(&mut self, footprint: &Footprint) {
        for &(key, what) in &footprint.activity {
            self.0[place(key)].activity.push(Change { key, seen_at: None, what });
        }
        for &(key, what) in &footprint.numbers {
            self.0[place(key)].numbers.push(Change { key, seen_at: None, what });
        }
    }

    /// Counts for the entities of a group.
    ///
    /// * `added`: what is added to each of them.
    pub(super) fn count_group(&mut self, group: &Group, added: impl Iterator<Item = [u32; 3]>) {
        for (&(key, seen_at), what) in group.entities.iter().zip(added).filter(|(_, added)| *added != [0; 3]) {
            self.0[place(key)].counts.push(Change { key, seen_at, what });
        }
    }

    fn count(&mut self, keys: &[EntityKey], added: [u32; 3]) {
        for &key in keys {
            let OfShard { counts, index, .. } = &mut self.0[place(key)];
            // Keys are hashes already.
            match index.entry(key.0, |at| counts[*at as usize].key == key, |at| counts[*at as usize].key.0) {
                Found::Occupied(known) => {
                    add(&mut counts[*known.get() as usize].what, added);
                }
                Found::Vacant(new) => {
                    // A bucket of four billion events would have filled any machine before.
                    new.insert(counts.len() as u32);
                    counts.push(Change { key, seen_at: None, what: added });
                }
            }
        }
    }

    /// Folds all that was added, in bucket `at`, by all threads; holds nothing then.
    pub(super) fn fold(&mut self, shards: &mut Shards, at: Bucket, decay: &Decay) {
        let most = self.0.iter().map(|of_shard| of_shard.counts.len()).max().unwrap_or_default();
        let shards = shards.all_mut().with_min_len(if most < ENTITIES_A_TASK { N_SHARDS } else { 1 });
        shards.zip(&mut self.0).for_each(|(shard, of_shard)| of_shard.fold(shard, at, decay));
    }

    /// As [`Self::fold`], while others look: shard after shard, first those that nobody holds.
    pub(super) fn fold_beside_others(&mut self, shards: &Shards, at: Bucket, decay: &Decay) {
        for waits in [false, true] {
            for (place, of_shard) in self.0.iter_mut().enumerate().filter(|(_, of_shard)| !of_shard.is_empty()) {
                if let Some(mut shard) = shards.write(place, waits) {
                    of_shard.fold(&mut shard, at, decay);
                }
            }
        }
    }
}

impl OfShard {
    fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.activity.is_empty() && self.numbers.is_empty()
    }

    fn fold(&mut self, shard: &mut Shard, at: Bucket, decay: &Decay) {
        let count = |entry: &mut Entry, added: &[u32; 3]| entry.add(at, *added, decay);
        shard.entries.change_each(&self.counts, |_| Entry::default(), count);
        self.counts.clear();
        self.index.clear();
        let act = |entity: &mut Activity, counterpart: &Option<u64>| entity.add(at, *counterpart, decay.width);
        shard.activity.change_each(&self.activity, |_| Activity::since(at), act);
        self.activity.clear();
        let number = |norm: &mut Norm, number: &f64| norm.add(at, *number, decay);
        shard.norms.change_each(&self.numbers, |_| Norm::default(), number);
        self.numbers.clear();
    }
}

fn add(sums: &mut [u32; 3], added: [u32; 3]) {
    sums.iter_mut().zip(added).for_each(|(sum, added)| *sum = sum.saturating_add(added));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::history::{Advised, BucketWidth, History, Replay, Snapshot};

    const DECAY: Decay = Decay { width: BucketWidth::MINUTE, half_life_days: 30.0 };

    /// An entity, of which there are few, so that parcels share them.
    fn entity(n: u64) -> EntityKey {
        EntityKey(xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()))
    }

    /// What the footprints of some parcels count, key by key, as a feature plan that has read `history` tells it.
    fn groups(footprints: &[Footprint], history: &History) -> Vec<Group> {
        let view = history.view();
        let group = |of: usize| {
            let mut entities = Vec::new();
            let mut place = |key: EntityKey| match entities.iter().position(|(known, _)| *known == key) {
                Some(place) => place as u32,
                None => {
                    entities.push((key, view.find(key).place()));
                    entities.len() as u32 - 1
                }
            };
            let of_parcels = footprints.iter().map(|footprint| place(footprint.keys[of])).collect();
            Group { entities, of_parcels }
        };
        (0..40).map(group).collect()
    }

    proptest! {
        #[test]
        fn together_is_one_after_the_other(
            buckets in prop::collection::vec(prop::collection::vec((0..40_u64, any::<Option<bool>>()), 0..90), 1..6)
        ) {
            let empty = || Replay::from(History::empty(DECAY), Vec::new());
            let (mut grouped, mut together, mut alone) = (empty(), empty(), empty());
            for (at, parcels) in (1..).map(|at| Bucket(at * 2)).zip(buckets) {
                let footprint = |(n, _): &(u64, _)| Footprint {
                    keys: (0..40).map(|of| entity(of * 100 + n % (of + 1))).collect(),
                    activity: vec![(entity(n % 7), Some(entity(*n).0)), (entity(100 + n % 3), None)],
                    numbers: vec![(entity(n % 5), *n as f64 / 3.0)],
                };
                let footprints: Vec<_> = parcels.iter().map(footprint).collect();
                let advised = |(footprint, (n, outcome)): (_, &(u64, Option<bool>))| {
                    // Of every other bucket all become known together.
                    let delay = if at.0 % 4 == 0 { *n as u32 % 5 } else { 3 };
                    let outcome = outcome.map(|infringement| (Bucket(at.0 + delay), infringement));
                    // Some are advised twice.
                    Advised { item: entity(u64::from(at.0 / 4) * 1000 + n), footprint, outcome }
                };
                let advised: Vec<_> = footprints.iter().zip(&parcels).map(advised).collect();
                let groups = groups(&footprints, grouped.advance(at));
                grouped.advise_groups(&advised, &groups.iter().collect::<Vec<_>>());
                together.advance(at);
                together.advise_all(&advised);
                alone.advance(at);
                for Advised { item, footprint, outcome } in advised {
                    alone.advise(item, footprint, outcome);
                }
            }
            let snapshot = |replay: Replay| {
                let (history, due) = replay.finish();
                Snapshot::of(&history, due)
            };
            let alone = snapshot(alone);
            prop_assert_eq!(&snapshot(together), &alone);
            prop_assert_eq!(&snapshot(grouped), &alone);
        }
    }
}

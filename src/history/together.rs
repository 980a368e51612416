//! Events of one bucket, folded together: what they add to one entity is added up first.
//!
//! Within a bucket only integers are added and bits are set, so the sums are those of one event after the other.

use std::ops::Range;

use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Found;
use rayon::prelude::*;

use super::group::Group;
use super::shards::{N_SHARDS, Shard, Shards, place};
use super::table::{Change, Place};
use super::{Activity, Bucket, Decay, EntityKey, Entry, Event, Footprint, Norm, SeenAt, found};

/// What events of one bucket add. Kept from bucket to bucket for the room that it has.
#[derive(Debug, Default)]
pub(super) struct Together {
    shards: [OfShard; N_SHARDS],
    /// Numbers of parcels: those of one change lie one after the other.
    numbers: Vec<f64>,
    /// Room in which the numbers of a group are sorted.
    ends: Vec<usize>,
}

#[derive(Debug, Default)]
struct OfShard {
    /// Added up for each entity: of a day's parcels most are of one country, and many of one HS code.
    counts: Vec<Change<[u32; 3]>>,
    /// Places in `counts`.
    index: HashTable<u32>,
    activity: Vec<Change<Option<u64>>>,
    /// Where the numbers of each kind lie.
    numbers: Vec<Change<Range<usize>>>,
}

/// Entities of a shard for which it is worth a task.
const ENTITIES_A_TASK: usize = 256;

impl Together {
    /// Adds an event. All of them must be of one bucket.
    pub(super) fn add(&mut self, event: &Event<'_>) {
        match *event {
            Event::Outcome { keys, infringement, .. } => self.count(keys, &[], found(infringement)),
            Event::Advised { footprint, .. } => self.advise(footprint, &SeenAt::default()),
        }
    }

    /// Adds what a parcel that is advised adds.
    pub(super) fn advise(&mut self, footprint: &Footprint, seen_at: &SeenAt) {
        self.count(&footprint.keys, &seen_at.keys, [1, 0, 0]);
        for (&(key, counterpart), seen_at) in footprint.activity.iter().zip(padded(&seen_at.activity)) {
            self.act(key, seen_at, counterpart);
        }
        for (&(key, number), seen_at) in footprint.numbers.iter().zip(padded(&seen_at.numbers)) {
            let begin = self.numbers.len();
            self.numbers.push(number);
            self.shards[place(key)].numbers.push(Change { key, seen_at, what: begin..begin + 1 });
        }
    }

    /// Counts for the entities of a group.
    ///
    /// * `added`: what is added to each of them.
    pub(super) fn count_group(&mut self, group: &Group, added: impl Iterator<Item = [u32; 3]>) {
        for (&(key, seen_at), what) in group.entities.iter().zip(added).filter(|(_, added)| *added != [0; 3]) {
            self.shards[place(key)].counts.push(Change { key, seen_at, what });
        }
    }

    /// Adds a parcel to the activity of an entity.
    ///
    /// * `seen_at`: where that stood, where it is known.
    pub(super) fn act(&mut self, key: EntityKey, seen_at: Option<Place>, counterpart: Option<u64>) {
        self.shards[place(key)].activity.push(Change { key, seen_at, what: counterpart });
    }

    /// Adds numbers of parcels to the kinds of a group: those of one kind together, so that it is changed once.
    ///
    /// * `of_parcels`: the number of each, `None` where it adds none.
    pub(super) fn add_numbers(&mut self, group: &Group, of_parcels: &[Option<f64>]) {
        let Self { shards, numbers, ends } = self;
        let stated = || {
            let of_kinds = group.of_parcels.iter().zip(of_parcels);
            of_kinds.filter_map(|(kind, number)| Some((*kind as usize, (*number)?)))
        };
        ends.clear();
        ends.resize(group.entities.len(), 0);
        stated().for_each(|(kind, _)| ends[kind] += 1);
        let mut begin = numbers.len();
        for (end, &(key, seen_at)) in ends.iter_mut().zip(&group.entities) {
            let what = begin..begin + *end;
            // Where the next of its numbers goes, for now; with the last, its end.
            *end = begin;
            begin = what.end;
            if !what.is_empty() {
                shards[place(key)].numbers.push(Change { key, seen_at, what });
            }
        }
        numbers.resize(begin, 0.0);
        for (kind, number) in stated() {
            numbers[ends[kind]] = number;
            ends[kind] += 1;
        }
    }

    fn count(&mut self, keys: &[EntityKey], seen_at: &[Option<Place>], added: [u32; 3]) {
        for (&key, seen_at) in keys.iter().zip(padded(seen_at)) {
            let OfShard { counts, index, .. } = &mut self.shards[place(key)];
            // Keys are hashes already.
            match index.entry(key.0, |at| counts[*at as usize].key == key, |at| counts[*at as usize].key.0) {
                Found::Occupied(known) => {
                    add(&mut counts[*known.get() as usize].what, added);
                }
                Found::Vacant(new) => {
                    // A bucket of four billion events would have filled any machine before.
                    new.insert(counts.len() as u32);
                    counts.push(Change { key, seen_at, what: added });
                }
            }
        }
    }

    /// Folds all that was added, in bucket `at`, by all threads; holds nothing then.
    pub(super) fn fold(&mut self, shards: &mut Shards, at: Bucket, decay: &Decay) {
        let Self { shards: all, numbers, .. } = self;
        let most = all.iter().map(|of_shard| of_shard.counts.len()).max().unwrap_or_default();
        let shards = shards.all_mut().with_min_len(if most < ENTITIES_A_TASK { N_SHARDS } else { 1 });
        shards.zip(all).for_each(|(shard, of_shard)| of_shard.fold(shard, numbers, at, decay));
        numbers.clear();
    }

    /// As [`Self::fold`], while others look: shard after shard, first those that nobody holds.
    pub(super) fn fold_beside_others(&mut self, shards: &Shards, at: Bucket, decay: &Decay) {
        let Self { shards: all, numbers, .. } = self;
        for waits in [false, true] {
            for (place, of_shard) in all.iter_mut().enumerate().filter(|(_, of_shard)| !of_shard.is_empty()) {
                if let Some(mut shard) = shards.write(place, waits) {
                    of_shard.fold(&mut shard, numbers, at, decay);
                }
            }
        }
        numbers.clear();
    }
}

impl OfShard {
    fn is_empty(&self) -> bool {
        self.counts.is_empty() && self.activity.is_empty() && self.numbers.is_empty()
    }

    fn fold(&mut self, shard: &mut Shard, all_numbers: &[f64], at: Bucket, decay: &Decay) {
        let count = |entry: &mut Entry, added: &[u32; 3]| entry.add(at, *added, decay);
        shard.entries.change_each(&self.counts, |_| Entry::default(), count);
        self.counts.clear();
        self.index.clear();
        let act = |entity: &mut Activity, counterpart: &Option<u64>| entity.add(at, *counterpart, decay.width);
        shard.activity.change_each(&self.activity, |_| Activity::since(at), act);
        self.activity.clear();
        let number = |norm: &mut Norm, range: &Range<usize>| {
            let numbers = all_numbers.get(range.clone()).unwrap_or_default();
            norm.add_all(at, numbers, decay);
        };
        shard.norms.change_each(&self.numbers, |_| Norm::default(), number);
        self.numbers.clear();
    }
}

/// Places, and after the last of them none.
fn padded(places: &[Option<Place>]) -> impl Iterator<Item = Option<Place>> {
    places.iter().copied().chain(std::iter::repeat(None))
}

pub(super) fn add(sums: &mut [u32; 3], added: [u32; 3]) {
    sums.iter_mut().zip(added).for_each(|(sum, added)| *sum = sum.saturating_add(added));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::history::{Advised, BucketWidth, Groups, History, Replay, Sighted, Snapshot};

    const DECAY: Decay = Decay { width: BucketWidth::MINUTE, half_life_days: 30.0 };

    /// An entity, of which there are few, so that parcels share them.
    fn entity(n: u64) -> EntityKey {
        EntityKey(xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()))
    }

    /// Parcels by what `key` makes of their footprints, as a feature plan that has read `history` tells it.
    fn group(footprints: &[Footprint], history: &History, key: impl Fn(&Footprint) -> Option<EntityKey>) -> Group {
        let (view, mut sighted, mut group) = (history.view(), Sighted::default(), Group::default());
        for footprint in footprints {
            let Some(key) = key(footprint) else {
                group.of_parcels.push(Group::NOT_STATED);
                continue;
            };
            let place = group.entities.iter().position(|(known, _)| *known == key).unwrap_or_else(|| {
                view.sight([(Some(key), true)].into_iter(), [Some(key)].into_iter(), &mut sighted);
                let known = view.known(&sighted, 0, key);
                let usual_at = view.usual_at(&sighted, 0, key, Bucket::default()).map(|(place, _)| place);
                group.entities.push((key, known.place().or(usual_at)));
                group.activity_at.push(known.active_at());
                group.entities.len() - 1
            });
            group.of_parcels.push(place as u32);
        }
        group
    }

    proptest! {
        #[test]
        fn together_is_one_after_the_other(
            buckets in prop::collection::vec(prop::collection::vec((0..40_u64, any::<Option<bool>>()), 0..90), 1..6)
        ) {
            let empty = || Replay::from(History::empty(DECAY), Vec::new());
            let (mut grouped, mut together, mut alone) = (empty(), empty(), empty());
            for (at, parcels) in (1..).map(|at| Bucket(at * 2)).zip(buckets) {
                let key = |of: u64, n: u64| entity(of * 100 + n % (of + 1));
                let footprint = |(n, _): &(u64, _)| Footprint {
                    keys: (0..40).map(|of| key(of, *n)).collect(),
                    activity: vec![(key(6, *n), Some(entity(*n).0)), (key(9, *n), None)],
                    // Some state one number only.
                    numbers: (0..=n % 2).map(|of| (entity(9000 + of * 100 + n % 5), *n as f64 / 3.0)).collect(),
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
                let history = grouped.advance(at);
                let counted: Vec<_> =
                    (0..40).map(|of| group(&footprints, history, |footprint| Some(footprint.keys[of]))).collect();
                let number = |of| {
                    let kind = |footprint: &Footprint| footprint.numbers.get(of).map(|(kind, _)| *kind);
                    group(&footprints, history, kind)
                };
                let numbers = [number(0), number(1)];
                let groups = Groups { counted: counted.iter().collect(), numbers: numbers.iter().collect() };
                grouped.advise_groups(&advised, &groups);
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

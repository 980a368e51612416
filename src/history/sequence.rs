//! Events of one bucket after the other, folded some at a time: each entity is given its own in their order, so that the
//! fold is that of one event after the other.

use rayon::prelude::*;

use super::shards::{N_SHARDS, Shard, Shards, place};
use super::table::Change;
use super::{Activity, Bucket, Decay, EntityKey, Entry, Event, Norm, found};

/// Events that are yet to be folded. Kept from fold to fold for the room that it has.
#[derive(Debug)]
pub struct Sequence {
    workers: Workers,
    shards: [OfShard; N_SHARDS],
    n_counts: usize,
}

/// What is to be changed in a shard, each with its bucket.
#[derive(Debug, Default)]
struct OfShard {
    counts: Vec<Change<(Bucket, [u32; 3])>>,
    activity: Vec<Change<(Bucket, Option<u64>)>>,
    numbers: Vec<Change<(Bucket, f64)>>,
}

/// Who folds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workers {
    /// The thread that asks for it, so that no other is slowed down.
    Own,
    /// All threads, where there is enough for them.
    All,
}

/// Counts that are worth folding: more would not stay in a core's cache until they are.
const MANY: usize = 1 << 15;

impl Sequence {
    /// Nothing yet, to be folded by `workers`.
    pub fn of(workers: Workers) -> Self {
        Self { workers, shards: Default::default(), n_counts: 0 }
    }

    /// Adds an event, in a bucket that is not before those of the events before.
    pub(super) fn add(&mut self, event: &Event<'_>) {
        match *event {
            Event::Outcome { at, keys, infringement } => self.count(at, keys, found(infringement)),
            Event::Advised { at, footprint } => {
                self.count(at, &footprint.keys, [1, 0, 0]);
                for &(key, counterpart) in &footprint.activity {
                    self.shards[place(key)].activity.push(Change { key, seen_at: None, what: (at, counterpart) });
                }
                for &(key, number) in &footprint.numbers {
                    self.shards[place(key)].numbers.push(Change { key, seen_at: None, what: (at, number) });
                }
            }
        }
    }

    /// Most entities that there may be more of once this is folded.
    pub fn n_counts(&self) -> usize {
        self.n_counts
    }

    /// Whether there are enough to be folded.
    pub(super) fn is_long(&self) -> bool {
        self.n_counts >= MANY
    }

    fn count(&mut self, at: Bucket, keys: &[EntityKey], added: [u32; 3]) {
        for &key in keys {
            self.shards[place(key)].counts.push(Change { key, seen_at: None, what: (at, added) });
        }
        self.n_counts += keys.len();
    }

    /// Folds all of it; holds nothing then.
    pub(super) fn fold(&mut self, shards: &Shards, decay: &Decay) {
        let fold = |(place, of_shard): (usize, &mut OfShard)| {
            if let Some(mut shard) = shards.write(place, true) {
                of_shard.fold(&mut shard, decay);
            }
        };
        if self.workers == Workers::All && self.is_long() {
            self.shards.par_iter_mut().enumerate().for_each(fold);
        } else {
            self.shards.iter_mut().enumerate().for_each(fold);
        }
        self.n_counts = 0;
    }
}

impl OfShard {
    fn fold(&mut self, shard: &mut Shard, decay: &Decay) {
        let count = |entry: &mut Entry, &(at, added): &(Bucket, [u32; 3])| entry.add(at, added, decay);
        shard.entries.change_each(&self.counts, |_| Entry::default(), count);
        let act = |entity: &mut Activity, &(at, counterpart): &(Bucket, Option<u64>)| {
            entity.add(at, counterpart, decay.width);
        };
        shard.activity.change_each(&self.activity, |(at, _)| Activity::since(*at), act);
        let number = |norm: &mut Norm, &(at, number): &(Bucket, f64)| norm.add(at, number, decay);
        shard.norms.change_each(&self.numbers, |_| Norm::default(), number);
        self.counts.clear();
        self.activity.clear();
        self.numbers.clear();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::history::{BucketWidth, Footprint, History, Snapshot};

    proptest! {
        #[test]
        fn a_sequence_is_one_after_the_other(
            events in prop::collection::vec((0..3_u32, 0..40_u64, any::<Option<bool>>(), any::<bool>()), 0..200)
        ) {
            let entity = |n: u64| EntityKey(xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()));
            let decay = Decay { width: BucketWidth::MINUTE, half_life_days: 30.0 };
            let (some, alone) = ([(); 2].map(|()| History::empty(decay)), History::empty(decay));
            let mut sequences = [Workers::Own, Workers::All].map(Sequence::of);
            let mut at = Bucket(1);
            for (later, n, outcome, folds) in events {
                at = Bucket(at.0 + later * later * 700);
                let footprint = Footprint {
                    keys: (0..20).map(|of| entity(of * 100 + n % (of + 1))).collect(),
                    activity: vec![(entity(600 + n % 7), Some(n)), (entity(900 + n % 10), None)],
                    numbers: vec![(entity(9000 + n % 5), n as f64 / 3.0)],
                };
                let event = match outcome {
                    None => Event::Advised { at, footprint: &footprint },
                    Some(infringement) => Event::Outcome { at, keys: &footprint.keys, infringement },
                };
                alone.fold(&event);
                for (some, sequence) in some.iter().zip(&mut sequences) {
                    some.fold_in_turn(&event, sequence);
                    if folds {
                        some.fold_sequence(sequence);
                    }
                }
            }
            let bytes = |history: &History| Snapshot::of(history, Vec::new()).to_bytes();
            for (some, sequence) in some.iter().zip(&mut sequences) {
                some.fold_sequence(sequence);
                prop_assert_eq!(sequence.n_counts(), 0);
                prop_assert!(bytes(some) == bytes(&alone));
            }
        }
    }
}

//! What is known of senders, goods, routes and whole consignments: a fold over events.
//!
//! History has no other source of truth than the events it was folded from. A parcel in bucket
//! *b* sees the events of buckets before *b* only, so a decision does not depend on what else
//! runs at the time, and can be made again later, to the bit.

mod activity;
mod bucket;
mod config;
mod due;
mod entry;
mod footprint;
mod group;
mod key;
mod norm;
mod packed;
mod possible;
mod replay;
mod sequence;
mod shards;
mod size;
mod slab;
mod snapshot;
mod table;
mod together;
mod view;
mod waiting;

use std::fmt;

pub use activity::{Activity, Recent, WINDOW_DAYS};
pub use bucket::{Bucket, BucketWidth};
pub use config::HistoryConfig;
pub use entry::{Counts, Decay, Entry};
pub use footprint::{Footprint, SeenAt};
pub use group::{Group, Groups};
pub use key::{EntityKey, KeyHasher, KeyKind, KeyParts};
pub use norm::{Norm, Usual};
pub use replay::{Advised, DueOutcome, Replay};
pub use sequence::{Sequence, Workers};
pub(crate) use shards::KeyIsHash;
pub use size::{HistorySize, TableSize};
pub use snapshot::{Snapshot, SnapshotError, Stored};
pub use table::Place;
pub use view::{HistoryView, Known, Sighted};

use shards::{Change, Shards};
use together::Together;
use waiting::{Gathered, Waiting};

/// Something that happened to a parcel, with the keys of everything it is about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// It was advised.
    Advised {
        /// When.
        at: Bucket,
        /// Sender, goods, route and so on.
        footprint: &'a Footprint,
    },
    /// Its outcome became known.
    Outcome {
        /// When it became known.
        at: Bucket,
        /// The keys it was advised with.
        keys: &'a [EntityKey],
        /// What was found.
        infringement: bool,
    },
}

/// The fold of all events so far. Shared between threads.
pub struct History {
    decay: Decay,
    shards: Shards,
    waiting: Waiting,
}

impl History {
    /// A history of nothing.
    pub fn empty(decay: Decay) -> Self {
        Self { decay, shards: Shards::default(), waiting: Waiting::default() }
    }

    /// Adds one event. Keys and footprint are those that the feature plan gave for the parcel.
    ///
    /// Events of one bucket may be added in any order, and by several threads: within a bucket only integers are added
    /// and bits are set.
    pub fn fold(&self, event: &Event<'_>) {
        event.change(&self.decay, &mut &self.shards);
    }

    /// As [`History::fold`], where nobody else can look: without a lock.
    pub fn fold_alone(&mut self, event: &Event<'_>) {
        let Self { decay, shards, .. } = self;
        event.change(decay, shards);
    }

    /// As [`History::fold`], of an event that is in no bucket before those of the events before: with others of `sequence`, once
    /// there are many. Until it is [folded](Self::fold_sequence), nobody sees it.
    pub fn fold_in_turn(&self, event: &Event<'_>, sequence: &mut Sequence) {
        sequence.add(event);
        if sequence.is_long() {
            self.fold_sequence(sequence);
        }
    }

    /// Folds all that a sequence holds; it holds nothing then.
    pub fn fold_sequence(&self, sequence: &mut Sequence) {
        sequence.fold(&self.shards, &self.decay);
    }

    /// As [`History::fold_alone`] of each of `together`, which were of bucket `at`.
    fn fold_together(&mut self, at: Bucket, together: &mut Together) {
        let Self { decay, shards, .. } = self;
        together.fold(shards, at, decay);
    }

    /// As [`History::fold`] of a parcel that was advised; but some are folded together, a little later: when
    /// [somebody has the time](Self::fold_waiting), or now where many wait. No parcel of its own bucket sees it, so none misses
    /// it: whoever opens the next bucket [catches up](Self::catch_up) first.
    ///
    /// The caller may hold no [view](Self::view): whoever folds waits for those who read.
    pub fn fold_soon(&self, at: Bucket, footprint: &Footprint, seen_at: &SeenAt) {
        if let Some(gathered) = self.waiting.add(at, footprint, seen_at) {
            self.fold_gathered(gathered);
        }
    }

    /// Folds what [`History::fold_soon`] left, where that is worth it. As there, the caller may hold no view; and nobody may
    /// come to the next bucket meanwhile.
    pub fn fold_waiting(&self) {
        if let Some(gathered) = self.waiting.take_many() {
            self.fold_gathered(gathered);
        }
    }

    /// Folds all that [`History::fold_soon`] left. Nobody may be at that meanwhile.
    pub fn catch_up(&self) {
        if let Some(gathered) = self.waiting.take() {
            self.fold_gathered(gathered);
        }
    }

    fn fold_gathered(&self, mut gathered: Gathered) {
        gathered.together.fold_beside_others(&self.shards, gathered.at, &self.decay);
        self.waiting.give_back(gathered);
    }

    /// To read from. Folds wait until it is dropped.
    pub fn view(&self) -> HistoryView<'_> {
        HistoryView { shards: self.shards.read(), decay: self.decay }
    }

    /// What a parcel in bucket `at` knows of one `key`: see [`HistoryView::read`].
    pub fn read(&self, key: EntityKey, at: Bucket) -> Counts {
        self.view().read(key, at)
    }

    /// Lets the stalest entities go where there are more than `most`, a tenth of all at once; how many. Of those that were
    /// last heard of in one bucket the ones with the smallest keys go first, so that it depends on the events alone.
    ///
    /// Nothing may be folded meanwhile.
    pub fn evict_stalest(&self, most: usize) -> usize {
        self.shards.evict_stalest(most)
    }

    /// Lets go the counts and the activity of entities that are not to be kept.
    pub fn retain(&mut self, counts: impl Fn(EntityKey) -> bool, activity: impl Fn(EntityKey) -> bool) {
        self.catch_up();
        self.shards.retain(counts, activity);
    }

    /// How counts age here.
    pub fn decay(&self) -> Decay {
        self.decay
    }

    /// Bytes that it takes in memory, and of what.
    pub fn size(&self) -> HistorySize {
        self.shards.read().size()
    }

    /// Number of entities that something is counted of; not those of parcels that are yet to be folded.
    pub fn n_entities(&self) -> usize {
        self.shards.read().n_entries()
    }
}

impl Event<'_> {
    /// Makes what it changes, entity by entity.
    fn change(&self, decay: &Decay, shards: &mut impl Change) {
        let count = |shards: &mut _, at: Bucket, keys: &[EntityKey], added: [u32; 3]| {
            for &key in keys {
                Change::change(shards, key, |shard| {
                    shard.entries.change(key, Entry::default, |entry| entry.add(at, added, decay));
                });
            }
        };
        match *self {
            Self::Outcome { at, keys, infringement } => count(shards, at, keys, found(infringement)),
            Self::Advised { at, footprint } => {
                count(shards, at, &footprint.keys, [1, 0, 0]);
                for &(key, counterpart) in &footprint.activity {
                    shards.change(key, |shard| {
                        let add = |entity: &mut Activity| entity.add(at, counterpart, decay.width);
                        shard.activity.change(key, || Activity::since(at), add);
                    });
                }
                for &(key, number) in &footprint.numbers {
                    shards.change(key, |shard| {
                        shard.norms.change(key, Norm::default, |norm| norm.add(at, number, decay));
                    });
                }
            }
        }
    }
}

/// What an outcome adds to counts.
fn found(infringement: bool) -> [u32; 3] {
    [0, 1, u32::from(infringement)]
}

impl Clone for History {
    /// All of it as it stands. Nothing may be folded meanwhile.
    fn clone(&self) -> Self {
        self.catch_up();
        Self { decay: self.decay, shards: self.shards.clone(), waiting: Waiting::default() }
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("n_entities", &self.n_entities()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_folded_soon_is_the_same_fold() {
        let footprint = |n: u64| {
            let key = |n: u64| EntityKey(xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()));
            Footprint {
                keys: (0..30).map(|of| key(n % (of + 3))).collect(),
                activity: vec![(key(n % 5), Some(key(n).0)), (key(n % 7), None)],
                numbers: vec![(key(n % 11), n as f64)],
            }
        };
        let decay = Decay { width: BucketWidth::MINUTE, half_life_days: 30.0 };
        let (soon, at_once) = (History::empty(decay), History::empty(decay));
        let (mut sighted, mut seen_at, nowhere) = (Sighted::default(), SeenAt::default(), SeenAt::default());
        for bucket in 1..5 {
            for n in 0..50 {
                let (at, footprint) = (Bucket(bucket), footprint(u64::from(bucket) * 31 + n));
                at_once.fold(&Event::Advised { at, footprint: &footprint });
                // Some while others read: that with which as many wait as may is none of them.
                let reads = (n % 7 == 0).then(|| soon.view());
                // Of two of three parcels it is said where all of it stood, of one of these by what is true of another.
                if n % 3 == 0 {
                    let entities = footprint.keys.iter().map(|key| (Some(*key), false));
                    let kinds = footprint.numbers.iter().map(|(kind, _)| Some(*kind));
                    soon.view().sight(entities.clone(), kinds.clone(), &mut sighted);
                    seen_at.set(&sighted, entities.map(|(_, keeps)| (true, keeps)), kinds.map(|_| true));
                }
                soon.fold_soon(at, &footprint, if n % 3 == 2 { &nowhere } else { &seen_at });
                drop(reads);
                // In some buckets there is time now and then, for more than wait and for fewer than are worth it.
                if bucket % 2 == 0 && n % 10 == 9 {
                    soon.fold_waiting();
                }
            }
            soon.catch_up();
            assert_eq!(Snapshot::of(&soon, Vec::new()).to_bytes(), Snapshot::of(&at_once, Vec::new()).to_bytes());
        }
        let reads = soon.view();
        soon.fold_soon(Bucket(9), &footprint(77_777), &nowhere);
        drop(reads);
        soon.fold_waiting();
        assert_eq!(soon.n_entities(), at_once.n_entities(), "one is not worth it");
        at_once.fold(&Event::Advised { at: Bucket(9), footprint: &footprint(77_777) });
        // One that is left at the beginning of another bucket is folded before what comes then.
        for (at, n) in [(Bucket(10), 88_888), (Bucket(11), 99_999)] {
            soon.fold_soon(at, &footprint(n), &nowhere);
            at_once.fold(&Event::Advised { at, footprint: &footprint(n) });
        }
        soon.catch_up();
        assert_eq!(Snapshot::of(&soon, Vec::new()).to_bytes(), Snapshot::of(&at_once, Vec::new()).to_bytes());
    }

    #[test]
    fn the_stalest_go_and_of_one_bucket_the_smallest_keys() {
        let key = |n: u64| EntityKey(xxhash_rust::xxh3::xxh3_64(&n.to_le_bytes()));
        // Buckets whose order is that of both of their halves, each with many entities.
        let buckets = [5, 6, 65_541, 65_542, 131_072, 500_000];
        let made = || {
            let history = History::empty(Decay { width: BucketWidth::MINUTE, half_life_days: 30.0 });
            for n in 0..3000 {
                let at = Bucket(buckets[n as usize / 500]);
                let activity = if n % 3 == 0 { vec![(key(n), None)] } else { Vec::new() };
                // Every seventh is heard of again in the last bucket.
                for at in [Some(at), (n % 7 == 0).then_some(Bucket(500_000))].into_iter().flatten() {
                    let footprint = Footprint { keys: vec![key(n)], activity: activity.clone(), numbers: Vec::new() };
                    history.fold(&Event::Advised { at, footprint: &footprint });
                }
            }
            history
        };
        for most in [2999, 2100, 1200, 1000, 20] {
            let history = made();
            let mut all = Snapshot::of(&history, Vec::new()).entries;
            all.sort_unstable_by_key(|(key, entry)| (entry.last(), *key));
            let n_gone = history.evict_stalest(most);
            assert_eq!(n_gone, 3000 - (most - most / 10));
            let mut stay = all.split_off(n_gone);
            stay.sort_unstable_by_key(|(key, _)| *key);
            let left = Snapshot::of(&history, Vec::new());
            assert_eq!((history.n_entities(), &left.entries), (stay.len(), &stay), "{most}");
            let active =
                stay.iter().filter(|(one, _)| (0..3000).step_by(3).any(|n| key(n) == *one)).map(|(key, _)| *key);
            assert_eq!(left.activity.iter().map(|(key, _)| *key).collect::<Vec<_>>(), active.collect::<Vec<_>>());
            // A place that was left is another's.
            let footprint = Footprint { keys: vec![key(9999)], activity: Vec::new(), numbers: Vec::new() };
            history.fold(&Event::Advised { at: Bucket(500_001), footprint: &footprint });
            assert_eq!((history.n_entities(), history.evict_stalest(3000)), (stay.len() + 1, 0));
        }
    }
}

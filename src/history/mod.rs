//! What is known of senders, goods, routes and whole consignments: a fold over events.
//!
//! History has no other source of truth than the events it was folded from. A parcel in bucket
//! *b* sees the events of buckets before *b* only, so a decision does not depend on what else
//! runs at the time, and can be made again later, to the bit.

mod activity;
mod bucket;
mod columns;
mod config;
mod entry;
mod footprint;
mod key;
mod norm;
mod replay;
mod shards;
mod snapshot;
mod view;

use std::fmt;

pub use activity::{Activity, Recent, WINDOW_DAYS};
pub use bucket::{Bucket, BucketWidth};
pub use config::HistoryConfig;
pub use entry::{Counts, Decay, Entry};
pub use footprint::Footprint;
pub use key::{EntityKey, KeyHasher, KeyKind, KeyParts};
pub use norm::{Norm, Usual};
pub use replay::{Advised, DueOutcome, Replay};
pub(crate) use shards::KeyIsHash;
pub use snapshot::{Snapshot, SnapshotError};
pub use view::{HistoryView, Known};

use shards::{Change, Shards};

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
}

impl History {
    /// A history of nothing.
    pub fn empty(decay: Decay) -> Self {
        Self { decay, shards: Shards::default() }
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
        let Self { decay, shards } = self;
        event.change(decay, shards);
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

    /// How counts age here.
    pub fn decay(&self) -> Decay {
        self.decay
    }

    /// Number of entities that something is counted of.
    pub fn n_entities(&self) -> usize {
        self.shards.read().n_entries()
    }
}

impl Event<'_> {
    /// Makes what it changes, entity by entity.
    fn change(&self, decay: &Decay, shards: &mut impl Change) {
        let count = |shards: &mut _, at: Bucket, keys: &[EntityKey], added: [u32; 3]| {
            for &key in keys {
                Change::change(shards, key, |shard| shard.entries.entry(key).or_default().add(at, added, decay));
            }
        };
        match *self {
            Self::Outcome { at, keys, infringement } => count(shards, at, keys, [0, 1, u32::from(infringement)]),
            Self::Advised { at, footprint } => {
                count(shards, at, &footprint.keys, [1, 0, 0]);
                for &(key, counterpart) in &footprint.activity {
                    shards.change(key, |shard| {
                        let entity = shard.activity.entry(key).or_insert_with(|| Activity::since(at));
                        entity.add(at, counterpart, decay.width);
                    });
                }
                for &(key, number) in &footprint.numbers {
                    shards.change(key, |shard| shard.norms.entry(key).or_default().add(at, number, decay));
                }
            }
        }
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("n_entities", &self.n_entities()).finish_non_exhaustive()
    }
}

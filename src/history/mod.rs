//! What is known of senders, goods, routes and whole consignments: a fold over events.
//!
//! History has no other source of truth than the events it was folded from. A parcel in bucket
//! *b* sees the events of buckets before *b* only, so a decision does not depend on what else
//! runs at the time, and can be made again later, to the bit.

mod activity;
mod bucket;
mod columns;
mod entry;
mod footprint;
mod key;
mod norm;
mod replay;
mod snapshot;
mod table;

use std::fmt;

pub use activity::{Activity, Recent, WINDOW_DAYS};
pub use bucket::{Bucket, BucketWidth};
pub use entry::{Counts, Decay, Entry};
pub use footprint::Footprint;
pub use key::{EntityKey, KeyHasher};
pub use norm::{Norm, Usual};
pub use replay::{Advised, DueOutcome, Replay};
pub use snapshot::{Snapshot, SnapshotError};

use table::Table;

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

/// The fold of all events so far. Shared between threads; a reader never waits for a fold of
/// another shard.
pub struct History {
    decay: Decay,
    entries: Table<Entry>,
    activity: Table<Activity>,
    norms: Table<Norm>,
}

impl History {
    /// A history of nothing.
    pub fn empty(decay: Decay) -> Self {
        Self { decay, entries: Table::default(), activity: Table::default(), norms: Table::default() }
    }

    /// Adds one event. Keys and footprint are those that the feature plan gave for the parcel.
    ///
    /// Events of one bucket may be added in any order, and by several threads: within a bucket only integers are added
    /// and bits are set.
    pub fn fold(&self, event: &Event<'_>) {
        match *event {
            Event::Outcome { at, keys, infringement } => self.count(at, keys, [0, 1, u32::from(infringement)]),
            Event::Advised { at, footprint } => {
                self.count(at, &footprint.keys, [1, 0, 0]);
                let width = self.decay.width;
                for &(key, counterpart) in &footprint.activity {
                    self.activity.update(key, || Activity::since(at), |entity| entity.add(at, counterpart, width));
                }
                for &(key, number) in &footprint.numbers {
                    self.norms.update(key, Norm::default, |norm| norm.add(at, number, &self.decay));
                }
            }
        }
    }

    /// What a parcel in bucket `at` knows of `key`; zero counts where nothing is known.
    pub fn read(&self, key: EntityKey, at: Bucket) -> Counts {
        self.entries.get(key).map_or_else(Counts::default, |entry| entry.read(at, &self.decay))
    }

    /// What a parcel in bucket `at` knows of the activity of `key`; `None` where there was none.
    pub fn recent(&self, key: EntityKey, at: Bucket) -> Option<Recent> {
        self.activity.get(key)?.read(at, self.decay.width)
    }

    /// What a parcel in bucket `at` knows to be usual for `key`; `None` where nothing is.
    pub fn usual(&self, key: EntityKey, at: Bucket) -> Option<Usual> {
        self.norms.get(key)?.read(at, &self.decay)
    }

    /// How counts age here.
    pub fn decay(&self) -> Decay {
        self.decay
    }

    /// Number of entities that something is counted of.
    pub fn n_entities(&self) -> usize {
        self.entries.len()
    }

    fn count(&self, at: Bucket, keys: &[EntityKey], added: [u32; 3]) {
        for &key in keys {
            self.entries.update(key, Entry::default, |entry| entry.add(at, added, &self.decay));
        }
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("n_entities", &self.n_entities()).finish_non_exhaustive()
    }
}

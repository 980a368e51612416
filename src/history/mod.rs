//! What is known of senders, goods, routes and whole consignments: a fold over events.
//!
//! History has no other source of truth than the events it was folded from. A parcel in bucket
//! *b* sees the events of buckets before *b* only, so a decision does not depend on what else
//! runs at the time, and can be made again later, to the bit.

mod bucket;
mod entry;
mod key;
mod replay;
mod snapshot;

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock};

pub use bucket::{Bucket, BucketWidth};
pub use entry::{Counts, Decay, Entry};
pub use key::{EntityKey, KeyHasher};
pub use replay::{DueOutcome, Replay};
pub use snapshot::{Snapshot, SnapshotError};

/// Something that happened to a parcel, with the keys of everything it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// It was advised.
    Advised {
        /// When.
        at: Bucket,
        /// Sender, goods, route and so on.
        keys: &'a [EntityKey],
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
    shards: Vec<RwLock<Shard>>,
}

type Shard = HashMap<EntityKey, Entry, BuildHasherDefault<KeyIsHash>>;

/// Keys are hashes already; hashing them again would only cost.
#[derive(Default)]
struct KeyIsHash(u64);

impl Hasher for KeyIsHash {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}

/// A power of two, well above the threads of any machine this runs on.
const N_SHARDS: usize = 64;

impl History {
    /// A history of nothing.
    pub fn empty(decay: Decay) -> Self {
        Self { decay, shards: (0..N_SHARDS).map(|_| RwLock::default()).collect() }
    }

    /// Adds one event. The keys are those that the feature plan gave for the parcel.
    pub fn fold(&self, event: &Event<'_>) {
        let (at, keys, added) = match *event {
            Event::Advised { at, keys } => (at, keys, [1, 0, 0]),
            Event::Outcome { at, keys, infringement } => (at, keys, [0, 1, u32::from(infringement)]),
        };
        for &key in keys {
            // A panic elsewhere cannot leave an entry half written: `add` does not panic.
            let mut shard = self.shard(key).write().unwrap_or_else(PoisonError::into_inner);
            shard.entry(key).or_default().add(at, added, &self.decay);
        }
    }

    /// What a parcel in bucket `at` knows of `key`; zero counts where nothing is known.
    pub fn read(&self, key: EntityKey, at: Bucket) -> Counts {
        let shard = self.shard(key).read().unwrap_or_else(PoisonError::into_inner);
        shard.get(&key).map_or_else(Counts::default, |entry| entry.read(at, &self.decay))
    }

    /// How counts age here.
    pub fn decay(&self) -> Decay {
        self.decay
    }

    /// Number of entities that something is known of.
    pub fn n_entities(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    fn shard(&self, key: EntityKey) -> &RwLock<Shard> {
        // Bits from the middle: the map inside uses the lowest and the highest.
        let idx = (key.0 >> 32) as usize % N_SHARDS;
        &self.shards[idx]
    }
}

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("n_entities", &self.n_entities()).finish_non_exhaustive()
    }
}

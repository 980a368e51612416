//! Entities and what is known of them, shared between threads.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock};

use super::EntityKey;

/// One value an entity. A reader never waits for a writer of another shard.
pub(super) struct Table<T> {
    shards: Vec<RwLock<Shard<T>>>,
}

type Shard<T> = HashMap<EntityKey, T, BuildHasherDefault<KeyIsHash>>;

/// Keys alone.
pub(super) type KeySet = HashSet<EntityKey, BuildHasherDefault<KeyIsHash>>;

/// Keys are hashes already; hashing them again would only cost.
#[derive(Default)]
pub(super) struct KeyIsHash(u64);

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

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { shards: (0..N_SHARDS).map(|_| RwLock::default()).collect() }
    }
}

// A panic elsewhere cannot leave a value half written: what updates it does not panic. So poison is passed over.
impl<T: Copy> Table<T> {
    pub(super) fn get(&self, key: EntityKey) -> Option<T> {
        self.shard(key).read().unwrap_or_else(PoisonError::into_inner).get(&key).copied()
    }

    pub(super) fn insert(&self, key: EntityKey, value: T) {
        self.shard(key).write().unwrap_or_else(PoisonError::into_inner).insert(key, value);
    }

    /// Changes the value of `key`, which `new` makes where there is none.
    pub(super) fn update(&self, key: EntityKey, new: impl FnOnce() -> T, change: impl FnOnce(&mut T)) {
        let mut shard = self.shard(key).write().unwrap_or_else(PoisonError::into_inner);
        change(shard.entry(key).or_insert_with(new));
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Everything, in order of the keys.
    pub(super) fn sorted(&self) -> Vec<(EntityKey, T)> {
        let mut all = Vec::with_capacity(self.len());
        for shard in &self.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            all.extend(shard.iter().map(|(key, value)| (*key, *value)));
        }
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }

    fn shard(&self, key: EntityKey) -> &RwLock<Shard<T>> {
        // Bits from the middle: the map inside uses the lowest and the highest.
        &self.shards[(key.0 >> 32) as usize % N_SHARDS]
    }
}

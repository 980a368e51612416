//! What is known of all entities, shared between threads.

use std::array;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};

use super::{Activity, EntityKey, Entry, Norm};

/// One part of what is known: everything about some of the entities.
#[derive(Default)]
pub(super) struct Shard {
    pub(super) entries: ByKey<Entry>,
    pub(super) activity: ByKey<Activity>,
    pub(super) norms: ByKey<Norm>,
}

/// Values by the entity that they are about.
pub(super) type ByKey<T> = HashMap<EntityKey, T, BuildHasherDefault<KeyIsHash>>;

/// Keys alone.
pub(super) type KeySet = HashSet<EntityKey, BuildHasherDefault<KeyIsHash>>;

/// Keys are hashes already; hashing them again would only cost.
#[derive(Default)]
pub(crate) struct KeyIsHash(u64);

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

/// All shards. Which one an entity is in follows from its key.
pub(super) struct Shards(Vec<RwLock<Shard>>);

/// A power of two. A parcel takes all of them for reading, so each costs every call; events that are folded side by side in
/// training take one at a time.
const N_SHARDS: usize = 4;

impl Default for Shards {
    fn default() -> Self {
        Self((0..N_SHARDS).map(|_| RwLock::default()).collect())
    }
}

fn place(key: EntityKey) -> usize {
    // Bits from the middle: the maps inside use the lowest and the highest.
    (key.0 >> 32) as usize % N_SHARDS
}

/// Shards that can be changed.
pub(super) trait Change {
    /// Changes the shard of `key`.
    fn change(&mut self, key: EntityKey, change: impl FnOnce(&mut Shard));
}

// A panic elsewhere cannot leave a value half written: what changes it does not panic. So poison is passed over.
impl Change for &Shards {
    /// Other threads have to wait for it.
    fn change(&mut self, key: EntityKey, change: impl FnOnce(&mut Shard)) {
        change(&mut self.0[place(key)].write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Change for Shards {
    /// Nobody else can look.
    fn change(&mut self, key: EntityKey, change: impl FnOnce(&mut Shard)) {
        change(self.0[place(key)].get_mut().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Some of the shards, by their places.
#[derive(Clone, Copy, Default)]
pub(super) struct Places([bool; N_SHARDS]);

impl Places {
    pub(super) fn any(self) -> bool {
        self.0.contains(&true)
    }

    pub(super) fn has(self, place: usize) -> bool {
        self.0.get(place).is_some_and(|has| *has)
    }
}

/// Those shards that nobody else held.
pub(super) struct Free<'a> {
    shards: [Option<RwLockWriteGuard<'a, Shard>>; N_SHARDS],
    /// Where something was to be changed and somebody else was.
    left: Places,
}

impl Change for Free<'_> {
    fn change(&mut self, key: EntityKey, change: impl FnOnce(&mut Shard)) {
        let place = place(key);
        match &mut self.shards[place] {
            Some(shard) => change(shard),
            None => self.left.0[place] = true,
        }
    }
}

/// One shard, for changes of which only those are made that it is concerned by.
pub(super) struct One<'a> {
    pub(super) place: usize,
    shard: &'a mut Shard,
}

impl Change for One<'_> {
    fn change(&mut self, key: EntityKey, change: impl FnOnce(&mut Shard)) {
        if place(key) == self.place {
            change(self.shard);
        }
    }
}

impl Shards {
    /// Has those shards changed that nobody else holds, and waits for none; where something is left to be changed.
    pub(super) fn change_free(&self, change: impl FnOnce(&mut Free<'_>)) -> Places {
        let free = |place: usize| match self.0.get(place)?.try_write() {
            Ok(shard) => Some(shard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        };
        let mut shards = Free { shards: array::from_fn(free), left: Places::default() };
        change(&mut shards);
        shards.left
    }

    /// Has one shard after the other changed.
    pub(super) fn change_each(&self, change: impl Fn(One<'_>)) {
        for (place, shard) in self.0.iter().enumerate() {
            change(One { place, shard: &mut shard.write().unwrap_or_else(PoisonError::into_inner) });
        }
    }

    /// Makes room for as many in all, on the way to which nothing has to be moved again.
    pub(super) fn reserve(&mut self, n_entries: usize, n_activity: usize, n_norms: usize) {
        // Keys are hashes: the shards differ by few.
        let of_each = |n: usize| n / N_SHARDS + n / (8 * N_SHARDS);
        for shard in &mut self.0 {
            let shard = shard.get_mut().unwrap_or_else(PoisonError::into_inner);
            shard.entries.reserve(of_each(n_entries));
            shard.activity.reserve(of_each(n_activity));
            shard.norms.reserve(of_each(n_norms));
        }
    }

    /// See [`super::History::evict_stalest`].
    pub(super) fn evict_stalest(&self, most: usize) -> usize {
        let mut last_heard: Vec<_> = {
            let shards = self.read();
            if shards.n_entries() <= most {
                return 0;
            }
            let of = |shard: &RwLockReadGuard<'_, Shard>| {
                shard.entries.iter().map(|(key, entry)| (entry.last(), *key)).collect::<Vec<_>>()
            };
            shards.0.iter().flat_map(of).collect()
        };
        let n_evicted = last_heard.len() - (most - most / 10);
        // The first that stays.
        let (_, &mut stays, _) = last_heard.select_nth_unstable(n_evicted);
        for shard in &self.0 {
            let Shard { entries, activity, .. } = &mut *shard.write().unwrap_or_else(PoisonError::into_inner);
            entries.retain(|key, entry| (entry.last(), *key) >= stays);
            activity.retain(|key, _| entries.contains_key(key));
        }
        n_evicted
    }

    /// All of them, to read from; until it is dropped, nothing changes.
    pub(super) fn read(&self) -> Guards<'_> {
        Guards(self.0.iter().map(|shard| shard.read().unwrap_or_else(PoisonError::into_inner)).collect())
    }
}

/// Shards that nobody can change.
pub(super) struct Guards<'a>(Vec<RwLockReadGuard<'a, Shard>>);

impl Guards<'_> {
    pub(super) fn of(&self, key: EntityKey) -> &Shard {
        &self.0[place(key)]
    }

    pub(super) fn n_entries(&self) -> usize {
        self.0.iter().map(|shard| shard.entries.len()).sum()
    }

    /// All of one kind, in order of the keys.
    pub(super) fn sorted<T: Copy>(&self, kind: impl Fn(&Shard) -> &ByKey<T>) -> Vec<(EntityKey, T)> {
        let mut all = Vec::with_capacity(self.0.iter().map(|shard| kind(shard).len()).sum());
        self.0.iter().for_each(|shard| all.extend(kind(shard).iter().map(|(key, value)| (*key, *value))));
        all.sort_unstable_by_key(|(key, _)| *key);
        all
    }
}

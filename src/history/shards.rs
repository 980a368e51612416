//! What is known of all entities, shared between threads.

use std::array;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};
use std::panic::resume_unwind;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, TryLockError};
use std::thread;

use bytes::Bytes;
use rayon::prelude::*;

use super::table::{Pack, Slabs, Table};
use super::{Activity, Bucket, EntityKey, Entry, HistorySize, Norm, SnapshotError};

/// One part of what is known: everything about some of the entities.
#[derive(Clone, Default)]
pub(super) struct Shard {
    pub(super) entries: Table<Entry>,
    pub(super) activity: Table<Activity>,
    pub(super) norms: Table<Norm>,
}

impl Shard {
    /// Of the entities that `of` gives a number, how many it gives each.
    fn counted(&self, of: impl Fn(Bucket) -> Option<u16>) -> Vec<usize> {
        let mut counts = vec![0; 1 << 16];
        for number in self.entries.iter().filter_map(|(_, entry)| of(entry.last())) {
            counts[usize::from(number)] += 1;
        }
        counts
    }
}

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
pub(super) struct Shards([RwLock<Shard>; N_SHARDS]);

/// A power of two. A parcel takes all of them for reading, so each costs every call; a replay folds each by a thread of its
/// own.
pub(super) const N_SHARDS: usize = 4;

/// Fewer are not worth a task.
const CHANGES_A_TASK: usize = 10_000;

/// What is about some keys, by the shard of the key and there in the same order.
fn by_shard<T>(of_keys: impl Iterator<Item = (EntityKey, T)>) -> Vec<Vec<T>> {
    // Keys are hashes: the shards differ by few.
    let of_each = of_keys.size_hint().0 / N_SHARDS;
    let mut of_shards: Vec<_> = (0..N_SHARDS).map(|_| Vec::with_capacity(of_each + of_each / 8)).collect();
    for (key, of_key) in of_keys {
        of_shards[place(key)].push(of_key);
    }
    of_shards
}

impl Clone for Shards {
    fn clone(&self) -> Self {
        let clone = |shard: &RwLock<Shard>| RwLock::new(shard.read().unwrap_or_else(PoisonError::into_inner).clone());
        Self(array::from_fn(|place| clone(&self.0[place])))
    }
}

impl Default for Shards {
    fn default() -> Self {
        Self(array::from_fn(|_| RwLock::default()))
    }
}

pub(super) fn place(key: EntityKey) -> usize {
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

impl Shards {
    /// One of them, to be changed; `None` where somebody else holds it and it is not to be waited for.
    pub(super) fn write(&self, place: usize, waits: bool) -> Option<RwLockWriteGuard<'_, Shard>> {
        let shard = self.0.get(place)?;
        match shard.try_write() {
            Ok(shard) => Some(shard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) if waits => Some(shard.write().unwrap_or_else(PoisonError::into_inner)),
            Err(TryLockError::WouldBlock) => None,
        }
    }

    /// Shards of what rows hold: each key once of a kind.
    pub(super) fn of_rows(
        counts: &[(EntityKey, Entry)],
        activity: &[(EntityKey, Activity)],
        norms: &[(EntityKey, Norm)],
    ) -> Self {
        let mut shards = Self::default();
        shards.fill(counts, |shard| &mut shard.entries);
        shards.fill(activity, |shard| &mut shard.activity);
        shards.fill(norms, |shard| &mut shard.norms);
        shards
    }

    fn fill<T: Pack + Sync>(&mut self, rows: &[(EntityKey, T)], table: impl Fn(&mut Shard) -> &mut Table<T> + Sync) {
        // Shard after shard, so that an index that is filled stays near.
        let rows_of = by_shard(rows.iter().map(|(key, value)| (*key, (*key, value))));
        self.change_by_shard(&rows_of, |shard, rows| {
            let table = table(shard);
            table.reserve(rows.len());
            for (key, value) in rows {
                table.add(*key, value);
            }
        });
    }

    /// What [`Guards::write`] wrote at the beginning of `bytes`, which then begins after it. It stays where it lies.
    pub(super) fn take(bytes: &mut Bytes) -> Result<Self, SnapshotError> {
        let mut slabs = || -> Result<_, SnapshotError> {
            Ok((Slabs::<Entry>::take(bytes)?, Slabs::<Activity>::take(bytes)?, Slabs::<Norm>::take(bytes)?))
        };
        let slabs = (0..N_SHARDS).map(|_| slabs()).collect::<Result<Vec<_>, _>>()?;
        let indexed = slabs.into_par_iter().enumerate().map(|(shard, (entries, activity, norms))| {
            let belongs = |key| place(key) == shard;
            let (entries, activity) = (entries.indexed(belongs)?, activity.indexed(belongs)?);
            Ok(RwLock::new(Shard { entries, activity, norms: norms.indexed(belongs)? }))
        });
        let shards: Vec<_> = indexed.collect::<Result<_, _>>()?;
        Ok(Self(shards.try_into().unwrap_or_else(|_| unreachable!("as many as were taken"))))
    }

    /// Leaves nothing where it was taken from.
    pub(super) fn own_all(&mut self) {
        self.all_mut().for_each(|Shard { entries, activity, norms }| {
            entries.own_all();
            activity.own_all();
            norms.own_all();
        });
    }

    /// Changes all shards by what there is for each.
    fn change_by_shard<T: Sync>(&mut self, of_shards: &[Vec<T>], change: impl Fn(&mut Shard, &[T]) + Sync) {
        let is_little = of_shards.iter().map(Vec::len).sum::<usize>() < CHANGES_A_TASK;
        let shards = self.0.par_iter_mut().with_min_len(if is_little { N_SHARDS } else { 1 });
        shards.zip(of_shards).for_each(|(shard, of_shard)| {
            change(shard.get_mut().unwrap_or_else(PoisonError::into_inner), of_shard);
        });
    }

    /// Has the counts of `keys` as they are in `before`, and none where they are not there.
    pub(super) fn put_back(&mut self, keys: &KeySet, before: &Table<Entry>) {
        self.all_mut().for_each(|Shard { entries, .. }| {
            entries.retain(|key, _| !keys.contains(&key) || before.get(key).is_some());
        });
        for key in keys {
            if let Some(found) = before.get(*key) {
                self.change(*key, |shard| shard.entries.change(*key, Entry::default, |entry| *entry = found.value()));
            }
        }
    }

    /// Each of them, to be changed by another thread.
    pub(super) fn all_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut Shard> {
        self.0.par_iter_mut().map(|shard| shard.get_mut().unwrap_or_else(PoisonError::into_inner))
    }

    /// See [`super::History::retain`].
    pub(super) fn retain(&mut self, counts: impl Fn(EntityKey) -> bool, activity: impl Fn(EntityKey) -> bool) {
        for shard in &mut self.0 {
            let shard = shard.get_mut().unwrap_or_else(PoisonError::into_inner);
            shard.entries.retain(|key, _| counts(key));
            shard.activity.retain(|key, _| activity(key));
        }
    }

    /// See [`super::History::evict_stalest`].
    pub(super) fn evict_stalest(&self, most: usize) -> usize {
        let n_entities = self.read().n_entries();
        if n_entities <= most {
            return 0;
        }
        let n_evicted = n_entities - (most - most / 10);
        // Calls wait for this, so nothing is sorted that need not be. The bucket that is cut, by its upper half and its lower.
        let halves = |last: Bucket| ((last.0 >> 16) as u16, last.0 as u16);
        let (upper, n_left) = cut(&self.of_each(|shard| shard.counted(|last| Some(halves(last).0))), n_evicted);
        let of_upper = |last: Bucket| Some(halves(last)).filter(|(of, _)| *of == upper).map(|(_, lower)| lower);
        let (lower, n_left) = cut(&self.of_each(|shard| shard.counted(of_upper)), n_left);
        let cut = Bucket(u32::from(upper) << 16 | u32::from(lower));
        let of_cut = self.of_each(|shard| {
            let entries = shard.entries.iter().filter(|(_, entry)| entry.last() == cut);
            entries.map(|(key, _)| key).collect::<Vec<_>>()
        });
        let mut of_cut = of_cut.concat();
        // The first that stays.
        let (_, &mut stays, _) = of_cut.select_nth_unstable(n_left);
        self.of_each(|shard| {
            let Shard { entries, activity, .. } = shard;
            entries.retain(|key, entry| (entry.last(), key) >= (cut, stays));
            activity.retain(|key, _| entries.get(key).is_some());
        });
        n_evicted
    }

    /// What comes of each, by a thread of its own. Not by rayon's: one that waits there may take up a call, which waits for this.
    fn of_each<R: Send>(&self, of: impl Fn(&mut Shard) -> R + Sync) -> Vec<R> {
        let of = |shard: &RwLock<Shard>| of(&mut shard.write().unwrap_or_else(PoisonError::into_inner));
        thread::scope(|scope| {
            let started = self.0.iter().map(|shard| (shard, thread::Builder::new().spawn_scoped(scope, || of(shard))));
            let started: Vec<_> = started.collect();
            let ended = started.into_iter().map(|(shard, thread)| match thread {
                Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => of(shard),
            });
            ended.collect()
        })
    }

    /// All of them, to read from; until it is dropped, nothing changes.
    pub(super) fn read(&self) -> Guards<'_> {
        Guards(array::from_fn(|place| self.0[place].read().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// The number at which more than `n` are counted, by all together, and how many of `n` are left for it.
fn cut(counted: &[Vec<usize>], n: usize) -> (u16, usize) {
    let mut n_left = n;
    for number in 0..=u16::MAX {
        let n_here: usize = counted.iter().filter_map(|counts| counts.get(usize::from(number))).sum();
        if n_here > n_left {
            return (number, n_left);
        }
        n_left -= n_here;
    }
    (u16::MAX, n_left)
}

/// Shards that nobody can change.
pub(super) struct Guards<'a>([RwLockReadGuard<'a, Shard>; N_SHARDS]);

impl Guards<'_> {
    pub(super) fn of(&self, key: EntityKey) -> &Shard {
        &self.0[place(key)]
    }

    pub(super) fn n_entries(&self) -> usize {
        self.0.iter().map(|shard| shard.entries.len()).sum()
    }

    pub(super) fn size(&self) -> HistorySize {
        let mut size = HistorySize::default();
        for shard in &self.0 {
            size.counts.add(shard.entries.size());
            size.activity.add(shard.activity.size());
            size.norms.add(shard.norms.size());
        }
        size
    }

    /// Writes all of it, shard by shard.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        for Shard { entries, activity, norms } in self.0.iter().map(|shard| &**shard) {
            entries.write(bytes);
            activity.write(bytes);
            norms.write(bytes);
        }
    }

    /// The counts of `keys`, of those that have any.
    pub(super) fn counts_of(&self, keys: KeySet) -> Table<Entry> {
        let mut counts = Table::default();
        for key in keys {
            if let Some(found) = self.of(key).entries.get(key) {
                counts.add(key, &found.value());
            }
        }
        counts
    }

    /// All of one kind, in order of the keys.
    pub(super) fn sorted<T: Pack + Send>(&self, kind: impl Fn(&Shard) -> &Table<T>) -> Vec<(EntityKey, T)> {
        let mut all = Vec::with_capacity(self.0.iter().map(|shard| kind(shard).len()).sum());
        self.0.iter().for_each(|shard| all.extend(kind(shard).iter()));
        all.par_sort_unstable_by_key(|(key, _)| *key);
        all
    }
}

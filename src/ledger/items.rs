//! Items that were advised.

use std::array;
use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::{Mutex, PoisonError};

use crate::history::{EntityKey, KeyIsHash};

/// Items that were advised: such as count in history.
#[derive(Debug)]
pub(super) struct Items([Mutex<HashSet<u64, BuildHasherDefault<KeyIsHash>>>; N_SHARDS]);

/// So many that each is small: a call waits while one grows, of a hundred million items for those of one shard alone.
const N_SHARDS: usize = 256;

impl Default for Items {
    fn default() -> Self {
        Self(array::from_fn(|_| Mutex::default()))
    }
}

impl Items {
    /// Whether it is a new one.
    pub(super) fn insert(&self, item: EntityKey) -> bool {
        // Bits from the middle: the sets inside use the lowest and the highest.
        let shard = &self.0[(item.0 >> 32) as usize % self.0.len()];
        shard.lock().unwrap_or_else(PoisonError::into_inner).insert(item.0)
    }

    pub(super) fn all(&self) -> Vec<u64> {
        let of = |shard: &Mutex<HashSet<u64, _>>| {
            shard.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }
}

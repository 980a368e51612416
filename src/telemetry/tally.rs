//! Counters by a label whose values are the program's own words.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

/// How often each word was counted. A word is `'static`, so no caller's text can become a series.
#[derive(Debug, Default)]
pub(super) struct Tally(RwLock<BTreeMap<&'static str, AtomicU64>>);

impl Tally {
    /// With words that are told of before they are counted, so that their first time is seen as a change.
    pub(super) fn of(words: impl IntoIterator<Item = &'static str>) -> Self {
        Self(RwLock::new(words.into_iter().map(|word| (word, AtomicU64::new(0))).collect()))
    }

    pub(super) fn add(&self, word: &'static str) {
        self.add_many(word, 1);
    }

    pub(super) fn add_many(&self, word: &'static str, n: u64) {
        {
            let counts = self.0.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(count) = counts.get(word) {
                count.fetch_add(n, Ordering::Relaxed);
                return;
            }
        }
        let mut counts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        counts.entry(word).or_default().fetch_add(n, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> BTreeMap<&'static str, u64> {
        let counts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        counts.iter().map(|(word, count)| (*word, count.load(Ordering::Relaxed))).collect()
    }
}

//! What a parcel reads of a history.

use std::fmt;

use super::shards::Guards;
use super::table::Found;
use super::{Activity, Bucket, Counts, Decay, EntityKey, Entry, Recent, Usual};

/// A history to read from, for any number of look-ups and threads. Folds wait until it is dropped, so it is held for a
/// parcel or a batch of them, and not longer; a thread that folds while it holds one waits for itself.
pub struct HistoryView<'a> {
    pub(super) shards: Guards<'a>,
    pub(super) decay: Decay,
}

impl HistoryView<'_> {
    /// Finds what is known of `key`. All of a parcel's keys are best found before anything is read of them: most are far
    /// away in memory, and the machine then waits for several of them at a time.
    pub fn find(&self, key: EntityKey) -> Known<'_> {
        Known { decay: &self.decay, entry: self.shards.of(key).entries.get(key), activity: None }
    }

    /// As [`HistoryView::find`], for keys whose activity is kept.
    pub fn find_with_activity(&self, key: EntityKey) -> Known<'_> {
        Known { activity: self.shards.of(key).activity.get(key), ..self.find(key) }
    }

    /// What a parcel in bucket `at` knows of `key`; zero counts where nothing is known.
    pub fn read(&self, key: EntityKey, at: Bucket) -> Counts {
        self.find(key).counts(at)
    }

    /// What a parcel in bucket `at` knows to be usual for `key`; `None` where nothing is.
    pub fn usual(&self, key: EntityKey, at: Bucket) -> Option<Usual> {
        self.shards.of(key).norms.get(key)?.value().read(at, &self.decay)
    }
}

/// What is known of one entity.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    decay: &'a Decay,
    entry: Option<Found<'a, Entry>>,
    activity: Option<Found<'a, Activity>>,
}

impl Known<'_> {
    /// What a parcel in bucket `at` sees of its counts; zero where there are none.
    pub fn counts(&self, at: Bucket) -> Counts {
        self.entry.map_or_else(Counts::default, |entry| entry.value().read(at, self.decay))
    }

    /// What a parcel in bucket `at` sees of its activity; `None` where there was none.
    pub fn recent(&self, at: Bucket) -> Option<Recent> {
        self.activity?.value().read(at, self.decay.width)
    }
}

impl fmt::Debug for Known<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").field("entry", &self.entry.map(|entry| entry.value())).finish_non_exhaustive()
    }
}

impl fmt::Debug for HistoryView<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HistoryView").finish_non_exhaustive()
    }
}

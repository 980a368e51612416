//! What a parcel reads of a history.

use std::fmt;

use super::shards::Guards;
use super::table::{Found, Guess, Place};
use super::{Activity, Bucket, Counts, Decay, EntityKey, Entry, Recent, Usual};

/// A history to read from, for any number of look-ups and threads. Folds wait until it is dropped, so it is held for a
/// parcel or a batch of them, and not longer; a thread that folds while it holds one waits for itself.
pub struct HistoryView<'a> {
    pub(super) shards: Guards<'a>,
    pub(super) decay: Decay,
}

impl HistoryView<'_> {
    /// Finds what is known of `key`.
    pub fn find(&self, key: EntityKey) -> Known<'_> {
        let (place, entry) = self.shards.of(key).entries.get_at(key).unzip();
        Known { decay: &self.decay, place, entry, active_at: None, activity: None }
    }

    /// Brings near what is known of all that a parcel reads: entities, each with whether its activity is kept, and kinds of
    /// parcels.
    ///
    /// Most of it is far away in memory, and looked for one by one, the machine would wait for nearly each. So the indexes
    /// are asked for all of it first, then all is touched, with nothing that depends on what stands there. `sighted` keeps
    /// where that is.
    pub fn sight(
        &self,
        entities: impl Iterator<Item = (Option<EntityKey>, bool)> + Clone,
        kinds: impl Iterator<Item = Option<EntityKey>> + Clone,
        sighted: &mut Sighted,
    ) {
        let of_entity = |(key, keeps_activity): (Option<EntityKey>, bool)| {
            let Some(key) = key else { return Default::default() };
            let shard = self.shards.of(key);
            (shard.entries.guess(key), if keeps_activity { shard.activity.guess(key) } else { Guess::default() })
        };
        let of_kind =
            |key: Option<EntityKey>| key.map_or_else(Guess::default, |key| self.shards.of(key).norms.guess(key));
        sighted.entities.clear();
        sighted.entities.extend(entities.clone().map(of_entity));
        sighted.kinds.clear();
        sighted.kinds.extend(kinds.clone().map(of_kind));
        let mut touched = 0;
        for ((key, _), (entry, activity)) in entities.zip(&sighted.entities) {
            let shard = self.shards.of(key.unwrap_or_default());
            touched ^= shard.entries.touch(*entry) ^ shard.activity.touch(*activity);
        }
        for (key, norm) in kinds.zip(&sighted.kinds) {
            touched ^= self.shards.of(key.unwrap_or_default()).norms.touch(*norm);
        }
        // Else nothing would be touched: nobody asks for it.
        std::hint::black_box(touched);
    }

    /// What is known of the entity `key`, which was sighted at `place`.
    pub fn known(&self, Sighted { entities, .. }: &Sighted, place: usize, key: EntityKey) -> Known<'_> {
        let (entry, activity) = entities.get(place).copied().unwrap_or_default();
        let shard = self.shards.of(key);
        let (place, entry) = shard.entries.at(key, entry).unzip();
        let (active_at, activity) = shard.activity.at(key, activity).unzip();
        Known { decay: &self.decay, place, entry, active_at, activity }
    }

    /// What a parcel in bucket `at` knows of `key`; zero counts where nothing is known.
    pub fn read(&self, key: EntityKey, at: Bucket) -> Counts {
        self.find(key).counts(at)
    }

    /// What a parcel in bucket `at` knows to be usual for the kind `key`, which was sighted at `place`; `None` where nothing
    /// is.
    pub fn usual(&self, sighted: &Sighted, place: usize, key: EntityKey, at: Bucket) -> Option<Usual> {
        self.usual_at(sighted, place, key, at)?.1
    }

    /// As [`HistoryView::usual`], with where it stands now what is known of the kind; `None` where nothing is.
    pub fn usual_at(
        &self,
        Sighted { kinds, .. }: &Sighted,
        place: usize,
        key: EntityKey,
        at: Bucket,
    ) -> Option<(Place, Option<Usual>)> {
        let (place, norm) = self.shards.of(key).norms.at(key, *kinds.get(place)?)?;
        Some((place, norm.value().read(at, &self.decay)))
    }
}

/// Where it stands what a parcel reads, by the order in which it was asked for.
#[derive(Clone, Debug, Default)]
pub struct Sighted {
    pub(super) entities: Vec<(Guess, Guess)>,
    pub(super) kinds: Vec<Guess>,
}

/// What is known of one entity.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    decay: &'a Decay,
    place: Option<Place>,
    entry: Option<Found<'a, Entry>>,
    active_at: Option<Place>,
    activity: Option<Found<'a, Activity>>,
}

impl Known<'_> {
    /// Where its counts stand now; `None` where there are none.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// Where its activity stands now; `None` where there is none, or it was not sighted.
    pub fn active_at(&self) -> Option<Place> {
        self.active_at
    }

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

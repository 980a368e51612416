//! Past parcels and their outcomes, folded in order of time.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::shards::KeySet;
use super::{Bucket, EntityKey, Event, Footprint, History};

/// An outcome that is known to come, but not yet at the time replayed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueOutcome {
    /// When it becomes known.
    pub at: Bucket,
    /// What was found.
    pub infringement: bool,
    /// The keys of the parcel.
    pub keys: Vec<EntityKey>,
}

/// A parcel that is advised, and the outcome that will become known of it.
#[derive(Clone, Copy, Debug)]
pub struct Advised<'a> {
    /// Names the item, so that one advised twice counts once.
    pub item: EntityKey,
    /// What it adds to history.
    pub footprint: &'a Footprint,
    /// When its outcome becomes known, and whether it is an infringement.
    pub outcome: Option<(Bucket, bool)>,
}

/// Fewer events are not worth a task.
const EVENTS_A_TASK: usize = 64;

/// Replays parcels in order of time: each sees only what was known when it was advised.
///
/// An outcome arrives when it became known, not when its parcel did. The same item advised twice
/// counts once.
#[derive(Debug)]
pub struct Replay {
    history: History,
    due: BTreeMap<Bucket, Vec<DueOutcome>>,
    advised_items: KeySet,
    now: Bucket,
}

impl Replay {
    /// Starts from a history and the outcomes that were still to come in it.
    pub fn from(history: History, due: Vec<DueOutcome>) -> Self {
        let mut replay =
            Self { history, due: BTreeMap::new(), advised_items: KeySet::default(), now: Bucket::default() };
        due.into_iter().for_each(|outcome| replay.will_be_known(outcome));
        replay
    }

    /// Moves to bucket `at` and gives the history that a parcel in it sees. Time never goes back:
    /// an earlier bucket than one already reached leaves the clock where it is.
    pub fn advance(&mut self, at: Bucket) -> &History {
        self.now = self.now.max(at);
        while let Some(next) = self.due.first_entry().filter(|next| *next.key() <= self.now) {
            let at = *next.key();
            let due = next.remove();
            fold_all(&mut self.history, &due, |DueOutcome { infringement, keys, .. }| Event::Outcome {
                at,
                keys,
                infringement: *infringement,
            });
        }
        &self.history
    }

    /// Folds a parcel that is advised now, and notes the outcome that will become known of it.
    /// Answers whether the item was new.
    pub fn advise(&mut self, item: EntityKey, footprint: &Footprint, outcome: Option<(Bucket, bool)>) -> bool {
        self.advise_all(&[Advised { item, footprint, outcome }]) == 1
    }

    /// As [`Replay::advise`] one after the other, by all threads. Answers how many items were new.
    pub fn advise_all(&mut self, parcels: &[Advised<'_>]) -> usize {
        let new: Vec<_> = parcels.iter().filter(|parcel| self.advised_items.insert(parcel.item)).collect();
        for Advised { footprint, outcome, .. } in &new {
            if let Some((known_at, infringement)) = *outcome {
                let at = known_at.max(self.now);
                self.will_be_known(DueOutcome { at, infringement, keys: footprint.keys.clone() });
            }
        }
        let at = self.now;
        fold_all(&mut self.history, &new, |parcel| Event::Advised { at, footprint: parcel.footprint });
        new.len()
    }

    /// The history so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The history, and the outcomes still to come, earliest first.
    pub fn finish(self) -> (History, Vec<DueOutcome>) {
        let mut due: Vec<_> = self.due.into_values().flatten().collect();
        due.sort();
        (self.history, due)
    }

    /// An outcome will become known; one of a bucket that was reached already becomes known in the next that is.
    pub fn will_be_known(&mut self, outcome: DueOutcome) {
        self.due.entry(outcome.at).or_default().push(outcome);
    }
}

/// Folds an event of each of `what`, all of one bucket and so in any order: see [`History::fold`].
fn fold_all<'a, T: Sync>(history: &mut History, what: &'a [T], event: impl Fn(&'a T) -> Event<'a> + Sync) {
    if what.len() <= EVENTS_A_TASK {
        what.iter().for_each(|one| history.fold_alone(&event(one)));
    } else {
        let history = &*history;
        what.par_iter().with_min_len(EVENTS_A_TASK).for_each(|one| history.fold(&event(one)));
    }
}

//! Past parcels and their outcomes, folded in order of time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

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

/// Replays parcels in order of time: each sees only what was known when it was advised.
///
/// An outcome arrives when it became known, not when its parcel did. The same item advised twice
/// counts once.
#[derive(Debug)]
pub struct Replay {
    history: History,
    due: BinaryHeap<Reverse<DueOutcome>>,
    advised_items: HashSet<EntityKey>,
    now: Bucket,
}

impl Replay {
    /// Starts from a history and the outcomes that were still to come in it.
    pub fn from(history: History, due: Vec<DueOutcome>) -> Self {
        Self {
            history,
            due: due.into_iter().map(Reverse).collect(),
            advised_items: HashSet::new(),
            now: Bucket::default(),
        }
    }

    /// Moves to bucket `at` and gives the history that a parcel in it sees. Time never goes back:
    /// an earlier bucket than one already reached leaves the clock where it is.
    pub fn advance(&mut self, at: Bucket) -> &History {
        self.now = self.now.max(at);
        while let Some(Reverse(next)) = self.due.peek() {
            if next.at > self.now {
                break;
            }
            if let Some(Reverse(DueOutcome { at, infringement, keys })) = self.due.pop() {
                self.history.fold(&Event::Outcome { at, keys: &keys, infringement });
            }
        }
        &self.history
    }

    /// Folds a parcel that is advised now, and notes the outcome that will become known of it.
    /// Answers whether the item was new.
    pub fn advise(&mut self, item: EntityKey, footprint: &Footprint, outcome: Option<(Bucket, bool)>) -> bool {
        if !self.advised_items.insert(item) {
            return false;
        }
        self.history.fold(&Event::Advised { at: self.now, footprint });
        if let Some((known_at, infringement)) = outcome {
            let due = DueOutcome { at: known_at.max(self.now), infringement, keys: footprint.keys.clone() };
            self.due.push(Reverse(due));
        }
        true
    }

    /// The history so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The history, and the outcomes still to come, earliest first.
    pub fn finish(self) -> (History, Vec<DueOutcome>) {
        let mut due: Vec<_> = self.due.into_iter().map(|Reverse(outcome)| outcome).collect();
        due.sort();
        (self.history, due)
    }
}

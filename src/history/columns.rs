//! A history's tables column by column, so that like stands beside like and packs well.

use serde::{Deserialize, Serialize};

use super::SnapshotError::{self, Inconsistent};
use super::{Activity, Bucket, EntityKey, Entry, Norm};

#[derive(Serialize, Deserialize)]
pub(super) struct CountColumns {
    keys: Keys,
    closed_until: Vec<u32>,
    closed: [Vec<f32>; 3],
    pending_in: Vec<u32>,
    pending: [Vec<u32>; 3],
}

impl CountColumns {
    pub(super) fn of(entries: &[(EntityKey, Entry)]) -> Self {
        Self {
            keys: Keys::of(entries),
            closed_until: column(entries, |entry| entry.closed_until.0),
            closed: [0, 1, 2].map(|idx| column(entries, |entry| entry.closed[idx])),
            pending_in: column(entries, |entry| entry.pending_in.0),
            pending: [0, 1, 2].map(|idx| column(entries, |entry| entry.pending[idx])),
        }
    }

    pub(super) fn check(self) -> Result<Vec<(EntityKey, Entry)>, SnapshotError> {
        let n = self.keys.len();
        let lengths = [self.closed_until.len(), self.pending_in.len()];
        let columns = self.closed.iter().map(Vec::len).chain(self.pending.iter().map(Vec::len));
        same_length(n, lengths.into_iter().chain(columns))?;
        if self.closed.iter().flatten().any(|count| !count.is_finite() || *count < 0.0) {
            return Err(Inconsistent("a count that is no count"));
        }
        let entry = |idx: usize| Entry {
            closed_until: Bucket(self.closed_until[idx]),
            closed: [0, 1, 2].map(|column: usize| self.closed[column][idx]),
            pending_in: Bucket(self.pending_in[idx]),
            pending: [0, 1, 2].map(|column: usize| self.pending[column][idx]),
        };
        let entries = self.keys.with(entry)?;
        in_order(entries.iter().map(|(_, entry)| (entry.closed_until, entry.pending_in)))?;
        Ok(entries)
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ActivityColumns {
    keys: Keys,
    first: Vec<u32>,
    last: Vec<u32>,
    recent: [Vec<f32>; 3],
    counterparts: [Vec<u64>; 2],
    pending_in: Vec<u32>,
    pending: Vec<u32>,
    pending_counterparts: Vec<u64>,
}

impl ActivityColumns {
    pub(super) fn of(activity: &[(EntityKey, Activity)]) -> Self {
        Self {
            keys: Keys::of(activity),
            first: column(activity, |entity| entity.first.0),
            last: column(activity, |entity| entity.last.0),
            recent: [0, 1, 2].map(|idx| column(activity, |entity| entity.recent[idx])),
            counterparts: [0, 1].map(|idx| column(activity, |entity| entity.counterparts[idx])),
            pending_in: column(activity, |entity| entity.pending_in.0),
            pending: column(activity, |entity| entity.pending),
            pending_counterparts: column(activity, |entity| entity.pending_counterparts),
        }
    }

    pub(super) fn check(self) -> Result<Vec<(EntityKey, Activity)>, SnapshotError> {
        let n = self.keys.len();
        let lengths = [self.first.len(), self.last.len(), self.pending_in.len(), self.pending.len()];
        let columns = self.recent.iter().map(Vec::len).chain(self.counterparts.iter().map(Vec::len));
        same_length(n, lengths.into_iter().chain(columns).chain([self.pending_counterparts.len()]))?;
        if self.recent.iter().flatten().any(|count| !count.is_finite() || *count < 0.0) {
            return Err(Inconsistent("a count that is no count"));
        }
        let entity = |idx: usize| Activity {
            first: Bucket(self.first[idx]),
            last: Bucket(self.last[idx]),
            recent: [0, 1, 2].map(|column: usize| self.recent[column][idx]),
            counterparts: [0, 1].map(|column: usize| self.counterparts[column][idx]),
            pending_in: Bucket(self.pending_in[idx]),
            pending: self.pending[idx],
            pending_counterparts: self.pending_counterparts[idx],
        };
        let activity = self.keys.with(entity)?;
        in_order(activity.iter().map(|(_, entity)| (entity.first, entity.last)))?;
        in_order(activity.iter().map(|(_, entity)| (entity.last, entity.pending_in)))?;
        Ok(activity)
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct NormColumns {
    keys: Keys,
    closed_until: Vec<u32>,
    closed: [Vec<f64>; 3],
    pending_in: Vec<u32>,
    pending: [Vec<i64>; 3],
}

impl NormColumns {
    pub(super) fn of(norms: &[(EntityKey, Norm)]) -> Self {
        Self {
            keys: Keys::of(norms),
            closed_until: column(norms, |norm| norm.closed_until.0),
            closed: [0, 1, 2].map(|idx| column(norms, |norm| norm.closed[idx])),
            pending_in: column(norms, |norm| norm.pending_in.0),
            pending: [0, 1, 2].map(|idx| column(norms, |norm| norm.pending[idx])),
        }
    }

    pub(super) fn check(self) -> Result<Vec<(EntityKey, Norm)>, SnapshotError> {
        let n = self.keys.len();
        let lengths = [self.closed_until.len(), self.pending_in.len()];
        let columns = self.closed.iter().map(Vec::len).chain(self.pending.iter().map(Vec::len));
        same_length(n, lengths.into_iter().chain(columns))?;
        let [weights, _, squares] = &self.closed;
        let negative = weights.iter().chain(squares).any(|sum| *sum < 0.0);
        if negative || self.closed.iter().flatten().any(|sum| !sum.is_finite()) {
            return Err(Inconsistent("a sum that is no sum"));
        }
        let norm = |idx: usize| Norm {
            closed_until: Bucket(self.closed_until[idx]),
            closed: [0, 1, 2].map(|column: usize| self.closed[column][idx]),
            pending_in: Bucket(self.pending_in[idx]),
            pending: [0, 1, 2].map(|column: usize| self.pending[column][idx]),
        };
        let norms = self.keys.with(norm)?;
        in_order(norms.iter().map(|(_, norm)| (norm.closed_until, norm.pending_in)))?;
        Ok(norms)
    }
}

/// Keys in ascending order, as differences.
#[derive(Serialize, Deserialize)]
struct Keys(Vec<u64>);

impl Keys {
    fn of<T>(table: &[(EntityKey, T)]) -> Self {
        let mut previous = 0;
        let step = |(key, _): &(EntityKey, T)| {
            let step = key.0.wrapping_sub(previous);
            previous = key.0;
            step
        };
        Self(table.iter().map(step).collect())
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn with<T>(&self, value: impl Fn(usize) -> T) -> Result<Vec<(EntityKey, T)>, SnapshotError> {
        let mut table = Vec::with_capacity(self.0.len());
        let mut key = 0_u64;
        for (idx, &step) in self.0.iter().enumerate() {
            key = match key.checked_add(step) {
                Some(next) if step > 0 || idx == 0 => next,
                _ => return Err(Inconsistent("keys out of order")),
            };
            table.push((EntityKey(key), value(idx)));
        }
        Ok(table)
    }
}

fn column<T, C>(table: &[(EntityKey, T)], of: impl Fn(&T) -> C) -> Vec<C> {
    table.iter().map(|(_, value)| of(value)).collect()
}

fn same_length(n: usize, lengths: impl IntoIterator<Item = usize>) -> Result<(), SnapshotError> {
    if lengths.into_iter().all(|length| length == n) {
        Ok(())
    } else {
        Err(Inconsistent("columns of different lengths"))
    }
}

fn in_order(mut pairs: impl Iterator<Item = (Bucket, Bucket)>) -> Result<(), SnapshotError> {
    if pairs.all(|(closed, pending)| closed <= pending) {
        Ok(())
    } else {
        Err(Inconsistent("closed later than pending"))
    }
}

//! A history's tables column by column, so that like stands beside like and packs well.

use serde::{Deserialize, Serialize};

use super::SnapshotError::{self, Inconsistent};
use super::column::Column;
use super::rows::Rows;
use super::{Activity, Bucket, EntityKey, Entry, Norm};

/// Columns of one length, whose keys are in order and no differences any more.
pub(super) struct Checked<C>(C);

#[derive(Serialize, Deserialize)]
pub(super) struct CountColumns {
    keys: Keys,
    closed_until: Column<u32>,
    closed: [Column<f32>; 3],
    pending_in: Column<u32>,
    pending: [Column<u32>; 3],
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

    pub(super) fn check(self) -> Result<Checked<Self>, SnapshotError> {
        let lengths = [self.closed_until.len(), self.pending_in.len()];
        let columns =
            self.closed.iter().map(|column| column.len()).chain(self.pending.iter().map(|column| column.len()));
        same_length(self.keys.0.len(), lengths.into_iter().chain(columns))?;
        Ok(Checked(Self { keys: self.keys.summed()?, ..self }))
    }
}

impl Rows<Entry> for Checked<CountColumns> {
    fn len(&self) -> usize {
        self.0.keys.0.len()
    }

    fn key(&self, idx: usize) -> EntityKey {
        EntityKey(self.0.keys.0[idx])
    }

    fn value(&self, idx: usize) -> Entry {
        let Self(columns) = self;
        Entry {
            closed_until: Bucket(columns.closed_until[idx]),
            closed: [0, 1, 2].map(|column: usize| columns.closed[column][idx]),
            pending_in: Bucket(columns.pending_in[idx]),
            pending: [0, 1, 2].map(|column: usize| columns.pending[column][idx]),
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct ActivityColumns {
    keys: Keys,
    first: Column<u32>,
    last: Column<u32>,
    recent: [Column<f32>; 3],
    counterparts: [Column<u64>; 2],
    pending_in: Column<u32>,
    pending: Column<u32>,
    pending_counterparts: Column<u64>,
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

    pub(super) fn check(self) -> Result<Checked<Self>, SnapshotError> {
        let lengths = [self.first.len(), self.last.len(), self.pending_in.len(), self.pending.len()];
        let columns =
            self.recent.iter().map(|column| column.len()).chain(self.counterparts.iter().map(|column| column.len()));
        let columns = columns.chain([self.pending_counterparts.len()]);
        same_length(self.keys.0.len(), lengths.into_iter().chain(columns))?;
        Ok(Checked(Self { keys: self.keys.summed()?, ..self }))
    }
}

impl Rows<Activity> for Checked<ActivityColumns> {
    fn len(&self) -> usize {
        self.0.keys.0.len()
    }

    fn key(&self, idx: usize) -> EntityKey {
        EntityKey(self.0.keys.0[idx])
    }

    fn value(&self, idx: usize) -> Activity {
        let Self(columns) = self;
        Activity {
            first: Bucket(columns.first[idx]),
            last: Bucket(columns.last[idx]),
            recent: [0, 1, 2].map(|column: usize| columns.recent[column][idx]),
            counterparts: [0, 1].map(|column: usize| columns.counterparts[column][idx]),
            pending_in: Bucket(columns.pending_in[idx]),
            pending: columns.pending[idx],
            pending_counterparts: columns.pending_counterparts[idx],
        }
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct NormColumns {
    keys: Keys,
    closed_until: Column<u32>,
    closed: [Column<f64>; 3],
    pending_in: Column<u32>,
    pending: [Column<i64>; 3],
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

    pub(super) fn check(self) -> Result<Checked<Self>, SnapshotError> {
        let lengths = [self.closed_until.len(), self.pending_in.len()];
        let columns =
            self.closed.iter().map(|column| column.len()).chain(self.pending.iter().map(|column| column.len()));
        same_length(self.keys.0.len(), lengths.into_iter().chain(columns))?;
        Ok(Checked(Self { keys: self.keys.summed()?, ..self }))
    }
}

impl Rows<Norm> for Checked<NormColumns> {
    fn len(&self) -> usize {
        self.0.keys.0.len()
    }

    fn key(&self, idx: usize) -> EntityKey {
        EntityKey(self.0.keys.0[idx])
    }

    fn value(&self, idx: usize) -> Norm {
        let Self(columns) = self;
        Norm {
            closed_until: Bucket(columns.closed_until[idx]),
            closed: [0, 1, 2].map(|column: usize| columns.closed[column][idx]),
            pending_in: Bucket(columns.pending_in[idx]),
            pending: [0, 1, 2].map(|column: usize| columns.pending[column][idx]),
        }
    }
}

/// Keys in ascending order, as differences.
#[derive(Serialize, Deserialize)]
struct Keys(Column<u64>);

impl Keys {
    fn of<T>(table: &[(EntityKey, T)]) -> Self {
        let mut previous = 0;
        let step = |(key, _): &(EntityKey, T)| {
            let step = key.0.wrapping_sub(previous);
            previous = key.0;
            step
        };
        Self(Column(table.iter().map(step).collect()))
    }

    /// The keys themselves, where they ascend.
    fn summed(mut self) -> Result<Self, SnapshotError> {
        let mut key = 0_u64;
        for (idx, step) in self.0.0.iter_mut().enumerate() {
            key = match key.checked_add(*step) {
                Some(next) if *step > 0 || idx == 0 => next,
                _ => return Err(Inconsistent("keys out of order")),
            };
            *step = key;
        }
        Ok(self)
    }
}

fn column<T, C>(table: &[(EntityKey, T)], of: impl Fn(&T) -> C) -> Column<C> {
    Column(table.iter().map(|(_, value)| of(value)).collect())
}

fn same_length(n: usize, lengths: impl IntoIterator<Item = usize>) -> Result<(), SnapshotError> {
    if lengths.into_iter().all(|length| length == n) {
        Ok(())
    } else {
        Err(Inconsistent("columns of different lengths"))
    }
}

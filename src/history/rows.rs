//! What is known, row by row in the order of keys, wherever the rows lie.

use rayon::prelude::*;

use super::SnapshotError::{self, Inconsistent};
use super::{Activity, Bucket, EntityKey, Entry, Norm};

/// Rows of one kind. Keys ascend.
pub(super) trait Rows<T>: Sync {
    /// Number of rows.
    fn len(&self) -> usize;
    /// The key of row `idx`, which is one of them.
    fn key(&self, idx: usize) -> EntityKey;
    /// The value of row `idx`, which is one of them.
    fn value(&self, idx: usize) -> T;
}

impl<T: Copy + Sync> Rows<T> for Vec<(EntityKey, T)> {
    fn len(&self) -> usize {
        self.as_slice().len()
    }

    fn key(&self, idx: usize) -> EntityKey {
        self[idx].0
    }

    fn value(&self, idx: usize) -> T {
        self[idx].1
    }
}

/// All of them, where each is one that a fold makes.
pub(super) fn all<T: Possible>(rows: &impl Rows<T>) -> Result<Vec<(EntityKey, T)>, SnapshotError> {
    check(rows)?;
    Ok((0..rows.len()).map(|idx| (rows.key(idx), rows.value(idx))).collect())
}

/// Whether each is one that a fold makes.
pub(super) fn check<T: Possible>(rows: &impl Rows<T>) -> Result<(), SnapshotError> {
    (0..rows.len()).into_par_iter().with_min_len(ROWS_A_TASK).try_for_each(|idx| rows.value(idx).check())
}

/// Fewer are not worth a task.
pub(super) const ROWS_A_TASK: usize = 10_000;

/// A value that may be none that a fold makes.
pub(super) trait Possible: Copy {
    /// Whether it can be used as one.
    fn check(&self) -> Result<(), SnapshotError>;
}

impl Possible for Entry {
    fn check(&self) -> Result<(), SnapshotError> {
        counts(&self.closed)?;
        in_order(self.closed_until, self.pending_in)
    }
}

impl Possible for Activity {
    fn check(&self) -> Result<(), SnapshotError> {
        counts(&self.recent)?;
        in_order(self.first, self.last)?;
        in_order(self.last, self.pending_in)
    }
}

impl Possible for Norm {
    fn check(&self) -> Result<(), SnapshotError> {
        let [weight, _, squares] = self.closed;
        if weight < 0.0 || squares < 0.0 || self.closed.iter().any(|sum| !sum.is_finite()) {
            return Err(Inconsistent("a sum that is no sum"));
        }
        in_order(self.closed_until, self.pending_in)
    }
}

fn counts(counts: &[f32; 3]) -> Result<(), SnapshotError> {
    if counts.iter().all(|count| count.is_finite() && *count >= 0.0) {
        Ok(())
    } else {
        Err(Inconsistent("a count that is no count"))
    }
}

fn in_order(closed: Bucket, pending: Bucket) -> Result<(), SnapshotError> {
    if closed <= pending { Ok(()) } else { Err(Inconsistent("closed later than pending")) }
}

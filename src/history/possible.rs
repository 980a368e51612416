//! What a fold can make: a value that was read may be something else.

use super::SnapshotError::{self, Inconsistent};
use super::{Activity, Bucket, Entry, Norm};

/// A value that may be none that a fold makes.
pub(super) trait Possible {
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

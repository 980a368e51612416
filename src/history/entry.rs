//! What is known of one entity.

use super::{Bucket, BucketWidth};

/// Decayed counts of one entity, as a parcel in some bucket sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Parcels advised.
    pub seen: f64,
    /// Parcels whose outcome became known.
    pub inspected: f64,
    /// Outcomes that were infringements.
    pub infringements: f64,
}

/// How counts lose weight with age: by half every `half_life_days`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decay {
    /// Bucket width that ages are counted in.
    pub width: BucketWidth,
    /// Days after which an event counts half.
    pub half_life_days: f64,
}

impl Decay {
    /// Weight that remains of an event of `from` in the bucket `to`. `libm`, so that every machine
    /// computes the same bits.
    pub(super) fn remaining(&self, from: Bucket, to: Bucket) -> f64 {
        libm::exp2(-self.width.days_between(from, to) / self.half_life_days)
    }
}

/// Closed buckets, decayed to the last merge, and the one bucket that may still be written.
///
/// Within a bucket only integers are added, so the order of calls cannot change a bit. Floats
/// enter when a later bucket's first event moves the pending counts into the closed ones: once
/// per bucket, in the order of buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Entry {
    pub(super) closed_until: Bucket,
    pub(super) closed: [f32; 3],
    pub(super) pending_in: Bucket,
    pub(super) pending: [u32; 3],
}

impl Entry {
    /// The counts that a parcel in bucket `at` sees: everything before `at`.
    ///
    /// Pending counts of an earlier bucket are merged first, as the next event would: a parcel must
    /// read the same bits whether or not another of its own bucket was folded before it.
    pub(super) fn read(&self, at: Bucket, decay: &Decay) -> Counts {
        let mut entry = *self;
        if entry.pending_in < at {
            entry.merge(decay);
        }
        if entry.closed == [0.0; 3] {
            // Decay leaves nothing of nothing; most of what is read is new.
            return Counts::default();
        }
        let weight = decay.remaining(entry.closed_until, at);
        let [seen, inspected, infringements] = entry.closed.map(|count| f64::from(count) * weight);
        Counts { seen, inspected, infringements }
    }

    /// The bucket of its latest event.
    pub(super) fn last(&self) -> Bucket {
        self.pending_in.max(self.closed_until)
    }

    /// Adds `added` (seen, inspected, infringements) in bucket `at`. An event of a bucket that is
    /// already closed counts in the open one: what was decided cannot change afterwards.
    pub(super) fn add(&mut self, at: Bucket, added: [u32; 3], decay: &Decay) {
        if at > self.pending_in {
            self.merge(decay);
            self.pending_in = at;
        }
        for (pending, added) in self.pending.iter_mut().zip(added) {
            *pending = pending.saturating_add(added);
        }
    }

    fn merge(&mut self, decay: &Decay) {
        if self.pending == [0; 3] {
            return;
        }
        // Of nothing, nothing remains whatever its age: most entities close their first bucket only.
        let weight = match self.closed == [0.0; 3] {
            true => 0.0,
            false => decay.remaining(self.closed_until, self.pending_in),
        };
        for (closed, pending) in self.closed.iter_mut().zip(self.pending) {
            // Stored as f32 to keep an entry small; rounding happens at this one place.
            *closed = (f64::from(*closed) * weight + f64::from(pending)) as f32;
        }
        self.closed_until = self.pending_in;
        self.pending = [0; 3];
    }
}

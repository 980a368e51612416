//! Parcels that were advised while others read, and are folded a little later.

use std::mem;
use std::sync::{Mutex, PoisonError};

use super::shards::Places;
use super::{Bucket, Footprint};

/// Parcels that are folded together, once as many wait: whoever folds them waits for those who read.
const TOGETHER: usize = 16;

/// A parcel with the bucket that it was advised in, and the shards that it is not folded into.
pub(super) struct Later {
    pub(super) at: Bucket,
    pub(super) footprint: Footprint,
    pub(super) left: Places,
}

/// What waits to be folded.
#[derive(Default)]
pub(super) struct Waiting(Mutex<Vec<Later>>);

impl Waiting {
    /// Adds a parcel. Where enough have come together they are given to the caller, to be folded.
    pub(super) fn add(&self, later: Later) -> Vec<Later> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(later);
        if waiting.len() >= TOGETHER { mem::take(&mut *waiting) } else { Vec::new() }
    }

    /// All that wait, to be folded.
    pub(super) fn take(&self) -> Vec<Later> {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

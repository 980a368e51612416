//! Parcels that were advised of late: some are folded together, a little later.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::together::Together;
use super::{Bucket, Footprint, SeenAt};

/// Parcels that are worth folding together. They have countries, HS codes and routes in common, so that fewer entities change,
/// and what holds them is locked less often.
const TOGETHER: usize = 16;

/// Most that wait until somebody has the time. More at once would keep those who read waiting for longer.
const MOST: usize = 2 * TOGETHER;

/// What waits to be folded.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    gathered: Mutex<Gathered>,
    /// Folded, and kept for the room that they have: one for each thread that was ever at it.
    spare: Mutex<Vec<Together>>,
}

/// Parcels of one bucket.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) at: Bucket,
    n_parcels: usize,
    pub(super) together: Together,
}

impl Waiting {
    /// Adds a parcel that was advised in bucket `at`. Where as many wait as may, or others are of a bucket before, these are given
    /// to the caller, to be folded.
    pub(super) fn add(&self, at: Bucket, footprint: &Footprint, seen_at: &SeenAt) -> Option<Gathered> {
        let mut gathered = lock(&self.gathered);
        let before = if gathered.at == at { None } else { self.taken(&mut gathered) };
        gathered.at = at;
        gathered.n_parcels += 1;
        gathered.together.advise(footprint, seen_at);
        before.or_else(|| if gathered.n_parcels < MOST { None } else { self.taken(&mut gathered) })
    }

    /// Those that wait, where enough have come together, to be folded.
    pub(super) fn take_many(&self) -> Option<Gathered> {
        let mut gathered = lock(&self.gathered);
        if gathered.n_parcels < TOGETHER { None } else { self.taken(&mut gathered) }
    }

    /// All that wait, to be folded.
    pub(super) fn take(&self) -> Option<Gathered> {
        self.taken(&mut lock(&self.gathered))
    }

    fn taken(&self, gathered: &mut Gathered) -> Option<Gathered> {
        let room = || Gathered { together: lock(&self.spare).pop().unwrap_or_default(), ..Gathered::default() };
        (gathered.n_parcels > 0).then(|| mem::replace(gathered, room()))
    }

    /// Takes back what was folded.
    pub(super) fn give_back(&self, folded: Gathered) {
        lock(&self.spare).push(folded.together);
    }
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

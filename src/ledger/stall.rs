//! Whether a write hangs. A disk that fails says so; one that hangs says nothing, and whoever waits for it waits for good.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::bell::Bell;

/// How long a write may take before whoever waits for its record goes on without. A thousand times what one takes; a disk
/// that is merely slow is far below.
const LIMIT: Duration = Duration::from_millis(500);

/// Watches one write after the other.
#[derive(Debug)]
pub(super) struct Stall {
    origin: Instant,
    /// Milliseconds since the origin when the write under way began, and one more; zero: there is none.
    began_millis: AtomicU64,
    /// Writes that were begun.
    n_begun: AtomicU64,
    is_told: AtomicBool,
    /// Calls whoever watches and rests.
    pub(super) bell: Bell,
}

impl Stall {
    pub(super) fn new() -> Self {
        Self {
            origin: Instant::now(),
            began_millis: AtomicU64::new(0),
            n_begun: AtomicU64::new(0),
            is_told: AtomicBool::new(false),
            bell: Bell::default(),
        }
    }

    fn now_millis(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A write begins.
    pub(super) fn begins(&self) {
        self.began_millis.store(self.now_millis().saturating_add(1), Ordering::Relaxed);
        self.n_begun.fetch_add(1, Ordering::SeqCst);
        self.bell.ring();
    }

    /// How many writes were begun, and whether the last of them is under way.
    pub(super) fn reached(&self) -> (u64, bool) {
        (self.n_begun.load(Ordering::SeqCst), self.began_millis.load(Ordering::Relaxed) > 0)
    }

    /// It has ended. Whether it was told of as one that hangs.
    pub(super) fn ends(&self) -> bool {
        self.began_millis.store(0, Ordering::Relaxed);
        self.is_told.swap(false, Ordering::Relaxed)
    }

    /// Whether the write under way hangs.
    pub(super) fn is_on(&self) -> bool {
        let began = self.began_millis.load(Ordering::Relaxed);
        began > 0 && Duration::from_millis(self.now_millis().saturating_sub(began - 1)) >= LIMIT
    }

    /// Whether nobody was told yet of the one that hangs. From now on somebody was.
    pub(super) fn is_news(&self) -> bool {
        !self.is_told.swap(true, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_hangs_from_its_limit_on_until_it_ends_and_is_told_of_once() {
        let mut stall = Stall::new();
        assert!(!stall.is_on());
        stall.begins();
        assert!(!stall.is_on());
        stall.origin = stall.origin.checked_sub(LIMIT).unwrap();
        assert!(stall.is_on());
        assert!(stall.is_news() && !stall.is_news());
        assert!(stall.ends() && !stall.is_on());
        stall.begins();
        assert!(!stall.ends(), "this one did not hang");
    }
}

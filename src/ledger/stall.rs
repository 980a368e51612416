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
    /// The last one that somebody found to hang, by its number.
    found: AtomicU64,
    /// The last one that did, whether anybody found it or not.
    hung: AtomicU64,
    /// All that waited behind this one is written.
    settled: AtomicU64,
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
            found: AtomicU64::new(0),
            hung: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            bell: Bell::default(),
        }
    }

    fn now_millis(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A write begins.
    pub(super) fn begins(&self) {
        // Its number first: whoever sees it under way knows which one it is.
        self.n_begun.fetch_add(1, Ordering::SeqCst);
        self.began_millis.store(self.now_millis().saturating_add(1), Ordering::Release);
        self.bell.ring();
    }

    /// How many writes were begun, and whether the last of them is under way.
    pub(super) fn reached(&self) -> (u64, bool) {
        (self.n_begun.load(Ordering::SeqCst), self.began_millis.load(Ordering::Relaxed) > 0)
    }

    /// It has ended. Whether it was told of as one that hangs.
    pub(super) fn ends(&self) -> bool {
        let began = self.began_millis.swap(0, Ordering::SeqCst);
        // The time after that, so that it is none that is less than what anybody saw who found it under way.
        if began > 0 && self.has_taken_limit(began, self.now_millis()) {
            self.hung.store(self.n_begun.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.is_told.swap(false, Ordering::Relaxed)
    }

    fn has_taken_limit(&self, began: u64, now: u64) -> bool {
        Duration::from_millis(now.saturating_sub(began - 1)) >= LIMIT
    }

    /// Whether the write under way hangs. Where it does, it is found to from now on.
    pub(super) fn is_on(&self) -> bool {
        if self.began_millis.load(Ordering::Relaxed) == 0 {
            return false;
        }
        let number = self.n_begun.load(Ordering::SeqCst);
        let now = self.now_millis();
        // Once more, in this order: that one may have ended, and the next one have begun.
        let began = self.began_millis.load(Ordering::SeqCst);
        let is_same = self.n_begun.load(Ordering::SeqCst) == number;
        let hangs = is_same && began > 0 && self.has_taken_limit(began, now);
        if hangs {
            self.found.fetch_max(number, Ordering::AcqRel);
        }
        hangs
    }

    /// Whether a write was found to hang, and not all is written that was handed over by then. Whoever was told of it may hand
    /// over the same again, and must find the first.
    pub(super) fn has_backlog(&self) -> bool {
        self.found.load(Ordering::Acquire) > self.settled.load(Ordering::Acquire)
    }

    /// For whoever is about to take up what was handed over: what to say when that is [written](Self::wrote_all).
    pub(super) fn takes_up(&self) -> u64 {
        self.n_begun.load(Ordering::Relaxed)
    }

    /// All is written that was taken up then.
    ///
    /// * `is_all`: whether nothing else was handed over since. It is asked only where one of the writes hung.
    pub(super) fn wrote_all(&self, taken_up: u64, is_all: impl FnOnce() -> bool) {
        let hung = self.hung.load(Ordering::Relaxed);
        if hung > self.settled.load(Ordering::Relaxed) && (hung <= taken_up || is_all()) {
            self.settled.store(self.n_begun.load(Ordering::Relaxed), Ordering::Release);
        }
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

    #[test]
    fn a_hang_that_somebody_found_is_over_when_what_waited_behind_it_is_written() {
        let mut stall = Stall::new();
        let before = stall.takes_up();
        stall.begins();
        stall.origin = stall.origin.checked_sub(LIMIT).unwrap();
        assert!(!stall.has_backlog(), "nobody knows of it");
        assert!(stall.is_on() && stall.has_backlog());
        stall.ends();
        stall.wrote_all(before, || false);
        assert!(!stall.is_on() && stall.has_backlog(), "more was handed over while it hung");
        let after = stall.takes_up();
        stall.begins();
        stall.ends();
        stall.wrote_all(after, || false);
        assert!(!stall.has_backlog());
    }
}

//! Wakes a thread that looks every now and then, and rests for good where there is nothing to look at.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};

/// To ring costs whoever does a look, unless the thread rests.
#[derive(Debug, Default)]
pub(super) struct Bell {
    rests: AtomicBool,
    thread: OnceLock<Thread>,
}

impl Bell {
    /// There is something to look at.
    pub(super) fn ring(&self) {
        if self.rests.load(Ordering::SeqCst)
            && self.rests.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    /// Has this thread, and no other from then on, rest until it is rung for or unparked.
    ///
    /// * `is_quiet`: whether there still is nothing to look at. What came before it is asked rang for nobody.
    pub(super) fn rest(&self, is_quiet: impl FnOnce() -> bool) {
        self.thread.get_or_init(thread::current);
        self.rests.store(true, Ordering::SeqCst);
        if is_quiet() {
            thread::park();
        }
        self.rests.store(false, Ordering::SeqCst);
    }
}

//! Has the ledger write what calls wait for, and tells them where that hangs.
//!
//! For all calls together: a task or a timer of its own for each would cost more than to write its record.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::{Notify, oneshot};

use crate::ledger::{Appended, LOOK_EVERY, Ledger};

/// As many records are worth a write: no more are waited for.
const MANY: usize = 4;

/// Writes of few records before it is tried again whether more come where they are waited for.
const TRIED_EVERY: u32 = 64;

/// Where calls wait for their records.
#[derive(Debug)]
pub(super) struct Writing {
    ledger: Arc<Ledger>,
    /// Whether a task is about to write what was handed over by now.
    is_called: AtomicBool,
    is_watched: AtomicBool,
    gathering: Gathering,
    /// Tells all who wait that a write hangs.
    hang: Notify,
}

impl Writing {
    pub(super) fn new(ledger: Arc<Ledger>) -> Arc<Self> {
        let (is_called, is_watched) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { ledger, is_called, is_watched, gathering: Gathering::default(), hang: Notify::new() })
    }

    /// What became of a record that was handed over. One that waits for a write that hangs is answered as one that can't be
    /// written. `None` where it will never be known.
    pub(super) async fn told(self: &Arc<Self>, mut became: oneshot::Receiver<Appended>) -> Option<Appended> {
        match became.try_recv() {
            Err(oneshot::error::TryRecvError::Empty) => {}
            known => return known.ok(),
        }
        loop {
            // Before it is asked whether it hangs, so that none is missed.
            let hang = self.hang.notified();
            if self.ledger.hangs() {
                return Some(self.ledger.unwritten());
            }
            self.call();
            tokio::select! {
                biased;
                told = &mut became => return told.ok(),
                () = hang => {}
            }
        }
    }

    /// Has what was handed over written, unless that is about to happen.
    fn call(self: &Arc<Self>) {
        if raises(&self.is_called) {
            tokio::spawn(write(Arc::clone(self)));
        }
        if raises(&self.is_watched) {
            tokio::spawn(watch(Watch(Arc::downgrade(self))));
        }
    }
}

/// Raises a flag; whether it was down. Where it is up, to look is enough: whoever writes takes it down first, and takes what
/// was handed over after that.
fn raises(flag: &AtomicBool) -> bool {
    !flag.load(Ordering::Relaxed) && !flag.swap(true, Ordering::AcqRel)
}

/// On a task of its own: where the disk hangs, it hangs with one thread and no call.
async fn write(writing: Arc<Writing>) {
    let Writing { ledger, is_called, gathering, .. } = &*writing;
    let n_waiting = ledger.n_handed_over();
    // Calls that came together are written together: those that can go on now decide first.
    if n_waiting < MANY && gathering.is_worth_it() {
        tokio::task::yield_now().await;
        gathering.brought(ledger.n_handed_over().saturating_sub(n_waiting));
    }
    loop {
        is_called.store(false, Ordering::Release);
        if !ledger.write_once() {
            return;
        }
        // No answer that was told of meanwhile waits behind the next write, on a thread that may hang.
        tokio::task::yield_now().await;
    }
}

/// Whether to wait for more records brings any. To wait has the runtime look at the network, and wake another thread: twenty
/// microseconds of CPU, where a write takes ten.
#[derive(Debug, Default)]
struct Gathering {
    /// How often it is not to be tried yet.
    n_not_yet: AtomicU32,
}

impl Gathering {
    fn is_worth_it(&self) -> bool {
        self.n_not_yet.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_err()
    }

    /// More have come.
    fn brought(&self, n_more: usize) {
        if n_more == 0 {
            self.n_not_yet.store(TRIED_EVERY, Ordering::Relaxed);
        }
    }
}

/// Says that nobody watches any more where it ends, as with its runtime.
struct Watch(Weak<Writing>);

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(writing) = self.0.upgrade() {
            writing.is_watched.store(false, Ordering::Release);
        }
    }
}

/// Looks whether a write hangs, for as long as there is a ledger.
async fn watch(watch: Watch) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(writing) = watch.0.upgrade() else { return };
        if writing.ledger.hangs() {
            writing.hang.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_brings_nothing_is_left_for_a_while() {
        let gathering = Gathering::default();
        for _ in 0..3 {
            assert!(gathering.is_worth_it());
            gathering.brought(2);
        }
        for _ in 0..3 {
            assert!(gathering.is_worth_it());
            gathering.brought(0);
            assert!((0..TRIED_EVERY).all(|_| !gathering.is_worth_it()));
        }
    }
}

//! Has the ledger write what calls wait for, and tells them where that hangs.
//!
//! For all calls together: a task or a timer of its own for each would cost more than to write its record.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use tokio::sync::{Notify, oneshot};

use crate::ledger::{Appended, LOOK_EVERY, Ledger};

/// Where calls wait for their records.
#[derive(Debug)]
pub(super) struct Writing {
    ledger: Arc<Ledger>,
    /// Whether a task is about to write what was handed over by now.
    is_called: AtomicBool,
    is_watched: AtomicBool,
    /// Tells all who wait that a write hangs.
    hang: Notify,
}

impl Writing {
    pub(super) fn new(ledger: Arc<Ledger>) -> Arc<Self> {
        let (is_called, is_watched) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { ledger, is_called, is_watched, hang: Notify::new() })
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
    loop {
        // Calls that came together are written together: those that can go on now decide first. No answer that was told of
        // meanwhile waits behind the next write, on a thread that may hang. And the runtime wakes another thread, which looks
        // after the network and the clock while this one writes: without it nobody would see that a write hangs.
        tokio::task::yield_now().await;
        writing.is_called.store(false, Ordering::Release);
        if !writing.ledger.write_once() {
            return;
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

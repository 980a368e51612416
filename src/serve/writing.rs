//! Has the ledger write what calls wait for, and tells them where that hangs.
//!
//! For all calls together: a task or a timer of its own for each would cost more than to write its record.

use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};

use tokio::runtime::Handle;
use tokio::sync::{Notify, oneshot};

use crate::ledger::{Appended, Ledger, LedgerError, LongWrite, Watch};

/// As many records are worth a write: no more are waited for.
const MANY: usize = 4;

/// Writes of few records before it is tried again whether more come where they are waited for; twice as many each time that it
/// was in vain, up to the most.
const NOT_YET: RangeInclusive<u32> = 64..=4096;

/// Where calls wait for their records.
#[derive(Debug)]
pub(super) struct Writing {
    _watch: Watch,
    ledger: Arc<Ledger>,
    /// Whether a task is about to write what was handed over by now.
    is_called: AtomicBool,
    gathering: Gathering,
    long: Arc<Long>,
}

/// What is done where a write takes long.
#[derive(Debug, Default)]
struct Long {
    /// Where the calls are that wait for it.
    runtime: OnceLock<Handle>,
    /// Tells all who wait that it hangs.
    hang: Notify,
}

impl Long {
    fn told(&self, LongWrite { hangs }: LongWrite) {
        // The thread that writes may be the one that looked after the network and the clock: another wakes for this, finds
        // nothing else to do, and does so now.
        if let Some(runtime) = self.runtime.get() {
            runtime.spawn(async {});
        }
        if hangs {
            self.hang.notify_waiters();
        }
    }
}

impl Writing {
    /// # Errors
    /// [`LedgerError::Thread`].
    pub(super) fn new(ledger: Arc<Ledger>) -> Result<Arc<Self>, LedgerError> {
        let long = Arc::<Long>::default();
        let of_watch = Arc::clone(&long);
        let watch = Watch::start(&ledger, move |write| of_watch.told(write))?;
        let (is_called, gathering) = (AtomicBool::new(false), Gathering::default());
        Ok(Arc::new(Self { _watch: watch, ledger, is_called, gathering, long }))
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
            let hang = self.long.hang.notified();
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
        if !self.is_called.load(Ordering::Relaxed) && !self.is_called.swap(true, Ordering::AcqRel) {
            self.long.runtime.get_or_init(Handle::current);
            tokio::spawn(write(Arc::clone(self)));
        }
    }
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
        // Before what was handed over is taken up: whoever still finds it raised left its record before that.
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
    /// How often it was not to be tried when it was in vain the last time; 0 where it was not.
    in_vain_after: AtomicU32,
}

impl Gathering {
    fn is_worth_it(&self) -> bool {
        self.n_not_yet.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1)).is_err()
    }

    /// It was tried, and so many more have come.
    fn brought(&self, n_more: usize) {
        let not_yet = if n_more > 0 {
            0
        } else {
            let twice = self.in_vain_after.load(Ordering::Relaxed) * 2;
            twice.clamp(*NOT_YET.start(), *NOT_YET.end())
        };
        self.in_vain_after.store(not_yet, Ordering::Relaxed);
        self.n_not_yet.store(not_yet, Ordering::Relaxed);
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
        let in_vain = |not_yet| {
            gathering.brought(0);
            assert!((0..not_yet).all(|_| !gathering.is_worth_it()));
            assert!(gathering.is_worth_it());
        };
        let (first, most) = NOT_YET.into_inner();
        [first, first * 2, first * 4].into_iter().for_each(in_vain);
        (0..32).for_each(|_| gathering.brought(0));
        in_vain(most);
        gathering.brought(1);
        in_vain(first);
    }
}

//! The thread that sees a write that takes long.
//!
//! A thread of its own: whoever writes is a thread that looked after calls, and may be the one that looked after the network
//! and the clock for all others. To have another take that over before each write costs more than the write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::helper::Helper;
use super::writer::Desk;
use super::{Ledger, LedgerError};

/// How often it looks: a write that two looks find takes long. A hundred times what one takes.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A write that has not ended for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongWrite {
    /// Whether it [hangs](super::Ledger::hangs).
    pub hangs: bool,
}

/// Tells of writes that take long, until it is dropped.
#[derive(Debug)]
pub struct Watch(#[expect(dead_code, reason = "held until it is dropped")] Helper);

impl Watch {
    /// Over a ledger's writes: `tell` is called some fifty times a second while one takes long. A ledger has one.
    ///
    /// # Errors
    /// [`LedgerError::Thread`].
    pub fn start(ledger: &Ledger, tell: impl Fn(LongWrite) + Send + 'static) -> Result<Self, LedgerError> {
        let desk = Arc::clone(&ledger.desk);
        Helper::start("ledger-watch", move |is_over| watch(&desk, is_over, tell)).map(Self)
    }
}

fn watch(desk: &Desk, is_over: &AtomicBool, tell: impl Fn(LongWrite)) {
    let mut seen = 0;
    while !is_over.load(Ordering::SeqCst) {
        let (n_begun, is_under_way) = desk.stall.reached();
        if n_begun == seen && is_under_way {
            tell(LongWrite { hangs: desk.hangs() });
        } else if n_begun == seen {
            desk.stall.bell.rest(|| desk.stall.reached().0 == seen);
        }
        seen = n_begun;
        thread::park_timeout(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::{Clock, LedgerConfig};
    use super::*;

    #[test]
    fn what_takes_long_is_told_of_until_it_ends_and_later_that_it_hangs() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("ledger.db"), &LedgerConfig::default(), Clock::system()).unwrap();
        let (told, tell) = mpsc::channel();
        let watch = Watch::start(&ledger, move |long| told.send(long).unwrap()).unwrap();
        for _ in 0..2 {
            let (end, ends) = mpsc::channel();
            let hanging = ledger.hangs_until(ends);
            assert_eq!(tell.recv(), Ok(LongWrite { hangs: false }));
            assert!(tell.iter().any(|long| long.hangs), "ends only where one is found");
            drop(end);
            hanging.join().unwrap();
            // It may have looked just before.
            while tell.recv_timeout(LOOK_EVERY * 10).is_ok() {}
        }
        drop(watch);
        assert_eq!(tell.recv(), Err(mpsc::RecvError));
    }
}

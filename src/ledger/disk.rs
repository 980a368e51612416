//! The thread that asks the disk for what is written, and waits for it, while records go on being written.
//!
//! Nobody waits for it, so it makes room for whoever answers calls: it has a lower priority, and while all is well holds no
//! lock for longer than a copy takes, or they would have to wait for a thread of a lower priority. It is the only one that wakes
//! a hundred times a second: a thread that wakes takes a core from those that answer calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::LedgerError;
use super::helper::{Helper, make_room};
use super::writer::Desk;

/// What is written at most this long ago, and while the disk was asked before, may be lost with the power, where `ledger.sync` is
/// `batch`.
const SYNC_EVERY: Duration = Duration::from_millis(10);

/// How often it finds nothing before it rests: for a second. To wake it costs a call more than its looks cost others.
const QUIET_LOOKS: u32 = 100;

/// Asks the disk until it is dropped. Nobody waits for it then: a disk that hangs would hold up the end for good.
#[derive(Debug)]
pub(super) struct Disk(Helper);

impl Disk {
    /// # Errors
    /// [`LedgerError::Thread`].
    pub(super) fn start(desk: &Arc<Desk>) -> Result<Self, LedgerError> {
        let desk = Arc::clone(desk);
        Helper::start("ledger-disk", move |is_over| run(&desk, is_over)).map(Self)
    }

    /// Asks once more, and then no more; whether the disk has answered within `limit`.
    pub(super) fn end_within(mut self, limit: Duration) -> bool {
        self.0.end_within(limit)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.0.end_within(Duration::ZERO);
    }
}

fn run(desk: &Desk, is_over: &AtomicBool) {
    make_room();
    let (mut n_written, mut n_quiet) = (0, 0);
    loop {
        let is_last = is_over.load(Ordering::SeqCst);
        let was_new = desk.ask_the_disk();
        if is_last {
            return;
        }
        let now_written = desk.gauge.n_written.load(Ordering::Relaxed);
        let has_pending = desk.gauge.n_pending() > 0;
        if has_pending && now_written == n_written {
            // Nobody may wait for what was handed over.
            desk.call_thread();
        }
        n_written = now_written;
        n_quiet = if was_new || has_pending { 0 } else { n_quiet + 1 };
        if n_quiet >= QUIET_LOOKS {
            n_quiet = 0;
            desk.disk_bell.rest(|| desk.is_quiet());
        }
        thread::park_timeout(SYNC_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::super::{Clock, Content, Kind, Ledger, LedgerConfig, Submission};
    use super::*;
    use crate::history::Bucket;

    #[test]
    fn what_nobody_waits_for_is_written_and_the_disk_has_it_also_after_a_rest() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("ledger.db"), &LedgerConfig::default(), Clock::system()).unwrap();
        for seq in 1..4 {
            let content = Content::new(Kind::Model, Bucket(1), Vec::new());
            let (slot, done) = (ledger.reserve().unwrap(), Box::new(|_| ()));
            ledger.submit(Submission { content, slot, done, held: None, is_first: false });
            let (desk, since) = (&ledger.desk, Instant::now());
            while desk.reached.on_disk().head.seq < seq {
                assert!(since.elapsed() < Duration::from_secs(60), "nobody wrote it, or asked the disk");
                thread::sleep(Duration::from_millis(1));
            }
            if seq == 2 {
                thread::sleep(SYNC_EVERY * QUIET_LOOKS * 3 / 2);
            }
        }
    }
}

//! Threads at work beside a ledger's own, which end when they are dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::LedgerError;

/// A thread that is waited for where it is dropped.
#[derive(Debug)]
pub(super) struct Helper {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Helper {
    /// Has a thread `run`, until what that is given is set. Parked, it is unparked then.
    ///
    /// # Errors
    /// [`LedgerError::Thread`].
    pub(super) fn start(name: &str, run: impl FnOnce(&AtomicBool) + Send + 'static) -> Result<Self, LedgerError> {
        let is_over = Arc::<AtomicBool>::default();
        let over = Arc::clone(&is_over);
        let thread = thread::Builder::new().name(name.to_owned());
        let thread = thread.spawn(move || run(&over)).map_err(LedgerError::Thread)?;
        Ok(Self { is_over, thread: Some(thread) })
    }

    /// As dropping it, but it is left to itself where it has not ended by then; whether it has.
    pub(super) fn end_within(&mut self, limit: Duration) -> bool {
        let Some(thread) = self.told_to_end() else { return true };
        let since = Instant::now();
        while !thread.is_finished() && since.elapsed() < limit {
            thread::sleep(Duration::from_millis(1));
        }
        thread.is_finished()
    }

    /// `None` where it was told before.
    fn told_to_end(&mut self) -> Option<JoinHandle<()>> {
        self.is_over.store(true, Ordering::SeqCst);
        self.thread.take().inspect(|thread| thread.thread().unpark())
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        if let Some(thread) = self.told_to_end() {
            // A panic there was told when it happened.
            let _ = thread.join();
        }
    }
}

/// A thread for what nobody waits for: it makes room for whoever answers calls, and is left to itself where it does not end.
#[derive(Debug)]
pub(super) struct Background(Helper);

/// How long the end of one in the background is waited for: a disk that hangs would hold it up for good.
const PATIENCE: Duration = Duration::from_secs(2);

impl Background {
    /// As [`Helper::start`].
    ///
    /// # Errors
    /// [`LedgerError::Thread`].
    pub(super) fn start(name: &str, run: impl FnOnce(&AtomicBool) + Send + 'static) -> Result<Self, LedgerError> {
        let run = |is_over: &AtomicBool| {
            make_room();
            run(is_over);
        };
        Helper::start(name, run).map(Self)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.end_within(PATIENCE);
    }
}

/// Under full load a thread gets about a tenth of a core by it: enough to ask the disk a hundred times a second.
const NICENESS: i32 = 10;

/// Lowers the priority of this thread, and of those that it starts.
pub(super) fn make_room() {
    // The thread's own, on Linux. Where it is refused nothing is lost but time.
    let _ = rustix::process::nice(NICENESS);
}

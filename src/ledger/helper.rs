//! A thread at work beside a ledger's own, which ends when it is dropped.

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

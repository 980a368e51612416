//! Records on their way into the ledger, and the room that there is for them.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use super::config::OnFailure;
use super::record::Content;

/// What became of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is written.
    Recorded {
        /// Its number.
        seq: i64,
        /// Its time.
        recorded_at_micros: i64,
    },
    /// Another record holds the same decision, or answered the same request.
    Known {
        /// Its number.
        seq: i64,
        /// Its time.
        recorded_at_micros: i64,
    },
    /// It waits in memory, and will be written once the ledger takes it.
    Spilled {
        /// The time that it will have; `None` where that is not known yet, since the write before it hangs.
        recorded_at_micros: Option<i64>,
    },
    /// As [`Appended::Spilled`], where nobody is to rely on it.
    Refused,
}

/// Why no record is taken now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// As many as may wait do.
    #[error("the ledger takes no more records now: as many wait, or as large ones, as ledger.max_pending allows")]
    Full,
    /// It can't be written, and `ledger.on_failure` says to refuse.
    #[error("the ledger can't be written")]
    Failing,
}

/// Bytes of memory for each record that may wait, all of them together: ten times what most take.
const BYTES_EACH: usize = 16 << 10;

/// How the ledger is doing.
#[derive(Debug)]
pub(super) struct Gauge {
    capacity: usize,
    on_failure: OnFailure,
    n_pending: AtomicUsize,
    /// What those say that were handed over.
    n_pending_bytes: AtomicUsize,
    pub(super) failing: AtomicBool,
    pub(super) n_written: AtomicU64,
    pub(super) n_spilled: AtomicU64,
    pub(super) n_failures: AtomicU64,
}

impl Gauge {
    pub(super) fn new(capacity: u32, on_failure: OnFailure) -> Self {
        Self {
            capacity: usize::try_from(capacity).unwrap_or(usize::MAX),
            on_failure,
            n_pending: AtomicUsize::new(0),
            n_pending_bytes: AtomicUsize::new(0),
            failing: AtomicBool::new(false),
            n_written: AtomicU64::new(0),
            n_spilled: AtomicU64::new(0),
            n_failures: AtomicU64::new(0),
        }
    }

    /// Room for one record, before there is one: what is decided is never without a place.
    ///
    /// * `is_failing`: whether records can't be written now.
    pub(super) fn reserve(self: &Arc<Self>, is_failing: bool) -> Result<Slot, Unavailable> {
        if self.on_failure == OnFailure::Refuse && is_failing {
            return Err(Unavailable::Failing);
        }
        let slot = Slot { gauge: Arc::clone(self), n_bytes: 0 };
        let is_full = self.n_pending.fetch_add(1, Ordering::Relaxed) >= self.capacity
            || self.n_pending_bytes.load(Ordering::Relaxed) / BYTES_EACH >= self.capacity;
        if is_full { Err(Unavailable::Full) } else { Ok(slot) }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    pub(super) fn n_pending(&self) -> usize {
        // With what was written before it was given back.
        self.n_pending.load(Ordering::Acquire)
    }

    pub(super) fn unwritten(&self, recorded_at_micros: Option<i64>) -> Appended {
        match self.on_failure {
            OnFailure::SpillThenRefuse => {
                self.n_spilled.fetch_add(1, Ordering::Relaxed);
                Appended::Spilled { recorded_at_micros }
            }
            OnFailure::Refuse => Appended::Refused,
        }
    }
}

/// Room for one record; given back when it is dropped.
#[derive(Debug)]
pub struct Slot {
    gauge: Arc<Gauge>,
    n_bytes: usize,
}

impl Slot {
    /// Says what the record takes that is in it now.
    pub(super) fn fill(&mut self, content: &Content) {
        self.n_bytes = content.n_bytes();
        self.gauge.n_pending_bytes.fetch_add(self.n_bytes, Ordering::Relaxed);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.gauge.n_pending_bytes.fetch_sub(self.n_bytes, Ordering::Relaxed);
        self.gauge.n_pending.fetch_sub(1, Ordering::Release);
    }
}

/// Is told what became of a record.
pub type Done = Box<dyn FnOnce(Appended) + Send>;

/// A record to be written.
pub struct Submission {
    /// What it says.
    pub content: Content,
    /// Room for it.
    pub slot: Slot,
    /// Is told once.
    pub done: Done,
    /// Dropped when the record is written, and not before.
    pub held: Option<Box<dyn Any + Send>>,
    /// Whether it decides about an item that nothing was decided about before: then nothing old can hold the same
    /// decision.
    pub is_first: bool,
}

impl fmt::Debug for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submission").field("kind", &self.content.kind).finish_non_exhaustive()
    }
}

//! What was decided and what was found: records that are only ever added, each bound to the one before.
//!
//! [`Ledger`] is the writing end: one file, one process. [`Reader`] reads beside it. History while serving is a fold of the
//! ledger, and [`Live`] is where both meet: it says in which bucket a parcel is decided, and closes one only when all that
//! happened in it is folded.

mod bell;
mod checkpoint;
mod clock;
mod compaction;
mod config;
mod disk;
mod dry_run;
mod erase;
mod error;
mod export;
mod findings;
mod fold;
mod frame;
mod fresh;
mod grounds;
mod helper;
mod import;
mod imported;
mod index;
mod inspection;
mod items;
mod kept;
mod listing;
mod live;
mod lock;
mod log;
mod lookup;
mod merge;
mod note;
mod outcome;
mod part;
mod past;
mod past_rows;
mod pending;
mod privacy;
mod reached;
mod reader;
mod ready;
mod record;
mod recorded;
mod repeated;
mod rescore;
mod retention;
mod run;
mod runs;
mod saved;
mod saving;
mod secret;
mod shared_index;
mod stall;
mod sync;
mod tail;
mod verify;
mod watch;
mod whereabouts;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use checkpoint::{CheckpointError, checkpoints};
pub use clock::Clock;
pub use config::{LedgerConfig, OnFailure, Parties, Sync};
pub use dry_run::{DryRun, dry_run};
pub use erase::KeptErasure;
pub use error::LedgerError;
pub use export::{ExportError, Exported, export, export_until};
pub use findings::{audited_items, findings};
pub use fold::Fold;
pub use frame::MAX_RECORD_BYTES;
pub use grounds::{CanaryGrounds, Grounds, is_in_canary};
pub use import::{ImportError, Imported, import, import_grounds};
pub use imported::KeptImport;
pub use inspection::{Item, outcomes_of};
pub use kept::{Decided, KeptDecision, item_key};
pub use listing::{Listing, Page};
pub use live::Live;
pub use outcome::KeptOutcome;
pub use past_rows::{PastOutcome, PastParcel};
pub use pending::{Appended, Done, Slot, Submission, Unavailable};
pub use privacy::{Keeping, kept_parcel};
pub use reader::Reader;
pub use ready::{NotReady, is_ready, standing_grounds};
pub use record::{Content, Digest, Head, Kind, Record, Request};
pub use recorded::recorded_keys;
pub use rescore::{Rescored, explained, rescore};
pub use retention::Retention;
pub use saving::{SAVED_EVERY, Saving, Unsaved};
pub use verify::{Fault, Known, Verified, VerifyError, known_record, verify, verify_against};
pub use watch::{LongWrite, Watch};

use crate::history::Bucket;
use checkpoint::Signing;
use disk::Disk;
use helper::Background;
use lock::Lock;
use pending::Gauge;
use writer::Desk;

/// How often whoever waits for a record looks whether its write hangs.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The writing end of a ledger. Dropping it waits until all that was submitted is written.
#[derive(Debug)]
pub struct Ledger {
    desk: Arc<Desk>,
    is_closing: Arc<AtomicBool>,
    /// Up to here, parcels that were to be erased are.
    wiped_through: AtomicI64,
    thread: Option<JoinHandle<()>>,
    _compaction: Background,
    _lock: Lock,
}

/// What a ledger has done since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerCounts {
    /// Records written.
    pub written: u64,
    /// Records that had to wait in memory.
    pub spilled: u64,
    /// Failures to write.
    pub failures: u64,
    /// Records that wait now.
    pub pending: usize,
}

impl Ledger {
    /// Opens a ledger, and makes it where there is none.
    ///
    /// # Errors
    /// [`LedgerError`]; [`LedgerError::InUse`] where another process has it.
    pub fn open(path: &Path, config: &LedgerConfig, clock: Clock) -> Result<Self, LedgerError> {
        let lock = Lock::take(path)?;
        saved::take_away_unfinished(path);
        let gauge = Gauge::new(config.max_pending, config.on_failure);
        let desk = Arc::new(Desk::open(path.to_owned(), config.sync, clock, gauge)?);
        let signing = Signing::open(path, config)?;
        let is_closing = Arc::new(AtomicBool::new(false));
        let disk = (config.sync == Sync::Batch).then(|| Disk::start(&desk)).transpose()?;
        let (at_desk, closes) = (Arc::clone(&desk), Arc::clone(&is_closing));
        let thread = thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || sync::look_after(&at_desk, &closes, signing.as_ref(), disk))
            .map_err(LedgerError::Thread)?;
        desk.thread.get_or_init(|| thread.thread().clone());
        let _compaction = compaction::start(&desk.index)?;
        Ok(Self { desk, is_closing, wiped_through: AtomicI64::new(0), thread: Some(thread), _compaction, _lock: lock })
    }

    /// To read all that is written.
    ///
    /// # Errors
    /// [`LedgerError`] where the file can't be opened.
    pub fn reader(&self) -> Result<Reader, LedgerError> {
        Reader::beside(&self.desk.path, Arc::clone(&self.desk.index))
    }

    /// Room for one record.
    ///
    /// # Errors
    /// [`Unavailable`] where there is none.
    pub fn reserve(&self) -> Result<Slot, Unavailable> {
        self.desk.gauge.reserve(self.is_failing())
    }

    /// Hands over a record. What is handed over in one order is written in that order; when somebody asks for it, and
    /// soon where nobody does.
    pub fn submit(&self, submission: Submission) {
        self.desk.hand_over(submission);
    }

    /// Writes what was handed over, unless another thread is at it, which does so then. With `sync = "always"` the ledger's
    /// own thread does, and this returns at once.
    pub fn write_out(&self) {
        self.desk.work();
    }

    /// Records that were handed over, and that nobody has begun to write.
    pub fn n_handed_over(&self) -> usize {
        self.desk.n_incoming()
    }

    /// As [`Self::write_out`], but only once: whether more was handed over meanwhile.
    pub fn write_once(&self) -> bool {
        self.desk.work_once()
    }

    /// Whether a write hangs: it has taken half a second and has not ended. What waits is written when it does.
    pub fn hangs(&self) -> bool {
        self.desk.hangs()
    }

    /// What is to be answered about a record that waits for a write that [hangs](Self::hangs). It has no time yet.
    pub fn unwritten(&self) -> Appended {
        self.desk.gauge.unwritten(None)
    }

    /// For tests: from when this returns no record is written until the other end of `ends` is dropped, as on a disk that
    /// hangs. The thread that holds the writer until then.
    #[doc(hidden)]
    pub fn hangs_until(&self, ends: mpsc::Receiver<()>) -> JoinHandle<()> {
        let (desk, (tell, is_held)) = (Arc::clone(&self.desk), mpsc::channel());
        let held = thread::spawn(move || desk.hold_up(&tell, &ends));
        let _ = is_held.recv();
        held
    }

    /// Writes one record and waits for it.
    ///
    /// # Errors
    /// [`Unavailable`] where it is not written now.
    pub fn append(&self, content: Content) -> Result<Appended, Unavailable> {
        let slot = self.reserve()?;
        let (told, tell) = mpsc::sync_channel(1);
        let done = Box::new(move |appended| {
            let _ = told.send(appended);
        });
        self.submit(Submission { content, slot, done, held: None, is_first: false });
        self.write_out();
        self.told(&tell)
            .filter(|appended| matches!(appended, Appended::Recorded { .. } | Appended::Known { .. }))
            .ok_or(Unavailable::Failing)
    }

    /// What became of a record that another thread may be writing; `None` where that hangs.
    pub fn told(&self, tell: &mpsc::Receiver<Appended>) -> Option<Appended> {
        loop {
            match tell.recv_timeout(LOOK_EVERY) {
                Ok(appended) => return Some(appended),
                Err(mpsc::RecvTimeoutError::Timeout) if !self.hangs() => {}
                Err(_) => return None,
            }
        }
    }

    /// Says on which grounds the records from here on rest, where the last that stand are others; in bucket `at`, or in
    /// that of the last record where it is later.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger can't be read or written.
    pub fn stand_on(&self, grounds: &Grounds, at: Bucket) -> Result<(), LedgerError> {
        let head = self.head();
        if self.reader()?.last_grounds()?.as_deref() == Some(grounds) {
            return Ok(());
        }
        let appended = self.append(grounds.to_content(head.bucket.max(at)));
        let _ =
            appended.map_err(|_| LedgerError::Record { seq: head.seq + 1, what: "it can't be written".to_owned() })?;
        Ok(())
    }

    /// Waits until nothing waits to be written, for `limit` at most. Returns how many records still do.
    pub fn flush(&self, limit: Duration) -> usize {
        let since = Instant::now();
        loop {
            let n_pending = self.desk.gauge.n_pending();
            if n_pending == 0 || since.elapsed() >= limit {
                return n_pending;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Writes what was handed over, and waits where another thread is at it; whether nothing is left.
    pub(super) fn is_written_out(&self) -> bool {
        !self.hangs() && self.desk.work_off() == 0 && !self.is_failing()
    }

    /// The end of the chain that is written.
    pub fn head(&self) -> Head {
        self.desk.reached.written().head
    }

    /// The end of what the disk is known to have.
    pub fn head_on_disk(&self) -> Head {
        self.desk.reached.on_disk().head
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.desk.path
    }

    /// What dates its records.
    pub fn clock(&self) -> &Clock {
        &self.desk.clock
    }

    /// Whether it can't be written now, or not all is written yet that waited while it could not.
    pub fn is_failing(&self) -> bool {
        self.desk.gauge.failing.load(Ordering::Relaxed) || self.hangs() || self.desk.stall.has_backlog()
    }

    /// Whether a record would be taken now.
    pub fn takes_records(&self) -> bool {
        // The room is given back at once.
        self.reserve().is_ok()
    }

    /// Most records that may wait to be written.
    pub fn pending_limit(&self) -> usize {
        self.desk.gauge.capacity()
    }

    /// What it has done so far.
    pub fn counts(&self) -> LedgerCounts {
        let count = |of: &std::sync::atomic::AtomicU64| of.load(Ordering::Relaxed);
        LedgerCounts {
            written: count(&self.desk.gauge.n_written),
            spilled: count(&self.desk.gauge.n_spilled),
            failures: count(&self.desk.gauge.n_failures),
            pending: self.desk.gauge.n_pending(),
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.is_closing.store(true, Ordering::SeqCst);
        self.desk.call_thread();
        // One that waits for a disk that hangs would hold up the end for good.
        if let Some(thread) = self.thread.take().filter(|_| !self.hangs()) {
            // A panic there was told when it happened.
            let _ = thread.join();
        }
    }
}

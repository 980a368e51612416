//! What was decided and what was found: records that are only ever added, each bound to the one before.
//!
//! [`Ledger`] is the writing end: one thread, one file, one process. [`Reader`] reads beside it. History while serving
//! is a fold of the ledger, and [`Live`] is where both meet: it says in which bucket a parcel is decided, and closes one
//! only when all that happened in it is folded.

mod clock;
mod config;
mod dry_run;
mod error;
mod export;
mod findings;
mod grounds;
mod inspection;
mod kept;
mod listing;
mod live;
mod lock;
mod lookup;
mod outcome;
mod pending;
mod privacy;
mod record;
mod rescore;
mod schema;
mod store;
mod sync;
mod verify;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

pub use clock::Clock;
pub use config::{LedgerConfig, OnFailure, Parties, Sync};
pub use dry_run::{DryRun, dry_run};
pub use error::LedgerError;
pub use export::{ExportError, Exported, export, export_until};
pub use findings::audited_items;
pub use grounds::Grounds;
pub use inspection::{Item, outcomes_of};
pub use kept::{KeptDecision, item_key, recorded_decision};
pub use listing::{Listing, Page};
pub use live::{Fold, Live};
pub use lookup::Readers;
pub use outcome::KeptOutcome;
pub use pending::{Appended, Done, Slot, Submission, Unavailable};
pub use privacy::Keeping;
pub use record::{Content, Digest, Head, Kind, Record, Request};
pub use rescore::{Rescored, explained, rescore};
pub use store::Reader;
pub use verify::{Fault, Known, Verified, VerifyError, verify};

use lock::Lock;
use pending::Gauge;
use store::Store;
use sync::{SharedHead, Syncer};
use writer::{Message, Writer};

/// The writing end of a ledger. Dropping it waits until all that was submitted is written.
#[derive(Debug)]
pub struct Ledger {
    path: PathBuf,
    clock: Clock,
    gauge: Arc<Gauge>,
    head: Arc<SharedHead>,
    messages: mpsc::Sender<Message>,
    thread: Option<JoinHandle<()>>,
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
        let store = Store::open(path, config.sync)?;
        let gauge = Arc::new(Gauge::new(config.max_pending, config.on_failure));
        let head = Arc::new(SharedHead::default());
        head.set(store.head());
        let (messages, receiver) = mpsc::channel();
        let writer = Writer {
            path: path.to_owned(),
            sync: config.sync,
            clock: clock.clone(),
            gauge: Arc::clone(&gauge),
            head: Arc::clone(&head),
            messages: receiver,
            syncer: Syncer::start(path, config.sync)?,
            store: Some(store),
        };
        let thread = thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || writer.run())
            .map_err(LedgerError::Thread)?;
        Ok(Self { path: path.to_owned(), clock, gauge, head, messages, thread: Some(thread), _lock: lock })
    }

    /// Room for one record.
    ///
    /// # Errors
    /// [`Unavailable`] where there is none.
    pub fn reserve(&self) -> Result<Slot, Unavailable> {
        self.gauge.reserve()
    }

    /// Hands over a record. What is handed over in one order is written in that order.
    pub fn submit(&self, submission: Submission) {
        // The writer ends after this value only; where it died, the record's slot and `done` are dropped, which its
        // owner hears.
        let _ = self.messages.send(Message::Append(Box::new(submission)));
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
        self.submit(Submission { content, slot, done, held: None });
        match tell.recv() {
            Ok(appended @ (Appended::Recorded { .. } | Appended::Known { .. })) => Ok(appended),
            _ => Err(Unavailable::Failing),
        }
    }

    /// Waits until nothing waits to be written, for `limit` at most. Returns how many records still do.
    pub fn flush(&self, limit: Duration) -> usize {
        let since = Instant::now();
        loop {
            let n_pending = self.gauge.n_pending();
            if n_pending == 0 || since.elapsed() >= limit {
                return n_pending;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The end of the chain that is written.
    pub fn head(&self) -> Head {
        self.head.get()
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What dates its records.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether it can't be written now.
    pub fn is_failing(&self) -> bool {
        self.gauge.failing.load(Ordering::Relaxed)
    }

    /// Whether a record would be taken now.
    pub fn takes_records(&self) -> bool {
        // The room is given back at once.
        self.gauge.reserve().is_ok()
    }

    /// Most records that may wait to be written.
    pub fn pending_limit(&self) -> usize {
        self.gauge.capacity()
    }

    /// What it has done so far.
    pub fn counts(&self) -> LedgerCounts {
        let count = |of: &std::sync::atomic::AtomicU64| of.load(Ordering::Relaxed);
        LedgerCounts {
            written: count(&self.gauge.n_written),
            spilled: count(&self.gauge.n_spilled),
            failures: count(&self.gauge.n_failures),
            pending: self.gauge.n_pending(),
        }
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        let _ = self.messages.send(Message::Close);
        if let Some(thread) = self.thread.take() {
            // A panic there was told when it happened.
            let _ = thread.join();
        }
    }
}

//! History while serving: a fold of the ledger, read and written by all calls at once.

use std::cell::Cell;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};
use std::time::{Duration, Instant};

use super::grounds::Grounds;
use super::items::Items;
use super::past::Past;
use super::saved::{AT_REST, Saved};
use super::{Ledger, LedgerError, Reader};
use crate::history::{Bucket, EntityKey, History, Workers};
use crate::policy::Flow;
use crate::telemetry::fields;

/// The bucket that is open, the items that were advised, and the bounds of every history that goes on.
///
/// While a bucket is open its events may be folded and its parcels decided in any order: none sees another. The next one
/// opens when none of them is still at work, so that none can see what came after.
#[derive(Debug)]
pub struct Live {
    /// Every history that goes on, whichever model reads it.
    histories: Mutex<Vec<Arc<History>>>,
    open: RwLock<Bucket>,
    items: Items,
    most_entities: usize,
    n_evicted: AtomicU64,
    n_saved: AtomicI64,
}

impl Live {
    /// The fold of a ledger so far, on `grounds`, on top of `genesis`, which is what their model knows from its training.
    /// Where history was [saved](Live::save) it goes on from there. With it, what decisions rest on, which goes on changing:
    /// the history, and what passed of late.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger can't be read.
    pub fn rebuilt(
        reader: &Reader,
        grounds: &Grounds,
        genesis: &History,
        flow: Flow,
    ) -> Result<(Self, Arc<History>, Arc<Flow>), LedgerError> {
        let told = Told::new(reader.head()?.seq);
        let past = Past::read(reader, grounds, genesis, flow, i64::MAX, Workers::All, &|seq| {
            told.reached(seq);
            true
        })?;
        told.done();
        let Past { mut fold, items, n_saved } = past.expect("nothing ends it before");
        let open = fold.reached.max(grounds.first_bucket());
        let most_entities = grounds.most_entities();
        let (history, flow) = fold.parts();
        let live = Self {
            histories: Mutex::new(vec![Arc::clone(&history)]),
            open: RwLock::new(open),
            items,
            most_entities,
            n_evicted: AtomicU64::new(0),
            n_saved: AtomicI64::new(n_saved),
        };
        Ok((live, history, flow))
    }

    /// Number of the record up to which history is [saved](Self::save), or was when it was read.
    pub fn n_saved(&self) -> i64 {
        self.n_saved.load(Ordering::Relaxed)
    }

    /// Writes history beside the ledger, so that the next start need not fold what lies before. Decisions wait meanwhile,
    /// so this is for the end, and for the beginning. Whether it was written: not where records wait that are part of it.
    ///
    /// * `history`, `flow`: of the model that decides, which `grounds` name.
    ///
    /// # Errors
    /// [`LedgerError`] where the file can't be written.
    pub fn save(
        &self,
        ledger: &Ledger,
        grounds: &Grounds,
        (history, flow): (&History, &Flow),
    ) -> Result<bool, LedgerError> {
        let _nothing_is_decided = self.open.write().unwrap_or_else(PoisonError::into_inner);
        self.catch_up();
        if !ledger.is_written_out() {
            return Ok(false);
        }
        let head = ledger.head();
        Saved::of(&head, grounds, self.items.all(), flow, history).write(ledger.path(), AT_REST)?;
        self.n_saved.store(head.seq, Ordering::Relaxed);
        Ok(true)
    }

    /// Entities that were forgotten to make room for others, since the start.
    pub fn n_evicted(&self) -> u64 {
        self.n_evicted.load(Ordering::Relaxed)
    }

    /// The bucket that is open.
    pub fn open(&self) -> Bucket {
        *self.open.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `work` in a bucket that is not before `wanted`, and not before any other: all that it reads of history, all that
    /// it adds, and its record's place in the ledger. It must not wait for anything.
    pub fn in_bucket<R>(&self, wanted: Bucket, work: impl FnOnce(Bucket) -> R) -> R {
        loop {
            let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
            if *open >= wanted {
                return work(*open);
            }
            drop(open);
            let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
            self.reach(&mut open, wanted);
        }
    }

    /// Does `work` in the bucket that is open, but never waits for it: not where another one is being opened.
    pub fn at_leisure(&self, work: impl FnOnce()) {
        let _open = match self.open.try_read() {
            Ok(open) => open,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        work();
    }

    /// Does `work` in a bucket that is not before `wanted` while no other is at work: what it changes, the work before it
    /// has not seen, and the work after it has.
    pub fn alone<R>(&self, wanted: Bucket, work: impl FnOnce(Bucket) -> R) -> R {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        self.reach(&mut open, wanted);
        self.catch_up();
        work(*open)
    }

    /// Nobody else may be at work.
    fn catch_up(&self) {
        self.histories.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(|history| history.catch_up());
    }

    /// Comes to a bucket: where it is a later one, what is too much is forgotten first, as in a fold.
    fn reach(&self, open: &mut Bucket, wanted: Bucket) {
        if *open < wanted {
            *open = wanted;
            for history in self.histories.lock().unwrap_or_else(PoisonError::into_inner).iter() {
                // Before anything of the next bucket is read or added.
                history.catch_up();
                let n_evicted = history.evict_stalest(self.most_entities);
                self.n_evicted.fetch_add(n_evicted as u64, Ordering::Relaxed);
            }
        }
    }

    /// From now on it is these histories that are held within their bounds. Nobody else may be at work.
    pub fn hold_within_bounds(&self, histories: Vec<Arc<History>>) {
        *self.histories.lock().unwrap_or_else(PoisonError::into_inner) = histories;
    }

    /// Whether the item was never advised before; it then has been.
    pub fn is_first(&self, item: EntityKey) -> bool {
        self.items.insert(item)
    }
}

/// Says how far a start has come, where it takes long: nothing is answered until then.
struct Told {
    until: i64,
    begun: Instant,
    last: Cell<Instant>,
}

/// How often.
const TELL_EVERY: Duration = Duration::from_secs(5);

impl Told {
    fn new(until: i64) -> Self {
        let begun = Instant::now();
        Self { until, begun, last: Cell::new(begun) }
    }

    fn reached(&self, seq: i64) {
        if self.last.get().elapsed() >= TELL_EVERY {
            self.last.set(Instant::now());
            tracing::info!(
                { fields::LEDGER_SEQ } = seq,
                { fields::LEDGER_LAST_SEQ } = self.until,
                "folding the ledger into history"
            );
        }
    }

    fn done(&self) {
        let took = self.begun.elapsed();
        if took >= TELL_EVERY {
            tracing::info!({ fields::SECONDS } = took.as_secs_f64(), "the ledger is folded into history");
        }
    }
}

//! History while serving: a fold of the ledger, read and written by all calls at once.

use std::collections::HashSet;
use std::hash::BuildHasherDefault;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};

use super::grounds::Grounds;
use super::imported::KeptImport;
use super::kept::KeptDecision;
use super::outcome::KeptOutcome;
use super::record::{Kind, Record};
use super::saved::{Restored, Saved};
use super::{Ledger, LedgerError, Reader, record};
use crate::features::ParcelKeys;
use crate::history::{Bucket, EntityKey, Event, History, KeyIsHash};
use crate::policy::{Flow, Route, RouteCause};

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
    n_saved: i64,
}

/// Items that were advised: such as count in history.
#[derive(Debug, Default)]
struct Items([Mutex<HashSet<u64, BuildHasherDefault<KeyIsHash>>>; 16]);

impl Items {
    /// Whether it is a new one.
    fn insert(&self, item: EntityKey) -> bool {
        // Bits from the middle: the sets inside use the lowest and the highest.
        let shard = &self.0[(item.0 >> 32) as usize % self.0.len()];
        shard.lock().unwrap_or_else(PoisonError::into_inner).insert(item.0)
    }

    fn all(&self) -> Vec<u64> {
        let of = |shard: &Mutex<HashSet<u64, _>>| {
            shard.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }
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
        let items = Items::default();
        let mut fold = Fold::new(grounds.clone(), History::empty(genesis.decay()), flow);
        let mut after = 0;
        if let Some(saved) = Restored::read(reader, grounds)
            && let Some(record) = reader.record(saved.seq)?
            && saved.put_flow(&fold.flow)
        {
            let on = reader.grounds_of(saved.seq)?.map(Arc::unwrap_or_clone);
            (fold.recorded_on, fold.reached) = (on, record.content.bucket);
            saved.items.iter().for_each(|item| _ = items.insert(EntityKey(*item)));
            after = saved.seq;
            fold.history = Arc::new(saved.history);
        } else {
            fold.history = Arc::new(genesis.clone());
        }
        let n_saved = after;
        reader.scan::<LedgerError>(after, |record| {
            if matches!(record.content.kind, Kind::Decision | Kind::Imported)
                && let Some(item) = record.content.item
            {
                items.insert(EntityKey(item));
            }
            fold.add(&record)
        })?;
        let open = fold.reached.max(grounds.first_bucket());
        let most_entities = usize::try_from(grounds.history_max_entities).unwrap_or(usize::MAX);
        let (history, flow) = fold.parts();
        let live = Self {
            histories: Mutex::new(vec![Arc::clone(&history)]),
            open: RwLock::new(open),
            items,
            most_entities,
            n_evicted: AtomicU64::new(0),
            n_saved,
        };
        Ok((live, history, flow))
    }

    /// Number of the record up to which history was not folded but read.
    pub fn n_saved(&self) -> i64 {
        self.n_saved
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
        Saved::of(&head, grounds, self.items.all(), flow, history).write(ledger.path())?;
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

/// Records folded in their order.
#[derive(Debug)]
pub struct Fold {
    /// Whose history it is.
    grounds: Grounds,
    /// Those of the records that come.
    recorded_on: Option<Grounds>,
    history: Arc<History>,
    flow: Arc<Flow>,
    /// The bucket of the last record.
    reached: Bucket,
}

impl Fold {
    /// Nothing but what the model knows from its training.
    pub fn new(grounds: Grounds, genesis: History, flow: Flow) -> Self {
        let (history, flow) = (Arc::new(genesis), Arc::new(flow));
        Self { grounds, recorded_on: None, history, flow, reached: Bucket::default() }
    }

    /// Comes to a bucket: where it is a later one, what is too much is forgotten first, as while serving.
    pub fn reach(&mut self, at: Bucket) {
        if at > self.reached {
            self.reached = at;
            self.history.evict_stalest(usize::try_from(self.grounds.history_max_entities).unwrap_or(usize::MAX));
        }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// [`LedgerError::Record`] where it can't be unpacked.
    pub fn add(&mut self, record: &Record) -> Result<(), LedgerError> {
        let unreadable = |what| LedgerError::Record { seq: record.seq, what };
        let record::Content { kind, bucket, body, .. } = &record.content;
        self.reach(*bucket);
        let included = |fold: &Self| fold.recorded_on.as_ref().is_some_and(|on| fold.grounds.include(on, *bucket));
        match kind {
            Kind::Grounds => self.recorded_on = Some(Grounds::from_body(body).map_err(unreadable)?),
            Kind::Decision => {
                let kept = KeptDecision::from_body(body).map_err(unreadable)?;
                if !kept.counts {
                    return Ok(());
                }
                if let Some(on) =
                    self.recorded_on.as_ref().filter(|on| on.bucket_seconds == self.grounds.bucket_seconds)
                    && let Some(route) = record.content.route.and_then(Route::from_number)
                    && let Some(cause) = RouteCause::from_number(kept.route_cause)
                {
                    let decided_by = on.decides(record.content.item.unwrap_or_default());
                    self.flow.add(*bucket, &kept.seen, route, cause, self.grounds.model_digest == decided_by);
                }
                if included(self) {
                    let keys = ParcelKeys::from(kept.keys);
                    self.history.fold(&Event::Advised { at: *bucket, footprint: keys.footprint() });
                }
            }
            Kind::Imported if included(self) => {
                let kept = KeptImport::from_body(body).map_err(unreadable)?;
                let keys = ParcelKeys::from(kept.keys);
                self.history.fold(&Event::Advised { at: *bucket, footprint: keys.footprint() });
            }
            Kind::Outcome if included(self) => {
                let kept = KeptOutcome::of(&record.content).map_err(unreadable)?;
                if let Some((infringement, keys)) = kept.label() {
                    self.history.fold(&Event::Outcome { at: *bucket, keys: &keys, infringement });
                }
            }
            Kind::Imported | Kind::Outcome | Kind::Repeat | Kind::Model | Kind::Erasure => {}
        }
        Ok(())
    }

    /// As it stands.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// What passed of late, as it stands.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// Both, to go on with; more records may still be added.
    pub fn parts(&self) -> (Arc<History>, Arc<Flow>) {
        (Arc::clone(&self.history), Arc::clone(&self.flow))
    }

    /// The grounds of the records that come now.
    pub fn recorded_on(&self) -> Option<&Grounds> {
        self.recorded_on.as_ref()
    }
}

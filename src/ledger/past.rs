//! What a ledger holds so far, folded: where history begins to go on from, or is saved for who does.

use std::sync::Arc;

use super::grounds::Grounds;
use super::items::Items;
use super::record::Kind;
use super::saved::Restored;
use super::{Fold, LedgerError, Reader};
use crate::history::{EntityKey, History, Workers};
use crate::policy::Flow;

/// What a ledger holds up to some record, folded.
#[derive(Debug)]
pub(super) struct Past {
    pub(super) fold: Fold,
    pub(super) items: Items,
    /// Up to this record it was not folded but read.
    pub(super) n_saved: i64,
}

/// Why no more records are folded.
enum Enough {
    Reached,
    Over,
    Failed(LedgerError),
}

impl From<LedgerError> for Enough {
    fn from(error: LedgerError) -> Self {
        Self::Failed(error)
    }
}

impl Past {
    /// The fold of a ledger up to record `until`, or to its last one, by `workers`. `None` where `goes_on`
    /// says so before, which is asked from time to time and told the number of the record that is reached.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger can't be read.
    pub(super) fn read(
        reader: &Reader,
        grounds: &Grounds,
        genesis: &History,
        flow: Flow,
        until: i64,
        workers: Workers,
        goes_on: &dyn Fn(i64) -> bool,
    ) -> Result<Option<Self>, LedgerError> {
        let items = Items::default();
        let mut fold = Fold::new(grounds.clone(), History::empty(genesis.decay()), flow, workers);
        let mut n_saved = 0;
        if let Some(saved) = Restored::read(reader, grounds)
            && let Some(record) = reader.record(saved.seq)?
            && saved.seq <= until
            && saved.put_flow(&fold.flow)
        {
            let on = reader.grounds_of(saved.seq)?.map(Arc::unwrap_or_clone);
            (fold.recorded_on, fold.reached) = (on, record.content.bucket);
            saved.items.iter().for_each(|item| _ = items.insert(EntityKey(*item)));
            n_saved = saved.seq;
            fold.history = Arc::new(saved.history);
        } else {
            fold.history = Arc::new(genesis.clone());
        }
        let scanned = reader.scan::<Enough>(n_saved, |record| {
            if record.seq > until {
                return Err(Enough::Reached);
            }
            if record.seq % 1024 == 0 && !goes_on(record.seq) {
                return Err(Enough::Over);
            }
            if matches!(record.content.kind, Kind::Decision | Kind::Imported)
                && let Some(item) = record.content.item
            {
                items.insert(EntityKey(item));
            }
            Ok(fold.add(&record)?)
        });
        match scanned {
            Ok(()) | Err(Enough::Reached) => Ok(Some(Self { fold, items, n_saved })),
            Err(Enough::Over) => Ok(None),
            Err(Enough::Failed(error)) => Err(error),
        }
    }
}

//! Parcels and results of the past into the ledger, so that a server's history starts warm.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};

use super::grounds::Grounds;
use super::imported::KeptImport;
use super::inspection::Item;
use super::kept::item_key;
use super::pending::{Appended, Unavailable};
use super::record::{Content, Kind};
use super::{Keeping, Ledger, LedgerError, Reader};
use crate::engine::Engine;
use crate::features::KeptKeys;
use crate::history::Bucket;
use crate::parcel::codes::InfringementKind;
use crate::parcel::{AdvisedAt, InvalidParcel, Parcel};
use crate::table::RowOutcome;
use crate::wire::{CheckedOutcome, check_outcome, timestamp, v1};

/// A parcel of the past, as it will be kept: much less than what its row said.
#[derive(Clone, Debug)]
pub struct PastParcel {
    item_id: String,
    advised_at: AdvisedAt,
    body: Vec<u8>,
    parcel: Vec<u8>,
    outcome: Option<Box<PastOutcome>>,
}

impl PastParcel {
    /// Of a parcel as it was `stated` and as it is believed, with its result where its row has one, and the chance with which
    /// it had been chosen for inspection where that is known. `engine` and `keeping` are those it will be recorded with.
    pub fn of(
        mut stated: v1::Parcel,
        parcel: &Parcel,
        selection_probability: Option<f64>,
        outcome: Option<PastOutcome>,
        (engine, keeping): (&Engine, &Keeping),
    ) -> Self {
        let (item_id, advised_at) = (parcel.item_id.as_str().to_owned(), parcel.advised_at);
        let keys = engine.plan().keys(parcel, engine.rates());
        let kept = KeptImport {
            item_id: item_id.clone(),
            advised_at: (advised_at.seconds(), advised_at.nanos()),
            keys: KeptKeys::from(&keys),
            selection_probability,
        };
        let (body, mut parcel) = (kept.to_body(), keeping.keep(&mut stated));
        // Millions may wait.
        parcel.shrink_to_fit();
        Self { item_id, advised_at, body, parcel, outcome: outcome.map(Box::new) }
    }

    /// When it was advised.
    pub fn advised_at(&self) -> AdvisedAt {
        self.advised_at
    }
}

/// A result of the past.
#[derive(Clone, Debug)]
pub struct PastOutcome(CheckedOutcome);

/// What was taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Parcels.
    pub parcels: u64,
    /// Results.
    pub outcomes: u64,
    /// Parcels of items that the ledger knew already.
    pub known_parcels: u64,
    /// Results that the ledger had already.
    pub known_outcomes: u64,
    /// Of those that were taken in, parcels and results from before the end of the model's own data: its history has them
    /// already or never will, and they are no part of what the ledger adds to it.
    pub before_model: u64,
    /// Results on items that nothing is known of; they are kept, and add nothing to history.
    pub of_unknown_items: u64,
}

/// Why the past can't be taken in.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// It can't be written.
    #[error("{0}; what was taken in until then stands, and another run goes on from there")]
    Unavailable(#[from] Unavailable),
}

impl PastOutcome {
    /// Of a table's row; `delay_days` after the parcel was advised where the row does not say when it became known.
    ///
    /// # Errors
    /// [`InvalidParcel`] with every malformed field.
    pub fn of(
        item_id: &str,
        outcome: &RowOutcome,
        advised_at: Option<AdvisedAt>,
        delay_days: u32,
    ) -> Result<Self, InvalidParcel> {
        let finding = if outcome.infringement { v1::Finding::Infringement } else { v1::Finding::Clean };
        let kind = outcome.kind.as_deref().filter(|_| outcome.infringement);
        let kind = kind.map(|kind| InfringementKind::from_name(kind).unwrap_or(InfringementKind::Other));
        let known_at = outcome.known_at.map(|time| time.seconds);
        let delayed = || advised_at.map(|at| at.seconds() + i64::from(delay_days) * 86_400);
        let stated = v1::Outcome {
            item_id: item_id.to_owned(),
            inspected_at: known_at.or_else(delayed).map(timestamp),
            finding: finding.into(),
            infringement: kind.map_or(0, InfringementKind::number),
            ..v1::Outcome::default()
        };
        check_outcome(stated, usize::MAX).map(Self)
    }
}

/// Results in the order in which they became known; of those of one time, in the order in which they came.
#[derive(Default)]
struct Awaited {
    results: BTreeMap<(AdvisedAt, u64), PastOutcome>,
    n_seen: u64,
}

impl Awaited {
    fn add(&mut self, outcome: PastOutcome) {
        self.results.insert((outcome.0.inspected_at, self.n_seen), outcome);
        self.n_seen += 1;
    }

    fn first_at(&self) -> Option<AdvisedAt> {
        self.results.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next that became known before `at`; the next of all without.
    fn next_before(&mut self, at: Option<AdvisedAt>) -> Option<PastOutcome> {
        let next = self.results.first_entry()?;
        at.is_none_or(|at| next.key().0 < at).then(|| next.remove())
    }
}

/// Records parcels and results of the past as what they are: imported, and decided by nobody here.
///
/// `parcels` come in the order in which they were advised; one that does not counts as of the one before. Their results are
/// recorded when they became known, and so are `outcomes`, in any order. Memory grows with the results that are still to
/// come. What the ledger has already is left out: to import the same again changes nothing.
///
/// # Errors
/// [`ImportError`], or what `parcels` failed with; what was taken in until then stands.
pub fn import<E: From<ImportError>>(
    ledger: &Ledger,
    engine: &Engine,
    grounds: &Grounds,
    parcels: impl Iterator<Item = Result<PastParcel, E>>,
    outcomes: Vec<PastOutcome>,
) -> Result<Imported, E> {
    let mut awaited = Awaited::default();
    outcomes.into_iter().for_each(|outcome| awaited.add(outcome));
    let mut parcels = parcels.peekable();
    let first_parcel = parcels.peek().and_then(|past| past.as_ref().ok()).map(PastParcel::advised_at);
    let first_at = [first_parcel, awaited.first_at()].into_iter().flatten().min();
    let mut import = Import::begin(ledger, engine, grounds, first_at)?;
    for past in parcels {
        let mut past = past?;
        // What was advised at a time comes before what became known then.
        while let Some(outcome) = awaited.next_before(Some(past.advised_at)) {
            import.outcome(outcome)?;
        }
        if let Some(outcome) = past.outcome.take() {
            awaited.add(*outcome);
        }
        import.parcel(past)?;
    }
    while let Some(outcome) = awaited.next_before(None) {
        import.outcome(outcome)?;
    }
    Ok(import.imported)
}

/// The past on its way into the ledger.
struct Import<'a> {
    ledger: &'a Ledger,
    reader: Reader,
    engine: &'a Engine,
    grounds: &'a Grounds,
    now: Bucket,
    /// Several results of one inspection may come at once, and each must know of those before.
    items: HashMap<String, Item>,
    imported: Imported,
}

impl<'a> Import<'a> {
    fn begin(
        ledger: &'a Ledger,
        engine: &'a Engine,
        grounds: &'a Grounds,
        first_at: Option<AdvisedAt>,
    ) -> Result<Self, ImportError> {
        let width = engine.plan().spec().bucket_seconds;
        // Never after now, as for what comes in while serving.
        let now = width.bucket_of_second(ledger.clock().now_micros().div_euclid(1_000_000));
        ledger.stand_on(grounds, first_at.map_or(grounds.first_bucket(), |at| engine.bucket_of(at).min(now)))?;
        let (reader, items, imported) = (ledger.reader()?, HashMap::new(), Imported::default());
        Ok(Self { ledger, reader, engine, grounds, now, items, imported })
    }

    /// Never before the record before.
    fn bucket_of(&self, at: AdvisedAt) -> Bucket {
        self.engine.bucket_of(at).min(self.now).max(self.ledger.head().bucket)
    }

    fn parcel(&mut self, past: PastParcel) -> Result<(), ImportError> {
        let is_decided = |kind| matches!(kind, Kind::Decision | Kind::Imported);
        if self.reader.about(&past.item_id)?.iter().any(|record| is_decided(record.content.kind)) {
            self.imported.known_parcels += 1;
            return Ok(());
        }
        let content = Content {
            item: Some(item_key(&past.item_id).0),
            parcel: Some(past.parcel),
            ..Content::new(Kind::Imported, self.bucket_of(past.advised_at), past.body)
        };
        self.write(content)?;
        self.imported.parcels += 1;
        Ok(())
    }

    fn outcome(&mut self, PastOutcome(checked): PastOutcome) -> Result<(), ImportError> {
        let item_id = checked.stated.item_id.clone();
        let item = match self.items.entry(item_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let item = Item::read(&self.reader, new.key(), self.grounds)?;
                new.insert(item)
            }
        };
        let Some(kept) = item.with(&checked) else {
            self.imported.known_outcomes += 1;
            return Ok(());
        };
        self.imported.of_unknown_items += u64::from(kept.decision.is_none());
        self.write(kept.to_content(self.bucket_of(checked.inspected_at)))?;
        self.imported.outcomes += 1;
        Ok(())
    }

    fn write(&mut self, content: Content) -> Result<(), ImportError> {
        let is_before = content.bucket < self.grounds.first_bucket();
        match self.ledger.append(content)? {
            Appended::Recorded { .. } | Appended::Known { .. } => {}
            Appended::Spilled { .. } | Appended::Refused => return Err(Unavailable::Failing.into()),
        }
        self.imported.before_model += u64::from(is_before);
        Ok(())
    }
}

//! Parcels and results of the past into the ledger, so that a server's history starts warm.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::grounds::Grounds;
use super::imported::KeptImport;
use super::inspection::Item;
use super::kept::{KeptDecision, item_key};
use super::past_rows::{PastOutcome, PastParcel};
use super::pending::{Appended, Unavailable};
use super::record::{Content, Kind};
use super::{Ledger, LedgerError, Reader};
use crate::engine::{Engine, ModelRef};
use crate::history::Bucket;
use crate::parcel::{AdvisedAt, DraftTime};

/// What was taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Parcels.
    pub parcels: u64,
    /// Results.
    pub outcomes: u64,
    /// Parcels of items that the ledger knew already.
    pub known_parcels: u64,
    /// Results that the ledger had already, and those of rows that repeat an item.
    pub known_outcomes: u64,
    /// Of those that were taken in, parcels and results from before the end of the model's own data: its history has them
    /// already or never will, and they are no part of what the ledger adds to it.
    pub before_model: u64,
    /// Results on items that nothing is known of; they are kept, and add nothing to history.
    pub of_unknown_items: u64,
    /// Results without a time on such items: with no parcel that it could follow from, they are not kept.
    pub without_time: u64,
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
    /// History would not read its keys.
    #[error(
        "the ledger's last records rest on the model {} {}, whose history counts by other features than that of {} {}: \
         give that model by --model DIR",
        last.name, last.version, given.name, given.version
    )]
    OtherFeatures {
        /// The model that decides by the ledger.
        last: Box<ModelRef>,
        /// The one by which the past was to be taken in.
        given: Box<ModelRef>,
    },
}

/// The grounds on which a past is taken in by the features of the model of `given`, where records rest on `last` already:
/// those, so that the model that decides stays the one that did. Only what is kept of a parcel is as it is given.
///
/// # Errors
/// [`ImportError::OtherFeatures`] where they count by other features.
pub fn import_grounds(given: &Grounds, last: Option<&Grounds>) -> Result<Grounds, ImportError> {
    let Some(last) = last else { return Ok(given.clone()) };
    let features = |of: &Grounds| (of.feature_spec_digest.clone(), of.bucket_seconds);
    if features(given) != features(last) {
        return Err(ImportError::OtherFeatures { last: Box::new(last.model()), given: Box::new(given.model()) });
    }
    Ok(Grounds { parties: given.parties, descriptions: given.descriptions, ..last.clone() })
}

/// Results in the order in which they became known; of those of one time, in the order in which they came.
#[derive(Default)]
struct Awaited {
    results: BTreeMap<(AdvisedAt, u64), PastOutcome>,
    n_seen: u64,
}

impl Awaited {
    fn add(&mut self, outcome: PastOutcome) {
        self.results.insert((outcome.checked.inspected_at, self.n_seen), outcome);
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
/// come. What the ledger has already is left out: to import the same again changes nothing. So are the results of rows that
/// repeat an item: one that was inspected once would count as often as it is told of.
///
/// `grounds` are those of the model by which history counts. Where the ledger has some already, another model may be in its
/// place: see [`import_grounds`].
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
    let (untimed, timed): (Vec<_>, Vec<_>) = outcomes.into_iter().partition(|outcome| outcome.delay_days.is_some());
    timed.into_iter().for_each(|outcome| awaited.add(outcome));
    let mut parcels = parcels.peekable();
    let first_parcel = parcels.peek().and_then(|past| past.as_ref().ok()).map(PastParcel::advised_at);
    let first_at = [first_parcel, awaited.first_at()].into_iter().flatten().min();
    let mut import = Import::begin(ledger, engine, grounds, first_at)?;
    let mut untimed = import.await_known(untimed, &mut awaited)?;
    for past in parcels {
        let past = past?;
        // What was advised at a time comes before what became known then.
        while let Some(outcome) = awaited.next_before(Some(past.advised_at)) {
            import.outcome(outcome)?;
        }
        let (of_item, at) = (untimed.remove(&past.item_id), past.advised_at);
        let of_row = import.parcel(past)?;
        for outcome in of_row.into_iter().chain(of_item.into_iter().flatten()) {
            import.await_after(outcome, at, &mut awaited);
        }
    }
    import.imported.without_time += untimed.values().map(|results| results.len() as u64).sum::<u64>();
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
    grounds: Grounds,
    now: Bucket,
    /// The last record before this run.
    begun_after: i64,
    /// Items that were known before it, and that a row of this run named.
    met: HashSet<u64>,
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
        let reader = ledger.reader()?;
        let last = reader.last_grounds()?;
        let grounds = import_grounds(grounds, last.as_deref())?;
        if last.is_none() {
            ledger.stand_on(&grounds, first_at.map_or(grounds.first_bucket(), |at| engine.bucket_of(at).min(now)))?;
        }
        let (items, met, imported) = (HashMap::new(), HashSet::new(), Imported::default());
        Ok(Self { ledger, reader, engine, grounds, now, begun_after: ledger.head().seq, met, items, imported })
    }

    /// Those of the `untimed` results whose items the ledger knows get their times; the others by item.
    fn await_known(
        &mut self,
        untimed: Vec<PastOutcome>,
        awaited: &mut Awaited,
    ) -> Result<HashMap<String, Vec<PastOutcome>>, ImportError> {
        let mut others: HashMap<String, Vec<PastOutcome>> = HashMap::new();
        for outcome in untimed {
            let item_id = &outcome.checked.stated.item_id;
            match self.advised_at(item_id)? {
                Some(at) => self.await_after(outcome, at, awaited),
                None => others.entry(item_id.clone()).or_default().push(outcome),
            }
        }
        Ok(others)
    }

    fn await_after(&mut self, outcome: PastOutcome, advised_at: AdvisedAt, awaited: &mut Awaited) {
        match outcome.after(advised_at) {
            Some(outcome) => awaited.add(outcome),
            None => self.imported.without_time += 1,
        }
    }

    /// When the parcel of an item was first advised; `None` where nothing is known of it.
    fn advised_at(&self, item_id: &str) -> Result<Option<AdvisedAt>, ImportError> {
        for record in self.reader.about(item_id)? {
            let unreadable = |what| LedgerError::Record { seq: record.seq, what };
            let (seconds, nanos) = match record.content.kind {
                Kind::Decision => KeptDecision::from_body(&record.content.body).map_err(unreadable)?.advised_at,
                Kind::Imported => KeptImport::from_body(&record.content.body).map_err(unreadable)?.advised_at,
                Kind::Grounds | Kind::Outcome | Kind::Repeat | Kind::Model | Kind::Erasure => continue,
            };
            let nanos = i32::try_from(nanos).unwrap_or(0);
            return Ok(AdvisedAt::new(DraftTime { seconds, nanos }).ok());
        }
        Ok(None)
    }

    /// Never before the record before.
    fn bucket_of(&self, at: AdvisedAt) -> Bucket {
        self.engine.bucket_of(at).min(self.now).max(self.ledger.head().bucket)
    }

    /// The result of its row, where that is to be taken in.
    fn parcel(&mut self, past: PastParcel) -> Result<Option<PastOutcome>, ImportError> {
        let item = item_key(&past.item_id).0;
        let is_decided = |kind| matches!(kind, Kind::Decision | Kind::Imported);
        let about = self.reader.about(&past.item_id)?;
        let of_outcome = past.outcome.map(|outcome| *outcome);
        if let Some(first) = about.iter().find(|record| is_decided(record.content.kind)) {
            self.imported.known_parcels += 1;
            let is_repeated = first.seq > self.begun_after || !self.met.insert(item);
            let Some(outcome) = of_outcome else { return Ok(None) };
            // Of a run that was broken off the parcel may stand without it.
            if is_repeated || self.item(&past.item_id)?.has_others_than(outcome.checked.inspected_at) {
                self.imported.known_outcomes += 1;
                return Ok(None);
            }
            return Ok(Some(outcome));
        }
        let content = Content {
            item: Some(item),
            parcel: Some(past.parcel),
            ..Content::new(Kind::Imported, self.bucket_of(past.advised_at), past.body)
        };
        self.write(content)?;
        self.imported.parcels += 1;
        Ok(of_outcome)
    }

    /// What is known of an item.
    fn item(&mut self, item_id: &str) -> Result<&mut Item, ImportError> {
        Ok(match self.items.entry(item_id.to_owned()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let item = Item::read(&self.reader, new.key(), &self.grounds)?;
                new.insert(item)
            }
        })
    }

    fn outcome(&mut self, PastOutcome { checked, .. }: PastOutcome) -> Result<(), ImportError> {
        let Some(kept) = self.item(&checked.stated.item_id)?.with(&checked) else {
            self.imported.known_outcomes += 1;
            return Ok(());
        };
        self.imported.of_unknown_items += u64::from(kept.decision.is_none());
        self.write(kept.to_content(self.bucket_of(checked.inspected_at)))?;
        self.imported.outcomes += 1;
        Ok(())
    }

    fn write(&mut self, content: Content) -> Result<(), ImportError> {
        if self.ledger.head().seq == self.begun_after {
            // What is kept of a parcel may be set otherwise than before. A run that takes in nothing writes nothing.
            self.ledger.stand_on(&self.grounds, content.bucket)?;
        }
        let is_before = content.bucket < self.grounds.first_bucket();
        match self.ledger.append(content)? {
            Appended::Recorded { .. } | Appended::Known { .. } => {}
            Appended::Spilled { .. } | Appended::Refused => return Err(Unavailable::Failing.into()),
        }
        self.imported.before_model += u64::from(is_before);
        Ok(())
    }
}

//! Parcels and results of the past into the ledger, so that a server's history starts warm.

use std::collections::HashMap;

use super::grounds::Grounds;
use super::imported::KeptImport;
use super::inspection::Item;
use super::kept::item_key;
use super::pending::{Appended, Unavailable};
use super::record::{Content, Kind};
use super::{Keeping, Ledger, LedgerError};
use crate::engine::Engine;
use crate::features::KeptKeys;
use crate::parcel::codes::InfringementKind;
use crate::parcel::{AdvisedAt, InvalidParcel, Parcel};
use crate::table::RowOutcome;
use crate::wire::{CheckedOutcome, check_outcome, timestamp, v1};

/// A parcel of the past.
#[derive(Clone, Debug)]
pub struct PastParcel {
    /// As it was stated.
    pub stated: v1::Parcel,
    /// As it is believed.
    pub parcel: Parcel,
    /// The chance with which it had been chosen for inspection, where that is known.
    pub selection_probability: Option<f64>,
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

/// What is taken in, in the order in which it happened.
enum Past {
    Parcel(Box<PastParcel>),
    Outcome(PastOutcome),
}

impl Past {
    fn at(&self) -> AdvisedAt {
        match self {
            Self::Parcel(past) => past.parcel.advised_at,
            Self::Outcome(PastOutcome(checked)) => checked.inspected_at,
        }
    }
}

/// Records parcels and results of the past as what they are: imported, and decided by nobody here.
///
/// They come in the order in which they happened, whatever order they are given in, so all of them are held in memory.
/// What the ledger has already is left out: to import the same again changes nothing.
///
/// # Errors
/// [`ImportError`].
pub fn import(
    ledger: &Ledger,
    engine: &Engine,
    grounds: &Grounds,
    keeping: &Keeping,
    parcels: Vec<PastParcel>,
    outcomes: Vec<PastOutcome>,
) -> Result<Imported, ImportError> {
    let mut past: Vec<Past> = parcels.into_iter().map(|past| Past::Parcel(Box::new(past))).collect();
    past.extend(outcomes.into_iter().map(Past::Outcome));
    // What was advised at a time comes before what became known then.
    past.sort_by_key(|past| (past.at(), matches!(past, Past::Outcome(_))));
    let width = engine.plan().spec().bucket_seconds;
    // Never after now, as for what comes in while serving.
    let now = width.bucket_of_second(ledger.clock().now_micros().div_euclid(1_000_000));
    let bucket_of = |past: &Past| engine.bucket_of(past.at()).min(now);
    ledger.stand_on(grounds, past.first().map_or(grounds.first_bucket(), bucket_of))?;
    let reader = ledger.reader()?;
    let mut imported = Imported::default();
    // Several results of one inspection may come at once, and each must know of those before.
    let mut items: HashMap<String, Item> = HashMap::new();
    for past in past {
        // Never before the record before.
        let at = bucket_of(&past).max(ledger.head().bucket);
        let is_before = u64::from(at < grounds.first_bucket());
        match past {
            Past::Parcel(mut past) => {
                let item_id = past.parcel.item_id.as_str().to_owned();
                let is_decided = |kind| matches!(kind, Kind::Decision | Kind::Imported);
                if reader.about(&item_id)?.iter().any(|record| is_decided(record.content.kind)) {
                    imported.known_parcels += 1;
                    continue;
                }
                let keys = engine.plan().keys(&past.parcel, engine.rates());
                let kept = KeptImport {
                    item_id: item_id.clone(),
                    advised_at: (past.parcel.advised_at.seconds(), past.parcel.advised_at.nanos()),
                    keys: KeptKeys::from(&keys),
                    selection_probability: past.selection_probability,
                };
                let content = Content {
                    item: Some(item_key(&item_id).0),
                    parcel: Some(keeping.keep(&mut past.stated)),
                    ..Content::new(Kind::Imported, at, kept.to_body())
                };
                written(ledger.append(content)?)?;
                imported.parcels += 1;
                imported.before_model += is_before;
            }
            Past::Outcome(PastOutcome(checked)) => {
                let item_id = checked.stated.item_id.clone();
                let item = match items.remove(&item_id) {
                    Some(item) => item,
                    None => Item::read(&reader, &item_id, grounds)?,
                };
                let item = items.entry(item_id).or_insert(item);
                let Some(kept) = item.with(&checked) else {
                    imported.known_outcomes += 1;
                    continue;
                };
                imported.of_unknown_items += u64::from(kept.decision.is_none());
                written(ledger.append(kept.to_content(at))?)?;
                imported.outcomes += 1;
                imported.before_model += is_before;
            }
        }
    }
    Ok(imported)
}

fn written(appended: Appended) -> Result<(), Unavailable> {
    match appended {
        Appended::Recorded { .. } | Appended::Known { .. } => Ok(()),
        Appended::Spilled { .. } | Appended::Refused => Err(Unavailable::Failing),
    }
}

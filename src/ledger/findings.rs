//! What inspections found, item by item, and the chance that each item had of being inspected.

use std::collections::{BTreeMap, HashMap};

use prost::Message as _;

use super::kept::KeptDecision;
use super::outcome::KeptOutcome;
use super::record::{Kind, Record};
use super::{LedgerError, Reader};
use crate::evaluation::Audited;
use crate::policy::Route;
use crate::wire::v1;

/// The last word on each inspection of an item, by the time of the inspection.
type Found = BTreeMap<(i64, i32), v1::Finding>;

/// Whether an infringement was found, by item; an item is not there where no result is clear.
///
/// # Errors
/// [`LedgerError`] where the ledger can't be read.
pub fn findings(reader: &Reader) -> Result<HashMap<String, bool>, LedgerError> {
    let mut found: HashMap<String, Found> = HashMap::new();
    reader.scan::<LedgerError>(0, |record| {
        if record.content.kind == Kind::Outcome {
            let kept = KeptOutcome::of(&record.content).map_err(|what| unreadable(&record, what))?;
            let stated = v1::Outcome::decode(kept.stated.as_slice());
            let stated = stated.map_err(|error| unreadable(&record, error.to_string()))?;
            found.entry(kept.item_id).or_default().insert(kept.inspected_at, stated.finding());
        }
        Ok(())
    })?;
    let label = |found: Found| {
        let has = |finding| found.values().any(|it| *it == finding);
        if has(v1::Finding::Infringement) { Some(true) } else { has(v1::Finding::Clean).then_some(false) }
    };
    Ok(found.into_iter().filter_map(|(item, found)| Some((item, label(found)?))).collect())
}

/// Every item by its first decision recorded from `since` to before `until`, in microseconds since 1970.
///
/// # Errors
/// [`LedgerError`] where the ledger can't be read.
pub fn audited_items(reader: &Reader, since: i64, until: i64) -> Result<Vec<Audited>, LedgerError> {
    let found = findings(reader)?;
    let mut items = Vec::new();
    reader.scan::<LedgerError>(0, |record| {
        if record.content.kind != Kind::Decision || !(since..until).contains(&record.recorded_at_micros) {
            return Ok(());
        }
        let kept = KeptDecision::from_body(&record.content.body).map_err(|what| unreadable(&record, what))?;
        if kept.counts {
            let reply = kept.decision().map_err(|what| unreadable(&record, what))?;
            let route = record.content.route.and_then(Route::from_number);
            items.push(Audited {
                chance: reply.selection_probability,
                selected: route.is_some_and(|route| !route.is_release()),
                infringement: found.get(&reply.item_id).copied(),
            });
        }
        Ok(())
    })?;
    Ok(items)
}

fn unreadable(record: &Record, what: String) -> LedgerError {
    LedgerError::Record { seq: record.seq, what }
}

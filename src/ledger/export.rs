//! A ledger as a labeled table, such as `train` takes.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use prost::Message as _;

use super::imported::KeptImport;
use super::kept::{KeptDecision, without_grounds};
use super::outcome::KeptOutcome;
use super::privacy::kept_parcel;
use super::record::{Kind, Record};
use super::{Grounds, LedgerError, Reader};
use crate::parcel::DraftTime;
use crate::parcel::codes::InfringementKind;
use crate::table::{Columns, RowOutcome, RowPosition, TableRow, TableWriter, WriteError};
use crate::wire::{self, v1};

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Items, one row each.
    pub rows: u64,
    /// Of them, with a label.
    pub labeled: u64,
}

/// Why a ledger can't be written as a table.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The table can't be written.
    #[error(transparent)]
    Table(#[from] WriteError),
}

/// What inspections found of one item, by the time of each: the last word on each, and the decision that led to it.
type Found = BTreeMap<(i64, i32), (v1::Outcome, i64, Option<i64>)>;

/// Writes a row for each item that was decided about: the parcel of its first decision as it was kept, with what was found
/// of it, when that reached the history, and the chance with which it had been chosen.
///
/// Two passes over the ledger; memory grows with the outcomes. Without such an item there is a header alone.
///
/// # Errors
/// [`ExportError`].
pub fn export(reader: &Reader, path: &Path) -> Result<Exported, ExportError> {
    export_until(reader, path, i64::MAX)
}

/// As [`export`], by the records up to number `until` alone: the same number gives the same table, whatever came after.
///
/// # Errors
/// [`ExportError`].
pub fn export_until(reader: &Reader, path: &Path, until: i64) -> Result<Exported, ExportError> {
    TableWriter::check_place(path)?;
    let found = outcomes(reader, until)?;
    // All rows are looked at first: a table has the columns that any of them needs.
    let (mut columns, mut n_rows) = (Columns::of([]), 0_u64);
    each_row(reader, until, &found, |row| {
        columns.note(row);
        n_rows += 1;
        Ok(())
    })?;
    if n_rows == 0 {
        // A file without a column is no table to any program.
        columns.note(&of_every_table());
    }
    let mut writer = TableWriter::create(path, columns)?;
    let mut exported = Exported::default();
    each_row(reader, until, &found, |row| {
        exported.rows += 1;
        exported.labeled += u64::from(row.outcome.is_some());
        Ok(writer.write(row)?)
    })?;
    writer.finish()?;
    Ok(exported)
}

/// A row that states what every table of labels does.
fn of_every_table() -> TableRow {
    let time = Some(DraftTime { seconds: 0, nanos: 0 });
    let mut row = TableRow::new(RowPosition { file: "ledger".into(), row: 0, line: None });
    row.draft.item_id = "any".to_owned();
    row.draft.advised_at = time;
    row.outcome = Some(RowOutcome { infringement: false, known_at: time, kind: None, revenue: None });
    row
}

fn outcomes(reader: &Reader, until: i64) -> Result<HashMap<String, Found>, ExportError> {
    let mut found: HashMap<String, Found> = HashMap::new();
    let mut width_seconds = 1;
    reader.scan::<ExportError>(0, |record| {
        let unreadable = |what: String| LedgerError::Record { seq: record.seq, what };
        match record.content.kind {
            _ if record.seq > until => {}
            Kind::Grounds => {
                width_seconds = Grounds::from_body(&record.content.body).map_err(unreadable)?.bucket_seconds;
            }
            Kind::Outcome => {
                let kept = KeptOutcome::of(&record.content).map_err(unreadable)?;
                let stated =
                    v1::Outcome::decode(kept.stated.as_slice()).map_err(|error| unreadable(error.to_string()))?;
                let known_at = i64::from(record.content.bucket.0) * i64::from(width_seconds);
                found.entry(kept.item_id).or_default().insert(kept.inspected_at, (stated, known_at, kept.decision));
            }
            Kind::Decision | Kind::Imported | Kind::Repeat | Kind::Model | Kind::Erasure => {}
        }
        Ok(())
    })?;
    Ok(found)
}

fn each_row(
    reader: &Reader,
    until: i64,
    found: &HashMap<String, Found>,
    mut take: impl FnMut(&TableRow) -> Result<(), ExportError>,
) -> Result<(), ExportError> {
    let file = "ledger".into();
    reader.scan::<ExportError>(0, |record| {
        if record.seq > until {
            return Ok(());
        }
        let unreadable = |what: String| LedgerError::Record { seq: record.seq, what };
        let counts = match record.content.kind {
            Kind::Decision => KeptDecision::from_body(&record.content.body).map_err(unreadable)?.counts,
            kind => kind == Kind::Imported,
        };
        let Some(parcel) = record.content.parcel.as_deref().filter(|_| counts) else { return Ok(()) };
        let parcel = kept_parcel(parcel).map_err(|error| unreadable(error.to_string()))?;
        let position = RowPosition { file: std::sync::Arc::clone(&file), row: record.seq.unsigned_abs(), line: None };
        let label = found.get(&parcel.item_id).map(|found| label(reader, &record, found)).transpose()?.flatten();
        let (outcome, selection_probability) = label.unzip();
        let row = TableRow {
            draft: wire::to_draft(parcel),
            outcome,
            selection_probability: selection_probability.flatten(),
            ..TableRow::new(position)
        };
        take(&row)
    })
}

/// The label of an item, and the chance with which it was chosen to be inspected.
///
/// An infringement that any inspection found is the label; without one, the first that found nothing. What could not be
/// told is none.
fn label(reader: &Reader, first: &Record, found: &Found) -> Result<Option<(RowOutcome, Option<f64>)>, LedgerError> {
    let of = |finding: v1::Finding| found.values().find(|(stated, ..)| stated.finding == finding as i32);
    let Some((stated, known_at, decision)) = of(v1::Finding::Infringement).or_else(|| of(v1::Finding::Clean)) else {
        return Ok(None);
    };
    let infringement = stated.finding == v1::Finding::Infringement as i32;
    let kind = InfringementKind::from_number(stated.infringement).map(|kind| kind.name().to_owned());
    let about = match decision {
        Some(seq) if *seq != first.seq => reader.record(*seq)?,
        _ => None,
    };
    let about = about.as_ref().unwrap_or(first);
    let chance = if about.content.kind == Kind::Imported {
        let unreadable = |what| LedgerError::Record { seq: about.seq, what };
        KeptImport::from_body(&about.content.body).map_err(unreadable)?.selection_probability.unwrap_or(0.0)
    } else {
        without_grounds(about)?.selection_probability
    };
    let outcome =
        RowOutcome { infringement, known_at: Some(DraftTime { seconds: *known_at, nanos: 0 }), kind, revenue: None };
    Ok(Some((outcome, (chance > 0.0).then_some(chance))))
}

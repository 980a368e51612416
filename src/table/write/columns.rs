//! Which columns a table needs.

use std::collections::{BTreeMap, BTreeSet};

use super::RowError;
use crate::parcel::Violation;
use crate::table::field::{Field, Holds, Value, first_unknown, stated};
use crate::table::row::TableRow;

/// The columns of a contract table: those that any row states.
///
/// A table's columns come before its rows, so rows are gone through twice: once to
/// [`note`](Columns::note) each, once to write. Memory grows with the columns, not the rows.
#[derive(Clone, Debug, Default)]
pub struct Columns(BTreeMap<Place, Field>);

/// Fields in the order of the contract, list by list, entry by entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(usize, usize, usize, String);

impl Place {
    fn of(field: &Field) -> Self {
        let (list, idx, rank, key) = field.order();
        Self(list, idx, rank, key.to_owned())
    }
}

impl Columns {
    /// The columns that `rows` need.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a TableRow>) -> Self {
        let mut columns = Self::default();
        rows.into_iter().for_each(|row| columns.note(row));
        columns
    }

    /// Adds the columns that `row` needs.
    pub fn note(&mut self, row: &TableRow) {
        for field in stated(row) {
            self.0.entry(Place::of(&field)).or_insert(field);
        }
    }

    /// The columns of a format: an amount is one decimal number in text, but two integers where
    /// columns have types.
    pub(super) fn of_format(&self, typed: bool) -> Vec<Field> {
        let kept = |field: &&Field| match field.holds() {
            Holds::Amount(_) => !typed,
            Holds::Units(_) | Holds::Nanos(_) => typed,
            _ => true,
        };
        self.0.values().filter(kept).cloned().collect()
    }
}

/// The cells of `row` in the order of `columns`, each `None` where nothing is stated.
///
/// # Errors
/// A value that no cell can hold, or a field that has no column.
pub(super) fn cells<'a>(row: &'a TableRow, columns: &[Field]) -> Result<Vec<Option<Value<'a>>>, RowError> {
    let mut cells = Vec::with_capacity(columns.len());
    for field in columns {
        match field.value(row) {
            Ok(value) => cells.push(value),
            Err(problem) => return Err(RowError::Unwritable(Violation::new(field.path.as_str(), problem))),
        }
    }
    Ok(cells)
}

/// What columns were made for, to be asked of every field of every row.
#[derive(Debug)]
pub(super) struct Known {
    /// By place in the catalogue and list index.
    listed: Vec<Vec<bool>>,
    national: BTreeSet<(usize, String)>,
}

impl Known {
    pub(super) fn of(columns: &Columns) -> Self {
        let mut known = Self { listed: Vec::new(), national: BTreeSet::new() };
        for field in columns.0.values() {
            let (rank, idx, key) = field.place();
            if !key.is_empty() {
                known.national.insert((rank, key.to_owned()));
                continue;
            }
            known.listed.resize_with(known.listed.len().max(rank + 1), Vec::new);
            let entries = &mut known.listed[rank];
            entries.resize(entries.len().max(idx + 1), false);
            entries[idx] = true;
        }
        known
    }

    /// # Errors
    /// The first field that `row` states and that has no column: it would be lost in silence.
    pub(super) fn covers(&self, row: &TableRow) -> Result<(), RowError> {
        let is_known = |rank: usize, idx: usize, key: &str| match key {
            "" => self.listed.get(rank).and_then(|entries| entries.get(idx)).copied().unwrap_or(false),
            key => self.national.contains(&(rank, key.to_owned())),
        };
        match first_unknown(row, is_known) {
            None => Ok(()),
            Some(field) => Err(RowError::NoColumn(field.path)),
        }
    }
}

//! Labeled rows of tables, some at a time.

use std::path::{Path, PathBuf};
use std::slice;

use super::{DatasetError, KnownOutcome, LabeledParcel};
use crate::parcel::ParcelLimits;
use crate::parcel::codes::InfringementKind;
use crate::table::{CheckedRow, LabelCounts, Mapping, RejectCounts, RowCheck, TableError, TableReader};

/// Reads labeled tables in the order of the files. Memory is bounded by the rows that are asked for at a time.
#[derive(Debug)]
pub struct RowsReader<'a> {
    paths: slice::Iter<'a, PathBuf>,
    mapping: Option<&'a Mapping>,
    limits: &'a ParcelLimits,
    table: Option<(&'a PathBuf, TableReader, RowCheck)>,
    rejects: RejectCounts,
    labels: LabelCounts,
}

/// Rows that are given at a time, at least: as many as are replayed at a time.
const ROWS_AT_ONCE: usize = 4096;

impl<'a> RowsReader<'a> {
    /// Opens nothing yet.
    pub fn new(paths: &'a [PathBuf], mapping: Option<&'a Mapping>, limits: &'a ParcelLimits) -> Self {
        Self {
            paths: paths.iter(),
            mapping,
            limits,
            table: None,
            rejects: RejectCounts::default(),
            labels: LabelCounts::default(),
        }
    }

    /// The next rows that can be read; none at the end of the last table. `on_row` is told of each row, readable or not.
    ///
    /// # Errors
    /// [`DatasetError`] where a file or its mapping is unusable.
    pub fn next_rows(&mut self, mut on_row: impl FnMut()) -> Result<Vec<LabeledParcel>, DatasetError> {
        let mut rows = Vec::with_capacity(ROWS_AT_ONCE);
        while rows.len() < ROWS_AT_ONCE {
            let (path, reader, check) = match &mut self.table {
                Some(table) => table,
                None => {
                    let Some(path) = self.paths.next() else { break };
                    let reader = TableReader::open(path, self.mapping).map_err(|source| unusable(path, source))?;
                    let check = reader.row_check(self.limits.clone());
                    self.table.insert((path, reader, check))
                }
            };
            let checked = reader.next_some(|row| check.check(row).map(labeled));
            let checked = checked.map_err(|source| unusable(path, source))?;
            let is_end = checked.is_empty();
            for row in checked {
                on_row();
                rows.extend(self.rejects.count(row));
            }
            if is_end && let Some((_, reader, _)) = self.table.take() {
                self.labels.add(&reader.labels());
            }
        }
        Ok(rows)
    }

    /// The values of the label in the tables that were read to their end.
    pub fn labels(&self) -> &LabelCounts {
        &self.labels
    }

    /// What could not be read.
    ///
    /// # Errors
    /// [`DatasetError::TooManyRejects`] where more than `max_reject_share` of the rows could not.
    pub fn finish(self, max_reject_share: f64) -> Result<RejectCounts, DatasetError> {
        let rejects = self.rejects;
        if rejects.exceeds(max_reject_share) {
            return Err(DatasetError::TooManyRejects {
                n_rejected: rejects.n_rejected(),
                n_rows: rejects.n_rows(),
                max_percent: max_reject_share * 100.0,
                shown: rejects.with_examples(),
            });
        }
        Ok(rejects)
    }
}

fn unusable(path: &Path, source: TableError) -> DatasetError {
    DatasetError::Table { path: path.to_owned(), source }
}

fn labeled(row: CheckedRow) -> LabeledParcel {
    let revenue = row.outcome.as_ref().and_then(|outcome| outcome.revenue);
    let outcome = row.outcome.map(|outcome| KnownOutcome {
        infringement: outcome.infringement,
        kind: outcome.kind.map(|kind| InfringementKind::from_name(&kind).unwrap_or(InfringementKind::Other)),
        known_at_seconds: outcome.known_at.map(|time| time.seconds),
    });
    LabeledParcel {
        parcel: row.parcel.into(),
        outcome,
        revenue,
        weight: row.weight,
        selection_probability: row.selection_probability,
        position: row.position,
        recorded: None,
    }
}

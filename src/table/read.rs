//! The reader of any table.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use super::check::RowCheck;
use super::csv::CsvTable;
use super::error::TableError;
use super::format::Format;
use super::jsonl::JsonLines;
use super::labels::LabelCounts;
use super::mapping::Mapping;
#[cfg(feature = "parquet")]
use super::parquet::ParquetTable;
use super::plan::ColumnNames;
use super::reject::Reject;
use super::row::TableRow;
use crate::parcel::ParcelLimits;

/// The longest row of a CSV table and the longest line of JSON, in bytes.
pub const MAX_ROW_BYTES: u64 = 16 * 1024 * 1024;

/// Rows that are read at a time, to be worked on by all threads: as stated they are large, and these stay near.
const ROWS_AT_ONCE: usize = 512;

/// One row, or why that row can't be read.
pub type RowResult = Result<TableRow, Reject>;

/// Reads a table row by row, in the order of the file.
///
/// An item is `Err` where the file itself breaks, and then the last one: what was read before is a
/// part of a table, which must not pass for the whole. `Ok(Err(_))` is one row that can't be read.
/// Memory is bounded by one row ([`MAX_ROW_BYTES`]), for Parquet by one page of each column.
///
/// ```no_run
/// # fn main() -> Result<(), parcel_risk::table::TableError> {
/// use parcel_risk::table::{RejectCounts, TableReader};
///
/// let mut counts = RejectCounts::default();
/// for row in TableReader::open("parcels.csv".as_ref(), None)? {
///     match row? {
///         Ok(_row) => counts.accepted(),
///         Err(reject) => counts.rejected(reject),
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TableReader {
    source: Source,
    columns: Arc<ColumnNames>,
    labels: Arc<Mutex<LabelCounts>>,
}

enum Source {
    Csv(Box<CsvTable>),
    JsonLines(JsonLines),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetTable>),
    /// Broken: nothing more comes of it.
    Ended,
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Csv(_) => "Csv",
            Self::JsonLines(_) => "JsonLines",
            #[cfg(feature = "parquet")]
            Self::Parquet(_) => "Parquet",
            Self::Ended => "Ended",
        })
    }
}

impl TableReader {
    /// Opens a table, by its ending: `.csv`, `.csv.gz`, `.parquet`, `.jsonl`, or `-` for JSON lines
    /// on standard input. Without a mapping, columns are fields of the contract.
    ///
    /// # Errors
    /// [`TableError`] where the file, its header, or the mapping's columns in it are not there.
    pub fn open(path: &Path, mapping: Option<&Mapping>) -> Result<Self, TableError> {
        let file: Arc<str> = path.to_string_lossy().into();
        let source = match Format::of(path) {
            None => return Err(TableError::UnknownFormat { file: file.to_string() }),
            Some(Format::JsonLines | Format::StandardStream) if mapping.is_some() => {
                return Err(TableError::NothingToMap { file: file.to_string() });
            }
            Some(Format::Csv { gz }) => Source::Csv(Box::new(CsvTable::open(path, file, gz, mapping)?)),
            Some(Format::JsonLines) => Source::JsonLines(JsonLines::open(path, file)?),
            Some(Format::StandardStream) => Source::JsonLines(JsonLines::stdin()),
            #[cfg(feature = "parquet")]
            Some(Format::Parquet) => Source::Parquet(Box::new(ParquetTable::open(path, file, mapping)?)),
            #[cfg(not(feature = "parquet"))]
            Some(Format::Parquet) => return Err(TableError::NoParquet { file: file.to_string() }),
        };
        let (columns, labels) = match &source {
            Source::Csv(table) => (table.plan.columns(), table.plan.labels()),
            #[cfg(feature = "parquet")]
            Source::Parquet(table) => (table.plan.columns(), table.plan.labels()),
            Source::JsonLines(_) | Source::Ended => Default::default(),
        };
        Ok(Self { source, columns, labels })
    }

    /// The values of the label in the rows read so far; none in JSON lines, which have no label.
    pub fn labels(&self) -> LabelCounts {
        self.labels.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What `made` makes of the next rows, by all threads and in their order; nothing after the last.
    ///
    /// # Errors
    /// [`TableError`] where the file itself breaks among them.
    pub fn next_some<T: Send>(
        &mut self,
        made: impl Fn(TableRow) -> Result<T, Reject> + Sync,
    ) -> Result<Vec<Result<T, Reject>>, TableError> {
        let read = self.take(ROWS_AT_ONCE).collect::<Result<Vec<_>, _>>()?;
        Ok(read.into_par_iter().map(|row| row.and_then(&made)).collect())
    }

    /// The check that turns this table's rows into parcels, and names its columns where it can't.
    pub fn row_check(&self, limits: ParcelLimits) -> RowCheck {
        RowCheck::new(limits, Arc::clone(&self.columns))
    }
}

impl Iterator for TableReader {
    type Item = Result<RowResult, TableError>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = match &mut self.source {
            Source::Csv(table) => table.next_row(),
            Source::JsonLines(table) => table.next_row(),
            #[cfg(feature = "parquet")]
            Source::Parquet(table) => table.next_row(),
            Source::Ended => None,
        };
        if matches!(next, None | Some(Err(_))) {
            self.source = Source::Ended;
        }
        next
    }
}

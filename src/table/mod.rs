//! Labeled tables: CSV, Parquet and JSON lines in and out, and the mapping that makes anybody's
//! table one of parcels.
//!
//! [`TableReader`] gives rows as stated, [`RowCheck`] makes parcels of them, and what can't be read
//! is a [`Reject`] with file, row and column. With a [`Mapping`] a table's columns are whatever it
//! says; without one they are fields of the contract, which is also what [`TableWriter`] writes.

mod check;
mod csv;
mod decimal;
mod error;
mod field;
mod format;
mod jsonl;
mod labels;
mod mapping;
#[cfg(feature = "parquet")]
mod parquet;
mod plan;
mod read;
mod reject;
mod row;
mod shown;
mod time;
mod write;

pub use check::{CheckedRow, RowCheck};
pub use error::{MissingColumn, TableError};
pub use field::UnknownField;
pub use format::holds_labels;
pub use labels::LabelCounts;
pub use mapping::{Mapping, MappingError, MappingViolation};
pub use read::{MAX_ROW_BYTES, RowResult, TableReader};
pub use reject::{Reject, RejectCounts, reason};
pub use row::{RowOutcome, RowPosition, TableRow};
pub(crate) use write::PendingFile;
pub use write::{
    Columns, MATRIX_COLUMNS, MatrixRow, MatrixWriter, SheetCell, SheetType, SheetWriter, TableWriter, WriteError,
};

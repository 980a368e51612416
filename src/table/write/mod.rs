//! Tables of the contract, which `table convert` writes, and matrices of features.

mod columns;
mod csv;
mod jsonl;
mod matrix;
#[cfg(feature = "parquet")]
mod matrix_parquet;
#[cfg(feature = "parquet")]
mod parquet;
mod pending;
mod sheet;

use std::io::{self, BufWriter, Write};
use std::path::Path;

pub use columns::Columns;
pub use matrix::{MATRIX_COLUMNS, MatrixRow, MatrixWriter};
pub use sheet::{SheetCell, SheetType, SheetWriter};

use self::csv::CsvSink;
use self::jsonl::write_line;
use super::format::Format;
use super::row::{RowPosition, TableRow};
use crate::parcel::Violation;
pub(crate) use pending::PendingFile;

/// Writes rows to a table whose columns are fields of the contract, by the ending of its name as
/// [`TableReader::open`](super::TableReader::open) reads it; `-` is JSON lines on standard output.
///
/// JSON lines hold the parcels alone, without label, weight and selection probability. Elsewhere a
/// part of a parcel in which nothing is stated (a sender without any field) is not kept.
///
/// The file has its name only once [`TableWriter::finish`] has succeeded: a half table is never
/// taken for a whole one. Memory is bounded by one row, for Parquet by one row group
/// of 16,384 rows.
#[derive(Debug)]
pub struct TableWriter {
    file: String,
    sink: Sink,
}

enum Sink {
    JsonLines(BufWriter<PendingFile>),
    StandardOutput(BufWriter<io::Stdout>),
    Csv(Box<CsvSink>),
    #[cfg(feature = "parquet")]
    Parquet(Box<parquet::ParquetSink>),
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::JsonLines(_) => "JsonLines",
            Self::StandardOutput(_) => "StandardOutput",
            Self::Csv(_) => "Csv",
            #[cfg(feature = "parquet")]
            Self::Parquet(_) => "Parquet",
        })
    }
}

/// Why a table can't be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The ending is none that says how to write the file.
    #[error("{file} must end in .csv, .csv.gz, .parquet or .jsonl, or be - for JSON lines on standard output")]
    UnknownFormat {
        /// The table.
        file: String,
    },
    /// The ending is none that a matrix is written in.
    #[error("{file} must end in .parquet, .csv or .csv.gz")]
    UnknownMatrixFormat {
        /// The matrix.
        file: String,
    },
    /// This build writes no Parquet.
    #[error("{file} is Parquet, which this build can't write: build it with the feature `parquet`")]
    NoParquet {
        /// The table.
        file: String,
    },
    /// A row states what the table has no way to write.
    #[error("{file} can't hold what {position} states: {violation}")]
    Unwritable {
        /// The table.
        file: String,
        /// Where the row came from.
        position: RowPosition,
        /// The field, and what is wrong with it.
        violation: Violation,
    },
    /// A row states a field that the columns were not made for.
    #[error("{file} has no column for {field}, which {position} states")]
    NoColumn {
        /// The table.
        file: String,
        /// Where the row came from.
        position: RowPosition,
        /// The field.
        field: String,
    },
    /// The disk or the encoder failed.
    #[error("writing {file}")]
    Write {
        /// The table.
        file: String,
        /// What went wrong.
        source: io::Error,
    },
}

/// Why one row was not written; the writer knows the rest of the message.
enum RowError {
    Unwritable(Violation),
    NoColumn(String),
    Io(io::Error),
}

impl From<io::Error> for RowError {
    fn from(source: io::Error) -> Self {
        Self::Io(source)
    }
}

impl TableWriter {
    /// Begins a table. JSON lines need no `columns`.
    ///
    /// # Errors
    /// [`WriteError`] where the ending says nothing, or the file can't be made.
    pub fn create(path: &Path, columns: Columns) -> Result<Self, WriteError> {
        let file = path.to_string_lossy().into_owned();
        let format = Format::of(path).ok_or_else(|| WriteError::UnknownFormat { file: file.clone() })?;
        let write_error = |source| WriteError::Write { file: file.clone(), source };
        let sink = match format {
            Format::StandardStream => Sink::StandardOutput(BufWriter::new(io::stdout())),
            Format::JsonLines => Sink::JsonLines(BufWriter::new(PendingFile::create(path).map_err(write_error)?)),
            Format::Csv { gz } => Sink::Csv(Box::new(CsvSink::create(path, gz, &columns).map_err(write_error)?)),
            #[cfg(feature = "parquet")]
            Format::Parquet => {
                Sink::Parquet(Box::new(parquet::ParquetSink::create(path, &columns).map_err(write_error)?))
            }
            #[cfg(not(feature = "parquet"))]
            Format::Parquet => return Err(WriteError::NoParquet { file }),
        };
        Ok(Self { file, sink })
    }

    /// Finds out whether a table could be begun at `path`, and leaves nothing there: before what takes long.
    ///
    /// # Errors
    /// [`WriteError`], as [`TableWriter::create`].
    pub fn check_place(path: &Path) -> Result<(), WriteError> {
        Self::create(path, Columns::of([])).map(drop)
    }

    /// Writes one row.
    ///
    /// # Errors
    /// [`WriteError::Unwritable`] for what the table can't hold, such as a negative mass in JSON;
    /// [`WriteError::NoColumn`] for a field that [`Columns`] did not see; else what the disk said.
    pub fn write(&mut self, row: &TableRow) -> Result<(), WriteError> {
        let written = match &mut self.sink {
            Sink::JsonLines(out) => write_line(out, row),
            Sink::StandardOutput(out) => write_line(out, row),
            Sink::Csv(sink) => sink.write(row),
            #[cfg(feature = "parquet")]
            Sink::Parquet(sink) => sink.write(row),
        };
        let (file, position) = (|| self.file.clone(), || row.position.clone());
        written.map_err(|problem| match problem {
            RowError::Unwritable(violation) => WriteError::Unwritable { file: file(), position: position(), violation },
            RowError::NoColumn(field) => WriteError::NoColumn { file: file(), position: position(), field },
            RowError::Io(source) => WriteError::Write { file: file(), source },
        })
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// [`WriteError::Write`] with what the disk said; the file is then not there.
    pub fn finish(self) -> Result<(), WriteError> {
        let finished = match self.sink {
            Sink::JsonLines(out) => {
                out.into_inner().map_err(io::IntoInnerError::into_error).and_then(PendingFile::keep)
            }
            Sink::StandardOutput(mut out) => out.flush(),
            Sink::Csv(sink) => sink.finish(),
            #[cfg(feature = "parquet")]
            Sink::Parquet(sink) => sink.finish(),
        };
        finished.map_err(|source| WriteError::Write { file: self.file, source })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::TableReader;
    use super::*;
    use crate::parcel::{Draft, DraftLine, DraftParty};
    use crate::wire::any_draft;

    /// What a table keeps of a draft: parts in which something is stated.
    fn kept(mut draft: Draft) -> Draft {
        let nothing = DraftParty::default();
        draft.sender = draft.sender.filter(|party| *party != nothing);
        draft.addressee = draft.addressee.filter(|party| *party != nothing);
        while draft.contents.last() == Some(&DraftLine::default()) {
            draft.contents.pop();
        }
        while draft.documents.last() == Some(&Default::default()) {
            draft.documents.pop();
        }
        draft.national_codes.retain(|_, code| !code.is_empty());
        draft
    }

    /// Any draft, moved to where most of it can be written.
    fn writable(mut draft: Draft, seconds: i64) -> Draft {
        draft.item_id.push('A');
        if let Some(at) = &mut draft.advised_at {
            (at.seconds, at.nanos) = (seconds, at.nanos.rem_euclid(1_000_000_000));
        }
        let amounts = draft.contents.iter_mut().map(|line| &mut line.value);
        for money in amounts.chain([&mut draft.postage_paid, &mut draft.insured_value]).flatten() {
            (money.units, money.nanos) = (money.units.saturating_abs(), money.nanos.rem_euclid(1_000_000_000));
        }
        draft.national_codes.remove("");
        draft.national_figures.remove("");
        draft
    }

    /// With numbers that JSON has names or room for.
    fn writable_in_json(mut draft: Draft) -> Draft {
        let parties = [&mut draft.sender, &mut draft.addressee].into_iter().flatten().map(|party| &mut party.kind);
        let documents = draft.documents.iter_mut().map(|document| &mut document.kind);
        let own = [
            &mut draft.id_scheme,
            &mut draft.mail_class,
            &mut draft.nature_of_transaction,
            &mut draft.transport_mode,
            &mut draft.payment_method,
        ];
        own.into_iter().chain(parties).chain(documents).for_each(|code| *code = code.rem_euclid(3));
        for line in &mut draft.contents {
            line.quantity = line.quantity.map(|pieces| pieces.rem_euclid(1 << 32));
            line.net_mass_grams = line.net_mass_grams.map(|grams| grams.saturating_abs());
        }
        draft.gross_mass_grams = draft.gross_mass_grams.map(i64::saturating_abs);
        draft
    }

    fn through(name: &str, row: &TableRow) -> TableRow {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        let mut writer = TableWriter::create(&path, Columns::of([row])).unwrap();
        writer.write(row).unwrap();
        writer.finish().unwrap();
        let mut rows = TableReader::open(&path, None).unwrap();
        let again = rows.next().unwrap().unwrap().unwrap();
        assert!(rows.next().is_none());
        again
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_can_be_written_reads_back(any in any_draft(), seconds in 0..4_102_444_800i64, weight in 0.0..9.0) {
            let position = RowPosition { file: "t".into(), row: 1, line: None };
            let mut row = TableRow { draft: writable(any, seconds), weight, ..TableRow::new(position) };
            for name in ["t.csv", "t.csv.gz", #[cfg(feature = "parquet")] "t.parquet"] {
                let again = through(name, &row);
                prop_assert!(again.draft == kept(row.draft.clone()), "{name}");
                prop_assert_eq!(again.weight, row.weight);
            }
            row.draft = writable_in_json(row.draft);
            prop_assert!(through("t.jsonl", &row).draft == row.draft);
        }

        #[test]
        fn whatever_can_not_be_written_says_which_field(draft in any_draft()) {
            let dir = tempfile::tempdir().unwrap();
            let position = RowPosition { file: "t".into(), row: 1, line: None };
            let row = TableRow { draft, ..TableRow::new(position) };
            for name in ["t.csv", "t.jsonl", #[cfg(feature = "parquet")] "t.parquet"] {
                let mut writer = TableWriter::create(&dir.path().join(name), Columns::of([&row])).unwrap();
                if let Err(problem) = writer.write(&row) {
                    prop_assert!(matches!(problem, WriteError::Unwritable { .. }), "{problem}");
                }
            }
        }
    }
}

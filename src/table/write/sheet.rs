//! Tables that hold no parcels: columns of the writer's own.

use std::borrow::Cow;
use std::path::Path;

use super::WriteError;
use super::csv::CsvFile;
#[cfg(feature = "parquet")]
use super::parquet::ParquetFile;
use crate::table::field::Value;
use crate::table::format::Format;

/// What the cells of a column of a [`SheetWriter`] hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SheetType {
    /// UTF-8 text.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Real,
    /// True or false.
    Flag,
}

/// One cell of a [`SheetWriter`].
#[derive(Clone, Debug, PartialEq)]
pub enum SheetCell<'a> {
    /// UTF-8 text.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// A number.
    Real(f64),
    /// True or false.
    Flag(bool),
    /// Nothing.
    Empty,
}

/// Writes a table with columns of the caller's own, as CSV or Parquet by the ending of its name. The
/// file has its name only once [`SheetWriter::finish`] has succeeded.
#[derive(Debug)]
pub struct SheetWriter {
    file: String,
    types: Vec<SheetType>,
    sink: Sink,
}

enum Sink {
    Csv(Box<CsvFile>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetFile>),
}

impl std::fmt::Debug for Sink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Csv(_) => "Csv",
            #[cfg(feature = "parquet")]
            Self::Parquet(_) => "Parquet",
        })
    }
}

impl SheetWriter {
    /// Begins a table. `name` is what Parquet calls its rows.
    ///
    /// # Errors
    /// [`WriteError`] where the ending is neither of CSV nor of Parquet, or the file can't be made.
    pub fn create(path: &Path, name: &str, columns: &[(&str, SheetType)]) -> Result<Self, WriteError> {
        let file = path.to_string_lossy().into_owned();
        let write_error = |source| WriteError::Write { file: file.clone(), source };
        let sink = match Format::of(path) {
            Some(Format::Csv { gz }) => {
                let header = columns.iter().map(|(column, _)| *column);
                Sink::Csv(Box::new(CsvFile::create(path, gz, header).map_err(write_error)?))
            }
            #[cfg(feature = "parquet")]
            Some(Format::Parquet) => {
                let typed: Vec<_> = columns.iter().map(|(column, holds)| (*column, holds.cell_type())).collect();
                Sink::Parquet(Box::new(ParquetFile::create(path, name, &typed).map_err(write_error)?))
            }
            #[cfg(not(feature = "parquet"))]
            Some(Format::Parquet) => return Err(WriteError::NoParquet { file: format!("{file} ({name})") }),
            Some(Format::JsonLines | Format::StandardStream) | None => return Err(WriteError::UnknownFormat { file }),
        };
        Ok(Self { file, types: columns.iter().map(|(_, holds)| *holds).collect(), sink })
    }

    /// Writes one row.
    ///
    /// # Errors
    /// [`WriteError::Write`] with what the disk said.
    ///
    /// # Panics
    /// Where the cells are not those of the columns: the caller states both.
    pub fn write(&mut self, row: &[SheetCell<'_>]) -> Result<(), WriteError> {
        assert_eq!(row.len(), self.types.len(), "a cell for each column");
        for (cell, holds) in row.iter().zip(&self.types) {
            assert!(cell.fits(*holds), "a column of {holds:?} can't hold {cell:?}");
        }
        let cells = row.iter().map(SheetCell::value);
        let written = match &mut self.sink {
            Sink::Csv(csv) => csv.write(cells),
            #[cfg(feature = "parquet")]
            Sink::Parquet(parquet) => parquet.write(cells),
        };
        written.map_err(|source| WriteError::Write { file: self.file.clone(), source })
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// [`WriteError::Write`] with what the disk said; the file is then not there.
    pub fn finish(self) -> Result<(), WriteError> {
        let finished = match self.sink {
            Sink::Csv(csv) => csv.finish(),
            #[cfg(feature = "parquet")]
            Sink::Parquet(parquet) => parquet.finish(),
        };
        finished.map_err(|source| WriteError::Write { file: self.file, source })
    }
}

impl SheetType {
    #[cfg(feature = "parquet")]
    fn cell_type(self) -> crate::table::field::CellType {
        use crate::table::field::CellType;
        match self {
            Self::Text => CellType::Text,
            Self::Integer => CellType::Integer,
            Self::Real => CellType::Real,
            Self::Flag => CellType::Flag,
        }
    }
}

impl SheetCell<'_> {
    fn fits(&self, holds: SheetType) -> bool {
        match self {
            Self::Text(_) => holds == SheetType::Text,
            Self::Integer(_) => holds == SheetType::Integer,
            Self::Real(_) => holds == SheetType::Real,
            Self::Flag(_) => holds == SheetType::Flag,
            Self::Empty => true,
        }
    }

    fn value(&self) -> Option<Value<'_>> {
        Some(match self {
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Integer(value) => Value::Integer(*value),
            Self::Real(value) => Value::Real(*value),
            Self::Flag(value) => Value::Flag(*value),
            Self::Empty => return None,
        })
    }
}

//! A matrix of features with labels: Parquet, or CSV.

use std::io;
use std::path::Path;

use super::WriteError;
use super::csv::Bytes;
#[cfg(feature = "parquet")]
use super::matrix_parquet::ParquetMatrix;
use crate::parcel::{AdvisedAt, DraftTime};
use crate::table::format::Format;
use crate::table::time;

/// One row of a matrix.
#[derive(Clone, Copy, Debug)]
pub struct MatrixRow<'a> {
    /// The item's identifier.
    pub item_id: &'a str,
    /// When the parcel was advised.
    pub advised_at: AdvisedAt,
    /// Whether inspection found an infringement; `None` where the row has no label.
    pub label: Option<bool>,
    /// The contract's name of the kind of infringement.
    pub kind: Option<&'a str>,
    /// How much the row counts.
    pub weight: f64,
    /// The chance with which it was chosen for inspection.
    pub selection_probability: Option<f64>,
    /// Shape `(n_features,)`; NaN where missing.
    pub values: &'a [f32],
}

/// The columns that come before the features.
pub const MATRIX_COLUMNS: [&str; 6] = ["item_id", "advised_at", "label", "kind", "weight", "selection_probability"];

/// Writes a matrix of features, by the ending of its name: `.parquet`, `.csv` or `.csv.gz`.
///
/// The columns are [`MATRIX_COLUMNS`] and one a feature. A missing value is null, in CSV an empty cell. Numbers read
/// back to the bit. The file has its name only once [`MatrixWriter::finish`] has succeeded; memory is bounded by one row
/// group of 16,384 rows.
#[derive(Debug)]
pub struct MatrixWriter {
    file: String,
    sink: Sink,
}

enum Sink {
    Csv(Box<csv::Writer<Bytes>>),
    #[cfg(feature = "parquet")]
    Parquet(Box<ParquetMatrix>),
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

impl MatrixWriter {
    /// Begins a matrix.
    ///
    /// * `features`: their names, in the order of [`MatrixRow::values`].
    /// * `metadata`: keys and values that Parquet keeps beside the data; CSV has no place for them.
    ///
    /// # Errors
    /// [`WriteError`] where the ending says nothing, or the file can't be made.
    pub fn create(path: &Path, features: &[&str], metadata: &[(&str, String)]) -> Result<Self, WriteError> {
        let file = path.to_string_lossy().into_owned();
        let write_error = |source| WriteError::Write { file: file.clone(), source };
        let sink = match Format::of(path) {
            Some(Format::Csv { gz }) => Sink::Csv(Box::new(header(path, gz, features).map_err(write_error)?)),
            #[cfg(feature = "parquet")]
            Some(Format::Parquet) => {
                Sink::Parquet(Box::new(ParquetMatrix::create(path, features, metadata).map_err(write_error)?))
            }
            #[cfg(not(feature = "parquet"))]
            Some(Format::Parquet) => {
                let _ = metadata;
                return Err(WriteError::NoParquet { file });
            }
            Some(Format::JsonLines | Format::StandardStream) | None => {
                return Err(WriteError::UnknownMatrixFormat { file });
            }
        };
        Ok(Self { file, sink })
    }

    /// Writes one row.
    ///
    /// # Errors
    /// [`WriteError::Write`] with what the disk said.
    pub fn write(&mut self, row: &MatrixRow<'_>) -> Result<(), WriteError> {
        let written = match &mut self.sink {
            Sink::Csv(writer) => write_record(writer, row),
            #[cfg(feature = "parquet")]
            Sink::Parquet(matrix) => matrix.write(row),
        };
        written.map_err(|source| WriteError::Write { file: self.file.clone(), source })
    }

    /// Writes what is left and gives the file its name.
    ///
    /// # Errors
    /// [`WriteError::Write`] with what the disk said; the file is then not there.
    pub fn finish(self) -> Result<(), WriteError> {
        let finished = match self.sink {
            Sink::Csv(writer) => writer.into_inner().map_err(|problem| problem.into_error()).and_then(Bytes::keep),
            #[cfg(feature = "parquet")]
            Sink::Parquet(matrix) => matrix.finish(),
        };
        finished.map_err(|source| WriteError::Write { file: self.file, source })
    }
}

fn header(path: &Path, gz: bool, features: &[&str]) -> io::Result<csv::Writer<Bytes>> {
    let mut writer = csv::Writer::from_writer(Bytes::create(path, gz)?);
    writer.write_record(MATRIX_COLUMNS.iter().chain(features))?;
    Ok(writer)
}

fn write_record(writer: &mut csv::Writer<Bytes>, row: &MatrixRow<'_>) -> io::Result<()> {
    let advised_at = DraftTime { seconds: row.advised_at.seconds(), nanos: row.advised_at.nanos() as i32 };
    let advised_at = time::write(advised_at).expect("a parcel's time is of the years 2000 to 2099");
    writer.write_field(row.item_id)?;
    writer.write_field(advised_at)?;
    writer.write_field(row.label.map_or("", |label| if label { "true" } else { "false" }))?;
    writer.write_field(row.kind.unwrap_or_default())?;
    writer.write_field(row.weight.to_string())?;
    writer.write_field(row.selection_probability.map_or_else(String::new, |chance| chance.to_string()))?;
    for value in row.values {
        // The shortest text that reads back as the same `f32`.
        writer.write_field(if value.is_nan() { String::new() } else { value.to_string() })?;
    }
    Ok(writer.write_record(None::<&[u8]>)?)
}

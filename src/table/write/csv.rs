//! CSV, plain or gzipped.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::RowError;
use super::columns::{Columns, Known, cells};
use super::pending::PendingFile;
use crate::table::field::{Field, Value};
use crate::table::row::TableRow;

pub(super) struct CsvSink {
    known: Known,
    columns: Vec<Field>,
    file: CsvFile,
}

/// A file of lines of cells.
pub(super) struct CsvFile {
    writer: csv::Writer<Bytes>,
    /// The text of the cell that is being written.
    text: String,
}

/// Where the text of a table goes.
pub(super) enum Bytes {
    Plain(BufWriter<PendingFile>),
    Gz(Box<GzEncoder<BufWriter<PendingFile>>>),
}

impl Bytes {
    pub(super) fn create(path: &Path, gz: bool) -> io::Result<Self> {
        let out = BufWriter::new(PendingFile::create(path)?);
        Ok(if gz { Self::Gz(Box::new(GzEncoder::new(out, Compression::fast()))) } else { Self::Plain(out) })
    }

    /// Ends the text and gives the file its name.
    pub(super) fn keep(self) -> io::Result<()> {
        let out = match self {
            Self::Plain(out) => out,
            Self::Gz(encoder) => encoder.finish()?,
        };
        out.into_inner().map_err(io::IntoInnerError::into_error)?.keep()
    }
}

impl Write for Bytes {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(out) => out.write(buf),
            Self::Gz(out) => out.write(buf),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(out) => out.flush(),
            Self::Gz(out) => out.flush(),
        }
    }
}

impl CsvSink {
    pub(super) fn create(path: &Path, gz: bool, known: &Columns) -> io::Result<Self> {
        let columns = known.of_format(false);
        let file = CsvFile::create(path, gz, columns.iter().map(|field| field.path.as_str()))?;
        Ok(Self { known: Known::of(known), columns, file })
    }

    pub(super) fn write(&mut self, row: &TableRow) -> Result<(), RowError> {
        self.known.covers(row)?;
        Ok(self.file.write(cells(row, &self.columns)?)?)
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.file.finish()
    }
}

impl CsvFile {
    pub(super) fn create<'a>(path: &Path, gz: bool, header: impl Iterator<Item = &'a str>) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(Bytes::create(path, gz)?);
        let mut header = header.peekable();
        if header.peek().is_some() {
            writer.write_record(header)?;
        }
        Ok(Self { writer, text: String::new() })
    }

    pub(super) fn write<'a>(&mut self, cells: impl IntoIterator<Item = Option<Value<'a>>>) -> io::Result<()> {
        for cell in cells {
            match cell {
                None => self.writer.write_field("")?,
                Some(Value::Text(text)) => self.writer.write_field(text.as_bytes())?,
                Some(value) => {
                    self.text.clear();
                    // Text can be written to without end.
                    let _ = write!(self.text, "{value}");
                    self.writer.write_field(&self.text)?;
                }
            }
        }
        self.writer.write_record(None::<&[u8]>)?;
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.writer.into_inner().map_err(|problem| problem.into_error())?.keep()
    }
}

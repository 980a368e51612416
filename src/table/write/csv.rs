//! CSV, plain or gzipped.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::RowError;
use super::columns::{Columns, cells, covers};
use super::pending::PendingFile;
use crate::table::field::Field;
use crate::table::row::TableRow;

pub(super) struct CsvSink {
    known: Columns,
    columns: Vec<Field>,
    writer: csv::Writer<Bytes>,
}

/// Where the text of the table goes.
enum Bytes {
    Plain(BufWriter<PendingFile>),
    Gz(Box<GzEncoder<BufWriter<PendingFile>>>),
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
        let out = BufWriter::new(PendingFile::create(path)?);
        let bytes =
            if gz { Bytes::Gz(Box::new(GzEncoder::new(out, Compression::default()))) } else { Bytes::Plain(out) };
        let columns = known.of_format(false);
        let mut writer = csv::Writer::from_writer(bytes);
        if !columns.is_empty() {
            writer.write_record(columns.iter().map(|field| field.path.as_str()))?;
        }
        Ok(Self { known: known.clone(), columns, writer })
    }

    pub(super) fn write(&mut self, row: &TableRow) -> Result<(), RowError> {
        covers(row, &self.known)?;
        for cell in cells(row, &self.columns)? {
            let text = cell.map_or_else(String::new, |value| value.to_string());
            self.writer.write_field(text).map_err(io::Error::from)?;
        }
        self.writer.write_record(None::<&[u8]>).map_err(io::Error::from)?;
        Ok(())
    }

    pub(super) fn finish(self) -> io::Result<()> {
        let bytes = self.writer.into_inner().map_err(|problem| problem.into_error())?;
        let out = match bytes {
            Bytes::Plain(out) => out,
            Bytes::Gz(encoder) => encoder.finish()?,
        };
        out.into_inner().map_err(io::IntoInnerError::into_error)?.keep()
    }
}

//! CSV, plain or gzipped: one record at a time.

use std::fs::File;
use std::io::{self, Read};
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use csv::ByteRecord;
use flate2::read::MultiGzDecoder;

use super::error::TableError;
use super::field::CellProblem;
use super::mapping::Mapping;
use super::plan::Plan;
use super::read::{MAX_ROW_BYTES, RowResult};
use super::reject::{Reject, reason};
use super::row::RowPosition;

pub(super) struct CsvTable {
    file: Arc<str>,
    reader: csv::Reader<Metered<Box<dyn Read + Send>>>,
    meter: Arc<Meter>,
    record: ByteRecord,
    n_columns: usize,
    n_rows: u64,
    pub(super) plan: Plan,
}

impl CsvTable {
    pub(super) fn open(path: &Path, file: Arc<str>, gz: bool, mapping: Option<&Mapping>) -> Result<Self, TableError> {
        let opened = File::open(path).map_err(|source| TableError::Open { file: file.to_string(), source })?;
        let bytes: Box<dyn Read + Send> = if gz { Box::new(MultiGzDecoder::new(opened)) } else { Box::new(opened) };
        let meter = Arc::new(Meter::default());
        let mut reader = csv::ReaderBuilder::new()
            // The header is read below and rows are counted there too, so that each has its own message.
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(64 * 1024)
            .from_reader(Metered { bytes, n_read: 0, rest_of_end: None, meter: Arc::clone(&meter) });

        let mut record = ByteRecord::new();
        match reader.read_byte_record(&mut record) {
            Ok(true) if !is_end(&file, &reader, &record, &meter)? => {}
            Ok(_) => return Err(TableError::Empty { file: file.to_string() }),
            Err(problem) => return Err(broken(&file, 0, problem, &meter)),
        }
        let header = header(&file, &record)?;
        let plan = Plan::compile(&file, mapping, &header)?;
        Ok(Self { file, reader, meter, record, n_columns: header.len(), n_rows: 0, plan })
    }

    pub(super) fn next_row(&mut self) -> Option<Result<RowResult, TableError>> {
        self.meter.left.store(MAX_ROW_BYTES, Ordering::Relaxed);
        match self.reader.read_byte_record(&mut self.record) {
            Ok(false) => return None,
            Ok(true) => match is_end(&self.file, &self.reader, &self.record, &self.meter) {
                Ok(false) => {}
                Ok(true) => return None,
                Err(problem) => return Some(Err(problem)),
            },
            Err(problem) => return Some(Err(broken(&self.file, self.n_rows, problem, &self.meter))),
        }
        self.n_rows += 1;
        let line = self.record.position().and_then(|position| NonZeroU64::new(position.line()));
        let position = RowPosition { file: Arc::clone(&self.file), row: self.n_rows, line };
        if self.record.len() != self.n_columns {
            let message = format!("must have {} cells, has {}", self.n_columns, self.record.len());
            let reason = reason::WRONG_NUMBER_OF_CELLS;
            return Some(Ok(Err(Reject { position, column: None, field: None, reason, message })));
        }
        let record = &self.record;
        Some(Ok(self.plan.row(position, |idx| {
            std::str::from_utf8(record.get(idx).unwrap_or_default()).map_err(|_| CellProblem::NotUtf8)
        })))
    }
}

fn header(file: &str, record: &ByteRecord) -> Result<Vec<String>, TableError> {
    let name = |(idx, cell): (usize, &[u8])| {
        String::from_utf8(cell.to_vec())
            .map_err(|_| TableError::HeaderNotUtf8 { file: file.to_owned(), number: idx + 1 })
    };
    record.iter().enumerate().map(name).collect()
}

/// What follows the last byte of every file: a row that a table which is whole ends in.
///
/// The decoder takes the end of a file within quotes for the end of the cell. This row is then part of that cell.
const END: &[u8] = b"\n.\n";
const END_CELL: &[u8] = b".";

/// Whether `record`, which was read last, is the row that stands behind the file.
///
/// # Errors
/// [`TableError::QuoteNotClosed`] where the end was read and is no row of its own.
fn is_end<R: Read>(
    file: &str,
    reader: &csv::Reader<R>,
    record: &ByteRecord,
    meter: &Meter,
) -> Result<bool, TableError> {
    if reader.position().byte() < meter.length.load(Ordering::Relaxed) {
        return Ok(false);
    }
    let last_cell = record.iter().next_back().unwrap_or_default();
    if record.len() == 1 && last_cell == END_CELL {
        return Ok(true);
    }
    let n_breaks = last_cell.iter().filter(|byte| **byte == b'\n').count() as u64;
    Err(TableError::QuoteNotClosed { file: file.to_owned(), line: reader.position().line() - n_breaks })
}

fn broken(file: &str, row: u64, problem: csv::Error, meter: &Meter) -> TableError {
    let file = file.to_owned();
    if meter.left.load(Ordering::Relaxed) == 0 {
        return TableError::RowTooLong { file, row: row + 1, max: MAX_ROW_BYTES };
    }
    let source = match problem.into_kind() {
        csv::ErrorKind::Io(source) => source,
        // Nothing else is left for records of bytes and of any length.
        other => io::Error::other(format!("{other:?}")),
    };
    match source.kind() {
        io::ErrorKind::InvalidInput if row == 0 => {
            TableError::WrongFormat { file, format: "gzip", source: Box::new(source) }
        }
        _ => TableError::Read { file, row, source },
    }
}

/// What is known of the bytes read so far.
struct Meter {
    /// How many more may be read of this row.
    left: AtomicU64,
    /// How many there are, with [`END`]; the most there could be until all were read.
    length: AtomicU64,
}

impl Default for Meter {
    fn default() -> Self {
        Self { left: AtomicU64::new(MAX_ROW_BYTES), length: AtomicU64::new(u64::MAX) }
    }
}

/// Bytes, and [`END`] behind them, with a limit that is set anew for each row: one that never ends must not fill the memory.
struct Metered<R> {
    bytes: R,
    n_read: u64,
    /// What is still to be read of [`END`], once the bytes were read to their end.
    rest_of_end: Option<&'static [u8]>,
    meter: Arc<Meter>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let Some(rest) = &mut self.rest_of_end {
            return rest.read(buf);
        }
        let left = self.meter.left.load(Ordering::Relaxed);
        let n_wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        if buf.is_empty() {
            return Ok(0);
        }
        if n_wanted == 0 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let n = self.bytes.read(&mut buf[..n_wanted])?;
        if n == 0 {
            self.meter.length.store(self.n_read + END.len() as u64, Ordering::Relaxed);
            return self.rest_of_end.insert(END).read(buf);
        }
        self.n_read += n as u64;
        self.meter.left.store(left - n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

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
    left: Arc<AtomicU64>,
    record: ByteRecord,
    n_columns: usize,
    n_rows: u64,
    pub(super) plan: Plan,
}

impl CsvTable {
    pub(super) fn open(path: &Path, file: Arc<str>, gz: bool, mapping: Option<&Mapping>) -> Result<Self, TableError> {
        let opened = File::open(path).map_err(|source| TableError::Open { file: file.to_string(), source })?;
        let bytes: Box<dyn Read + Send> = if gz { Box::new(MultiGzDecoder::new(opened)) } else { Box::new(opened) };
        let left = Arc::new(AtomicU64::new(MAX_ROW_BYTES));
        let mut reader = csv::ReaderBuilder::new()
            // The header is read below and rows are counted there too, so that each has its own message.
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(64 * 1024)
            .from_reader(Metered { bytes, left: Arc::clone(&left) });

        let mut record = ByteRecord::new();
        match reader.read_byte_record(&mut record) {
            Ok(true) => {}
            Ok(false) => return Err(TableError::Empty { file: file.to_string() }),
            Err(problem) => return Err(broken(&file, 0, problem, &left)),
        }
        let header = header(&file, &record)?;
        let plan = Plan::compile(&file, mapping, &header)?;
        Ok(Self { file, reader, left, record, n_columns: header.len(), n_rows: 0, plan })
    }

    pub(super) fn next_row(&mut self) -> Option<Result<RowResult, TableError>> {
        self.left.store(MAX_ROW_BYTES, Ordering::Relaxed);
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return None,
            Err(problem) => return Some(Err(broken(&self.file, self.n_rows, problem, &self.left))),
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

fn broken(file: &str, row: u64, problem: csv::Error, left: &AtomicU64) -> TableError {
    let file = file.to_owned();
    if left.load(Ordering::Relaxed) == 0 {
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

/// Bytes with a limit that is set anew for each row: one that never ends must not fill the memory.
struct Metered<R> {
    bytes: R,
    left: Arc<AtomicU64>,
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let left = self.left.load(Ordering::Relaxed);
        let n_wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
        if n_wanted == 0 && !buf.is_empty() {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let n = self.bytes.read(&mut buf[..n_wanted])?;
        self.left.store(left - n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

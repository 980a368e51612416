//! Parquet, column by column and a batch of rows at a time.
//!
//! The crate's own row iterator ends at the first text that is not UTF-8, and shows it in its
//! error; so columns are read as they are stored, and each cell has its own verdict.

mod cells;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use parquet::column::reader::ColumnReader;
use parquet::file::reader::{FileReader as _, SerializedFileReader};

use super::error::TableError;
use super::mapping::Mapping;
use super::plan::Plan;
use super::read::RowResult;
use super::row::RowPosition;
use cells::{Cells, Meaning, read_cells};

const BATCH_ROWS: usize = 1024;

pub(super) struct ParquetTable {
    file: Arc<str>,
    reader: SerializedFileReader<File>,
    pub(super) plan: Plan,
    columns: Vec<Column>,
    /// The next row group to open.
    next_group: usize,
    /// Rows of the open row group that are in no batch yet.
    n_left_in_group: usize,
    /// By the place in the header; empty where a column is not read.
    batch: Vec<Cells>,
    n_batch: usize,
    next_in_batch: usize,
    n_rows: u64,
}

/// A column that is read.
struct Column {
    header_idx: usize,
    leaf_idx: usize,
    meaning: Meaning,
    reader: Option<ColumnReader>,
}

impl ParquetTable {
    pub(super) fn open(path: &Path, file: Arc<str>, mapping: Option<&Mapping>) -> Result<Self, TableError> {
        let open_error = |source| TableError::Open { file: file.to_string(), source };
        let opened = File::open(path).map_err(open_error)?;
        if opened.metadata().map_err(open_error)?.len() == 0 {
            return Err(TableError::Empty { file: file.to_string() });
        }
        let reader = SerializedFileReader::new(opened).map_err(|source| TableError::WrongFormat {
            file: file.to_string(),
            format: "Parquet",
            source: Box::new(source),
        })?;

        let schema = reader.metadata().file_metadata().schema_descr_ptr();
        let header: Vec<String> =
            schema.root_schema().get_fields().iter().map(|column| column.name().to_owned()).collect();
        let unsupported = |header_idx: usize, holds| TableError::UnsupportedColumn {
            file: file.to_string(),
            column: header.get(header_idx).cloned().unwrap_or_default(),
            holds,
        };
        let meanings: Vec<(usize, Result<Meaning, &'static str>)> = (0..schema.num_columns())
            .map(|leaf_idx| (schema.get_column_root_idx(leaf_idx), Meaning::of(&schema.column(leaf_idx))))
            .collect();
        if mapping.is_none()
            && let Some((header_idx, holds)) =
                meanings.iter().find_map(|(idx, meaning)| Some((*idx, meaning.as_ref().err()?)))
        {
            // Before its name is refused, which would be the lesser half of the truth.
            return Err(unsupported(header_idx, holds));
        }
        let plan = Plan::compile(&file, mapping, &header)?;
        let used = plan.used();
        let mut columns = Vec::with_capacity(used.len());
        for (leaf_idx, (header_idx, meaning)) in meanings.into_iter().enumerate() {
            if used.contains(&header_idx) {
                let meaning = meaning.map_err(|holds| unsupported(header_idx, holds))?;
                columns.push(Column { header_idx, leaf_idx, meaning, reader: None });
            }
        }
        Ok(Self {
            file,
            reader,
            plan,
            columns,
            next_group: 0,
            n_left_in_group: 0,
            batch: header.iter().map(|_| Cells::default()).collect(),
            n_batch: 0,
            next_in_batch: 0,
            n_rows: 0,
        })
    }

    pub(super) fn next_row(&mut self) -> Option<Result<RowResult, TableError>> {
        if self.next_in_batch == self.n_batch {
            match self.fill() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(problem) => {
                    let source = std::io::Error::other(problem);
                    return Some(Err(TableError::Read { file: self.file.to_string(), row: self.n_rows, source }));
                }
            }
        }
        let idx = self.next_in_batch;
        self.next_in_batch += 1;
        self.n_rows += 1;
        let position = RowPosition { file: Arc::clone(&self.file), row: self.n_rows, line: None };
        let batch = &self.batch;
        Some(Ok(self.plan.row(position, |column| batch.get(column).map_or(Ok(""), |cells| cells.get(idx)))))
    }

    /// Reads the next batch; `false` at the end of the file.
    fn fill(&mut self) -> parquet::errors::Result<bool> {
        while self.n_left_in_group == 0 {
            if self.next_group >= self.reader.num_row_groups() {
                return Ok(false);
            }
            let group = self.reader.get_row_group(self.next_group)?;
            self.next_group += 1;
            self.n_left_in_group = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
            for column in &mut self.columns {
                column.reader = Some(group.get_column_reader(column.leaf_idx)?);
            }
        }
        let n = self.n_left_in_group.min(BATCH_ROWS);
        for Column { header_idx, meaning, reader, .. } in &mut self.columns {
            let (Some(reader), Some(cells)) = (reader, self.batch.get_mut(*header_idx)) else { continue };
            cells.clear();
            read_cells(reader, *meaning, n, cells)?;
        }
        self.n_left_in_group -= n;
        self.n_batch = n;
        self.next_in_batch = 0;
        Ok(true)
    }
}

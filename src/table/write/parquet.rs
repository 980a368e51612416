//! Parquet: typed columns, a row group at a time.

use std::fmt::Write as _;
use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use super::RowError;
use super::columns::{Columns, Known, cells};
use super::pending::PendingFile;
use crate::table::field::{CellType, Field, Value};
use crate::table::row::TableRow;

const ROW_GROUP_ROWS: usize = 16_384;

pub(super) struct ParquetSink {
    known: Known,
    columns: Vec<Field>,
    file: ParquetFile,
}

/// A file of typed columns.
pub(super) struct ParquetFile {
    writer: SerializedFileWriter<BufWriter<PendingFile>>,
    group: Vec<Chunk>,
    n_in_group: usize,
}

/// The cells of one column of the row group that is being filled.
struct Chunk {
    /// 1 for a value, 0 for none.
    levels: Vec<i16>,
    values: Values,
}

/// The values that are there.
enum Values {
    Text(Texts),
    Integer(Vec<i64>),
    Real(Vec<f64>),
    Flag(Vec<bool>),
}

/// Texts one after another: cells share one piece of memory until they are written.
#[derive(Default)]
struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, value: &Value<'_>) {
        match value {
            Value::Text(text) => self.text.push_str(text),
            value => {
                // Text can be written to without end.
                let _ = write!(self.text, "{value}");
            }
        }
        self.ends.push(self.text.len());
    }

    /// The texts so far, which are then forgotten.
    fn take(&mut self) -> Vec<ByteArray> {
        let all = Bytes::from(std::mem::take(&mut self.text));
        let mut start = 0;
        let cell = |end| ByteArray::from(all.slice(std::mem::replace(&mut start, end)..end));
        self.ends.drain(..).map(cell).collect()
    }
}

impl ParquetSink {
    pub(super) fn create(path: &Path, known: &Columns) -> io::Result<Self> {
        let columns = known.of_format(true);
        let typed: Vec<_> = columns.iter().map(|field| (field.path.as_str(), field.cell_type())).collect();
        let file = ParquetFile::create(path, "parcels", &typed)?;
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

impl ParquetFile {
    pub(super) fn create(path: &Path, name: &str, columns: &[(&str, CellType)]) -> io::Result<Self> {
        let schema = schema(name, columns)?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let out = BufWriter::new(PendingFile::create(path)?);
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?;
        let group = columns.iter().map(|(_, cell_type)| Chunk::of(*cell_type)).collect();
        Ok(Self { writer, group, n_in_group: 0 })
    }

    pub(super) fn write<'a>(&mut self, cells: impl IntoIterator<Item = Option<Value<'a>>>) -> io::Result<()> {
        for (chunk, cell) in self.group.iter_mut().zip(cells) {
            chunk.push(cell);
        }
        self.n_in_group += 1;
        if self.n_in_group == ROW_GROUP_ROWS {
            self.write_group()?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<()> {
        if self.n_in_group > 0 {
            self.write_group()?;
        }
        let out = self.writer.into_inner()?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.keep()
    }

    fn write_group(&mut self) -> io::Result<()> {
        let mut group = self.writer.next_row_group()?;
        for chunk in &mut self.group {
            if let Some(column) = group.next_column()? {
                chunk.write(column)?;
            }
        }
        group.close()?;
        self.n_in_group = 0;
        Ok(())
    }
}

impl Chunk {
    fn of(cell_type: CellType) -> Self {
        let values = match cell_type {
            CellType::Text => Values::Text(Texts::default()),
            CellType::Integer => Values::Integer(Vec::new()),
            CellType::Real => Values::Real(Vec::new()),
            CellType::Flag => Values::Flag(Vec::new()),
        };
        Self { levels: Vec::new(), values }
    }

    fn push(&mut self, cell: Option<Value<'_>>) {
        self.levels.push(cell.is_some().into());
        match (&mut self.values, cell) {
            (_, None) => {}
            (Values::Integer(values), Some(Value::Integer(value))) => values.push(value),
            (Values::Real(values), Some(Value::Real(value))) => values.push(value),
            (Values::Flag(values), Some(Value::Flag(value))) => values.push(value),
            (Values::Text(values), Some(value)) => values.push(&value),
            (Values::Integer(_) | Values::Real(_) | Values::Flag(_), Some(value)) => {
                unreachable!("the column's type is that of its field, and so is {value:?}")
            }
        }
    }

    fn write(&mut self, column: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        match &mut self.values {
            Values::Text(texts) => write_column::<ByteArrayType>(column, &mut texts.take(), &self.levels)?,
            Values::Integer(values) => write_column::<Int64Type>(column, values, &self.levels)?,
            Values::Real(values) => write_column::<DoubleType>(column, values, &self.levels)?,
            Values::Flag(values) => write_column::<BoolType>(column, values, &self.levels)?,
        }
        self.levels.clear();
        Ok(())
    }
}

fn write_column<T: DataType>(
    mut column: SerializedColumnWriter<'_>,
    values: &mut Vec<T::T>,
    levels: &[i16],
) -> Result<(), ParquetError> {
    column.typed::<T>().write_batch(values, Some(levels), None)?;
    values.clear();
    column.close()
}

fn schema(name: &str, columns: &[(&str, CellType)]) -> Result<Type, ParquetError> {
    let column = |(path, cell_type): &(&str, CellType)| {
        let (physical, logical) = match cell_type {
            CellType::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
            CellType::Integer => (PhysicalType::INT64, None),
            CellType::Real => (PhysicalType::DOUBLE, None),
            CellType::Flag => (PhysicalType::BOOLEAN, None),
        };
        Type::primitive_type_builder(path, physical)
            .with_logical_type(logical)
            .with_repetition(Repetition::OPTIONAL)
            .build()
            .map(Arc::new)
    };
    let fields = columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder(name).with_fields(fields).build()
}

//! Parquet: typed columns, a row group at a time.

use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::Type;

use super::RowError;
use super::columns::{Columns, cells, covers};
use super::pending::PendingFile;
use crate::table::field::{CellType, Field, Value};
use crate::table::row::TableRow;

const ROW_GROUP_ROWS: usize = 16_384;

pub(super) struct ParquetSink {
    known: Columns,
    columns: Vec<Field>,
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
    Text(Vec<ByteArray>),
    Integer(Vec<i64>),
    Real(Vec<f64>),
    Flag(Vec<bool>),
}

impl ParquetSink {
    pub(super) fn create(path: &Path, known: &Columns) -> io::Result<Self> {
        let columns = known.of_format(true);
        let schema = schema(&columns)?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let out = BufWriter::new(PendingFile::create(path)?);
        let writer = SerializedFileWriter::new(out, Arc::new(schema), Arc::new(properties))?;
        let group = columns.iter().map(Chunk::of).collect();
        Ok(Self { known: known.clone(), columns, writer, group, n_in_group: 0 })
    }

    pub(super) fn write(&mut self, row: &TableRow) -> Result<(), RowError> {
        covers(row, &self.known)?;
        for (chunk, cell) in self.group.iter_mut().zip(cells(row, &self.columns)?) {
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
    fn of(field: &Field) -> Self {
        let values = match field.cell_type() {
            CellType::Text => Values::Text(Vec::new()),
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
            (Values::Text(values), Some(value)) => values.push(value.to_string().into_bytes().into()),
            (Values::Integer(_) | Values::Real(_) | Values::Flag(_), Some(value)) => {
                unreachable!("the column's type is that of its field, and so is {value:?}")
            }
        }
    }

    fn write(&mut self, column: SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        match &mut self.values {
            Values::Text(values) => write_column::<ByteArrayType>(column, values, &self.levels)?,
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

fn schema(columns: &[Field]) -> Result<Type, ParquetError> {
    let column = |field: &Field| {
        let (physical, logical) = match field.cell_type() {
            CellType::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
            CellType::Integer => (PhysicalType::INT64, None),
            CellType::Real => (PhysicalType::DOUBLE, None),
            CellType::Flag => (PhysicalType::BOOLEAN, None),
        };
        Type::primitive_type_builder(&field.path, physical)
            .with_logical_type(logical)
            .with_repetition(Repetition::OPTIONAL)
            .build()
            .map(Arc::new)
    };
    let fields = columns.iter().map(column).collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder("parcels").with_fields(fields).build()
}

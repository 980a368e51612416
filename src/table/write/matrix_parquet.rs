//! A matrix of features as Parquet, a row group at a time.

use std::io::{self, BufWriter};
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use super::matrix::{MATRIX_COLUMNS, MatrixRow};
use super::pending::PendingFile;

const ROW_GROUP_ROWS: usize = 16_384;
/// Features that are read out of rows at a time: as many as a cache line holds.
const COLUMNS_AT_ONCE: usize = 16;

pub(super) struct ParquetMatrix {
    writer: SerializedFileWriter<BufWriter<PendingFile>>,
    n_in_group: usize,
    item_id: Chunk<ByteArrayType>,
    /// Microseconds since 1970.
    advised_at: Chunk<Int64Type>,
    label: Chunk<BoolType>,
    kind: Chunk<ByteArrayType>,
    weight: Chunk<DoubleType>,
    selection_probability: Chunk<DoubleType>,
    n_features: usize,
    /// Features of the row group, row by row.
    values: Vec<f32>,
    /// Some of them, column by column.
    features: [Chunk<FloatType>; COLUMNS_AT_ONCE],
}

/// The cells of one column of the row group that is being filled.
struct Chunk<T: DataType> {
    /// 1 for a value, 0 for none.
    levels: Vec<i16>,
    values: Vec<T::T>,
}

impl<T: DataType> Default for Chunk<T> {
    fn default() -> Self {
        Self { levels: Vec::new(), values: Vec::new() }
    }
}

impl<T: DataType> Chunk<T> {
    fn push(&mut self, value: Option<T::T>) {
        self.levels.push(value.is_some().into());
        self.values.extend(value);
    }

    fn write(&mut self, group: &mut SerializedRowGroupWriter<'_, BufWriter<PendingFile>>) -> Result<(), ParquetError> {
        if let Some(mut column) = group.next_column()? {
            column.typed::<T>().write_batch(&self.values, Some(&self.levels), None)?;
            column.close()?;
        }
        self.levels.clear();
        self.values.clear();
        Ok(())
    }
}

impl ParquetMatrix {
    pub(super) fn create(path: &Path, features: &[&str], metadata: &[(&str, String)]) -> io::Result<Self> {
        let metadata = metadata.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone()));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_key_value_metadata(Some(metadata.collect()))
            .build();
        let out = BufWriter::new(PendingFile::create(path)?);
        let writer = SerializedFileWriter::new(out, Arc::new(schema(features)?), Arc::new(properties))?;
        Ok(Self {
            writer,
            n_in_group: 0,
            item_id: Chunk::default(),
            advised_at: Chunk::default(),
            label: Chunk::default(),
            kind: Chunk::default(),
            weight: Chunk::default(),
            selection_probability: Chunk::default(),
            n_features: features.len(),
            values: Vec::new(),
            features: Default::default(),
        })
    }

    pub(super) fn write(&mut self, row: &MatrixRow<'_>) -> io::Result<()> {
        let text = |text: &str| ByteArray::from(text.as_bytes().to_vec());
        self.item_id.push(Some(text(row.item_id)));
        let micros = row.advised_at.seconds() * 1_000_000 + i64::from(row.advised_at.nanos() / 1000);
        self.advised_at.push(Some(micros));
        self.label.push(row.label);
        self.kind.push(row.kind.map(text));
        self.weight.push(Some(row.weight));
        self.selection_probability.push(row.selection_probability);
        self.values.extend_from_slice(row.values);
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

    /// The columns in the order of the schema.
    fn write_group(&mut self) -> io::Result<()> {
        let mut group = self.writer.next_row_group()?;
        self.item_id.write(&mut group)?;
        self.advised_at.write(&mut group)?;
        self.label.write(&mut group)?;
        self.kind.write(&mut group)?;
        self.weight.write(&mut group)?;
        self.selection_probability.write(&mut group)?;
        for first in (0..self.n_features).step_by(COLUMNS_AT_ONCE) {
            let features = &mut self.features[..COLUMNS_AT_ONCE.min(self.n_features - first)];
            for row in self.values.chunks_exact(self.n_features) {
                for (feature, value) in features.iter_mut().zip(&row[first..]) {
                    feature.push(Some(*value).filter(|value| !value.is_nan()));
                }
            }
            for feature in features {
                feature.write(&mut group)?;
            }
        }
        self.values.clear();
        group.close()?;
        self.n_in_group = 0;
        Ok(())
    }
}

fn schema(features: &[&str]) -> Result<Type, ParquetError> {
    let micros = LogicalType::timestamp(true, TimeUnit::MICROS);
    let of_rows = [
        (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        (PhysicalType::INT64, Some(micros)),
        (PhysicalType::BOOLEAN, None),
        (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        (PhysicalType::DOUBLE, None),
        (PhysicalType::DOUBLE, None),
    ];
    let of_features = features.iter().map(|name| (*name, (PhysicalType::FLOAT, None)));
    let columns = MATRIX_COLUMNS.into_iter().zip(of_rows).chain(of_features).map(|(name, (physical, logical))| {
        let column = Type::primitive_type_builder(name, physical).with_logical_type(logical);
        column.with_repetition(Repetition::OPTIONAL).build().map(Arc::new)
    });
    Type::group_type_builder("matrix").with_fields(columns.collect::<Result<_, _>>()?).build()
}

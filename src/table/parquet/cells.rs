//! The values of one column, as text.

use std::fmt::{Display, Write as _};
use std::ops::Range;

use parquet::basic::{ConvertedType, LogicalType, TimeUnit, Type as PhysicalType};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{DataType, Int96};
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescriptor;

use crate::parcel::{DraftTime, Problem};
use crate::table::field::CellProblem;
use crate::table::time;

/// The cells of one column for some rows, in one text, so that none needs an allocation of its own. A cell is empty where
/// nothing is stated.
#[derive(Default)]
pub(super) struct Cells {
    text: String,
    /// Where each cell lies in `text`, or why it can't be read.
    cells: Vec<Result<Range<usize>, CellProblem>>,
}

impl Cells {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.cells.clear();
    }

    /// The cell of a row; empty past the last.
    pub(super) fn get(&self, row: usize) -> Result<&str, CellProblem> {
        match self.cells.get(row) {
            Some(Ok(range)) => Ok(self.text.get(range.clone()).unwrap_or_default()),
            Some(Err(problem)) => Err(problem.clone()),
            None => Ok(""),
        }
    }

    /// Adds the cell that `write` puts behind the text.
    fn push(&mut self, write: impl FnOnce(&mut String) -> Result<(), CellProblem>) {
        let begin = self.text.len();
        let written = write(&mut self.text);
        self.cells.push(written.map(|()| begin..self.text.len()));
    }
}

const SECONDS_PER_DAY: i64 = 86_400;
/// The day number of 1970-01-01 in the count that INT96 uses.
const JULIAN_DAY_OF_1970: i64 = 2_440_588;
const TOO_LARGE: Problem = Problem::Unreadable { expected: "a number of at most 38 digits" };

/// What the stored values of a column mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// As stored: text, numbers, flags.
    Plain,
    /// An integer without sign.
    Unsigned,
    /// Days since 1970-01-01.
    Date,
    /// Parts of a second since 1970-01-01, so many to the second.
    Instant { per_second: i64 },
    /// An integer, and how many of its digits stand behind the point.
    Decimal { n_places: usize },
}

impl Meaning {
    /// # Errors
    /// What the column holds, where its values are no cells.
    pub(super) fn of(column: &ColumnDescriptor) -> Result<Self, &'static str> {
        if column.max_rep_level() > 0 || column.path().parts().len() > 1 {
            return Err("nested values");
        }
        match column.logical_type_ref() {
            Some(LogicalType::Timestamp(stamp)) => {
                let per_second = match stamp.unit {
                    TimeUnit::MILLIS => 1_000,
                    TimeUnit::MICROS => 1_000_000,
                    TimeUnit::NANOS => 1_000_000_000,
                };
                return Ok(Self::Instant { per_second });
            }
            Some(LogicalType::Date) => return Ok(Self::Date),
            Some(LogicalType::Time(_)) => return Err("times without a date"),
            Some(LogicalType::Float16) => return Err("16-bit floats"),
            Some(LogicalType::Integer(integer)) if !integer.is_signed => return Ok(Self::Unsigned),
            _ => {}
        }
        match column.converted_type() {
            ConvertedType::DATE => Ok(Self::Date),
            ConvertedType::TIMESTAMP_MILLIS => Ok(Self::Instant { per_second: 1_000 }),
            ConvertedType::TIMESTAMP_MICROS => Ok(Self::Instant { per_second: 1_000_000 }),
            ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS => Err("times without a date"),
            ConvertedType::INTERVAL => Err("intervals"),
            ConvertedType::DECIMAL => usize::try_from(column.type_scale())
                .map(|n_places| Self::Decimal { n_places })
                .map_err(|_| "decimals of a negative scale"),
            ConvertedType::UINT_8 | ConvertedType::UINT_16 | ConvertedType::UINT_32 | ConvertedType::UINT_64 => {
                Ok(Self::Unsigned)
            }
            ConvertedType::NONE if column.physical_type() == PhysicalType::FIXED_LEN_BYTE_ARRAY => Err("bytes"),
            _ => Ok(Self::Plain),
        }
    }

    fn integer(self, value: i64, unsigned: u64, out: &mut String) -> Result<(), CellProblem> {
        match self {
            Self::Plain => shown(value, out),
            Self::Unsigned => shown(unsigned, out),
            Self::Decimal { n_places } => out.push_str(&decimal(value.into(), n_places)),
            Self::Date => {
                let midnight = instant(value.saturating_mul(SECONDS_PER_DAY), 0)?;
                out.push_str(midnight.split_once('T').map_or(midnight.as_str(), |(date, _)| date));
            }
            Self::Instant { per_second } => {
                let part = value.rem_euclid(per_second) * (1_000_000_000 / per_second);
                out.push_str(&instant(value.div_euclid(per_second), part)?);
            }
        }
        Ok(())
    }

    fn bytes(self, bytes: &[u8], out: &mut String) -> Result<(), CellProblem> {
        match self {
            Self::Decimal { n_places } => out.push_str(&decimal(big_endian(bytes).ok_or(TOO_LARGE)?, n_places)),
            _ => out.push_str(std::str::from_utf8(bytes).map_err(|_| CellProblem::NotUtf8)?),
        }
        Ok(())
    }
}

/// Appends the next `n` cells of a column.
///
/// # Errors
/// The file is damaged: the column has fewer values than its row group, or they can't be decoded.
pub(super) fn read_cells(
    column: &mut ColumnReader,
    meaning: Meaning,
    n: usize,
    cells: &mut Cells,
) -> Result<(), ParquetError> {
    match column {
        ColumnReader::BoolColumnReader(reader) => read(reader, n, cells, |value, out| {
            shown(value, out);
            Ok(())
        }),
        ColumnReader::Int32ColumnReader(reader) => {
            read(reader, n, cells, |value, out| meaning.integer((*value).into(), value.cast_unsigned().into(), out))
        }
        ColumnReader::Int64ColumnReader(reader) => {
            read(reader, n, cells, |value, out| meaning.integer(*value, value.cast_unsigned(), out))
        }
        ColumnReader::Int96ColumnReader(reader) => read(reader, n, cells, |value, out| {
            out.push_str(&int96(value)?);
            Ok(())
        }),
        ColumnReader::FloatColumnReader(reader) => read(reader, n, cells, |value, out| float(*value, out)),
        ColumnReader::DoubleColumnReader(reader) => read(reader, n, cells, |value, out| float(*value, out)),
        ColumnReader::ByteArrayColumnReader(reader) => {
            read(reader, n, cells, |value, out| meaning.bytes(value.data(), out))
        }
        ColumnReader::FixedLenByteArrayColumnReader(reader) => {
            read(reader, n, cells, |value, out| meaning.bytes(value.data(), out))
        }
    }
}

/// The shortest text that reads back as the same float. Data frames write NaN for "missing".
fn float<T: Copy + Into<f64> + Display>(value: T, out: &mut String) -> Result<(), CellProblem> {
    if !value.into().is_nan() {
        shown(value, out);
    }
    Ok(())
}

fn shown(value: impl Display, out: &mut String) {
    write!(out, "{value}").expect("writing to a text does not fail");
}

fn read<T: DataType>(
    reader: &mut ColumnReaderImpl<T>,
    n: usize,
    cells: &mut Cells,
    text: impl Fn(&T::T, &mut String) -> Result<(), CellProblem>,
) -> Result<(), ParquetError> {
    let (mut levels, mut values) = (Vec::with_capacity(n), Vec::with_capacity(n));
    let mut n_read = 0;
    while n_read < n {
        let (n_records, _, _) = reader.read_records(n - n_read, Some(&mut levels), None, &mut values)?;
        if n_records == 0 {
            return Err(ParquetError::EOF("a column has fewer values than its row group".to_owned()));
        }
        n_read += n_records;
    }
    let mut values = values.iter();
    if levels.is_empty() {
        // A required column: it has no levels, and every value is there.
        values.for_each(|value| cells.push(|out| text(value, out)));
    } else {
        // A flat column is at most once optional: level 1 is a value, 0 is none.
        for level in &levels {
            let value = if *level == 0 { None } else { values.next() };
            cells.push(|out| value.map_or(Ok(()), |value| text(value, out)));
        }
    }
    Ok(())
}

fn int96(value: &Int96) -> Result<String, CellProblem> {
    let [low, high, day] = [0, 1, 2].map(|idx| value.data().get(idx).copied().unwrap_or_default());
    let nanos = (u64::from(high) << 32 | u64::from(low)).cast_signed();
    let seconds = (i64::from(day.cast_signed()) - JULIAN_DAY_OF_1970) * SECONDS_PER_DAY;
    instant(seconds.saturating_add(nanos.div_euclid(1_000_000_000)), nanos.rem_euclid(1_000_000_000))
}

fn instant(seconds: i64, nanos: i64) -> Result<String, CellProblem> {
    let nanos = i32::try_from(nanos).map_err(|_| Problem::TimeOutOfRange)?;
    Ok(time::write(DraftTime { seconds, nanos })?)
}

fn decimal(unscaled: i128, n_places: usize) -> String {
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = n_places + 1);
    let (whole, part) = digits.split_at(digits.len() - n_places);
    let (sign, point) = (if unscaled < 0 { "-" } else { "" }, if part.is_empty() { "" } else { "." });
    format!("{sign}{whole}{point}{part}")
}

/// A big-endian integer in two's complement; `None` above 128 bits.
fn big_endian(bytes: &[u8]) -> Option<i128> {
    let negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
    let mut wide = if negative { [0xff; 16] } else { [0; 16] };
    let start = 16_usize.checked_sub(bytes.len())?;
    wide.get_mut(start..)?.copy_from_slice(bytes);
    Some(i128::from_be_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit() {
        assert_eq!(decimal(-5, 2), "-0.05");
        assert_eq!(decimal(12_345, 2), "123.45");
        assert_eq!(decimal(7, 0), "7");
        assert_eq!(big_endian(&[0xff, 0x85]), Some(-123));
        assert_eq!(big_endian(&[]), Some(0));
        assert_eq!(big_endian(&[1; 17]), None);
    }

    #[test]
    fn dates_and_instants_become_rfc_3339() {
        let integer = |meaning: Meaning, value| {
            let mut out = String::new();
            meaning.integer(value, 0, &mut out).map(|()| out)
        };
        assert_eq!(integer(Meaning::Date, 18_262), Ok("2020-01-01".to_owned()));
        let nanos = Meaning::Instant { per_second: 1_000_000_000 };
        assert_eq!(integer(nanos, -250_000_000), Ok("1969-12-31T23:59:59.75Z".to_owned()));
        let mut stored = Int96::new();
        stored.set_data(500_000_000, 0, 2_440_588 + 18_262);
        assert_eq!(int96(&stored), Ok("2020-01-01T00:00:00.5Z".to_owned()));
        assert!(integer(Meaning::Date, i64::MAX).is_err());
    }
}

//! What makes a whole table unreadable, as opposed to one of its rows.

use std::io;

use super::field::UnknownField;
use super::shown::Shown;

/// A column that a mapping names and a table does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingColumn {
    /// As the mapping names it.
    pub column: String,
    /// The table's column that was probably meant.
    pub nearest: Option<String>,
}

impl std::fmt::Display for MissingColumn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", Shown(&self.column))?;
        self.nearest.as_ref().map_or(Ok(()), |nearest| write!(f, " (the nearest that it has is {})", Shown(nearest)))
    }
}

/// Why a table can't be read. Nothing of it is to be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The file is not there, or may not be read.
    #[error("opening {file}")]
    Open {
        /// The table.
        file: String,
        /// Why not.
        source: io::Error,
    },
    /// The ending is none that says how to read the file.
    #[error("{file} must end in .csv, .csv.gz, .parquet or .jsonl, or be - for JSON lines on standard input")]
    UnknownFormat {
        /// The table.
        file: String,
    },
    /// This build reads no Parquet.
    #[error("{file} is Parquet, which this build can't read: build it with the feature `parquet`")]
    NoParquet {
        /// The table.
        file: String,
    },
    /// A mapping was given for JSON lines.
    #[error("{file} holds parcels, one a line: a mapping has nothing to map in it")]
    NothingToMap {
        /// The table.
        file: String,
    },
    /// There is not even a header.
    #[error("{file} is empty: a header with the names of the columns was expected")]
    Empty {
        /// The table.
        file: String,
    },
    /// A column's name is not UTF-8.
    #[error("{file}: the name of column {number} is not UTF-8")]
    HeaderNotUtf8 {
        /// The table.
        file: String,
        /// Which column, from 1.
        number: usize,
    },
    /// Columns share a name, so that none of them can be meant.
    #[error("{file} has more than one column of each of these names:{}", lines(columns.iter().map(|column| Shown(column))))]
    DuplicateColumns {
        /// The table.
        file: String,
        /// Each shared name once.
        columns: Vec<String>,
    },
    /// The mapping names columns that the table does not have.
    #[error("{file} lacks columns that the mapping names:{}", lines(missing))]
    MissingColumns {
        /// The table.
        file: String,
        /// All of them.
        missing: Vec<MissingColumn>,
    },
    /// Without a mapping, columns are fields of the contract, and these are not.
    #[error("{file} has columns that need a mapping:{}", lines(unknown))]
    UnknownColumns {
        /// The table.
        file: String,
        /// All of them.
        unknown: Vec<UnknownField>,
    },
    /// Two columns fill one field.
    #[error("{file}: columns {} and {} both fill {field}", Shown(first), Shown(second))]
    FilledTwice {
        /// The table.
        file: String,
        /// One column.
        first: String,
        /// The other.
        second: String,
        /// The field.
        field: String,
    },
    /// A column's values are no cells.
    #[error(
        "{file}: column {} holds {holds}, where text, numbers, dates or times of day and date were expected",
        Shown(column)
    )]
    UnsupportedColumn {
        /// The table.
        file: String,
        /// The column.
        column: String,
        /// What it holds, such as "nested values".
        holds: &'static str,
    },
    /// The file is not what its ending says.
    #[error("{file} is not a {format} file, or is damaged")]
    WrongFormat {
        /// The table.
        file: String,
        /// What the ending says.
        format: &'static str,
        /// What the decoder said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file ends or breaks in the middle.
    #[error("reading {file} after row {row}")]
    Read {
        /// The table.
        file: String,
        /// The last row that was read whole.
        row: u64,
        /// What went wrong.
        source: io::Error,
    },
    /// The file ends within quotes: the rest of it would be one cell.
    #[error(
        "{file}: the quoted cell that begins on line {line} never ends; close its quote, or write a quote that belongs to \
         the text twice, in a cell within quotes"
    )]
    QuoteNotClosed {
        /// The table.
        file: String,
        /// The line, from 1.
        line: u64,
    },
    /// A row does not end, most likely for a quote that is never closed.
    #[error("{file}: row {row} is longer than {max} bytes; is a quote not closed?")]
    RowTooLong {
        /// The table.
        file: String,
        /// The row.
        row: u64,
        /// How long a row may be.
        max: u64,
    },
}

/// Each item on a line of its own, below the line that announces them.
pub(super) fn lines<T: std::fmt::Display>(items: impl IntoIterator<Item = T>) -> String {
    const SHOWN: usize = 20;
    let mut items = items.into_iter();
    let mut text: String = items.by_ref().take(SHOWN).map(|item| format!("\n  {item}")).collect();
    let n_more = items.count();
    if n_more > 0 {
        text += &format!("\n  and {n_more} more");
    }
    text
}

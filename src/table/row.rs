//! A row of a table, and where it stands.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use crate::parcel::{Draft, DraftTime};

/// What one row of a labeled table says, before any of it is believed.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRow {
    /// Where it stands.
    pub position: RowPosition,
    /// The parcel as stated.
    pub draft: Draft,
    /// What inspection found; `None` where the row has no label.
    pub outcome: Option<RowOutcome>,
    /// How much the row counts in training, 0 or more; 1 where not stated.
    pub weight: f64,
    /// The chance with which the parcel was chosen for inspection, above 0 and at most 1.
    pub selection_probability: Option<f64>,
}

impl TableRow {
    /// A row that states nothing yet.
    pub fn new(position: RowPosition) -> Self {
        Self { position, draft: Draft::default(), outcome: None, weight: 1.0, selection_probability: None }
    }
}

/// A row's label.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RowOutcome {
    /// Whether inspection found an infringement.
    pub infringement: bool,
    /// When that became known; `None` leaves it to the label delay.
    pub known_at: Option<DraftTime>,
    /// Of which kind it was, in the table's own words.
    pub kind: Option<String>,
    /// What the infringement is worth in duties and taxes, in the base currency, 0 or more.
    pub revenue: Option<f64>,
}

/// A row's file, number and line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowPosition {
    /// The file as it was named; `-` for standard input.
    pub file: Arc<str>,
    /// Number of the data row, from 1; a header is not counted.
    pub row: u64,
    /// Line of the file, from 1, where it has lines.
    pub line: Option<NonZeroU64>,
}

impl fmt::Display for RowPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:row {}", self.file, self.row)?;
        self.line.map_or(Ok(()), |line| write!(f, " (line {line})"))
    }
}

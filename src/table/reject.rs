//! Rows that can't be read: what was wrong with each, and how many there are.

use std::collections::BTreeMap;
use std::fmt;

use super::row::RowPosition;
use super::shown::Shown;

/// Why one row can't be read. The scan goes on after it.
///
/// Messages say what would have been right, never what was there: a cell may hold a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Reject {
    /// Where the row stands.
    pub position: RowPosition,
    /// The column, where it was one.
    pub column: Option<String>,
    /// The contract's field that the column fills, such as `contents[0].net_mass_grams`.
    pub field: Option<String>,
    /// What rejects are counted by: stable. One of [`Problem::reason`](crate::parcel::Problem::reason)
    /// or of the constants of [`reason`].
    pub reason: &'static str,
    /// What would have been right.
    pub message: String,
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.position)?;
        match (&self.column, &self.field) {
            (Some(column), _) => write!(f, ", column {}", Shown(column))?,
            (None, Some(field)) => write!(f, ", {}", Shown(field))?,
            (None, None) => {}
        }
        write!(f, ": {}", self.message)
    }
}

/// Reasons that only a table has; stable, like those of [`Problem`](crate::parcel::Problem).
pub mod reason {
    /// A row has more or fewer cells than the header.
    pub const WRONG_NUMBER_OF_CELLS: &str = "WRONG_NUMBER_OF_CELLS";
    /// A cell or line is not UTF-8.
    pub const NOT_UTF8: &str = "NOT_UTF8";
    /// A code is not in the mapping's table, nor in the contract's list.
    pub const UNKNOWN_CODE: &str = "UNKNOWN_CODE";
    /// A line is not JSON.
    pub const NOT_JSON: &str = "NOT_JSON";
    /// A line is JSON, but not a `Parcel`.
    pub const NOT_A_PARCEL: &str = "NOT_A_PARCEL";
    /// A line is longer than [`MAX_ROW_BYTES`](crate::table::MAX_ROW_BYTES).
    pub const ROW_TOO_LONG: &str = "ROW_TOO_LONG";
}

/// A tally of rows read and rejected.
#[derive(Clone, Debug, Default)]
pub struct RejectCounts {
    n_accepted: u64,
    by_reason: BTreeMap<&'static str, u64>,
    examples: Vec<Reject>,
}

impl RejectCounts {
    /// How many rejects of each reason are kept as examples.
    pub const EXAMPLES_PER_REASON: u64 = 3;

    /// Counts a row, and gives what could be read.
    pub fn count<T>(&mut self, row: Result<T, Reject>) -> Option<T> {
        match row {
            Ok(row) => {
                self.accepted();
                Some(row)
            }
            Err(reject) => {
                self.rejected(reject);
                None
            }
        }
    }

    /// Counts a row that could be read.
    pub fn accepted(&mut self) {
        self.n_accepted += 1;
    }

    /// Counts a reject, and keeps it where it is among the first of its reason.
    pub fn rejected(&mut self, reject: Reject) {
        let n = self.by_reason.entry(reject.reason).or_default();
        *n += 1;
        if *n <= Self::EXAMPLES_PER_REASON {
            self.examples.push(reject);
        }
    }

    /// Rows seen, read or not.
    pub fn n_rows(&self) -> u64 {
        self.n_accepted + self.n_rejected()
    }

    /// Rows that could not be read.
    pub fn n_rejected(&self) -> u64 {
        self.by_reason.values().sum()
    }

    /// How many rows each reason rejected.
    pub fn by_reason(&self) -> &BTreeMap<&'static str, u64> {
        &self.by_reason
    }

    /// The first rejects of each reason, in the order they were met.
    pub fn examples(&self) -> &[Reject] {
        &self.examples
    }

    /// Counts by reason, and the examples with file, row and column, a line each.
    pub fn with_examples(&self) -> String {
        self.examples.iter().fold(self.to_string(), |text, example| format!("{text}\n  {example}"))
    }

    /// Whether more than `max_share` (0 to 1) of the rows were rejected; never where there are none.
    pub fn exceeds(&self, max_share: f64) -> bool {
        // Both counts are exact as floats below 2^53 rows.
        self.n_rejected() as f64 > max_share * self.n_rows() as f64
    }
}

impl fmt::Display for RejectCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} rows rejected", self.n_rejected(), self.n_rows())?;
        for (idx, (reason, n)) in self.by_reason.iter().enumerate() {
            write!(f, "{} {reason} {n}", if idx == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(row: u64, reason: &'static str) -> Reject {
        let position = RowPosition { file: "t.csv".into(), row, line: None };
        Reject { position, column: None, field: None, reason, message: "must be better".to_owned() }
    }

    #[test]
    fn the_first_of_each_reason_are_kept_and_all_are_counted() {
        let mut counts = RejectCounts::default();
        assert!(!counts.exceeds(0.0), "nothing was read, so nothing is wrong");
        for row in 1..=9 {
            counts.rejected(reject(row, if row < 8 { "NOT_UTF8" } else { "REQUIRED" }));
        }
        for _ in 0..91 {
            counts.accepted();
        }
        let kept: Vec<u64> = counts.examples().iter().map(|reject| reject.position.row).collect();
        assert_eq!(kept, [1, 2, 3, 8, 9]);
        assert_eq!(counts.to_string(), "9 of 100 rows rejected: NOT_UTF8 7, REQUIRED 2");
        assert!(counts.exceeds(0.08) && !counts.exceeds(0.09), "the share itself is still allowed");
    }
}

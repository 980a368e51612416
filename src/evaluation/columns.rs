//! What is known of the rows beside their scores: parts to be measured by themselves, and other scores.

use std::cmp::Ordering;

use super::{partition::Partition, scored::falling};

/// A named part of the rows, measured by itself whatever its size.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// What tells its rows from others, such as `history`.
    pub dimension: String,
    /// Which of them these are, such as `unseen`.
    pub value: String,
    /// Shape `(n,)`, in the order of the rows: whether the row belongs to it. Slices may overlap.
    pub rows: Vec<bool>,
}

/// A named alternative score to be measured beside the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// Its name in the report, such as `past_rate_of_addressee`.
    pub name: String,
    /// Shape `(n,)`, in the order of the rows: any finite number, higher is riskier.
    pub scores: Vec<f64>,
}

impl Baseline {
    /// What drawing parcels at random finds on average: one score for all `n_rows`.
    ///
    /// Ties count by their expected share, so its average precision and its precision are the base rate itself.
    pub fn random(n_rows: usize) -> Self {
        Self { name: "random".into(), scores: vec![0.0; n_rows] }
    }
}

/// Whether rows have a key that was never met before.
#[derive(Clone, Debug, PartialEq)]
pub struct Novelty {
    /// Name of the key.
    pub key: String,
    /// Shape `(n,)`, in the order of the rows: whether the row's is new; `None` where the row has no such key.
    pub unseen: Vec<Option<bool>>,
}

/// What is known of the rows beside their scores, column by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns {
    /// Parts that are measured whatever their size.
    pub slices: Vec<Slice>,
    /// Dimensions whose larger parts are measured.
    pub partitions: Vec<Partition>,
    /// Dimensions by which it is told how often the parcels of each group are selected.
    pub selection: Vec<Partition>,
    /// Alternative scores.
    pub baselines: Vec<Baseline>,
    /// Groups, whatever their size, of which it is told how much each capacity opens.
    pub opened: Vec<Slice>,
    /// New keys.
    pub novelty: Vec<Novelty>,
}

/// Most parts of a dimension that stand by themselves in slices.
const MAX_SLICES: usize = 12;

impl Columns {
    /// Dimension, value and rows of every slice.
    pub(super) fn slices(&self) -> impl Iterator<Item = (&str, String, Vec<usize>)> {
        let given = self.slices.iter().map(|slice| {
            let members = slice.rows.iter().enumerate().filter(|(_, member)| **member).map(|(row, _)| row);
            (slice.dimension.as_str(), slice.value.clone(), members.collect())
        });
        let parts = self.partitions.iter().flat_map(|partition| {
            let parts = partition.parts(MAX_SLICES).into_iter();
            parts.map(|part| (partition.dimension.as_str(), part.value, part.rows))
        });
        given.chain(parts)
    }

    /// Brings two rows that are equal in themselves into an order.
    pub(super) fn order(&self, a: usize, b: usize) -> Ordering {
        let slices = self.slices.iter().chain(&self.opened).map(|slice| slice.rows[a].cmp(&slice.rows[b]));
        let baselines = self.baselines.iter().map(|other| falling(other.scores[a], other.scores[b]));
        let partitions = self.partitions.iter().chain(&self.selection);
        let values = partitions.map(|partition| partition.values[a].cmp(&partition.values[b]));
        let novelty = self.novelty.iter().map(|key| key.unseen[a].cmp(&key.unseen[b]));
        let mut orders = slices.chain(baselines).chain(values).chain(novelty);
        orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    pub(super) fn check(&self, n_rows: usize) -> Result<(), InvalidScored> {
        let slices = self.slices.iter().chain(&self.opened).map(|slice| (&slice.dimension, slice.rows.len()));
        let partitions = self.partitions.iter().chain(&self.selection);
        let partitions = partitions.map(|partition| (&partition.dimension, partition.values.len()));
        let baselines = self.baselines.iter().map(|baseline| (&baseline.name, baseline.scores.len()));
        let novelty = self.novelty.iter().map(|key| (&key.key, key.unseen.len()));
        for (name, got) in slices.chain(partitions).chain(baselines).chain(novelty) {
            if got != n_rows {
                return Err(InvalidScored::Length { name: name.clone(), got, expected: n_rows });
            }
        }
        for Baseline { name, scores } in &self.baselines {
            if let Some(row) = scores.iter().position(|score| !score.is_finite()) {
                return Err(InvalidScored::Baseline { name: name.clone(), row });
            }
        }
        Ok(())
    }
}

/// Rows that can't be measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScored {
    /// A number of a row is not what [`ScoredRow`](super::ScoredRow) says.
    #[error("row {row}: {name} is out of its range")]
    Number {
        /// Which number.
        name: &'static str,
        /// The row, counted from 0.
        row: usize,
    },
    /// A baseline's score is infinite or no number.
    #[error("baseline {name}: the score of row {row} is not finite")]
    Baseline {
        /// Its name.
        name: String,
        /// The row, counted from 0.
        row: usize,
    },
    /// A column speaks of other rows than those given.
    #[error("{name}: {got} entries for {expected} rows")]
    Length {
        /// Name of the column.
        name: String,
        /// Its entries.
        got: usize,
        /// The rows.
        expected: usize,
    },
}

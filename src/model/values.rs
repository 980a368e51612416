//! Features of rows, wherever they lie.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::PackedMatrix;

/// Features that are read out of rows at a time where each row lies together: as many as a cache line holds.
const COLUMNS_AT_ONCE: usize = 16;

/// Features of rows that something is fitted on.
#[derive(Clone, Copy, Debug)]
pub enum FeatureValues<'a> {
    /// Shape `(n_rows, n_features)`, NaN where missing.
    Dense(ArrayView2<'a, f32>),
    /// Some rows of a matrix.
    Packed {
        /// The matrix.
        matrix: &'a PackedMatrix,
        /// Which of its rows, shape `(n_rows,)`.
        rows: &'a [u32],
    },
}

impl<'a> From<ArrayView2<'a, f32>> for FeatureValues<'a> {
    fn from(values: ArrayView2<'a, f32>) -> Self {
        Self::Dense(values)
    }
}

impl FeatureValues<'_> {
    /// Number of rows.
    pub fn n_rows(&self) -> usize {
        match self {
            Self::Dense(values) => values.nrows(),
            Self::Packed { rows, .. } => rows.len(),
        }
    }

    /// Features of each row.
    pub fn n_features(&self) -> usize {
        match self {
            Self::Dense(values) => values.ncols(),
            Self::Packed { matrix, .. } => matrix.n_features(),
        }
    }

    /// A feature of a row; NaN where it is missing.
    pub fn value(&self, row: usize, feature: usize) -> f32 {
        match self {
            Self::Dense(values) => values[(row, feature)],
            Self::Packed { matrix, rows } => matrix.value(rows[row] as usize, feature),
        }
    }

    /// Features that are best read together: those of one cache line, or as they come.
    pub(super) fn n_together(&self) -> usize {
        match self {
            Self::Dense(_) => COLUMNS_AT_ONCE,
            Self::Packed { .. } => 4,
        }
    }

    /// Some features of all rows, each of shape `(n_rows,)`.
    pub(super) fn columns(&self, features: &[usize]) -> Vec<Vec<f32>> {
        let mut columns = vec![Vec::with_capacity(self.n_rows()); features.len()];
        match self {
            Self::Dense(values) => {
                for row in values.rows() {
                    columns.iter_mut().zip(features).for_each(|(column, feature)| column.push(row[*feature]));
                }
            }
            Self::Packed { matrix, rows } => {
                let with_features = columns.iter_mut().zip(features);
                with_features.for_each(|(column, feature)| matrix.column(*feature, rows, column));
            }
        }
        columns
    }

    /// The first row that has an infinite feature, and the feature.
    pub(super) fn first_infinite(&self) -> Option<(usize, usize)> {
        let features: Vec<usize> = (0..self.n_features()).collect();
        let found = features.par_chunks(self.n_together()).flat_map_iter(|features| {
            let first = |column: Vec<f32>| column.iter().position(|value| value.is_infinite());
            let firsts = self.columns(features).into_iter().map(first);
            firsts.zip(features).filter_map(|(row, feature)| Some((row?, *feature)))
        });
        found.min()
    }
}

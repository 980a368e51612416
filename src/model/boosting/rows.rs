//! Rows with their labels and weights, borrowed.

use super::BoostingError;
use crate::model::FeatureValues;

/// Rows of features with what is known of them.
#[derive(Clone, Copy, Debug)]
pub struct LabeledRows<'a> {
    /// NaN where missing.
    pub values: FeatureValues<'a>,
    /// Shape `(n_rows,)`, `true` for the positive class.
    pub labels: &'a [bool],
    /// Shape `(n_rows,)`, at least zero each; none means 1 for every row.
    pub weights: Option<&'a [f32]>,
}

/// A feature is a `u16` in the serving form, and one value of it marks a leaf.
pub(super) const MAX_FEATURES: usize = 65_535;

impl LabeledRows<'_> {
    pub(super) fn n_rows(&self) -> usize {
        self.values.n_rows()
    }

    pub(super) fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| f64::from(weights[row]))
    }

    /// * `part`: what to call these rows in an error.
    pub(super) fn check(&self, part: &'static str) -> Result<(), BoostingError> {
        let (n_rows, n_features) = (self.values.n_rows(), self.values.n_features());
        if n_rows == 0 {
            return Err(BoostingError::NoRows(part));
        }
        if n_features > MAX_FEATURES {
            return Err(BoostingError::Setting { name: "features", expected: "at most 65,535" });
        }
        let equal = |what, got| match got == n_rows {
            true => Ok(()),
            false => Err(BoostingError::Length { what, expected: n_rows, got }),
        };
        equal("labels", self.labels.len())?;
        equal("weights", self.weights.map_or(n_rows, <[f32]>::len))?;
        if let Some(row) = self.weights.and_then(|w| w.iter().position(|w| !(w.is_finite() && *w >= 0.0))) {
            return Err(BoostingError::Weight { row });
        }
        if self.weights.is_some_and(|weights| weights.iter().all(|weight| *weight == 0.0)) {
            return Err(BoostingError::NoRows(part));
        }
        match self.values.first_infinite() {
            Some((row, feature)) => Err(BoostingError::Infinite { row, feature }),
            None => Ok(()),
        }
    }
}

//! Fitting the linear score: linfa's logistic regression on standardized features.

use linfa::prelude::*;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2};

use super::{FeatureValues, Linear};

/// Settings of the fit, unchecked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogisticParams {
    /// L2 penalty against the sum of losses over all rows.
    pub l2: f64,
    /// Most iterations of L-BFGS.
    pub max_iterations: u64,
}

/// Settings that can be fitted with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogisticValidParams(LogisticParams);

/// Why a fit is not possible.
#[derive(Debug, thiserror::Error)]
pub enum FitError {
    /// A setting out of range.
    #[error("{name}: must be {expected}")]
    Setting {
        /// Which one.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// Nothing to tell apart.
    #[error("fitting needs clean parcels and infringements; there are {infringements} infringements in {rows} parcels")]
    OneClass {
        /// Labeled rows.
        rows: usize,
        /// Infringements among them.
        infringements: usize,
    },
    /// linfa's own error.
    #[error("the logistic regression did not fit")]
    Linfa(#[from] linfa_logistic::error::Error),
}

impl LogisticParams {
    /// # Errors
    /// [`FitError::Setting`] for a negative or infinite penalty, or no iterations.
    pub fn check(self) -> Result<LogisticValidParams, FitError> {
        if !(self.l2.is_finite() && self.l2 >= 0.0) {
            return Err(FitError::Setting { name: "l2", expected: "a number of at least zero" });
        }
        if self.max_iterations == 0 {
            return Err(FitError::Setting { name: "max_iterations", expected: "at least one" });
        }
        Ok(LogisticValidParams(self))
    }
}

impl LogisticValidParams {
    /// Fits on rows of features with their labels.
    ///
    /// * `values`: NaN where missing.
    /// * `labels`: shape `(n_rows,)`, `true` means infringement.
    ///
    /// # Errors
    /// [`FitError::OneClass`] where all labels are equal; [`FitError::Linfa`] where the optimizer fails.
    pub fn fit(&self, values: FeatureValues<'_>, labels: &[bool]) -> Result<Linear, FitError> {
        let (n_rows, n_features) = (values.n_rows(), values.n_features());
        let infringements = labels.iter().filter(|label| **label).count();
        if infringements == 0 || infringements == n_rows {
            return Err(FitError::OneClass { rows: n_rows, infringements });
        }
        let all: Vec<usize> = (0..n_features).collect();
        let of_columns = |features: &[usize]| values.columns(features).into_iter().map(|column| moments(&column));
        let moments: Vec<_> = all.chunks(values.n_together()).flat_map(of_columns).collect();
        // A constant feature says nothing, and would cost as much as one that does.
        let mut varying: Vec<usize> = (0..n_features).filter(|idx| moments[*idx].1.is_some()).collect();
        if varying.is_empty() {
            // The optimizer wants something to turn; it is zero throughout.
            varying.extend(0..n_features.min(1));
        }
        let mut standardized = Array2::<f64>::zeros((n_rows, varying.len()));
        for (first, features) in (0..).step_by(values.n_together()).zip(varying.chunks(values.n_together())) {
            for (to, (column, &idx)) in (first..).zip(values.columns(features).into_iter().zip(features)) {
                let (mean, Some(deviation)) = moments[idx] else { continue };
                for (to, from) in standardized.column_mut(to).iter_mut().zip(column) {
                    // A missing feature stands at its mean.
                    *to = if from.is_nan() { 0.0 } else { (f64::from(from) - mean) / deviation };
                }
            }
        }
        let dataset = Dataset::new(standardized, Array1::from(labels.to_vec()));
        let fitted = LogisticRegression::default()
            .alpha(self.0.l2)
            .max_iterations(self.0.max_iterations)
            .gradient_tolerance(1e-3)
            .fit(&dataset)?;
        // linfa 0.8.1 calls the more frequent class positive (its issue 393): the sign is read off
        // the fitted labels, never assumed.
        let sign = if fitted.labels().pos.class { 1.0 } else { -1.0 };
        let mut slopes = vec![0.0; n_features];
        for (weight, &idx) in fitted.params().iter().zip(&varying) {
            slopes[idx] = moments[idx].1.map_or(0.0, |deviation| sign * weight / deviation);
        }
        let means = moments.into_iter().map(|(mean, _)| mean).collect();
        Ok(Linear { base: sign * fitted.intercept(), slopes, means })
    }
}

/// Mean and standard deviation of the values that are not missing; a mean of 0 where there are none, and
/// no deviation where they do not vary.
fn moments(values: &[f32]) -> (f64, Option<f64>) {
    let present = || values.iter().filter(|value| !value.is_nan()).map(|value| f64::from(*value));
    let n = present().count() as f64;
    if n == 0.0 {
        return (0.0, None);
    }
    let mean = present().sum::<f64>() / n;
    let variance = present().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n;
    (mean, (variance > 1e-12).then(|| variance.sqrt()))
}

//! A linear score over features, as flat arrays.

use serde::{Deserialize, Serialize};

/// `base + Σ (xⱼ − meanⱼ) · slopeⱼ`, in log-odds. A missing feature counts as its mean, so it
/// speaks neither for nor against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Linear {
    /// Score of a parcel with every feature at its mean.
    pub base: f64,
    /// Mean of each feature over the rows fitted on. Shape `(n_features,)`.
    pub means: Vec<f64>,
    /// Log-odds per unit of each feature. Shape `(n_features,)`.
    pub slopes: Vec<f64>,
}

impl Linear {
    /// Score of one row in log-odds: the base and the [contributions](Self::contributions), added
    /// in order.
    ///
    /// * `values`: shape `(n_features,)`, NaN where missing.
    pub fn raw_score(&self, values: &[f32]) -> f64 {
        self.contributions(values).fold(self.base, |score, contribution| score + contribution)
    }

    /// Share of each feature in the score, in log-odds, in the order of the features.
    ///
    /// * `values`: shape `(n_features,)`, NaN where missing.
    pub fn contributions(&self, values: &[f32]) -> impl Iterator<Item = f64> {
        let weights = self.means.iter().zip(&self.slopes);
        values.iter().zip(weights).map(
            |(value, (mean, slope))| {
                if value.is_nan() { 0.0 } else { (f64::from(*value) - mean) * slope }
            },
        )
    }

    pub(super) fn check(&self, n_features: usize) -> Result<(), &'static str> {
        if self.means.len() != n_features || self.slopes.len() != n_features {
            return Err("as many weights as features are needed");
        }
        let all_finite = [self.base].iter().chain(&self.means).chain(&self.slopes).all(|number| number.is_finite());
        if all_finite { Ok(()) } else { Err("a weight that is not finite") }
    }
}

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
    /// Score of one row in log-odds.
    ///
    /// * `values`: shape `(n_features,)`, NaN where missing.
    /// * `contributions`: takes the share of each feature, shape `(n_features,)`. The base and the
    ///   contributions, added in order, are the score, to the bit.
    pub fn score(&self, values: &[f32], contributions: &mut Vec<f64>) -> f64 {
        contributions.clear();
        let mut score = self.base;
        for ((value, mean), slope) in values.iter().zip(&self.means).zip(&self.slopes) {
            let contribution = if value.is_nan() { 0.0 } else { (f64::from(*value) - mean) * slope };
            score += contribution;
            contributions.push(contribution);
        }
        score
    }

    pub(super) fn check(&self, n_features: usize) -> Result<(), &'static str> {
        if self.means.len() != n_features || self.slopes.len() != n_features {
            return Err("as many weights as features are needed");
        }
        let all_finite = [self.base].iter().chain(&self.means).chain(&self.slopes).all(|number| number.is_finite());
        if all_finite { Ok(()) } else { Err("a weight that is not finite") }
    }
}

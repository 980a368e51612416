//! What turns features into a raw score.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Linear;
use super::boosting::CompiledTrees;

/// The estimators there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EstimatorKind {
    /// Gradient-boosted trees: ranks best.
    Boosting,
    /// Logistic regression: can be read, one weight a feature.
    Logistic,
}

impl EstimatorKind {
    /// Its name in the configuration and in manifests.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boosting => "boosting",
            Self::Logistic => "logistic",
        }
    }
}

impl fmt::Display for EstimatorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EstimatorKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Boosting, Self::Logistic]
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| format!("{name:?} is neither \"boosting\" nor \"logistic\""))
    }
}

/// A fitted estimator in the form that serves.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Estimator {
    /// Logistic regression.
    Logistic(Linear),
    /// Gradient-boosted trees.
    Boosting(CompiledTrees),
}

impl Estimator {
    /// Which one it is.
    pub fn kind(&self) -> EstimatorKind {
        match self {
            Self::Logistic(_) => EstimatorKind::Logistic,
            Self::Boosting(_) => EstimatorKind::Boosting,
        }
    }

    /// Score of one row in log-odds.
    ///
    /// * `values`: shape `(n_features,)`, NaN where missing.
    pub fn raw_score(&self, values: &[f32]) -> f64 {
        match self {
            Self::Logistic(linear) => linear.raw_score(values),
            Self::Boosting(trees) => trees.margin(values),
        }
    }

    /// Adds `log_odds` to every score.
    #[must_use]
    pub fn shifted(mut self, log_odds: f64) -> Self {
        match &mut self {
            Self::Logistic(linear) => linear.base += log_odds,
            Self::Boosting(trees) => trees.shift(log_odds),
        }
        self
    }

    pub(super) fn check(&self, n_features: usize) -> Result<(), &'static str> {
        match self {
            Self::Logistic(linear) => linear.check(n_features),
            Self::Boosting(trees) => trees.check(n_features),
        }
    }
}

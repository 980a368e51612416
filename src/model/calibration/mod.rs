//! From raw score to probability.

mod beta;
mod isotonic;
mod weighted;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::FitError;
pub use beta::BetaCalibration;
pub use isotonic::IsotonicCalibration;
use weighted::Counted;

/// A curve from raw score to probability that never falls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Calibration {
    /// Smooth, of three parameters.
    Beta(BetaCalibration),
    /// As the block says, in steps.
    Isotonic(IsotonicCalibration),
}

/// The calibrations there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CalibrationKind {
    /// [`BetaCalibration`].
    Beta,
    /// [`IsotonicCalibration`].
    Isotonic,
}

/// Why a calibration is not possible.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// A curve through a handful of rows are noise.
    #[error(
        "calibration needs at least {MIN_PER_CLASS} infringements and as many clean parcels; there are {infringements} and {clean}"
    )]
    TooFew {
        /// Infringements in the block.
        infringements: usize,
        /// Clean parcels in the block.
        clean: usize,
    },
    /// The fit behind it.
    #[error("fitting the calibration")]
    Fit(#[from] FitError),
}

/// Fewest of each class to calibrate on.
const MIN_PER_CLASS: usize = 20;

impl Calibration {
    /// Fits on the raw scores of parcels later than those the model was fitted on.
    ///
    /// * `raw_scores`, `labels`: shape `(n_rows,)`; `true` means infringement.
    ///
    /// # Errors
    /// [`CalibrationError`] where there are too few of a class.
    pub fn fit(kind: CalibrationKind, raw_scores: &[f64], labels: &[bool]) -> Result<Self, CalibrationError> {
        Self::fit_weighted(kind, raw_scores, labels, &vec![1.0; labels.len()])
    }

    /// As [`Calibration::fit`], where each row counts by its weight; one of weight 0 does not.
    ///
    /// * `weights`: shape `(n_rows,)`, 0 or more. Only their ratios count: where all are equal, the curve is that without.
    ///
    /// # Errors
    /// [`CalibrationError`] where there are too few of a class.
    pub fn fit_weighted(
        kind: CalibrationKind,
        raw_scores: &[f64],
        labels: &[bool],
        weights: &[f32],
    ) -> Result<Self, CalibrationError> {
        let Counted { raw_scores, labels, weights } = Counted::of(raw_scores, labels, weights);
        let weights = weights.as_deref();
        let infringements = labels.iter().filter(|label| **label).count();
        let clean = labels.len() - infringements;
        if infringements.min(clean) < MIN_PER_CLASS {
            return Err(CalibrationError::TooFew { infringements, clean });
        }
        Ok(match kind {
            CalibrationKind::Beta => Self::Beta(BetaCalibration::fit(&raw_scores, &labels, weights)?),
            CalibrationKind::Isotonic => Self::Isotonic(IsotonicCalibration::fit(&raw_scores, &labels, weights)),
        })
    }

    /// The raw scores moved by one number, for a block with too few of a class for a curve: the log-odds of logistic
    /// models are probabilities already, but for the level of the months that followed.
    ///
    /// * `raw_scores`, `labels`, `weights`: shape `(n_rows,)`, as in [`Calibration::fit_weighted`]; without rows, nothing
    ///   moves.
    pub fn level(raw_scores: &[f64], labels: &[bool], weights: &[f32]) -> Self {
        let Counted { raw_scores, labels, weights } = Counted::of(raw_scores, labels, weights);
        Self::Beta(BetaCalibration::level(&raw_scores, &labels, weights.as_deref()))
    }

    /// Probability for a raw score, within 0 and 1.
    pub fn probability(&self, raw_score: f64) -> f64 {
        match self {
            Self::Beta(curve) => curve.probability(raw_score),
            Self::Isotonic(steps) => steps.probability(raw_score),
        }
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Beta(curve) => curve.check(),
            Self::Isotonic(steps) => steps.check(),
        }
    }
}

/// How it was made, in a few words.
impl fmt::Display for Calibration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Beta(curve) if curve.is_level() => {
                write!(
                    f,
                    "by its level only, {:+.3} log-odds; the block held too few infringements for a curve",
                    curve.c
                )
            }
            Self::Beta(_) => f.write_str("a curve of three parameters (beta)"),
            Self::Isotonic(steps) => write!(f, "in {} steps (isotonic)", steps.n_steps()),
        }
    }
}

impl CalibrationKind {
    /// Its name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Beta => "beta",
            Self::Isotonic => "isotonic",
        }
    }
}

impl fmt::Display for CalibrationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for CalibrationKind {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        [Self::Beta, Self::Isotonic]
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| format!("{name:?} is neither \"beta\" nor \"isotonic\""))
    }
}

/// `1 / (1 + e^−x)`, from `libm` so that every machine computes the same bits.
fn logistic(x: f64) -> f64 {
    if x >= 0.0 {
        1.0 / (1.0 + libm::exp(-x))
    } else {
        let e = libm::exp(x);
        e / (1.0 + e)
    }
}

/// `ln(1 / (1 + e^−x))` without overflow.
fn ln_logistic(x: f64) -> f64 {
    x.min(0.0) - libm::log1p(libm::exp(-x.abs()))
}

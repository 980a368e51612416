//! A smooth curve of three parameters.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use super::weighted::{regress, weight};
use super::{CalibrationError, ln_logistic, logistic};
use crate::model::LogisticParams;

/// Beta calibration: `logit p = a · ln s − b · ln(1 − s) + c`, where `s` is the logistic of the raw
/// score. With `a = b` it is Platt scaling. Never decreasing, since `a, b ≥ 0`.
///
/// Source: Kull, Silva Filho, Flach (2017), "Beta calibration", AISTATS.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BetaCalibration {
    /// Weight of `ln s`.
    pub a: f64,
    /// Weight of `−ln(1 − s)`.
    pub b: f64,
    /// Shift in log-odds.
    pub c: f64,
}

impl BetaCalibration {
    /// * `weights`: of the rows, with a mean of 1; `None` where all count alike.
    pub(super) fn fit(raw_scores: &[f64], labels: &[bool], weights: Option<&[f64]>) -> Result<Self, CalibrationError> {
        let fit = |terms: fn(f64) -> Vec<f64>| fit_slopes(raw_scores, labels, weights, terms);
        let (slopes, c) = fit(|score| vec![ln_logistic(score), -ln_logistic(-score)])?;
        match slopes[..] {
            [a, b] if a >= 0.0 && b >= 0.0 => Ok(Self { a, b, c }),
            // A negative weight would make the curve fall: as in the paper, that term is dropped.
            [a, _] if a < 0.0 => {
                let (slopes, c) = fit(|score| vec![-ln_logistic(-score)])?;
                Ok(if slopes[0] < 0.0 { Self::flat(labels, weights) } else { Self { a: 0.0, b: slopes[0], c } })
            }
            _ => {
                let (slopes, c) = fit(|score| vec![ln_logistic(score)])?;
                Ok(if slopes[0] < 0.0 { Self::flat(labels, weights) } else { Self { a: slopes[0], b: 0.0, c } })
            }
        }
    }

    /// The share of the infringements, whatever the score: what is left where both terms fall, and so the scores tell nothing.
    fn flat(labels: &[bool], weights: Option<&[f64]>) -> Self {
        let (mut all, mut infringements) = (0.0, 0.0);
        for (row, label) in labels.iter().enumerate() {
            all += weight(weights, row);
            infringements += if *label { weight(weights, row) } else { 0.0 };
        }
        Self { a: 0.0, b: 0.0, c: libm::log(infringements / (all - infringements)) }
    }

    /// The most likely shift `c` with `a = b = 1`, where a shift is thought to be about 0 with a variance of 1: without
    /// an infringement it stays finite. By Newton's method on a concave function of one number.
    pub(super) fn level(raw_scores: &[f64], labels: &[bool], weights: Option<&[f64]>) -> Self {
        let mut c = 0.0;
        for _ in 0..LEVEL_STEPS {
            let (mut slope, mut curvature) = (-c, 1.0);
            for (row, (score, label)) in raw_scores.iter().zip(labels).enumerate() {
                let p = logistic(score + c);
                slope += weight(weights, row) * (f64::from(u8::from(*label)) - p);
                curvature += weight(weights, row) * p * (1.0 - p);
            }
            // Far from the top the curvature is small and a whole step would overshoot.
            let step: f64 = slope / curvature;
            c += step.clamp(-1.0, 1.0);
            if step.abs() < 1e-12 {
                break;
            }
        }
        Self { a: 1.0, b: 1.0, c }
    }

    /// Whether only the level was fitted.
    pub(super) fn is_level(&self) -> bool {
        self.a == 1.0 && self.b == 1.0
    }

    pub(super) fn probability(&self, raw_score: f64) -> f64 {
        let log_odds = self.a * ln_logistic(raw_score) - self.b * ln_logistic(-raw_score) + self.c;
        logistic(log_odds)
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        let finite = [self.a, self.b, self.c].iter().all(|number| number.is_finite());
        if finite && self.a >= 0.0 && self.b >= 0.0 { Ok(()) } else { Err("a calibration that falls or is not finite") }
    }
}

/// Most steps towards the level; a few are enough.
const LEVEL_STEPS: usize = 100;

fn fit_slopes(
    raw_scores: &[f64],
    labels: &[bool],
    weights: Option<&[f64]>,
    terms: fn(f64) -> Vec<f64>,
) -> Result<(Vec<f64>, f64), CalibrationError> {
    let rows: Vec<Vec<f64>> = raw_scores.iter().map(|score| terms(*score)).collect();
    if let Some(weights) = weights {
        return Ok(regress(&rows, labels, weights));
    }
    let n_terms = rows.first().map_or(0, Vec::len);
    let values = Array2::from_shape_fn((rows.len(), n_terms), |(row, term)| rows[row][term] as f32);
    let linear = LogisticParams { l2: 1e-3, max_iterations: 200 }.check()?;
    let linear = linear.fit(values.view().into(), labels)?;
    let shift: f64 = linear.slopes.iter().zip(&linear.means).map(|(slope, mean)| slope * mean).sum();
    Ok((linear.slopes, linear.base - shift))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_that_fall_where_infringements_rise_leave_the_share_of_these() {
        let scores: Vec<f64> = (0..1000).map(|idx| -6.0 + f64::from(idx) / 200.0).collect();
        let labels: Vec<bool> = (0..1000).map(|idx| idx < 200 && idx % 4 == 0).collect();
        let mean = |curve: &BetaCalibration, weight: &dyn Fn(usize) -> f64| {
            let (mut sum, mut all) = (0.0, 0.0);
            for (idx, score) in scores.iter().enumerate() {
                (sum, all) = (sum + weight(idx) * curve.probability(*score), all + weight(idx));
            }
            sum / all
        };
        let alike = BetaCalibration::fit(&scores, &labels, None).unwrap();
        assert!((mean(&alike, &|_| 1.0) - 0.05).abs() < 1e-9, "{alike:?}");
        let weights: Vec<f64> = labels.iter().map(|label| if *label { 1.0 } else { 2.0 }).collect();
        let weighted = BetaCalibration::fit(&scores, &labels, Some(&weights)).unwrap();
        assert!((mean(&weighted, &|idx| weights[idx]) - 50.0 / 1950.0).abs() < 1e-9, "{weighted:?}");
    }

    #[test]
    fn a_level_makes_the_probabilities_add_up_to_the_infringements_as_far_as_few_rows_can_tell() {
        let scores: Vec<f64> = (0..2000).map(|idx| -6.0 + f64::from(idx) / 1000.0).collect();
        let expected = |level: &BetaCalibration| scores.iter().map(|score| level.probability(*score)).sum::<f64>();
        let labels = |every: usize| -> Vec<bool> { (0..2000).map(|idx| every > 0 && idx % every == 0).collect() };
        // Many infringements outweigh the prior, which holds the shift at 0 with a variance of 1.
        let many = BetaCalibration::level(&scores, &labels(4), None);
        assert!((expected(&many) - 500.0).abs() < 5.0, "{}", expected(&many));
        // None at all: fewer than the scores say, and more than none.
        let none = BetaCalibration::level(&scores, &labels(0), None);
        let stated = expected(&BetaCalibration::level(&[], &[], None));
        assert!((stated - scores.iter().map(|score| 1.0 / (1.0 + (-score).exp())).sum::<f64>()).abs() < 1e-9);
        assert!(expected(&none) > 0.0 && expected(&none) < stated / 2.0, "{} of {stated}", expected(&none));
    }
}

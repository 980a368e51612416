//! The line `logit P(infringement) = intercept + slope · logit(risk_score)`: 0 and 1 where scores are calibrated.

/// The line as fitted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    pub(super) intercept: f64,
    pub(super) slope: f64,
}

/// More than a well-posed fit of two parameters ever takes.
const MAX_STEPS: usize = 100;

/// Fits the line by Newton's method, each step halved until it gains likelihood.
///
/// * `logits`: shape `(n,)`, ascending. `targets`: 0 or 1, `weights`: not negative; same shape.
///
/// `None` where the likelihood has no maximum: one class, one logit, or classes that a threshold tells apart. Source:
/// Cox, Two further applications of a model for binary regression, Biometrika 45 (1958); for separation, Albert and
/// Anderson, Biometrika 71 (1984).
pub(super) fn fit(logits: &[f64], targets: &[f64], weights: &[f64]) -> Option<Line> {
    if !overlaps(logits, targets, weights) {
        return None;
    }
    // From the base rate: at a slope of 1, scores of 0 and 1 have no curvature left, and the first step is blind.
    let sums = targets
        .iter()
        .zip(weights)
        .fold((0.0, 0.0), |(bad, clean), (&target, &weight)| (bad + weight * target, clean + weight * (1.0 - target)));
    let mut line = Line { intercept: libm::log(sums.0 / sums.1), slope: 0.0 };
    let mut loss = deviance(line, logits, targets, weights);
    for _ in 0..MAX_STEPS {
        let Step { by, gain } = newton_step(line, logits, targets, weights)?;
        let mut scale = 1.0;
        let (next, next_loss) = loop {
            let next = line.moved(by, scale);
            let next_loss = deviance(next, logits, targets, weights);
            if next_loss <= loss {
                break (next, next_loss);
            }
            scale /= 2.0;
            if scale < 1e-6 {
                // A step this small can only lose by the rounding of the sum: the line is at its maximum.
                return (gain < 1e-12).then_some(line);
            }
        };
        (line, loss) = (next, next_loss);
        if gain < 1e-20 {
            return Some(line);
        }
    }
    None
}

/// Fits again from the line of a similar sample, to the accuracy that an interval shows; else as [`fit`].
pub(super) fn refit(from: Line, logits: &[f64], targets: &[f64], weights: &[f64]) -> Option<Line> {
    if !overlaps(logits, targets, weights) {
        return None;
    }
    let mut line = from;
    for _ in 0..8 {
        let Some(Step { by, gain }) = newton_step(line, logits, targets, weights) else { break };
        line = line.moved(by, 1.0);
        // A step of about 0.001, after which the error is near its square.
        if gain < 1e-6 {
            return Some(line);
        }
    }
    fit(logits, targets, weights)
}

/// A step of Newton's method.
struct Step {
    by: Line,
    /// The decrement per unit of weight: twice the likelihood that the step promises, in any scale of the logits.
    gain: f64,
}

impl Line {
    fn moved(self, step: Line, scale: f64) -> Line {
        Line { intercept: self.intercept + scale * step.intercept, slope: self.slope + scale * step.slope }
    }
}

/// Whether each class reaches past the other: exactly then, with one covariate, the likelihood has its maximum.
fn overlaps(logits: &[f64], targets: &[f64], weights: &[f64]) -> bool {
    let is = |at: &usize, target: f64| weights[*at] > 0.0 && targets[*at] == target;
    let edge = |target| {
        let lowest = (0..logits.len()).find(|at| is(at, target))?;
        let highest = (0..logits.len()).rfind(|at| is(at, target))?;
        Some((logits[lowest], logits[highest]))
    };
    match (edge(0.0), edge(1.0)) {
        (Some((clean_low, clean_high)), Some((bad_low, bad_high))) => bad_low < clean_high && clean_low < bad_high,
        _ => false,
    }
}

fn newton_step(line: Line, logits: &[f64], targets: &[f64], weights: &[f64]) -> Option<Step> {
    let mut mass = 0.0;
    let (mut g0, mut g1) = (0.0, 0.0);
    let (mut h00, mut h01, mut h11) = (0.0, 0.0, 0.0);
    for ((&x, &target), &weight) in logits.iter().zip(targets).zip(weights) {
        // A resample leaves out more than a third of the rows.
        if weight == 0.0 {
            continue;
        }
        let mean = 1.0 / (1.0 + libm::exp(-(line.intercept + line.slope * x)));
        mass += weight;
        let residual = weight * (target - mean);
        let curvature = weight * (mean * (1.0 - mean));
        g0 += residual;
        g1 += residual * x;
        h00 += curvature;
        h01 += curvature * x;
        h11 += curvature * x * x;
    }
    let determinant = h00 * h11 - h01 * h01;
    let by = Line { intercept: (h11 * g0 - h01 * g1) / determinant, slope: (h00 * g1 - h01 * g0) / determinant };
    let gain = (g0 * by.intercept + g1 * by.slope) / mass;
    (by.intercept.is_finite() && by.slope.is_finite()).then_some(Step { by, gain })
}

fn deviance(line: Line, logits: &[f64], targets: &[f64], weights: &[f64]) -> f64 {
    let losses = logits.iter().zip(targets).zip(weights).map(|((&x, &target), &weight)| {
        let z = line.intercept + line.slope * x;
        // ln(1 + e^z) − target · z, without overflow.
        weight * (z.max(0.0) + libm::log1p(libm::exp(-z.abs())) - target * z)
    });
    losses.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_groups_are_fitted_exactly() {
        // Odds 1:3 at logit -1 and 3:1 at logit 1: the line is 0 + ln 3 · logit.
        let logits = [[-1.0; 4], [1.0; 4]].concat();
        let targets = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0];
        let line = fit(&logits, &targets, &[1.0; 8]).unwrap();
        assert!(line.intercept.abs() < 1e-9 && (line.slope - 3f64.ln()).abs() < 1e-9, "{line:?}");
    }

    #[test]
    fn scores_of_zero_and_one_are_fitted_too() {
        // Odds 1:3 and 3:1 again, at the logits to which 0 and 1 are clipped.
        let logits = [[-36.0; 4], [36.0; 4]].concat();
        let targets = [1.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 0.0];
        let line = fit(&logits, &targets, &[1.0; 8]).unwrap();
        assert!(line.intercept.abs() < 1e-9 && (line.slope - 3f64.ln() / 36.0).abs() < 1e-9, "{line:?}");
    }

    #[test]
    fn what_has_no_maximum_has_no_line() {
        let none = |logits: &[f64], targets: &[f64]| assert_eq!(fit(logits, targets, &vec![1.0; logits.len()]), None);
        none(&[], &[]);
        none(&[0.0, 1.0], &[1.0, 1.0]);
        none(&[0.0, 1.0, 2.0, 3.0], &[0.0, 0.0, 1.0, 1.0]);
        none(&[0.0, 1.0, 2.0, 3.0], &[1.0, 1.0, 0.0, 0.0]);
        none(&[0.0, 1.0, 1.0, 2.0], &[0.0, 0.0, 1.0, 1.0]);
        none(&[1.0, 1.0, 1.0], &[0.0, 1.0, 0.0]);
    }

    #[test]
    fn a_row_without_weight_cannot_make_classes_overlap() {
        let (logits, targets) = ([0.0, 1.0, 2.0, 3.0], [0.0, 1.0, 0.0, 1.0]);
        assert!(fit(&logits, &targets, &[1.0; 4]).is_some());
        assert_eq!(fit(&logits, &targets, &[1.0, 1.0, 0.0, 1.0]), None);
    }

    #[test]
    fn a_refit_comes_close_to_a_fit() {
        let logits = (0..200).map(|at| f64::from(at) / 50.0 - 2.0).collect::<Vec<_>>();
        let targets = (0..200).map(|at| f64::from(u8::from(at * 7919 % 200 < at))).collect::<Vec<_>>();
        let weights = (0..200).map(|at| f64::from(at * 31 % 4)).collect::<Vec<_>>();
        let whole = fit(&logits, &targets, &[1.0; 200]).unwrap();
        let exact = fit(&logits, &targets, &weights).unwrap();
        let near = refit(whole, &logits, &targets, &weights).unwrap();
        assert!((exact.slope - near.slope).abs() < 1e-3 && (exact.intercept - near.intercept).abs() < 1e-3);
    }
}

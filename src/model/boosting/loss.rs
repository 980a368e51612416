//! Logistic loss, and gradients whose sums are exact.
//!
//! Sums of floating-point numbers depend on their order, and a difference in the last bit can
//! make another split win. Gradients are therefore rounded to multiples of a step so coarse that
//! every sum of them fits the 53 bits of an `f64`: 2⁻⁴¹ for a thousand rows of weight 1, 2⁻³¹ for a
//! million, where the `f32` gradients of other libraries have steps of 2⁻²⁵ below one half. Then
//! rows can come in any order, histograms can be subtracted from each other, and nothing is lost.
//!
//! Source: pre-rounding, as in Demmel & Nguyen (2013), "Fast reproducible floating-point
//! summation", ARITH.

use rayon::prelude::*;

use super::LabeledRows;
use super::histogram::Gradient;

/// Rows that one task takes: fixed, so that sums of losses do not depend on the threads.
const CHUNK: usize = 4096;

/// Rounds numbers so that their sums are exact.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    /// 1.5 times a power of two of at least twice the sum of weights. Next to it, neighboring
    /// `f64` are one step apart.
    anchor: f64,
}

impl Grid {
    /// * `weights`: those of all rows; no sum of gradients is greater than theirs.
    pub(super) fn new(rows: &LabeledRows<'_>) -> Self {
        let sum = match rows.weights {
            None => rows.n_rows() as f64,
            Some(weights) => {
                // Sorted, so that the order of the rows makes no difference here either.
                let mut sorted = weights.to_vec();
                sorted.sort_unstable_by(f32::total_cmp);
                sorted.into_iter().map(f64::from).sum()
            }
        };
        Self { anchor: 1.5 * libm::exp2((2.0 * sum).log2().ceil()) }
    }

    pub(super) fn round(self, number: f64) -> f64 {
        (number + self.anchor) - self.anchor
    }
}

/// Derivatives of the loss at each margin, and the mean loss there.
///
/// * `weights`: on the grid; `None` means 1.
/// * `gradients`: takes the derivatives. All slices have shape `(n_rows,)`.
pub(super) fn differentiate(
    margins: &[f64],
    labels: &[bool],
    weights: Option<&[f64]>,
    grid: Grid,
    gradients: &mut [Gradient],
) -> f64 {
    let sums = gradients.par_chunks_mut(CHUNK).enumerate().map(|(chunk, gradients)| {
        let first = chunk * CHUNK;
        let (mut loss, mut weight_sum) = (0.0, 0.0);
        for (row, gradient) in (first..).zip(gradients) {
            let (margin, label) = (margins[row], labels[row]);
            let weight = weights.map_or(1.0, |weights| weights[row]);
            // e^−|m| never overflows, and gives p and 1 − p without cancellation.
            let e = libm::exp(-margin.abs());
            let (near, far) = (1.0 / (1.0 + e), e / (1.0 + e));
            let agrees = (margin >= 0.0) == label;
            let miss = if agrees { far } else { near };
            // Rounded before the weight too: a row of weight 2 then counts exactly as two rows.
            let (first, second) = (grid.round(if label { -miss } else { miss }), grid.round(near * far));
            *gradient = Gradient { first: grid.round(weight * first), second: grid.round(weight * second) };
            loss += weight * (libm::log1p(e) + if agrees { 0.0 } else { margin.abs() });
            weight_sum += weight;
        }
        (loss, weight_sum)
    });
    mean(sums.collect())
}

/// Mean log loss of margins against labels, in nats.
pub(super) fn log_loss(margins: &[f64], rows: &LabeledRows<'_>) -> f64 {
    let sums = margins.par_chunks(CHUNK).enumerate().map(|(chunk, margins)| {
        let first = chunk * CHUNK;
        (first..).zip(margins).fold((0.0, 0.0), |(loss, weight_sum), (row, margin)| {
            let against = if rows.labels[row] { -margin } else { *margin };
            let weight = rows.weight(row);
            (loss + weight * (libm::log1p(libm::exp(-margin.abs())) + against.max(0.0)), weight_sum + weight)
        })
    });
    mean(sums.collect())
}

fn mean(sums: Vec<(f64, f64)>) -> f64 {
    let (loss, weight) = sums.into_iter().fold((0.0, 0.0), |a, b| (a.0 + b.0, a.1 + b.1));
    loss / weight
}

/// `1 / (1 + e^−x)`, from `libm` so that every machine computes the same bits.
pub(super) fn logistic(x: f64) -> f64 {
    let e = libm::exp(-x.abs());
    if x >= 0.0 { 1.0 / (1.0 + e) } else { e / (1.0 + e) }
}

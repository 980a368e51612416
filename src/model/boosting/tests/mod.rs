//! Behavior of the whole module.

mod by_hand;
mod compiled;
mod laws;
mod oracle;
mod refusals;
mod shapley;

use linfa::ParamGuard;
use ndarray::{Array2, ArrayView2};

use super::*;

/// A linear congruential generator (Numerical Recipes), so that any language makes the same rows.
pub(super) struct Lcg(pub(super) u32);

impl Lcg {
    /// Uniform in `[0, 1)`, exact in 24 bits.
    pub(super) fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.0 >> 8) / f64::from(1 << 24)
    }
}

/// Rows of 12 features, and labels that depend on steps, products, and whether a value is
/// missing. Feature 3 is missing in a fifth of the rows; features 6 to 9 take ten values; 10 and
/// 11 say nothing.
pub(super) fn sample_rows(n_rows: usize, seed: u32) -> (Array2<f32>, Vec<bool>) {
    let mut lcg = Lcg(seed);
    let mut values = Array2::zeros((n_rows, 12));
    let mut labels = Vec::new();
    for mut row in values.rows_mut() {
        let mut x: [f64; 12] = std::array::from_fn(|_| lcg.next());
        (6..10).for_each(|feature| x[feature] = (x[feature] * 10.0).floor());
        let is_missing = lcg.next() < 0.2;
        let mut chance = 0.05 + 0.25 * x[0] * x[1];
        chance += if x[2] > 0.8 { 0.3 } else { 0.0 };
        chance += if is_missing { 0.2 } else { 0.1 * x[3] };
        chance += if x[6] == 3.0 && x[4] < 0.5 { 0.3 } else { 0.0 };
        chance += if x[7] > 6.0 { 0.1 * x[5] } else { 0.0 };
        labels.push(lcg.next() < chance);
        row.iter_mut().zip(x).for_each(|(to, from)| *to = from as f32);
        if is_missing {
            row[3] = f32::NAN;
        }
    }
    (values, labels)
}

pub(super) fn rows<'a>(values: &'a Array2<f32>, labels: &'a [bool], weights: Option<&'a [f32]>) -> LabeledRows<'a> {
    LabeledRows { values: values.view().into(), labels, weights }
}

pub(super) fn fit(params: GradientBoostingParams, rows: LabeledRows<'_>) -> GradientBoosting {
    params.check().unwrap().fit_observed(rows, None, &mut |_| ()).unwrap()
}

pub(super) fn margins(model: &GradientBoosting, values: ArrayView2<'_, f32>) -> Vec<f64> {
    values.rows().into_iter().map(|row| model.margin(row)).collect()
}

//! What rows count, and a logistic regression of a few terms that honors it.

use super::{ln_logistic, logistic};

/// Scores, labels and weights of the rows that count, each of shape `(n_rows,)`.
pub(super) struct Counted {
    pub(super) raw_scores: Vec<f64>,
    pub(super) labels: Vec<bool>,
    /// With a mean of 1: what they are in says nothing of how many rows there are. `None` where all rows count alike.
    pub(super) weights: Option<Vec<f64>>,
}

impl Counted {
    /// Leaves out the rows of weight 0.
    pub(super) fn of(raw_scores: &[f64], labels: &[bool], weights: &[f32]) -> Self {
        let counts = |idx: &usize| weights[*idx] > 0.0;
        let rows: Vec<usize> = (0..labels.len()).filter(counts).collect();
        let weights: Vec<f64> = rows.iter().map(|idx| f64::from(weights[*idx])).collect();
        let mean = weights.iter().sum::<f64>() / weights.len() as f64;
        let are_alike = weights.windows(2).all(|pair| pair[0] == pair[1]);
        Self {
            raw_scores: rows.iter().map(|idx| raw_scores[*idx]).collect(),
            labels: rows.iter().map(|idx| labels[*idx]).collect(),
            weights: (!are_alike).then(|| weights.iter().map(|weight| weight / mean).collect()),
        }
    }
}

/// The weight of a row, 1 where all count alike.
pub(super) fn weight(weights: Option<&[f64]>, row: usize) -> f64 {
    weights.map_or(1.0, |weights| weights[row])
}

/// Penalty on standardized slopes, as small as that of the fit without weights.
const L2: f64 = 1e-3;
/// Most steps; a few are enough.
const STEPS: usize = 100;

/// Slopes and base of `logit p = base + Σ slope · term`, where each row counts by its weight: linfa's regression has none.
///
/// By Newton's method on a convex function of few numbers, with steps halved until they lead down.
///
/// * `rows`: terms, shape `(n_rows, n_terms)`.
/// * `labels`, `weights`: shape `(n_rows,)`; both classes are there.
pub(super) fn regress(rows: &[Vec<f64>], labels: &[bool], weights: &[f64]) -> (Vec<f64>, f64) {
    let n_terms = rows.first().map_or(0, Vec::len);
    let total: f64 = weights.iter().sum();
    let mean_of = |of: &dyn Fn(&[f64]) -> f64| {
        rows.iter().zip(weights).map(|(row, weight)| weight * of(row)).sum::<f64>() / total
    };
    let means: Vec<f64> = (0..n_terms).map(|term| mean_of(&|row| row[term])).collect();
    let deviation = |term: usize| {
        let variance = mean_of(&|row| (row[term] - means[term]) * (row[term] - means[term]));
        // A constant term says nothing.
        if variance > 1e-12 { variance.sqrt() } else { f64::INFINITY }
    };
    let deviations: Vec<f64> = (0..n_terms).map(deviation).collect();
    // The base stands behind the slopes, as a term that is 1 throughout.
    let standardized = |row: &Vec<f64>| -> Vec<f64> {
        let terms = row.iter().zip(&means).zip(&deviations).map(|((term, mean), deviation)| (term - mean) / deviation);
        terms.chain([1.0]).collect()
    };
    let rows: Vec<Vec<f64>> = rows.iter().map(standardized).collect();
    let log_odds = |at: &[f64], row: &[f64]| at.iter().zip(row).map(|(slope, term)| slope * term).sum::<f64>();
    let loss = |at: &[f64]| {
        let of_row = |((row, label), weight): ((&Vec<f64>, &bool), &f64)| {
            let log_odds = log_odds(at, row);
            -weight * ln_logistic(if *label { log_odds } else { -log_odds })
        };
        let penalty = at[..n_terms].iter().map(|slope| slope * slope).sum::<f64>() * L2 / 2.0;
        rows.iter().zip(labels).zip(weights).map(of_row).sum::<f64>() + penalty
    };

    let mut at = vec![0.0; n_terms + 1];
    let mut least = loss(&at);
    for _ in 0..STEPS {
        let mut gradient: Vec<f64> = at.iter().map(|slope| L2 * slope).collect();
        gradient[n_terms] = 0.0;
        let mut curvature = vec![vec![0.0; n_terms + 1]; n_terms + 1];
        for (term, of_term) in curvature.iter_mut().enumerate() {
            of_term[term] = L2;
        }
        for ((row, label), weight) in rows.iter().zip(labels).zip(weights) {
            let p = logistic(log_odds(&at, row));
            for (one, of_one) in curvature.iter_mut().enumerate() {
                gradient[one] += weight * (p - f64::from(u8::from(*label))) * row[one];
                for (other, sum) in of_one.iter_mut().enumerate() {
                    *sum += weight * p * (1.0 - p) * row[one] * row[other];
                }
            }
        }
        let whole = solve(curvature, gradient);
        let step = |share: f64| at.iter().zip(&whole).map(|(slope, step)| slope - share * step).collect::<Vec<_>>();
        let shares = (0..40).map(|halvings| 0.5_f64.powi(halvings));
        let Some((lower, next)) = shares.map(step).map(|next| (loss(&next), next)).find(|(loss, _)| *loss < least)
        else {
            break;
        };
        (least, at) = (lower, next);
    }
    let slopes: Vec<f64> = at.iter().zip(&deviations).map(|(slope, deviation)| slope / deviation).collect();
    let shift: f64 = slopes.iter().zip(&means).map(|(slope, mean)| slope * mean).sum();
    (slopes, at[n_terms] - shift)
}

/// Solves `a · x = b` for a positive definite `a`, by elimination.
fn solve(mut a: Vec<Vec<f64>>, mut b: Vec<f64>) -> Vec<f64> {
    let n = b.len();
    for pivot in 0..n {
        let (done, below) = a.split_at_mut(pivot + 1);
        for (row, of_row) in below.iter_mut().enumerate() {
            let factor = of_row[pivot] / done[pivot][pivot];
            of_row.iter_mut().zip(&done[pivot]).for_each(|(to, from)| *to -= factor * from);
            b[pivot + 1 + row] -= factor * b[pivot];
        }
    }
    for row in (0..n).rev() {
        let known: f64 = (row + 1..n).map(|later| a[row][later] * b[later]).sum();
        b[row] = (b[row] - known) / a[row][row];
    }
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_weight_3_counts_as_three_rows() {
        let row = |idx: u32| vec![f64::from(idx % 17) / 4.0 - 2.0, f64::from(idx * 7 % 13) / 3.0];
        let label = |idx: u32| (idx * 31 + idx / 5) % 11 < 2 + idx % 17 / 3;
        let ids: Vec<u32> = (0..300).collect();
        let weights: Vec<f64> = ids.iter().map(|idx| if idx % 4 == 0 { 3.0 } else { 1.0 }).collect();
        let labels: Vec<bool> = ids.iter().map(|idx| label(*idx)).collect();
        let (slopes, base) = regress(&ids.iter().map(|idx| row(*idx)).collect::<Vec<_>>(), &labels, &weights);

        let thrice: Vec<u32> = ids.iter().flat_map(|idx| vec![*idx; if idx % 4 == 0 { 3 } else { 1 }]).collect();
        let labels: Vec<bool> = thrice.iter().map(|idx| label(*idx)).collect();
        let rows: Vec<Vec<f64>> = thrice.iter().map(|idx| row(*idx)).collect();
        let (same, same_base) = regress(&rows, &labels, &vec![1.0; rows.len()]);
        assert!(slopes.iter().zip(&same).all(|(a, b)| (a - b).abs() < 1e-6), "{slopes:?} {same:?}");
        assert!((base - same_base).abs() < 1e-6 && slopes[0] > 0.1, "{base} {same_base} {slopes:?}");
        // At the top the residuals of every term add up to 0, but for the penalty.
        let residual = |row: &Vec<f64>, label: &bool| {
            f64::from(u8::from(*label))
                - logistic(base + row.iter().zip(&slopes).map(|(term, slope)| term * slope).sum::<f64>())
        };
        let sum: f64 = rows.iter().zip(&labels).map(|(row, label)| residual(row, label)).sum();
        assert!(sum.abs() < 0.01, "{sum}");
    }

    #[test]
    fn what_is_told_apart_or_never_varies_stays_finite() {
        let rows: Vec<Vec<f64>> = (0..60).map(|idx| vec![f64::from(idx) - 30.0, 5.0]).collect();
        let labels: Vec<bool> = (0..60).map(|idx| idx >= 30).collect();
        let (slopes, base) = regress(&rows, &labels, &[0.5, 1.5].repeat(30));
        assert!(slopes[0] > 1.0 && slopes[1] == 0.0 && base.is_finite(), "{slopes:?} {base}");
    }

    #[test]
    fn only_the_ratios_of_weights_count_and_rows_of_none_do_not() {
        let (scores, labels) = ([0.0, 1.0, 2.0, 3.0], [true, false, true, false]);
        let alike = Counted::of(&scores, &labels, &[0.3, 0.0, 0.3, 0.3]);
        assert_eq!(
            (alike.raw_scores, alike.labels, alike.weights),
            (vec![0.0, 2.0, 3.0], vec![true, true, false], None)
        );
        let weights = |weights: [f32; 4]| Counted::of(&scores, &labels, &weights).weights;
        assert_eq!(weights([1.0, 1.0, 4.0, 2.0]), Some(vec![0.5, 0.5, 2.0, 1.0]));
        assert_eq!(weights([2.0, 2.0, 8.0, 4.0]), weights([1.0, 1.0, 4.0, 2.0]));
    }
}

//! Steps that never fall, by pooling adjacent violators.

use serde::{Deserialize, Serialize};

use super::weighted::weight;

/// The least-squares fit among all curves that never fall: pools of neighboring scores, each with the
/// share of infringements in it.
///
/// The lowest and the highest pool hold one class alone as a rule; half a parcel of the other class is added to each,
/// since no block proves a chance of 0 or 1. Between pools the probability steps, so parcels of one pool
/// share it.
///
/// Source: Ayer, Brunk, Ewing, Reid, Silverman (1955); Zadrozny, Elkan (2002), "Transforming classifier scores into accurate
/// multiclass probability estimates", KDD.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IsotonicCalibration {
    /// Lowest raw score of each pool but the first, rising.
    from_raw_score: Vec<f64>,
    /// Probability of each pool, rising.
    probability: Vec<f64>,
}

struct Pool {
    from: f64,
    n: f64,
    infringements: f64,
}

impl Pool {
    fn share(&self) -> f64 {
        self.infringements / self.n
    }
}

impl IsotonicCalibration {
    /// Fits on at least one row.
    ///
    /// * `weights`: of the rows, with a mean of 1; `None` where all count alike.
    pub(super) fn fit(raw_scores: &[f64], labels: &[bool], weights: Option<&[f64]>) -> Self {
        let row = |(idx, (score, label)): (usize, (&f64, &bool))| (*score, *label, weight(weights, idx));
        let mut rows: Vec<(f64, bool, f64)> = raw_scores.iter().zip(labels).enumerate().map(row).collect();
        // Of one score in an order of their own, so that sums are the same to the bit.
        rows.sort_by(|(a, found, one), (b, other_found, other)| {
            a.total_cmp(b).then_with(|| found.cmp(other_found)).then_with(|| one.total_cmp(other))
        });
        // Equal scores cannot be told apart, so they are one pool from the start.
        let ties = rows.chunk_by(|(a, ..), (b, ..)| a == b).map(|tie| Pool {
            from: tie[0].0,
            n: tie.iter().map(|(.., weight)| weight).sum(),
            infringements: tie.iter().filter(|(_, label, _)| *label).map(|(.., weight)| weight).sum(),
        });
        let mut pools: Vec<Pool> = Vec::new();
        for tie in ties {
            pools.push(tie);
            merge_violators(&mut pools);
        }
        let (lowest, highest) = (0.5 / (pools[0].n + 1.0), pools.last().map_or(1.0, |last| 1.0 - 0.5 / (last.n + 1.0)));
        let probability = pools.iter().map(|pool| pool.share().max(lowest).min(highest.max(lowest))).collect();
        Self { from_raw_score: pools.iter().skip(1).map(|pool| pool.from).collect(), probability }
    }

    /// Steps of the curve.
    pub(super) fn n_steps(&self) -> usize {
        self.probability.len()
    }

    pub(super) fn probability(&self, raw_score: f64) -> f64 {
        self.probability[self.from_raw_score.partition_point(|from| *from <= raw_score)]
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        let rises = |numbers: &[f64]| numbers.windows(2).all(|pair| pair[0] <= pair[1]);
        let is_probability = |share: &f64| (0.0..=1.0).contains(share);
        let sound = self.probability.len() == self.from_raw_score.len() + 1
            && self.from_raw_score.iter().all(|from| from.is_finite())
            && self.probability.iter().all(is_probability)
            && rises(&self.from_raw_score)
            && rises(&self.probability);
        if sound { Ok(()) } else { Err("a calibration whose steps fall or are no probabilities") }
    }
}

fn merge_violators(pools: &mut Vec<Pool>) {
    while let [.., before, last] = pools.as_mut_slice() {
        if before.share() < last.share() {
            return;
        }
        before.n += last.n;
        before.infringements += last.infringements;
        pools.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violators_are_pooled_by_hand() {
        // Shares 0, then 1 1 0 pooled to 2/3, then 1.
        let labels = [false, false, true, true, false, true];
        let steps = IsotonicCalibration::fit(&[-2.0, -1.0, 0.0, 1.0, 2.0, 3.0], &labels, None);
        assert_eq!(steps.from_raw_score, [0.0, 3.0]);
        // Two clean parcels: 0.5 / 3. One infringement: 1 - 0.5 / 2.
        assert_eq!(steps.probability, [0.5 / 3.0, 2.0 / 3.0, 0.75]);
        assert_eq!(
            [-9.0, -0.1, 0.0, 2.9, 3.0].map(|score| steps.probability(score)).map(|p| (p * 100.0).round()),
            [17.0, 17.0, 67.0, 67.0, 75.0]
        );
    }

    #[test]
    fn a_row_counts_by_its_weight() {
        let labels = [false, false, true, true, false, true];
        let scores = [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0];
        let steps = IsotonicCalibration::fit(&scores, &labels, Some(&[1.0, 1.0, 0.5, 0.5, 2.0, 1.0]));
        // Of the middle three, 1 of 3 in place of 2 of 3.
        assert_eq!(steps.from_raw_score, [0.0, 3.0]);
        assert_eq!(steps.probability, [0.5 / 3.0, 1.0 / 3.0, 0.75]);
    }

    #[test]
    fn order_and_ties_change_nothing() {
        let scores = [1.0, 1.0, 1.0, 2.0, 0.0, 2.0];
        let labels = [true, false, true, false, false, true];
        let steps = IsotonicCalibration::fit(&scores, &labels, None);
        let turned: Vec<f64> = scores.iter().rev().copied().collect();
        let turned_labels: Vec<bool> = labels.iter().rev().copied().collect();
        assert_eq!(steps, IsotonicCalibration::fit(&turned, &turned_labels, None));
        assert_eq!(steps.check(), Ok(()));
        assert!(IsotonicCalibration { probability: vec![0.5, 0.4], ..steps }.check().is_err());
    }

    #[test]
    fn it_gives_the_shares_of_a_known_curve() {
        let scores: Vec<f64> = (0..10_000).map(|idx| f64::from(idx) / 1000.0 - 5.0).collect();
        let labels: Vec<bool> = (0..10_000_u32).map(|idx| (idx * 7919) % 10_000 < idx).collect();
        let steps = IsotonicCalibration::fit(&scores, &labels, None);
        for (score, truth) in [(-4.0, 0.1), (0.0, 0.5), (4.0, 0.9)] {
            assert!((steps.probability(score) - truth).abs() < 0.03, "{score}: {}", steps.probability(score));
        }
    }
}

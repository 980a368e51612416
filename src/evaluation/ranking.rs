//! What depends on the order of scores only: average precision, AUROC, and what a capacity finds.

use super::{scored::falling, settings::CapacityShare};

/// Rows from the highest score to the lowest, with the ends of their ties. Sorted once, swept for every weighting.
#[derive(Clone, Debug)]
pub(super) struct Ranking {
    /// Canonical indices of the rows, highest score first.
    order: Vec<usize>,
    /// Whether the next row has another score, or there is none. Same shape as `order`.
    last_of_tie: Vec<bool>,
}

/// What one sweep found. Masses are sums of weights.
#[derive(Clone, Debug)]
pub(super) struct Sweep {
    /// Mass of all rows.
    pub(super) parcels: f64,
    /// Mass of the rows with an infringement.
    pub(super) infringements: f64,
    /// `Σ (R_i − R_{i−1}) P_i` over distinct scores, as in scikit-learn: a tie is one threshold, so there is neither
    /// interpolation nor an order within it. `None` unless both classes have mass.
    pub(super) average_precision: Option<f64>,
    /// The chance that an infringing parcel scores above a clean one, a tie counting half. `None` as above.
    pub(super) auroc: Option<f64>,
    /// One for each share asked for, in order.
    pub(super) cuts: Vec<Cut>,
}

/// What is among the highest scores that a capacity opens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Cut {
    /// Mass that is opened.
    pub(super) parcels: f64,
    /// Mass of infringements among it; a tie at the cut counts by its expected share.
    pub(super) infringements: f64,
}

impl Ranking {
    /// Ranks `members`, indices into `scores`. Equal scores keep the order of `members`.
    pub(super) fn new(scores: &[f64], members: Vec<usize>) -> Self {
        let mut order = members;
        order.sort_by(|&a, &b| falling(scores[a], scores[b]));
        let last_of_tie = (0..order.len())
            .map(|at| order.get(at + 1).is_none_or(|&next| scores[order[at]] != scores[next]))
            .collect();
        Self { order, last_of_tie }
    }

    /// Measures under `weights`, in `O(n)`.
    ///
    /// * `weights`, `targets`: by canonical index; targets in `[0, 1]`, where a probability stands for the
    ///   infringements that it expects.
    /// * `shares`: ascending.
    pub(super) fn sweep(&self, weights: &[f64], targets: &[f64], shares: &[CapacityShare]) -> Sweep {
        let (mut infringing, mut clean) = (0.0, 0.0);
        for &idx in &self.order {
            infringing += weights[idx] * targets[idx];
            clean += weights[idx] * (1.0 - targets[idx]);
        }
        let parcels = infringing + clean;
        let mut cuts = Vec::with_capacity(shares.len());
        let (mut found, mut passed) = (0.0, 0.0);
        let (mut tied_infringing, mut tied_clean) = (0.0, 0.0);
        let (mut precision_by_recall, mut pairs_won) = (0.0, 0.0);
        for (&idx, &last) in self.order.iter().zip(&self.last_of_tie) {
            tied_infringing += weights[idx] * targets[idx];
            tied_clean += weights[idx] * (1.0 - targets[idx]);
            if !last {
                continue;
            }
            let (above, tied) = (found + passed, tied_infringing + tied_clean);
            while let Some(opened) = shares.get(cuts.len()).map(|share| share.of(parcels))
                && above + tied >= opened
            {
                let of_tied = if tied > 0.0 { (opened - above) / tied } else { 0.0 };
                cuts.push(Cut { parcels: opened, infringements: found + of_tied * tied_infringing });
            }
            pairs_won += tied_clean * (found + tied_infringing / 2.0);
            found += tied_infringing;
            passed += tied_clean;
            if tied_infringing > 0.0 {
                precision_by_recall += tied_infringing * (found / (found + passed));
            }
            (tied_infringing, tied_clean) = (0.0, 0.0);
        }
        // Only the rounding of sums, or no row at all, can leave a cut unmet.
        for share in &shares[cuts.len()..] {
            cuts.push(Cut { parcels: share.of(parcels), infringements: found });
        }
        let both = infringing > 0.0 && clean > 0.0;
        Sweep {
            parcels,
            infringements: infringing,
            average_precision: both.then(|| (precision_by_recall / infringing).min(1.0)),
            auroc: both.then(|| (pairs_won / infringing / clean).min(1.0)),
            cuts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(scores: &[f64], targets: &[f64], shares: &[f64]) -> Sweep {
        let shares = shares.iter().map(|&share| CapacityShare::new(share).unwrap()).collect::<Vec<_>>();
        let ranking = Ranking::new(scores, (0..scores.len()).collect());
        ranking.sweep(&vec![1.0; scores.len()], targets, &shares)
    }

    #[test]
    fn average_precision_and_auroc_by_hand() {
        // Ranks: bad, clean, bad, clean. AP = 1/2 * 1 + 1/2 * 2/3; 3 of 4 pairs are in order.
        let found = sweep(&[4.0, 3.0, 2.0, 1.0], &[1.0, 0.0, 1.0, 0.0], &[]);
        assert_eq!(found.average_precision, Some(0.5 + 0.5 * (2.0 / 3.0)));
        assert_eq!(found.auroc, Some(0.75));
    }

    #[test]
    fn one_tie_of_all_is_the_base_rate() {
        let found = sweep(&[1.0, 1.0, 1.0, 1.0], &[1.0, 0.0, 0.0, 0.0], &[0.5]);
        assert_eq!((found.average_precision, found.auroc), (Some(0.25), Some(0.5)));
        assert_eq!(found.cuts, [Cut { parcels: 2.0, infringements: 0.5 }]);
    }

    #[test]
    fn a_tie_at_the_cut_counts_by_its_expected_share() {
        // Three of five are opened: the first, and two of the three that tie; 2/3 * 1 of the tied is expected.
        let found = sweep(&[9.0, 5.0, 5.0, 5.0, 1.0], &[1.0, 1.0, 0.0, 0.0, 1.0], &[0.6, 1.0]);
        let expected = [Cut { parcels: 3.0, infringements: 1.0 + 2.0 / 3.0 }, Cut { parcels: 5.0, infringements: 3.0 }];
        assert_eq!(found.cuts, expected);
    }

    #[test]
    fn minus_zero_ties_with_zero() {
        assert_eq!(sweep(&[0.0, -0.0], &[0.0, 1.0], &[]).auroc, Some(0.5));
    }

    #[test]
    fn one_class_or_no_row_ranks_nothing() {
        for targets in [&[1.0, 1.0][..], &[0.0, 0.0], &[]] {
            let found = sweep(&[2.0, 1.0][..targets.len()], targets, &[1.0]);
            assert_eq!((found.average_precision, found.auroc, found.cuts.len()), (None, None, 1));
        }
    }
}

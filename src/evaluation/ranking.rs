//! What depends on the order of scores only: average precision, AUROC, and what a capacity finds.

use super::{
    reliability::{Bin, Bins},
    scored::falling,
    settings::CapacityShare,
};

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
    /// Where the cut lies.
    pub(super) place: Place,
}

/// Where a cut lies: all rows before `above` are opened, and of those from there to `end`, which tie, a share.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) above: usize,
    pub(super) end: usize,
    pub(super) of_tied: f64,
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
        let (mut infringing, mut clean, mut parcels) = (0.0, 0.0, 0.0);
        for &idx in &self.order {
            // By itself, and not as the sum of both: parts of a parcel must not move the cut.
            parcels += weights[idx];
            infringing += weights[idx] * targets[idx];
            clean += weights[idx] * (1.0 - targets[idx]);
        }
        let mut cuts = Vec::with_capacity(shares.len());
        let (mut found, mut passed) = (0.0, 0.0);
        let (mut tied_infringing, mut tied_clean) = (0.0, 0.0);
        let (mut precision_by_recall, mut pairs_won) = (0.0, 0.0);
        let mut first_tied = 0;
        for (at, (&idx, &last)) in self.order.iter().zip(&self.last_of_tie).enumerate() {
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
                let place = Place { above: first_tied, end: at + 1, of_tied };
                cuts.push(Cut { parcels: opened, infringements: found + of_tied * tied_infringing, place });
            }
            first_tied = at + 1;
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
            let place = Place { above: self.order.len(), end: self.order.len(), of_tied: 0.0 };
            cuts.push(Cut { parcels: share.of(parcels), infringements: found, place });
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

    /// Bins of equal mass over what a cut opens, from its lowest scores to its highest; none where it opens nothing.
    ///
    /// * `weights`, `targets`, `risk_scores`: by canonical index. `cut`: of a sweep under the same weights.
    pub(super) fn bins_within(
        &self,
        cut: &Cut,
        weights: &[f64],
        targets: &[f64],
        risk_scores: &[f64],
        n_bins: usize,
    ) -> Vec<Bin> {
        let Place { above, end, of_tied } = cut.place;
        if cut.parcels <= 0.0 {
            return Vec::new();
        }
        let mut bins = Bins::new(cut.parcels, n_bins);
        let (mut tied, mut tied_risk, mut tied_infringing) = (0.0, 0.0, 0.0);
        for (at, (&idx, &last)) in self.order[..end].iter().zip(&self.last_of_tie).enumerate() {
            tied += weights[idx];
            tied_risk += weights[idx] * risk_scores[idx];
            tied_infringing += weights[idx] * targets[idx];
            if last {
                let opened = if at < above { 1.0 } else { of_tied };
                if tied > 0.0 {
                    bins.add(tied * opened, tied_risk / tied, tied_infringing / tied);
                }
                (tied, tied_risk, tied_infringing) = (0.0, 0.0, 0.0);
            }
        }
        let mut bins = bins.finish();
        bins.reverse();
        bins
    }

    /// Canonical indices of the rows, highest score first.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// Runs of equal scores, lowest score first: canonical indices.
    pub(super) fn ties_rising(&self) -> impl Iterator<Item = &[usize]> {
        let ends = || self.last_of_tie.iter().enumerate().filter(|(_, last)| **last).map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(ends());
        let runs = starts.zip(ends()).collect::<Vec<_>>();
        runs.into_iter().rev().map(|(start, end)| &self.order[start..end])
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
        let place = Place { above: 0, end: 4, of_tied: 0.5 };
        assert_eq!(found.cuts, [Cut { parcels: 2.0, infringements: 0.5, place }]);
    }

    #[test]
    fn a_tie_at_the_cut_counts_by_its_expected_share() {
        // Three of five are opened: the first, and two of the three that tie; 2/3 * 1 of the tied is expected.
        let found = sweep(&[9.0, 5.0, 5.0, 5.0, 1.0], &[1.0, 1.0, 0.0, 0.0, 1.0], &[0.6, 1.0]);
        let places = [Place { above: 1, end: 4, of_tied: 2.0 / 3.0 }, Place { above: 4, end: 5, of_tied: 1.0 }];
        let expected = [
            Cut { parcels: 3.0, infringements: 1.0 + 2.0 / 3.0, place: places[0] },
            Cut { parcels: 5.0, infringements: 3.0, place: places[1] },
        ];
        assert_eq!(found.cuts, expected);
    }

    #[test]
    fn bins_within_a_cut_take_its_share_of_the_tie() {
        // Of the first row and the three that tie, three are opened: the first, and two thirds of the three.
        let (scores, targets, risk_scores) = ([9.0, 5.0, 5.0, 5.0], [1.0, 1.0, 0.0, 0.0], [0.9, 0.5, 0.5, 0.5]);
        let ranking = Ranking::new(&scores, (0..4).collect());
        let three = CapacityShare::new(0.75).unwrap();
        let cut = ranking.sweep(&[1.0; 4], &targets, &[three]).cuts[0];
        let bins = ranking.bins_within(&cut, &[1.0; 4], &targets, &risk_scores, 3);
        let found = bins.iter().map(|bin| (bin.weight, bin.mean_risk_score, bin.infringement_share));
        for (found, expected) in found.zip([(1.0, 0.5, 1.0 / 3.0), (1.0, 0.5, 1.0 / 3.0), (1.0, 0.9, 1.0)]) {
            let near = |a: f64, b: f64| (a - b).abs() < 1e-12;
            assert!(near(found.0, expected.0) && near(found.1, expected.1) && near(found.2, expected.2), "{found:?}");
        }
        assert_eq!(bins.len(), 3);
    }

    #[test]
    fn ties_rise_from_the_lowest_score() {
        let ranking = Ranking::new(&[9.0, 5.0, 5.0, 1.0], (0..4).collect());
        assert_eq!(ranking.ties_rising().collect::<Vec<_>>(), [&[3][..], &[1, 2], &[0]]);
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

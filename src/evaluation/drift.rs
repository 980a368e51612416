//! Whether scores are distributed as those that the model was released with.

use serde::{Deserialize, Serialize};

use super::{
    bootstrap::Bootstrap,
    interval::Estimate,
    metrics::Metrics,
    ranking::Ranking,
    scored::{Scored, ScoredRow},
};

/// How far the scores are from the model's reference scores.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftReport {
    /// Kolmogorov and Smirnov's largest distance of the two distribution functions, 0 to 1.
    pub score_ks: Option<Estimate>,
    /// Population stability index over the ten deciles of the reference, `Σ (q − p) ln(q / p)`; a share below 0.0001
    /// counts as that. By convention below 0.1 is stable and above 0.25 a shift.
    pub score_psi: Option<Estimate>,
}

/// Where a score stands among the reference scores: the two ends of the reference's distribution function there,
/// which differ where scores tie.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Share of the reference below the score.
    pub below: f64,
    /// Share of it that is not above the score.
    pub not_above: f64,
}

impl Place {
    pub(super) fn is_sound(self) -> bool {
        (0.0..=1.0).contains(&self.below) && (self.below..=1.0).contains(&self.not_above)
    }
}

/// The place of every row, by canonical index.
#[derive(Clone, Debug)]
pub(super) struct Places(Vec<Place>);

/// Figures under one weighting.
#[derive(Clone, Copy, Debug)]
pub(super) struct DriftMetrics {
    ks: f64,
    psi: f64,
}

const N_BINS: usize = 10;
const LEAST_SHARE: f64 = 1e-4;

impl Places {
    /// `None` unless every row has a place, and there is one.
    pub(super) fn new(rows: &[ScoredRow]) -> Option<Self> {
        let places = rows.iter().map(|row| row.place).collect::<Option<Vec<_>>>()?;
        (!places.is_empty()).then_some(Self(places))
    }

    /// `None` without mass. `weights`: by canonical index.
    pub(super) fn measure(&self, by_margin: &Ranking, weights: &[f64]) -> Option<DriftMetrics> {
        let total = weights.iter().sum::<f64>();
        if total <= 0.0 {
            return None;
        }
        let (mut ks, mut before) = (0.0_f64, 0.0);
        let mut bins = [0.0; N_BINS];
        for tie in by_margin.ties_rising() {
            let mass = tie.iter().map(|&row| weights[row]).sum::<f64>();
            if mass == 0.0 {
                continue;
            }
            let place = self.0[tie[0]];
            let after = before + mass;
            // Between two scores only the reference rises, so the distance is largest at one of them.
            ks = ks.max((before / total - place.below).abs()).max((after / total - place.not_above).abs());
            before = after;
            spread(place, mass / total, &mut bins);
        }
        let expected = 1.0 / N_BINS as f64;
        let psi = bins.iter().map(|&found| {
            let found = found.max(LEAST_SHARE);
            (found - expected) * libm::log(found / expected)
        });
        Some(DriftMetrics { ks: ks.min(1.0), psi: psi.sum() })
    }
}

/// Adds `share` to the deciles between the ends of `place`, evenly: a tie on an edge is split as the reference's own.
fn spread(place: Place, share: f64, bins: &mut [f64; N_BINS]) {
    let (from, to) = (place.below * N_BINS as f64, place.not_above * N_BINS as f64);
    if to - from < 1e-9 {
        // The least error may put a place on the edge to its left.
        bins[((from + 1e-9) as usize).min(N_BINS - 1)] += share;
        return;
    }
    for (idx, bin) in bins.iter_mut().enumerate() {
        let overlap = to.min(idx as f64 + 1.0) - from.max(idx as f64);
        *bin += share * overlap.max(0.0) / (to - from);
    }
}

/// `None` where places are not known.
pub(super) fn report(scored: &Scored, point: &Metrics, bootstrap: &Bootstrap) -> Option<DriftReport> {
    scored.places.as_ref()?;
    Some(DriftReport {
        score_ks: bootstrap.estimate(point, |m| m.drift.map(|drift| drift.ks)),
        score_psi: bootstrap.estimate(point, |m| m.drift.map(|drift| drift.psi)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drift(scores: &[f64], reference: &[f64]) -> (f64, f64) {
        let share = |n: usize| n as f64 / reference.len() as f64;
        let row = |&margin: &f64| ScoredRow {
            margin,
            place: Some(Place {
                below: share(reference.iter().filter(|&&other| other < margin).count()),
                not_above: share(reference.iter().filter(|&&other| other <= margin).count()),
            }),
            ..ScoredRow::default()
        };
        let places = Places::new(&scores.iter().map(row).collect::<Vec<_>>()).unwrap();
        let found = places.measure(&Ranking::new(scores, (0..scores.len()).collect()), &vec![1.0; scores.len()]);
        found.map(|found| (found.ks, found.psi)).unwrap()
    }

    #[track_caller]
    fn near(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-9, "{found} {expected}");
    }

    #[test]
    fn the_reference_itself_has_not_drifted_ties_and_all() {
        let reference = [0.0, 0.0, 0.0, 1.0, 2.0, 2.0, 7.0];
        let (ks, psi) = drift(&reference, &reference);
        near(ks, 0.0);
        near(psi, 0.0);
    }

    #[test]
    fn ks_and_psi_by_hand() {
        // Half of the scores lie above all of the reference, half in its middle.
        let reference = (0..10).map(f64::from).collect::<Vec<_>>();
        let (ks, psi) = drift(&[4.5, 20.0], &reference);
        near(ks, 0.5);
        // Two deciles hold a half each, eight hold nothing: 2 · 0.4 ln 5 + 8 · (0.0001 − 0.1) ln 0.001.
        near(psi, 0.8 * 5f64.ln() - 8.0 * 0.0999 * 0.001f64.ln());
    }

    #[test]
    fn scores_on_the_other_side_of_the_reference_are_as_far_as_can_be() {
        near(drift(&[-1.0, -2.0], &[1.0, 2.0, 3.0]).0, 1.0);
        near(drift(&[5.0], &[1.0, 2.0, 3.0]).0, 1.0);
    }
}

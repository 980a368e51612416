//! Bins of equal mass: what was expected of the parcels in them, and what was found.

use serde::{Deserialize, Serialize};

/// Parcels of about equal probability: what was expected of them, and what was found.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bin {
    /// Sum of weights.
    pub weight: f64,
    /// Mean probability, weighted.
    pub mean_risk_score: f64,
    /// Share with an infringement, weighted.
    pub infringement_share: f64,
}

/// Bins of equal mass, filled tie by tie in the order of a score.
///
/// A tie that straddles an edge is split as a whole: each side takes its share of all of it, infringing and clean
/// alike, so that row order cannot move an infringement from one bin to the next. With fewer rows than bins a row is
/// spread over several.
#[derive(Clone, Debug)]
pub(super) struct Bins {
    /// Sums for now, means at the end.
    bins: Vec<Bin>,
    room: f64,
    current: usize,
}

impl Bins {
    /// Room for `mass` in `n_bins` bins, at least one.
    pub(super) fn new(mass: f64, n_bins: usize) -> Self {
        let empty = Bin { weight: 0.0, mean_risk_score: 0.0, infringement_share: 0.0 };
        Self { bins: vec![empty; n_bins], room: mass / n_bins as f64, current: 0 }
    }

    /// Adds a tie of `mass`, of which `risk` is the mean probability and `share` infringes.
    pub(super) fn add(&mut self, mut mass: f64, risk: f64, share: f64) {
        while mass > 0.0 {
            let is_last = self.current + 1 == self.bins.len();
            let bin = &mut self.bins[self.current];
            let left = (self.room - bin.weight).max(0.0);
            // The last bin takes what rounding leaves over.
            let taken = if is_last { mass } else { mass.min(left) };
            bin.weight += taken;
            bin.mean_risk_score += taken * risk;
            bin.infringement_share += taken * share;
            mass -= taken;
            self.current += usize::from(mass > 0.0);
        }
    }

    /// The bins that took anything, in the order of filling.
    pub(super) fn finish(mut self) -> Vec<Bin> {
        self.bins.retain(|bin| bin.weight > 0.0);
        for bin in &mut self.bins {
            bin.mean_risk_score /= bin.weight;
            bin.infringement_share /= bin.weight;
        }
        self.bins
    }
}

/// `Σ n_b/N |p̄_b − ȳ_b|`, the expected calibration error; `None` without a bin.
///
/// Sampling noise alone keeps it above zero, the more so the fewer parcels are in a bin.
pub(super) fn expected_calibration_error(bins: &[Bin]) -> Option<f64> {
    let mass = bins.iter().map(|bin| bin.weight).sum::<f64>();
    let gap = bins.iter().map(|bin| bin.weight * (bin.mean_risk_score - bin.infringement_share).abs()).sum::<f64>();
    (mass > 0.0).then(|| gap / mass)
}

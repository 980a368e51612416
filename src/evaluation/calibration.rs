//! Whether a probability says what then happens: log loss, Brier score, calibration error.

use serde::{Deserialize, Serialize};

use super::scored::falling;

/// Bins of the expected calibration error.
const N_BINS: usize = 20;

/// Rows in ascending order of their probability, with what each contributes. Sorted once, summed for every weighting.
///
/// Every column has shape `(n,)`, in that order.
#[derive(Clone, Debug)]
pub(super) struct Calibration {
    /// Canonical index of the row.
    order: Vec<usize>,
    last_of_tie: Vec<bool>,
    risk_scores: Vec<f64>,
    pub(super) targets: Vec<f64>,
    pub(super) logits: Vec<f64>,
    log_losses: Vec<f64>,
}

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

/// Means over all rows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Losses {
    pub(super) log_loss: f64,
    pub(super) brier: f64,
}

impl Losses {
    /// What the base rate would lose, told to every parcel: the yardstick of skill. `None` for one class, where it
    /// loses nothing and no skill can be told.
    pub(super) fn of_base_rate(rate: f64) -> Option<Self> {
        (0.0 < rate && rate < 1.0).then(|| Self {
            log_loss: rate * log_loss(rate, 1.0) + (1.0 - rate) * log_loss(rate, 0.0),
            brier: rate * (1.0 - rate),
        })
    }
}

impl Calibration {
    /// * `risk_scores`, `targets`: by canonical index; probabilities in `[0, 1]`, targets 0 or 1.
    pub(super) fn new(risk_scores: &[f64], targets: &[f64]) -> Self {
        let mut order = (0..risk_scores.len()).collect::<Vec<_>>();
        order.sort_by(|&a, &b| falling(risk_scores[b], risk_scores[a]));
        let risk_scores = order.iter().map(|&idx| risk_scores[idx]).collect::<Vec<_>>();
        let targets = order.iter().map(|&idx| targets[idx]).collect::<Vec<_>>();
        Self {
            last_of_tie: (0..order.len()).map(|at| risk_scores.get(at + 1) != Some(&risk_scores[at])).collect(),
            logits: risk_scores.iter().map(|&risk| logit(risk)).collect(),
            log_losses: risk_scores.iter().zip(&targets).map(|(&risk, &target)| log_loss(risk, target)).collect(),
            order,
            risk_scores,
            targets,
        }
    }

    /// Weights by canonical index, brought into this order.
    pub(super) fn gather(&self, weights: &[f64], gathered: &mut Vec<f64>) {
        gathered.clear();
        gathered.extend(self.order.iter().map(|&idx| weights[idx]));
    }

    /// Mean log loss and Brier score; `None` without mass. `weights`: in this order.
    ///
    /// A probability is clipped to `f64::EPSILON` from 0 and 1 for the log loss, as in scikit-learn, so that one
    /// certain error costs 36 nats and not infinity.
    pub(super) fn losses(&self, weights: &[f64]) -> Option<Losses> {
        let (mut mass, mut log_loss, mut brier) = (0.0, 0.0, 0.0);
        for (at, &weight) in weights.iter().enumerate() {
            let error = self.risk_scores[at] - self.targets[at];
            mass += weight;
            log_loss += weight * self.log_losses[at];
            brier += weight * (error * error);
        }
        (mass > 0.0).then(|| Losses { log_loss: log_loss / mass, brier: brier / mass })
    }

    /// Twenty bins of equal mass in ascending order of probability; none without mass. `weights`: in this order.
    ///
    /// Parcels of one probability that straddle an edge are split as a whole: each side takes its share of all of
    /// them, infringing and clean alike, so that row order cannot move an infringement from one bin to the next. With
    /// fewer rows than bins a row is spread over several.
    pub(super) fn bins(&self, weights: &[f64]) -> Vec<Bin> {
        let mass = weights.iter().sum::<f64>();
        if mass <= 0.0 {
            return Vec::new();
        }
        let room = mass / N_BINS as f64;
        // Sums for now, means at the end.
        let mut bins = vec![Bin { weight: 0.0, mean_risk_score: 0.0, infringement_share: 0.0 }; N_BINS];
        let (mut current, mut tied, mut tied_infringing) = (0, 0.0, 0.0);
        for (at, &weight) in weights.iter().enumerate() {
            tied += weight;
            tied_infringing += weight * self.targets[at];
            if !self.last_of_tie[at] || tied <= 0.0 {
                continue;
            }
            let (risk, share) = (self.risk_scores[at], tied_infringing / tied);
            while tied > 0.0 {
                let bin = &mut bins[current];
                let left = (room - bin.weight).max(0.0);
                // The last bin takes what rounding leaves over.
                let taken = if current + 1 == N_BINS { tied } else { tied.min(left) };
                bin.weight += taken;
                bin.mean_risk_score += taken * risk;
                bin.infringement_share += taken * share;
                tied -= taken;
                current += usize::from(tied > 0.0);
            }
            tied_infringing = 0.0;
        }
        bins.retain(|bin| bin.weight > 0.0);
        for bin in &mut bins {
            bin.mean_risk_score /= bin.weight;
            bin.infringement_share /= bin.weight;
        }
        bins
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

fn clip(risk: f64) -> f64 {
    risk.clamp(f64::EPSILON, 1.0 - f64::EPSILON)
}

fn logit(risk: f64) -> f64 {
    let risk = clip(risk);
    libm::log(risk) - libm::log1p(-risk)
}

fn log_loss(risk: f64, target: f64) -> f64 {
    let risk = clip(risk);
    if target > 0.5 { -libm::log(risk) } else { -libm::log1p(-risk) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins(risk_scores: &[f64], targets: &[f64]) -> Vec<Bin> {
        Calibration::new(risk_scores, targets).bins(&vec![1.0; targets.len()])
    }

    #[test]
    fn a_perfect_step_has_no_calibration_error() {
        let risk_scores = [vec![0.25; 8], vec![0.75; 8]].concat();
        let targets = [vec![1.0; 2], vec![0.0; 6], vec![1.0; 6], vec![0.0; 2]].concat();
        assert_eq!(expected_calibration_error(&bins(&risk_scores, &targets)), Some(0.0));
    }

    #[test]
    fn calibration_error_by_hand() {
        // 20 rows, 20 bins: each row is its own bin, so the error is the mean distance to the outcome.
        let risk_scores = (0..20).map(|at| f64::from(at) / 20.0).collect::<Vec<_>>();
        let targets = (0..20).map(|at| f64::from(at % 2)).collect::<Vec<_>>();
        let mean = risk_scores.iter().zip(&targets).map(|(risk, target)| (risk - target).abs()).sum::<f64>() / 20.0;
        let error = expected_calibration_error(&bins(&risk_scores, &targets)).unwrap();
        assert!((error - mean).abs() < 1e-12, "{error} {mean}");
    }

    #[test]
    fn a_tie_on_an_edge_is_split_as_a_whole() {
        // 30 rows of one probability fill 15 bins, each with the same third of infringements.
        let risk_scores = [vec![0.5; 30], vec![0.9; 10]].concat();
        let targets = [vec![1.0; 10], vec![0.0; 20], vec![1.0; 10]].concat();
        let bins = bins(&risk_scores, &targets);
        assert_eq!(bins.len(), 20);
        for bin in &bins[..15] {
            assert!((bin.weight - 2.0).abs() < 1e-12 && (bin.infringement_share - 1.0 / 3.0).abs() < 1e-12, "{bin:?}");
        }
    }

    #[test]
    fn a_certain_error_costs_a_finite_log_loss() {
        let losses = Calibration::new(&[0.0, 1.0], &[1.0, 0.0]).losses(&[1.0, 1.0]).unwrap();
        assert!((losses.log_loss - 36.043_653_389_117_15).abs() < 1e-9, "{losses:?}");
        assert_eq!(losses.brier, 1.0);
    }
}

//! Whether a probability says what then happens: log loss, Brier score, calibration error.

use super::{
    reliability::{Bin, Bins},
    scored::falling,
};

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
    /// * `members`: canonical indices of the rows to be measured.
    pub(super) fn new(risk_scores: &[f64], targets: &[f64], members: Vec<usize>) -> Self {
        let mut order = members;
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

    /// Bins of equal mass in ascending order of probability; none without mass. `weights`: in this order.
    pub(super) fn bins(&self, weights: &[f64], n_bins: usize) -> Vec<Bin> {
        let mass = weights.iter().sum::<f64>();
        if mass <= 0.0 {
            return Vec::new();
        }
        let mut bins = Bins::new(mass, n_bins);
        let (mut tied, mut tied_infringing) = (0.0, 0.0);
        for (at, &weight) in weights.iter().enumerate() {
            tied += weight;
            tied_infringing += weight * self.targets[at];
            if !self.last_of_tie[at] || tied <= 0.0 {
                continue;
            }
            bins.add(tied, self.risk_scores[at], tied_infringing / tied);
            (tied, tied_infringing) = (0.0, 0.0);
        }
        bins.finish()
    }
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
    use super::{super::reliability::expected_calibration_error, *};

    fn all(risk_scores: &[f64], targets: &[f64]) -> Calibration {
        Calibration::new(risk_scores, targets, (0..targets.len()).collect())
    }

    fn bins(risk_scores: &[f64], targets: &[f64]) -> Vec<Bin> {
        all(risk_scores, targets).bins(&vec![1.0; targets.len()], 20)
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
        let losses = all(&[0.0, 1.0], &[1.0, 0.0]).losses(&[1.0, 1.0]).unwrap();
        assert!((losses.log_loss - 36.043_653_389_117_15).abs() < 1e-9, "{losses:?}");
        assert_eq!(losses.brier, 1.0);
    }
}

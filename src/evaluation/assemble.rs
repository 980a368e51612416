//! From figures and their resamples to the report.

use super::{
    AtCapacity, BaselineReport, BootstrapReport, Evaluation, PrecisionAtCapacity, SliceReport, Subject,
    bootstrap::Bootstrap,
    interval::{Estimate, Interval, wider, wilson_at_edge},
    metrics::Metrics,
    scored::{RankedSlice, Scored},
    settings::{CapacityShare, Settings},
};

/// * `shares`: ascending, as `point` and `bootstrap` were measured with.
pub(super) fn assemble(
    scored: &Scored,
    shares: &[CapacityShare],
    settings: &Settings,
    subject: Subject,
    point: &Metrics,
    bootstrap: &Bootstrap,
) -> Evaluation {
    let of = |figure: fn(&Metrics) -> Option<f64>| bootstrap.estimate(point, figure);
    Evaluation {
        parcels: scored.n_rows(),
        infringements: scored.targets.iter().filter(|&&target| target > 0.0).count(),
        weight: scored.weights.iter().sum(),
        base_rate: Draws::of(scored).base_rate(point, bootstrap),
        label_delay_days: subject.label_delay_days,
        average_precision: of(|m| m.average_precision),
        auroc: of(|m| m.auroc),
        log_loss: of(|m| m.losses.map(|losses| losses.log_loss)),
        log_loss_skill: of(|m| m.skill.map(|skill| skill.log_loss)),
        brier: of(|m| m.losses.map(|losses| losses.brier)),
        brier_skill: of(|m| m.skill.map(|skill| skill.brier)),
        expected_calibration_error: of(|m| m.expected_calibration_error),
        calibration_slope: of(|m| m.calibration_line.map(|line| line.slope)),
        calibration_intercept: of(|m| m.calibration_line.map(|line| line.intercept)),
        capacity: capacity(scored, shares, point, bootstrap),
        slices: slices(scored, point, bootstrap),
        baselines: baselines(scored, shares, point, bootstrap),
        reliability: point.reliability.clone(),
        bootstrap: BootstrapReport { replicates: settings.bootstrap, seed: settings.seed, days: scored.n_days },
        model: subject.model,
        data_digest: subject.data_digest,
    }
}

fn capacity(scored: &Scored, shares: &[CapacityShare], point: &Metrics, bootstrap: &Bootstrap) -> Vec<AtCapacity> {
    let expected = scored.by_margin.sweep(&scored.weights, &scored.risk_scores, shares).cuts;
    let draws = Draws::of(scored);
    let at = |(idx, &share): (usize, &CapacityShare)| {
        let cut = point.capacity[idx];
        let precision =
            draws.at_least_wilson(cut.precision, cut.parcels, bootstrap.interval(|m| m.capacity[idx].precision));
        let recall = bootstrap.interval(|m| m.capacity[idx].recall);
        // Opening all finds all: no luck of the draw, so nothing for Wilson to say.
        let recall = if cut.parcels < draws.parcels {
            draws.at_least_wilson(cut.recall, draws.infringements, recall)
        } else {
            cut.recall.map(|value| Estimate::new(value, recall))
        };
        // Lift inherits the edge from precision, in units of the base rate; where all infringe, it is 1 whatever is drawn.
        let wilson = cut.precision.and_then(|share| draws.wilson(share, cut.parcels));
        let wilson = wilson.zip(point.base_rate.filter(|&rate| 0.0 < rate && rate < 1.0));
        let wilson = wilson.map(|((low, high), base_rate)| (low / base_rate, high / base_rate));
        let interval = bootstrap.interval(|m| m.capacity[idx].lift);
        AtCapacity {
            share,
            parcels: cut.parcels.round() as u64,
            precision,
            recall,
            lift: cut.lift.map(|lift| Estimate::new(lift, widened(interval, wilson))),
            precision_ceiling: cut.precision_ceiling,
            recall_ceiling: cut.recall_ceiling,
            expected_precision: (cut.parcels > 0.0).then(|| expected[idx].infringements / cut.parcels),
        }
    };
    shares.iter().enumerate().map(at).collect()
}

fn slices(scored: &Scored, point: &Metrics, bootstrap: &Bootstrap) -> Vec<SliceReport> {
    let of = |(idx, slice): (usize, &RankedSlice)| SliceReport {
        name: slice.name.clone(),
        parcels: slice.n_parcels,
        infringements: slice.n_infringements,
        auroc: bootstrap.estimate(point, |m| m.slices[idx].0),
        average_precision: bootstrap.estimate(point, |m| m.slices[idx].1),
    };
    scored.slices.iter().enumerate().map(of).collect()
}

fn baselines(scored: &Scored, shares: &[CapacityShare], point: &Metrics, bootstrap: &Bootstrap) -> Vec<BaselineReport> {
    let draws = Draws::of(scored);
    let of = |(idx, (name, _)): (usize, &(String, _))| {
        let at = |(cut, &share): (usize, &CapacityShare)| {
            let interval = bootstrap.interval(|m| m.baselines[idx].precision[cut]);
            let (precision, parcels) = (point.baselines[idx].precision[cut], point.capacity[cut].parcels);
            PrecisionAtCapacity { share, precision: draws.at_least_wilson(precision, parcels, interval) }
        };
        BaselineReport {
            name: name.clone(),
            average_precision: bootstrap.estimate(point, |m| m.baselines[idx].average_precision),
            average_precision_lead: bootstrap.estimate(point, |m| m.baselines[idx].lead),
            capacity: shares.iter().enumerate().map(at).collect(),
        }
    };
    scored.baselines.iter().enumerate().map(of).collect()
}

/// How many independent draws a mass is worth.
struct Draws {
    /// Mass of all rows.
    parcels: f64,
    /// Mass of the infringements.
    infringements: f64,
    /// Kish's `Σw / Σw²` over all rows: 1 where every weight is 1.
    per_mass: f64,
}

impl Draws {
    fn of(scored: &Scored) -> Self {
        let Scored { weights, targets, .. } = scored;
        let parcels = weights.iter().sum::<f64>();
        let squares = weights.iter().map(|weight| weight * weight).sum::<f64>();
        Self {
            parcels,
            infringements: weights.iter().zip(targets).map(|(weight, target)| weight * target).sum(),
            per_mass: if squares > 0.0 { parcels / squares } else { 0.0 },
        }
    }

    fn base_rate(&self, point: &Metrics, bootstrap: &Bootstrap) -> Option<Estimate> {
        self.at_least_wilson(point.base_rate, self.parcels, bootstrap.interval(|m| m.base_rate))
    }

    fn wilson(&self, share: f64, mass: f64) -> Option<Interval> {
        wilson_at_edge(share, mass * self.per_mass)
    }

    fn at_least_wilson(&self, share: Option<f64>, mass: f64, interval: Option<Interval>) -> Option<Estimate> {
        share.map(|share| Estimate::new(share, widened(interval, self.wilson(share, mass))))
    }
}

fn widened(interval: Option<Interval>, wilson: Option<Interval>) -> Option<Interval> {
    if wilson.is_some() { wider(interval, wilson) } else { interval }
}

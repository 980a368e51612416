//! From figures and their resamples to the report.

use super::{
    AtCapacity, BaselineReport, BootstrapReport, Evaluation, PrecisionAtCapacity, Subject,
    bootstrap::Bootstrap,
    delay,
    draws::{Draws, widened},
    drift,
    interval::Estimate,
    metrics::{CutMetrics, Metrics},
    novelty, opened, revenue,
    scored::Scored,
    selection,
    settings::{CapacityShare, Settings},
    slices,
};

/// Fewest parcels opened for which the bins within are listed: twenty in each of the ten.
const MIN_PARCELS_FOR_BINS: f64 = 200.0;

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
        base_rate: base_rate(&draws(scored), point, bootstrap),
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
        slices: slices::reports(scored, point, bootstrap),
        baselines: baselines(scored, shares, point, bootstrap),
        reliability: point.reliability.clone(),
        selection: selection::reports(scored, shares, point, bootstrap),
        opened: opened::reports(scored, shares),
        revenue: revenue::report(scored, shares, point, bootstrap),
        drift: drift::report(scored, point, bootstrap),
        novelty: novelty::reports(scored, point, bootstrap),
        observed_label_delay: delay::report(scored, point, bootstrap),
        bootstrap: BootstrapReport { replicates: settings.bootstrap, seed: settings.seed, days: scored.n_days },
        model: subject.model,
        data_digest: subject.data_digest,
    }
}

fn draws(scored: &Scored) -> Draws {
    Draws::of(scored.weights.iter().copied().zip(scored.targets.iter().copied()))
}

fn base_rate(draws: &Draws, point: &Metrics, bootstrap: &Bootstrap) -> Option<Estimate> {
    draws.at_least_wilson(point.base_rate, draws.parcels, bootstrap.interval(|m| m.base_rate))
}

fn capacity(scored: &Scored, shares: &[CapacityShare], point: &Metrics, bootstrap: &Bootstrap) -> Vec<AtCapacity> {
    let draws = draws(scored);
    let at = |(idx, &share): (usize, &CapacityShare)| {
        let cut = &point.capacity[idx];
        let of = |figure: fn(&CutMetrics) -> Option<f64>| bootstrap.interval(|m| figure(&m.capacity[idx]));
        // Opening all finds all: no luck of the draw, so nothing for Wilson to say.
        let of_some = |share: Option<f64>, mass: f64, interval| {
            if cut.parcels < draws.parcels {
                draws.at_least_wilson(share, mass, interval)
            } else {
                share.map(|value| Estimate::new(value, interval))
            }
        };
        let possible = cut.parcels.min(draws.infringements);
        let wilson = cut.precision.and_then(|share| draws.wilson(share, cut.parcels));
        // Lift inherits the edge from precision, in units of the base rate; where all infringe, it is 1 whatever is drawn.
        let of_lift = wilson.zip(point.base_rate.filter(|&rate| 0.0 < rate && rate < 1.0));
        let of_lift = of_lift.map(|((low, high), base_rate)| (low / base_rate, high / base_rate));
        // So does what was expected in excess of it.
        let of_excess = wilson.zip(cut.expected_precision);
        let of_excess = of_excess.map(|((low, high), expected)| (expected - high, expected - low));
        let listed = cut.parcels >= MIN_PARCELS_FOR_BINS;
        AtCapacity {
            share,
            parcels: cut.parcels.round() as u64,
            precision: draws.at_least_wilson(cut.precision, cut.parcels, of(|cut| cut.precision)),
            recall: of_some(cut.recall, draws.infringements, of(|cut| cut.recall)),
            lift: cut.lift.map(|lift| Estimate::new(lift, widened(of(|cut| cut.lift), of_lift))),
            normalized_precision: of_some(cut.normalized_precision, possible, of(|cut| cut.normalized_precision)),
            precision_ceiling: cut.precision_ceiling,
            recall_ceiling: cut.recall_ceiling,
            expected_precision: cut.expected_precision,
            expected_precision_excess: cut
                .excess
                .map(|excess| Estimate::new(excess, widened(of(|cut| cut.excess), of_excess))),
            expected_calibration_error_within: cut
                .expected_calibration_error
                .map(|error| Estimate::new(error, of(|cut| cut.expected_calibration_error))),
            reliability_within: if listed { cut.reliability.clone() } else { Vec::new() },
        }
    };
    shares.iter().enumerate().map(at).collect()
}

fn baselines(scored: &Scored, shares: &[CapacityShare], point: &Metrics, bootstrap: &Bootstrap) -> Vec<BaselineReport> {
    let draws = draws(scored);
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

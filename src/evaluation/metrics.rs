//! Every figure under one weighting of the rows: the rows as they are, or a resample of them.

use super::{
    calibration::{Bin, Losses, expected_calibration_error},
    ranking::{Cut, Sweep},
    scored::Scored,
    settings::CapacityShare,
    slope::{self, Line},
};

/// Where the fit of the calibration line starts.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fit {
    /// From nothing, to the end.
    Whole,
    /// From the line of the whole sample, if it has one; without it, a resample has none either.
    From(Option<Line>),
}

#[derive(Clone, Debug)]
pub(super) struct Metrics {
    pub(super) base_rate: Option<f64>,
    pub(super) average_precision: Option<f64>,
    pub(super) auroc: Option<f64>,
    pub(super) losses: Option<Losses>,
    /// Losses relative to the base rate's: 1 is perfect, 0 is no better than knowing the base rate.
    pub(super) skill: Option<Losses>,
    pub(super) expected_calibration_error: Option<f64>,
    pub(super) calibration_line: Option<Line>,
    pub(super) capacity: Vec<CutMetrics>,
    /// AUROC and average precision of each slice.
    pub(super) slices: Vec<(Option<f64>, Option<f64>)>,
    pub(super) baselines: Vec<BaselineMetrics>,
    pub(super) reliability: Vec<Bin>,
}

/// Figures of the parcels that a capacity opens.
#[derive(Clone, Copy, Debug)]
pub(super) struct CutMetrics {
    /// Mass that is opened.
    pub(super) parcels: f64,
    pub(super) precision: Option<f64>,
    pub(super) recall: Option<f64>,
    pub(super) lift: Option<f64>,
    /// What no ranking could exceed at this capacity.
    pub(super) precision_ceiling: Option<f64>,
    pub(super) recall_ceiling: Option<f64>,
}

#[derive(Clone, Debug)]
pub(super) struct BaselineMetrics {
    pub(super) average_precision: Option<f64>,
    /// How far the model is ahead of it.
    pub(super) lead: Option<f64>,
    pub(super) precision: Vec<Option<f64>>,
}

impl Metrics {
    /// * `weights`: by canonical index. `shares`: ascending. `scratch`: room to be used again by the next call.
    pub(super) fn measure(
        scored: &Scored,
        shares: &[CapacityShare],
        weights: &[f64],
        fit: Fit,
        scratch: &mut Vec<f64>,
    ) -> Self {
        let Scored { targets, calibration, .. } = scored;
        let sweep = scored.by_margin.sweep(weights, targets, shares);
        let slices = scored.slices.iter().map(|slice| {
            let sweep = slice.ranking.sweep(weights, targets, &[]);
            (sweep.auroc, sweep.average_precision)
        });
        let baselines = scored.baselines.iter().map(|(_, ranking)| {
            let other = ranking.sweep(weights, targets, shares);
            BaselineMetrics {
                average_precision: other.average_precision,
                lead: sweep.average_precision.zip(other.average_precision).map(|(ours, theirs)| ours - theirs),
                precision: other.cuts.iter().map(|cut| share(cut.infringements, cut.parcels)).collect(),
            }
        });
        let (slices, baselines) = (slices.collect(), baselines.collect());

        calibration.gather(weights, scratch);
        let losses = calibration.losses(scratch);
        let base_rate = share(sweep.infringements, sweep.parcels);
        let of_base_rate = base_rate.and_then(Losses::of_base_rate);
        let reliability = calibration.bins(scratch);
        let (logits, targets) = (&calibration.logits, &calibration.targets);
        Self {
            base_rate,
            average_precision: sweep.average_precision,
            auroc: sweep.auroc,
            losses,
            skill: losses.zip(of_base_rate).map(|(ours, theirs)| Losses {
                log_loss: 1.0 - ours.log_loss / theirs.log_loss,
                brier: 1.0 - ours.brier / theirs.brier,
            }),
            expected_calibration_error: expected_calibration_error(&reliability),
            calibration_line: match fit {
                Fit::Whole => slope::fit(logits, targets, scratch),
                Fit::From(line) => line.and_then(|line| slope::refit(line, logits, targets, scratch)),
            },
            capacity: sweep.cuts.iter().map(|&cut| CutMetrics::of(cut, &sweep)).collect(),
            slices,
            baselines,
            reliability,
        }
    }
}

impl CutMetrics {
    fn of(cut: Cut, all: &Sweep) -> Self {
        let precision = share(cut.infringements, cut.parcels);
        let base_rate = share(all.infringements, all.parcels).filter(|&rate| rate > 0.0);
        Self {
            parcels: cut.parcels,
            precision,
            recall: share(cut.infringements, all.infringements),
            lift: precision.zip(base_rate).map(|(precision, base_rate)| precision / base_rate),
            precision_ceiling: share(all.infringements, cut.parcels),
            recall_ceiling: share(cut.parcels, all.infringements),
        }
    }
}

/// `part / whole`, at most 1; `None` when there is no whole.
fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| (part / whole).min(1.0))
}

//! Every figure under one weighting of the rows: the rows as they are, or a resample of them.

use super::{
    calibration::Losses,
    delay::DelayMetrics,
    drift::DriftMetrics,
    ranking::{Cut, Sweep},
    reliability::{Bin, expected_calibration_error},
    revenue::RevenueMetrics,
    scored::Scored,
    selection::GroupMetrics,
    settings::CapacityShare,
    slices::SliceMetrics,
    slope::{self, Line},
};

/// Bins of the expected calibration error of all rows.
const N_BINS: usize = 20;
/// Bins of the one of what a capacity opens.
const N_BINS_WITHIN: usize = 10;

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
    pub(super) slices: Vec<SliceMetrics>,
    pub(super) baselines: Vec<BaselineMetrics>,
    pub(super) reliability: Vec<Bin>,
    /// Of each dimension, the figures of its groups.
    pub(super) selections: Vec<Vec<GroupMetrics>>,
    /// Share of unseen keys.
    pub(super) novelty: Vec<Option<f64>>,
    pub(super) revenue: Option<RevenueMetrics>,
    pub(super) drift: Option<DriftMetrics>,
    pub(super) delays: Option<DelayMetrics>,
}

/// Figures of the parcels that a capacity opens.
#[derive(Clone, Debug)]
pub(super) struct CutMetrics {
    /// Mass that is opened.
    pub(super) parcels: f64,
    pub(super) precision: Option<f64>,
    pub(super) recall: Option<f64>,
    pub(super) lift: Option<f64>,
    /// Found over what a ranking that knew the outcomes would find.
    pub(super) normalized_precision: Option<f64>,
    /// Mean probability of what is opened.
    pub(super) expected_precision: Option<f64>,
    /// Expected less found precision.
    pub(super) excess: Option<f64>,
    /// Bins of what is opened, from the lowest scores to the highest.
    pub(super) reliability: Vec<Bin>,
    pub(super) expected_calibration_error: Option<f64>,
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
        let slices = scored.slices.iter().map(|slice| slice.measure(weights, targets));
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
        let reliability = calibration.bins(scratch, N_BINS);
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
            capacity: sweep.cuts.iter().map(|cut| CutMetrics::of(cut, &sweep, scored, weights)).collect(),
            selections: scored.selections.iter().map(|one| one.measure(scored, weights, &sweep)).collect(),
            novelty: scored.novelty.iter().map(|key| key.measure(weights, sweep.parcels)).collect(),
            revenue: scored.revenue.as_ref().map(|revenue| revenue.measure(&scored.by_margin, weights, shares)),
            drift: scored.places.as_ref().and_then(|places| places.measure(&scored.by_margin, weights)),
            delays: scored.delays.as_ref().map(|delays| delays.measure(weights)),
            slices,
            baselines,
            reliability,
        }
    }
}

impl CutMetrics {
    fn of(cut: &Cut, all: &Sweep, scored: &Scored, weights: &[f64]) -> Self {
        let Scored { by_margin, targets, risk_scores, .. } = scored;
        let reliability = by_margin.bins_within(cut, weights, targets, risk_scores, N_BINS_WITHIN);
        let precision = share(cut.infringements, cut.parcels);
        let base_rate = share(all.infringements, all.parcels).filter(|&rate| rate > 0.0);
        let expected = reliability.iter().map(|bin| bin.weight * bin.mean_risk_score).sum::<f64>();
        let expected_precision = share(expected, cut.parcels);
        Self {
            parcels: cut.parcels,
            precision,
            recall: share(cut.infringements, all.infringements),
            lift: precision.zip(base_rate).map(|(precision, base_rate)| precision / base_rate),
            normalized_precision: share(cut.infringements, cut.parcels.min(all.infringements)),
            expected_precision,
            excess: expected_precision.zip(precision).map(|(expected, found)| expected - found),
            expected_calibration_error: expected_calibration_error(&reliability),
            reliability,
            precision_ceiling: share(all.infringements, cut.parcels),
            recall_ceiling: share(cut.parcels, all.infringements),
        }
    }
}

/// `part / whole`, at most 1; `None` when there is no whole.
pub(super) fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| (part / whole).min(1.0))
}

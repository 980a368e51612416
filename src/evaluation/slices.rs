//! Parts of the rows, each measured by itself.

use serde::{Deserialize, Serialize};

use super::{
    bootstrap::Bootstrap,
    calibration::Calibration,
    draws::Draws,
    interval::Estimate,
    metrics::{Metrics, share},
    ranking::Ranking,
    reliability::expected_calibration_error,
    scored::Scored,
    settings::CapacityShare,
};

/// A part of the rows, measured by itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SliceReport {
    /// Dimension and value in one: `history_unseen`, `hs_chapter_61`.
    pub name: String,
    /// What tells its rows from others, such as `hs_chapter`. Empty in reports of older releases.
    #[serde(default)]
    pub dimension: String,
    /// Which of them these are, such as `61`; `other` for all whose own part would be too small.
    #[serde(default)]
    pub value: String,
    /// Its rows.
    pub parcels: usize,
    /// Its rows with an infringement.
    pub infringements: usize,
    /// Share of infringements in it.
    #[serde(default)]
    pub base_rate: Option<Estimate>,
    /// As in [`Evaluation::auroc`](super::Evaluation::auroc).
    pub auroc: Option<Estimate>,
    /// As in [`Evaluation::average_precision`](super::Evaluation::average_precision).
    pub average_precision: Option<Estimate>,
    /// Precision where the riskiest tenth of the slice is opened.
    #[serde(default)]
    pub precision_at_tenth: Option<Estimate>,
    /// Mean distance of expected to found over ten bins of equal mass; without an interval.
    #[serde(default)]
    pub expected_calibration_error: Option<f64>,
}

/// Bins of a slice's calibration error.
const N_BINS: usize = 10;

/// A slice with its rows in order.
#[derive(Clone, Debug)]
pub(super) struct RankedSlice {
    pub(super) dimension: String,
    value: String,
    /// Canonical indices, ascending.
    members: Vec<usize>,
    ranking: Ranking,
    calibration: Calibration,
}

/// Figures of a slice under one weighting.
#[derive(Clone, Copy, Debug)]
pub(super) struct SliceMetrics {
    base_rate: Option<f64>,
    auroc: Option<f64>,
    average_precision: Option<f64>,
    precision_at_tenth: Option<f64>,
    /// Mass of its tenth.
    tenth: f64,
}

impl RankedSlice {
    /// * `members`: canonical indices, ascending. All other columns by canonical index.
    pub(super) fn new(
        dimension: &str,
        value: String,
        members: Vec<usize>,
        margins: &[f64],
        risk_scores: &[f64],
        targets: &[f64],
    ) -> Self {
        Self {
            dimension: dimension.to_owned(),
            value,
            ranking: Ranking::new(margins, members.clone()),
            calibration: Calibration::new(risk_scores, targets, members.clone()),
            members,
        }
    }

    /// * `weights`, `targets`: by canonical index.
    pub(super) fn measure(&self, weights: &[f64], targets: &[f64]) -> SliceMetrics {
        let sweep = self.ranking.sweep(weights, targets, &[CapacityShare::TENTH]);
        let tenth = sweep.cuts[0];
        SliceMetrics {
            base_rate: share(sweep.infringements, sweep.parcels),
            auroc: sweep.auroc,
            average_precision: sweep.average_precision,
            precision_at_tenth: share(tenth.infringements, tenth.parcels),
            tenth: tenth.parcels,
        }
    }

    fn report(&self, idx: usize, scored: &Scored, point: &Metrics, bootstrap: &Bootstrap) -> SliceReport {
        let Scored { weights, targets, .. } = scored;
        let draws = Draws::of(self.members.iter().map(|&row| (weights[row], targets[row])));
        let found = point.slices[idx];
        let tenth = bootstrap.interval(|m| m.slices[idx].precision_at_tenth);
        let base_rate = bootstrap.interval(|m| m.slices[idx].base_rate);
        let mut own = Vec::new();
        self.calibration.gather(weights, &mut own);
        SliceReport {
            name: format!("{}_{}", self.dimension, self.value),
            dimension: self.dimension.clone(),
            value: self.value.clone(),
            parcels: self.members.len(),
            infringements: self.members.iter().filter(|&&row| targets[row] > 0.0).count(),
            base_rate: draws.at_least_wilson(found.base_rate, draws.parcels, base_rate),
            auroc: bootstrap.estimate(point, |m| m.slices[idx].auroc),
            average_precision: bootstrap.estimate(point, |m| m.slices[idx].average_precision),
            precision_at_tenth: draws.at_least_wilson(found.precision_at_tenth, found.tenth, tenth),
            expected_calibration_error: expected_calibration_error(&self.calibration.bins(&own, N_BINS)),
        }
    }
}

/// Every slice, in the order given.
pub(super) fn reports(scored: &Scored, point: &Metrics, bootstrap: &Bootstrap) -> Vec<SliceReport> {
    scored.slices.iter().enumerate().map(|(idx, slice)| slice.report(idx, scored, point, bootstrap)).collect()
}

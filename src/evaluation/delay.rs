//! How long outcomes were in coming, where the data say.

use serde::{Deserialize, Serialize};

use super::{
    bootstrap::Bootstrap,
    interval::Estimate,
    metrics::Metrics,
    quantile::Quantiles,
    scored::{Scored, ScoredRow},
};

/// Days from a parcel's advice to its outcome, as the data state them row by row.
///
/// The delay that training and evaluation assume for all other rows should not be below the 95 % quantile.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelDelayReport {
    /// Rows that state when their outcome became known.
    pub parcels: usize,
    /// By ascending share.
    pub quantiles: Vec<DelayQuantile>,
}

/// A quantile of the delay.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct DelayQuantile {
    /// Share of the outcomes that were known by then.
    pub share: f64,
    /// Days after the parcel was advised.
    pub days: Option<Estimate>,
}

const SHARES: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// Rows with a delay of their own.
#[derive(Clone, Debug)]
pub(super) struct Delays(Quantiles);

/// The quantiles under one weighting.
pub(super) type DelayMetrics = [Option<f64>; SHARES.len()];

impl Delays {
    pub(super) fn new(rows: &[ScoredRow]) -> Option<Self> {
        Quantiles::new(rows.iter().map(|row| row.label_delay_days)).map(Self)
    }

    pub(super) fn measure(&self, weights: &[f64]) -> DelayMetrics {
        self.0.of(weights, SHARES)
    }
}

/// `None` where no row states a delay.
pub(super) fn report(scored: &Scored, point: &Metrics, bootstrap: &Bootstrap) -> Option<LabelDelayReport> {
    let delays = scored.delays.as_ref()?;
    let quantile = |(idx, share)| DelayQuantile {
        share,
        days: bootstrap.estimate(point, |m| m.delays.and_then(|days| days[idx])),
    };
    let quantiles = SHARES.into_iter().enumerate().map(quantile).collect();
    Some(LabelDelayReport { parcels: delays.0.n_rows(), quantiles })
}

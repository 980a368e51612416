//! What a challenger must keep to.

use serde::{Deserialize, Serialize};

use crate::evaluation::CapacityShare;

/// The gate's margins as configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GateConfig {
    /// File of the reference set; empty: there is none.
    pub reference: String,
    /// Share of its parcels that can be opened.
    pub capacity_share: f64,
    /// Most that precision at that capacity may be below the champion's.
    pub max_precision_drop: f64,
    /// Most that average precision may be below the champion's.
    pub max_average_precision_drop: f64,
    /// Most that the expected calibration error may be above the champion's.
    pub max_calibration_error_rise: f64,
    /// Live parcels on which scores and routes are compared.
    pub live_parcels: u32,
    /// Largest population stability index of its scores against the champion's.
    pub max_score_shift: f64,
    /// Most by which the share of parcels sent one way may change.
    pub max_route_shift: f64,
    /// Most by which it may be slower.
    pub max_latency_ratio: f64,
    /// Whether a challenger that outcomes speak for is promoted without being asked for.
    pub promote_automatically: bool,
    /// Days in the shadow before.
    pub promote_min_days: u32,
    /// Outcomes of parcels that both scored.
    pub promote_min_outcomes: u32,
    /// Largest chance of such outcomes where it ranks no better.
    pub promote_significance: f64,
    /// The champion gives way to the one before where its decisions take longer by more than this; 0: never.
    pub rollback_latency_ratio: f64,
}

impl Default for GateConfig {
    fn default() -> Self {
        Self {
            reference: String::new(),
            capacity_share: 0.1,
            max_precision_drop: 0.02,
            max_average_precision_drop: 0.02,
            max_calibration_error_rise: 0.02,
            live_parcels: 2000,
            max_score_shift: 0.25,
            max_route_shift: 0.05,
            max_latency_ratio: 1.5,
            promote_automatically: false,
            promote_min_days: 14,
            promote_min_outcomes: 1000,
            promote_significance: 0.05,
            rollback_latency_ratio: 4.0,
        }
    }
}

/// A margin that is none.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("gate.{key}: must be {expected}, got {got}")]
pub struct InvalidGate {
    key: &'static str,
    expected: &'static str,
    got: f64,
}

impl GateConfig {
    /// Checks every margin.
    ///
    /// # Errors
    /// [`InvalidGate`] for the first that is none.
    pub fn check(&self) -> Result<(), InvalidGate> {
        let ranges = [
            ("max_precision_drop", self.max_precision_drop, 0.0, 1.0, "from 0 to 1"),
            ("max_average_precision_drop", self.max_average_precision_drop, 0.0, 1.0, "from 0 to 1"),
            ("max_calibration_error_rise", self.max_calibration_error_rise, 0.0, 1.0, "from 0 to 1"),
            ("max_score_shift", self.max_score_shift, 0.0, 100.0, "from 0 to 100"),
            ("max_route_shift", self.max_route_shift, 0.0, 1.0, "from 0 to 1"),
            ("max_latency_ratio", self.max_latency_ratio, 1.0, 1000.0, "from 1 to 1000"),
            ("promote_min_days", self.promote_min_days.into(), 0.0, 365.0, "from 0 to 365"),
            ("promote_min_outcomes", self.promote_min_outcomes.into(), 40.0, 5e4, "from 40 to 50000"),
            ("promote_significance", self.promote_significance, 1e-9, 0.5, "above 0 and at most 0.5"),
            ("live_parcels", self.live_parcels.into(), 100.0, 1e6, "from 100 to 1000000"),
        ];
        if CapacityShare::new(self.capacity_share).is_err() {
            let (key, expected) = ("capacity_share", "above 0 and at most 1");
            return Err(InvalidGate { key, expected, got: self.capacity_share });
        }
        if self.rollback_latency_ratio != 0.0 && !(1.5..=1000.0).contains(&self.rollback_latency_ratio) {
            let (key, expected) = ("rollback_latency_ratio", "0, or from 1.5 to 1000");
            return Err(InvalidGate { key, expected, got: self.rollback_latency_ratio });
        }
        let wrong = ranges.into_iter().find(|(_, got, min, max, _)| !(min..=max).contains(&got));
        match wrong {
            None => Ok(()),
            Some((key, got, _, _, expected)) => Err(InvalidGate { key, expected, got }),
        }
    }
}

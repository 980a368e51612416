//! Routing by two thresholds on the calibrated score.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Route, RouteCause};

/// The thresholds as configured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThresholdsConfig {
    /// From this risk score on, documents are asked for.
    pub documents_from_risk_score: f64,
    /// From this risk score on, the parcel is opened.
    pub open_from_risk_score: f64,
}

impl Default for ThresholdsConfig {
    fn default() -> Self {
        Self { documents_from_risk_score: 0.3, open_from_risk_score: 0.7 }
    }
}

impl ThresholdsConfig {
    /// Checks the thresholds and names the policy that they make.
    ///
    /// # Errors
    /// [`InvalidThresholds`] unless `0 <= documents <= open <= 1`.
    pub fn check(self) -> Result<Thresholds, InvalidThresholds> {
        let Self { documents_from_risk_score: documents_from, open_from_risk_score: open_from } = self;
        // Written so that NaN fails too.
        if !(0.0 <= documents_from && documents_from <= open_from && open_from <= 1.0) {
            return Err(InvalidThresholds { documents_from, open_from });
        }
        let digest = Sha256::new()
            .chain_update(b"thresholds/1")
            .chain_update(documents_from.to_bits().to_le_bytes())
            .chain_update(open_from.to_bits().to_le_bytes())
            .finalize();
        let version = digest[..6].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Ok(Thresholds { documents_from, open_from, version: format!("thresholds-{version}").into() })
    }
}

/// Thresholds that are no probabilities, or in the wrong order.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error(
    "policy: must have 0 <= documents_from_risk_score <= open_from_risk_score <= 1, got {documents_from} and {open_from}"
)]
pub struct InvalidThresholds {
    documents_from: f64,
    open_from: f64,
}

/// A policy of two thresholds, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Thresholds {
    documents_from: f64,
    open_from: f64,
    version: Arc<str>,
}

impl Thresholds {
    /// The route for a calibrated score, and the chance that a parcel with it is inspected: all or none.
    pub fn route(&self, risk_score: f64) -> (Route, RouteCause, f64) {
        let route = if risk_score >= self.open_from {
            Route::Open
        } else if risk_score >= self.documents_from {
            Route::Documents
        } else {
            Route::Release
        };
        (route, RouteCause::Score, if route.is_release() { 0.0 } else { 1.0 })
    }

    /// As configured.
    pub fn config(&self) -> ThresholdsConfig {
        ThresholdsConfig { documents_from_risk_score: self.documents_from, open_from_risk_score: self.open_from }
    }

    /// A name that changes with the thresholds.
    pub fn version(&self) -> &Arc<str> {
        &self.version
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_on_a_threshold_takes_the_stricter_route() {
        let policy = ThresholdsConfig { documents_from_risk_score: 0.3, open_from_risk_score: 0.7 }.check().unwrap();
        let routes = [0.0, 0.299, 0.3, 0.699, 0.7, 1.0].map(|score| policy.route(score).0);
        use Route::{Documents, Open, Release};
        assert_eq!(routes, [Release, Release, Documents, Documents, Open, Open]);
    }

    #[test]
    fn the_version_changes_with_each_threshold() {
        let version = |documents, open| {
            let config = ThresholdsConfig { documents_from_risk_score: documents, open_from_risk_score: open };
            config.check().unwrap().version().to_string()
        };
        assert_ne!(version(0.3, 0.7), version(0.3, 0.71));
        assert_ne!(version(0.3, 0.7), version(0.31, 0.7));
        assert_eq!(version(0.3, 0.7), version(0.3, 0.7));
    }

    #[test]
    fn thresholds_out_of_order_or_range_are_refused() {
        for (documents, open) in [(0.7, 0.3), (-0.1, 0.5), (0.5, 1.1), (f64::NAN, 0.5), (0.5, f64::NAN)] {
            let config = ThresholdsConfig { documents_from_risk_score: documents, open_from_risk_score: open };
            assert!(config.check().is_err(), "{documents} {open}");
        }
    }
}

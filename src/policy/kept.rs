//! A policy as a ledger holds it: enough to route again what it saw.

use serde::{Deserialize, Serialize};

use super::{FilePolicy, Policy, PolicyError, ThresholdsConfig};

/// A policy without its lists and its key: what rules matched and what was drawn is recorded with each decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum KeptPolicy {
    /// Two thresholds.
    Thresholds(ThresholdsConfig),
    /// The text of a policy file.
    File {
        /// As it was read.
        file: String,
    },
}

impl KeptPolicy {
    /// The policy that it was, under the name that it had.
    ///
    /// # Errors
    /// [`PolicyError`] where it can't be read.
    pub fn policy(&self, version: &str) -> Result<Policy, PolicyError> {
        match self {
            Self::Thresholds(config) => config.check().map(Policy::from).map_err(|_| PolicyError::Value {
                key: "policy".to_owned(),
                expected: "0 <= documents_from_risk_score <= open_from_risk_score <= 1",
            }),
            Self::File { file } => Ok(FilePolicy::recorded(file, version)?.into()),
        }
    }
}

impl Policy {
    /// As a ledger holds it.
    pub fn kept(&self) -> KeptPolicy {
        match self {
            Self::Thresholds(thresholds) => KeptPolicy::Thresholds(thresholds.config()),
            Self::File(policy) => KeptPolicy::File { file: policy.text().to_owned() },
        }
    }
}

//! The risk of one kind of infringement.

use serde::{Deserialize, Serialize};

use super::{Calibration, Estimator};
use crate::parcel::codes::InfringementKind;

/// An estimator for one kind of infringement, over the same features as the main one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Which kind, by its number in the contract.
    #[serde(with = "number")]
    pub kind: InfringementKind,
    /// From features to a raw score.
    pub estimator: Estimator,
    /// From raw score to the probability that inspection would find this kind.
    pub calibration: Calibration,
}

impl Head {
    /// Probability that inspection would find this kind.
    ///
    /// * `raw_score`: of its estimator, in log-odds.
    pub fn probability(&self, raw_score: f64) -> f64 {
        self.calibration.probability(raw_score)
    }

    pub(super) fn check(&self, n_features: usize) -> Result<(), &'static str> {
        self.estimator.check(n_features)?;
        self.calibration.check()
    }
}

mod number {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    use super::InfringementKind;

    pub(super) fn serialize<S: Serializer>(kind: &InfringementKind, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i32(kind.number())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<InfringementKind, D::Error> {
        let number = i32::deserialize(from)?;
        InfringementKind::from_number(number).ok_or_else(|| D::Error::custom("no kind of infringement"))
    }
}

//! What an evaluation is asked for.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How to evaluate: at which capacities, and with how many replicates of which seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Shares of the parcels that can be opened. Reported in ascending order, each once.
    pub capacity: Vec<CapacityShare>,
    /// Replicates of each of the two bootstraps; `0` leaves every interval out.
    pub bootstrap: u32,
    /// Seed of the replicates.
    pub seed: u64,
}

impl Default for Settings {
    /// Capacities of 1, 2, 5, 10, 20 and 30 %; 1000 replicates of seed 0.
    fn default() -> Self {
        Self { capacity: [0.01, 0.02, 0.05, 0.1, 0.2, 0.3].map(CapacityShare).to_vec(), bootstrap: 1000, seed: 0 }
    }
}

impl Settings {
    pub(super) fn ascending_shares(&self) -> Vec<CapacityShare> {
        let mut shares = self.capacity.clone();
        shares.sort_by(|a, b| a.0.total_cmp(&b.0));
        shares.dedup();
        shares
    }
}

/// A share of the parcels that can be opened, above 0 and at most 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct CapacityShare(f64);

impl CapacityShare {
    /// One parcel in ten.
    pub const TENTH: Self = Self(0.1);

    /// # Errors
    /// [`InvalidCapacityShare`] unless `0 < share <= 1`; so also for NaN.
    pub fn new(share: f64) -> Result<Self, InvalidCapacityShare> {
        if 0.0 < share && share <= 1.0 { Ok(Self(share)) } else { Err(InvalidCapacityShare) }
    }

    /// The share as a number in `(0, 1]`.
    pub fn get(self) -> f64 {
        self.0
    }

    /// The parcels that this share opens of a mass of `parcels`: whole, half away from zero, never more than all.
    ///
    /// A share too small for one parcel opens none, and what would be counted among them is undefined.
    pub(super) fn of(self, parcels: f64) -> f64 {
        (self.0 * parcels).round().min(parcels)
    }
}

impl TryFrom<f64> for CapacityShare {
    type Error = InvalidCapacityShare;

    fn try_from(share: f64) -> Result<Self, Self::Error> {
        Self::new(share)
    }
}

impl From<CapacityShare> for f64 {
    fn from(share: CapacityShare) -> Self {
        share.0
    }
}

impl FromStr for CapacityShare {
    type Err = InvalidCapacityShare;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.trim().parse().map_err(|_| InvalidCapacityShare).and_then(Self::new)
    }
}

/// A capacity that is no share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a capacity must be a share of the parcels, above 0 and at most 1")]
pub struct InvalidCapacityShare;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_above_zero_and_at_most_one() {
        for bad in ["0", "-0.1", "1.01", "NaN", "inf", "", "5%"] {
            assert_eq!(bad.parse::<CapacityShare>(), Err(InvalidCapacityShare), "{bad}");
        }
        assert_eq!(" 0.05".parse::<CapacityShare>().map(CapacityShare::get), Ok(0.05));
        assert!(serde_json::from_str::<Settings>(r#"{"capacity": [1.5]}"#).is_err());
    }

    #[test]
    fn a_share_opens_whole_parcels() {
        let share = CapacityShare(0.05);
        assert_eq!([8481.0, 8134.0, 30.0, 9.0].map(|parcels| share.of(parcels)), [424.0, 407.0, 2.0, 0.0]);
        assert_eq!(CapacityShare(1.0).of(2.6), 2.6);
    }

    #[test]
    fn shares_are_reported_ascending_and_once() {
        let settings = Settings { capacity: [0.1, 0.05, 0.1].map(CapacityShare).to_vec(), ..Settings::default() };
        assert_eq!(settings.ascending_shares(), [CapacityShare(0.05), CapacityShare(0.1)]);
    }
}

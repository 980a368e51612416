//! Where a parcel goes, and what chose it.

use serde::{Deserialize, Serialize};

/// What is recommended for a parcel, ordered by intrusiveness. Numbers are the contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Let it pass: ASYCUDA's green lane.
    Release = 1,
    /// Let it pass and audit it later: blue.
    ReleaseAudit = 2,
    /// Ask for documents: yellow.
    Documents = 3,
    /// Inspect without opening: X-ray, dog, trace detection.
    Scan = 4,
    /// Open it: red.
    Open = 5,
}

impl Route {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Release, Self::ReleaseAudit, Self::Documents, Self::Scan, Self::Open];

    /// Whether the parcel passes without anyone looking at it first.
    pub fn is_release(self) -> bool {
        matches!(self, Self::Release | Self::ReleaseAudit)
    }

    /// By the contract's number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|route| *route as i64 == number)
    }

    /// Its name in policies and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::ReleaseAudit => "release_audit",
            Self::Documents => "documents",
            Self::Scan => "scan",
            Self::Open => "open",
        }
    }
}

/// What chose a route. Numbers are the contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RouteCause {
    /// The model's score.
    Score = 1,
    /// A rule of the policy.
    Rule = 2,
    /// The random sample that keeps an unbiased look at what the model lets pass.
    RandomControl = 3,
    /// Drawn because little is known of such parcels.
    Exploration = 4,
}

impl RouteCause {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Score, Self::Rule, Self::RandomControl, Self::Exploration];

    /// By the contract's number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| *cause as i64 == number)
    }
}

//! Where a parcel goes, and what chose it.

/// What is recommended for a parcel, ordered by intrusiveness. Numbers are the contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
}

/// What chose a route. Numbers are the contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RouteCause {
    /// The model's score.
    Score = 1,
}

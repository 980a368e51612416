//! What a parcel infringes, under the names of the contract's `InfringementKind`.

use serde::Deserialize;

/// A kind of infringement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Kind {
    /// Drugs.
    Narcotics,
    /// Substances and equipment to make drugs.
    Precursors,
    /// Medicines without license, or falsified.
    Medicines,
    /// Weapons and their parts.
    Weapons,
    /// Goods under somebody else's brand.
    Counterfeit,
    /// A declared value below the real one.
    Undervaluation,
    /// Another nature or heading than the real one.
    Misdeclaration,
    /// Protected animals, plants, meat.
    ProtectedSpecies,
    /// Anything else that is prohibited.
    Other,
}

impl Kind {
    /// The name in the contract, without its prefix.
    pub fn name(self) -> &'static str {
        match self {
            Self::Narcotics => "NARCOTICS",
            Self::Precursors => "PRECURSORS",
            Self::Medicines => "MEDICINES",
            Self::Weapons => "WEAPONS",
            Self::Counterfeit => "COUNTERFEIT",
            Self::Undervaluation => "UNDERVALUATION",
            Self::Misdeclaration => "MISDECLARATION",
            Self::ProtectedSpecies => "PROTECTED_SPECIES",
            Self::Other => "OTHER",
        }
    }

    /// Whether the goods themselves are prohibited: what the base rate counts.
    pub fn is_prohibited(self) -> bool {
        !matches!(self, Self::Counterfeit | Self::Undervaluation | Self::Misdeclaration)
    }
}

//! What was odd in a parcel but did not stop it from being scored.

use serde::{Deserialize, Serialize};

/// One oddity, at one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Path from the parcel, such as `contents[0].hs_code`.
    pub field: String,
    /// What kind of oddity.
    pub code: NoticeCode,
}

/// The kinds of notice: stable, part of the contract, listed in `docs/errors.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum NoticeCode {
    /// The check digit of an S10 identifier is not the one its serial number asks for.
    S10CheckDigit,
    /// A country code that ISO 3166-1 does not assign.
    UnknownCountry,
    /// A currency code that ISO 4217 does not assign.
    UnknownCurrency,
    /// An HS chapter that does not exist.
    UnknownHsChapter,
    /// A number that the enumeration of this release does not have.
    UnknownEnumValue,
    /// A mass of zero.
    ZeroMass,
    /// A quantity of zero.
    ZeroQuantity,
    /// Only the beginning of a description was read.
    DescriptionCut,
    /// A currency without a rate in the configuration: the amount was not used.
    NoExchangeRate,
    /// A national code or figure that the model does not know: it was not used.
    NotUsedByModel,
}

impl NoticeCode {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::S10CheckDigit,
        Self::UnknownCountry,
        Self::UnknownCurrency,
        Self::UnknownHsChapter,
        Self::UnknownEnumValue,
        Self::ZeroMass,
        Self::ZeroQuantity,
        Self::DescriptionCut,
        Self::NoExchangeRate,
        Self::NotUsedByModel,
    ];

    /// The machine-readable code.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::S10CheckDigit => "S10_CHECK_DIGIT",
            Self::UnknownCountry => "UNKNOWN_COUNTRY",
            Self::UnknownCurrency => "UNKNOWN_CURRENCY",
            Self::UnknownHsChapter => "UNKNOWN_HS_CHAPTER",
            Self::UnknownEnumValue => "UNKNOWN_ENUM_VALUE",
            Self::ZeroMass => "ZERO_MASS",
            Self::ZeroQuantity => "ZERO_QUANTITY",
            Self::DescriptionCut => "DESCRIPTION_CUT",
            Self::NoExchangeRate => "NO_EXCHANGE_RATE",
            Self::NotUsedByModel => "NOT_USED_BY_MODEL",
        }
    }

    /// Reads a name as the contract writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for code in NoticeCode::ALL {
            assert_eq!(NoticeCode::from_name(code.as_str()), Some(*code));
        }
        assert_eq!(NoticeCode::from_name("zero_mass"), None);
    }
}

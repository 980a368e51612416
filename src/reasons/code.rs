//! The grounds that there are.

/// The grounds that features speak for. Codes are stable across models and part of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ReasonCode {
    /// Consignments alike in goods, mass, value or route.
    IdenticalConsignmentHistory,
    /// The sender.
    SenderHistory,
    /// The addressee.
    AddresseeHistory,
    /// The declarant.
    DeclarantHistory,
    /// The carrier.
    CarrierHistory,
    /// The kind of goods.
    GoodsHistory,
    /// Where it comes from and goes to.
    RouteHistory,
    /// Customs procedure, category, payment.
    ProcedureHistory,
    /// All parcels together: what the base rate is lately.
    BaseRate,
    /// How much the goods are declared to be worth.
    DeclaredValue,
    /// How much the item or the goods weigh.
    DeclaredMass,
    /// What a kilogram or a piece is declared to be worth.
    ValueForMass,
    /// Postage or insurance beside the value.
    PostageAndInsurance,
    /// What is missing or odd in the data.
    DataQuality,
    /// Lines, pieces and documents.
    Composition,
    /// Figures that only one customs service knows.
    NationalFigures,
    /// How the goods are described.
    Description,
    /// What is stated of sender and addressee.
    PartyData,
    /// The item's identifier.
    ItemId,
    /// When the advance data came.
    Timing,
    /// Not the parcel's doing: it was drawn into the random control.
    RandomControl,
    /// It was drawn because little is known of such parcels.
    Exploration,
    /// A rule of the policy.
    Rule,
}

use ReasonCode as Code;

impl ReasonCode {
    /// Every code.
    pub const ALL: &'static [Self] = &[
        Code::IdenticalConsignmentHistory,
        Code::SenderHistory,
        Code::AddresseeHistory,
        Code::DeclarantHistory,
        Code::CarrierHistory,
        Code::GoodsHistory,
        Code::RouteHistory,
        Code::ProcedureHistory,
        Code::BaseRate,
        Code::DeclaredValue,
        Code::DeclaredMass,
        Code::ValueForMass,
        Code::PostageAndInsurance,
        Code::DataQuality,
        Code::Composition,
        Code::NationalFigures,
        Code::Description,
        Code::PartyData,
        Code::ItemId,
        Code::Timing,
        Code::RandomControl,
        Code::Exploration,
        Code::Rule,
    ];

    /// The code's name in the contract.
    pub fn as_str(self) -> &'static str {
        match self {
            Code::IdenticalConsignmentHistory => "IDENTICAL_CONSIGNMENT_HISTORY",
            Code::SenderHistory => "SENDER_HISTORY",
            Code::AddresseeHistory => "ADDRESSEE_HISTORY",
            Code::DeclarantHistory => "DECLARANT_HISTORY",
            Code::CarrierHistory => "CARRIER_HISTORY",
            Code::GoodsHistory => "GOODS_HISTORY",
            Code::RouteHistory => "ROUTE_HISTORY",
            Code::ProcedureHistory => "PROCEDURE_HISTORY",
            Code::BaseRate => "BASE_RATE",
            Code::DeclaredValue => "DECLARED_VALUE",
            Code::DeclaredMass => "DECLARED_MASS",
            Code::ValueForMass => "VALUE_FOR_MASS",
            Code::PostageAndInsurance => "POSTAGE_AND_INSURANCE",
            Code::DataQuality => "DATA_QUALITY",
            Code::Composition => "COMPOSITION",
            Code::NationalFigures => "NATIONAL_FIGURES",
            Code::Description => "DESCRIPTION",
            Code::PartyData => "PARTY_DATA",
            Code::ItemId => "ITEM_ID",
            Code::Timing => "TIMING",
            Code::RandomControl => "RANDOM_CONTROL",
            Code::Exploration => "EXPLORATION",
            Code::Rule => "RULE",
        }
    }

    /// Reads a name as the contract writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    /// Whether the ground is how the policy chose the parcel: it says nothing of the score.
    pub fn is_choice(self) -> bool {
        matches!(self, Code::RandomControl | Code::Exploration | Code::Rule)
    }

    /// Whether the ground is what is known of someone or something from before.
    pub(super) fn is_history(self) -> bool {
        matches!(
            self,
            Code::IdenticalConsignmentHistory
                | Code::SenderHistory
                | Code::AddresseeHistory
                | Code::DeclarantHistory
                | Code::CarrierHistory
                | Code::GoodsHistory
                | Code::RouteHistory
                | Code::ProcedureHistory
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for code in Code::ALL {
            assert_eq!(Code::from_name(code.as_str()), Some(*code));
        }
        assert_eq!(Code::from_name("sender_history"), None);
    }
}

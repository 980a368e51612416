//! The reason catalogue: why a parcel scored as it did, in words for an officer.

use crate::history::Counts;

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
        }
    }

    /// Reads a name as the contract writes it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }

    /// Whether the ground is what is known of someone or something from before.
    fn is_history(self) -> bool {
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

    /// What the ground is about, as the subject of a sentence.
    fn subject(self) -> &'static str {
        match self {
            Code::IdenticalConsignmentHistory => "Consignments like this one",
            Code::SenderHistory => "This sender",
            Code::AddresseeHistory => "This addressee",
            Code::DeclarantHistory => "This declarant",
            Code::CarrierHistory => "This carrier",
            Code::GoodsHistory => "Goods of this kind",
            Code::RouteHistory => "This route",
            Code::ProcedureHistory => "This procedure or category",
            Code::BaseRate => "All parcels of late",
            Code::DeclaredValue => "The declared value",
            Code::DeclaredMass => "The mass",
            Code::ValueForMass => "The value for the mass or number of pieces",
            Code::PostageAndInsurance => "Postage or insurance beside the declared value",
            Code::DataQuality => "What is missing or odd in the data",
            Code::Composition => "The number of lines, pieces or documents",
            Code::NationalFigures => "What the national figures say",
            Code::Description => "The wording of the description",
            Code::PartyData => "What is stated of sender and addressee",
            Code::ItemId => "The identifier of the item",
            Code::Timing => "The time at which the advance data came",
        }
    }
}

/// One sentence for an officer: what the ground is, what is known, which way it speaks.
///
/// `known` is the history behind the ground's strongest feature, where it has one. Counts are
/// decayed, so they are said as "about" and rounded.
pub fn text(code: ReasonCode, contribution_log_odds: f64, known: Option<Counts>) -> String {
    let subject = code.subject();
    let way = match contribution_log_odds {
        raises if raises > 0.0 => "raises the risk",
        lowers if lowers < 0.0 => "lowers the risk",
        _ => "does not change the risk",
    };
    match known {
        Some(counts) if counts.inspected >= 0.5 => {
            let inspected = counts.inspected.round();
            let infringements = counts.infringements.round().min(inspected);
            format!("{subject}: about {infringements} of {inspected} inspected were infringements, which {way}.")
        }
        Some(counts) if counts.seen >= 0.5 => match counts.seen.round() {
            1.0 => format!("{subject}: seen once, not inspected, which {way}."),
            seen => format!("{subject}: seen about {seen} times, none inspected, which {way}."),
        },
        Some(_) => format!("{subject}: nothing is known yet, which {way}."),
        None if code.is_history() => format!("{subject}: not stated, which {way}."),
        None => format!("{subject} {way}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_say_what_is_known_and_which_way_it_speaks() {
        let counts = |seen, inspected, infringements| Some(Counts { seen, inspected, infringements });
        let code = Code::IdenticalConsignmentHistory;
        assert_eq!(
            text(code, 2.0, counts(4.0, 2.9, 2.8)),
            "Consignments like this one: about 3 of 3 inspected were infringements, which raises the risk."
        );
        assert_eq!(
            text(code, -0.1, counts(4.0, 0.1, 0.0)),
            "Consignments like this one: seen about 4 times, none inspected, which lowers the risk."
        );
        assert_eq!(
            text(code, 0.1, counts(0.0, 0.0, 0.0)),
            "Consignments like this one: nothing is known yet, which raises the risk."
        );
        assert_eq!(text(Code::DeclaredValue, 0.5, None), "The declared value raises the risk.");
        assert_eq!(text(Code::Description, 0.5, None), "The wording of the description raises the risk.");
        assert_eq!(text(Code::ItemId, -0.5, None), "The identifier of the item lowers the risk.");
        assert_eq!(text(Code::CarrierHistory, 0.0, None), "This carrier: not stated, which does not change the risk.");
    }

    #[test]
    fn names_are_read_back() {
        for code in Code::ALL {
            assert_eq!(Code::from_name(code.as_str()), Some(*code));
        }
        assert_eq!(Code::from_name("sender_history"), None);
    }
}

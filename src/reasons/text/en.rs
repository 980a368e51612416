//! Reasons and notices in English.

use super::{Known, NoticeCode, ReasonCode as Code, Way};

pub(super) fn sentence(code: Code, known: Known, way: Way) -> String {
    let subject = subject(code);
    let way = match way {
        Way::Raises => "raises the risk",
        Way::Lowers => "lowers the risk",
        Way::Leaves => "does not change the risk",
    };
    match known {
        Known::Inspected { inspected, infringements } => {
            format!("{subject}: about {infringements} of {inspected} inspected were infringements, which {way}.")
        }
        Known::Seen { seen: 1.0 } => format!("{subject}: seen once, not inspected, which {way}."),
        Known::Seen { seen } => format!("{subject}: seen about {seen} times, none inspected, which {way}."),
        Known::Nothing => format!("{subject}: nothing is known yet, which {way}."),
        Known::NotStated => format!("{subject}: not stated, which {way}."),
        Known::Chosen => format!("{subject}."),
        Known::OfTheParcel => format!("{subject} {way}."),
    }
}

fn subject(code: Code) -> &'static str {
    match code {
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
        Code::RandomControl => "Selected at random (control sample), no suspicion",
        Code::Exploration => "Selected to learn about parcels like this one, of which little is known",
        Code::Rule => "A rule of the policy applies",
    }
}

pub(super) fn notice(code: NoticeCode) -> &'static str {
    match code {
        NoticeCode::S10CheckDigit => "The check digit does not fit the serial number.",
        NoticeCode::UnknownCountry => "ISO 3166-1 does not assign this code.",
        NoticeCode::UnknownCurrency => "ISO 4217 does not assign this code.",
        NoticeCode::UnknownHsChapter => "The Harmonized System has no such chapter.",
        NoticeCode::UnknownEnumValue => "This release does not know the value; it was read as not stated.",
        NoticeCode::ZeroMass => "A mass of zero was stated; it was read as not stated.",
        NoticeCode::ZeroQuantity => "A quantity of zero was stated; it was read as not stated.",
        NoticeCode::DescriptionCut => "Only the beginning of the description was read.",
        NoticeCode::NoExchangeRate => {
            "The configuration has no exchange rate for this currency; the amount was not used."
        }
        NoticeCode::NotUsedByModel => "The model does not know this key; it was not used.",
    }
}

//! The item's identifier: what its S10 number says, beside what the parcel says.

use super::masses::LETTER_LIMIT_KG;
use super::{Inputs, NumberFeature, flag};
use crate::parcel::ItemId;
use crate::parcel::codes::{MailClass, S10};
use crate::reasons::ReasonCode;

/// What a service indicator's first letter stands for (UPU S10, service indicators).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    /// `L`, `M`, `Q`, `R`, `U`, `V`: letter post.
    Letters,
    /// `C`, `H`: parcels, e-commerce parcels among them.
    Parcels,
    /// `E`: EMS.
    Ems,
    /// `A`, `B`, `D`, `G`, `N`, `P`, `Z`: for use within a country or between two posts that agreed on it.
    Domestic,
    /// `F`, `I`, `J`, `K`, `O`, `S`, `T`, `W`, `X`, `Y`: not given out.
    Reserved,
}

impl Service {
    fn of(id: &S10) -> Self {
        match id.service_indicator()[0] {
            b'L' | b'M' | b'Q' | b'R' | b'U' | b'V' => Self::Letters,
            b'C' | b'H' => Self::Parcels,
            b'E' => Self::Ems,
            b'A' | b'B' | b'D' | b'G' | b'N' | b'P' | b'Z' => Self::Domestic,
            _ => Self::Reserved,
        }
    }

    /// Whether items of a mail class carry such indicators; `None` where the indicator tells no class.
    fn fits(self, class: MailClass) -> Option<bool> {
        let of_service = match self {
            Self::Letters => MailClass::Letters,
            Self::Parcels => MailClass::Parcels,
            Self::Ems => MailClass::Ems,
            Self::Domestic | Self::Reserved => return None,
        };
        Some(of_service == class)
    }
}

pub(super) const FEATURES: &[NumberFeature] = &[
    NumberFeature {
        name: "item_id_is_s10",
        unit: "0 or 1",
        meaning: "Whether the identifier is of UPU S10, and not the carrier's own.",
        reason: ReasonCode::ItemId,
        compute: |i| flag(s10(i).is_some()),
    },
    NumberFeature {
        name: "s10_check_digit_right",
        unit: "0 or 1",
        meaning: "Whether the check digit of the S10 number is right. Missing for other identifiers.",
        reason: ReasonCode::ItemId,
        compute: |i| flag(s10(i)?.has_valid_check_digit()),
    },
    NumberFeature {
        name: "s10_issuer_is_origin",
        unit: "0 or 1",
        meaning: "Whether the post of the country of posting issued the S10 number. Missing for other identifiers and \
                  without a country of posting.",
        reason: ReasonCode::ItemId,
        compute: |i| flag(s10(i)?.issuer() == i.parcel.origin_country?),
    },
    NumberFeature {
        name: "s10_indicator_reserved",
        unit: "0 or 1",
        meaning: "Whether the service indicator of the S10 number is one that is not given out. Missing for other \
                  identifiers.",
        reason: ReasonCode::ItemId,
        compute: |i| flag(Service::of(s10(i)?) == Service::Reserved),
    },
    NumberFeature {
        name: "s10_indicator_domestic",
        unit: "0 or 1",
        meaning: "Whether the service indicator of the S10 number is for use within a country or between two posts. \
                  Missing for other identifiers.",
        reason: ReasonCode::ItemId,
        compute: |i| flag(Service::of(s10(i)?) == Service::Domestic),
    },
    NumberFeature {
        name: "s10_letter_too_heavy",
        unit: "0 or 1",
        meaning: "Whether the S10 number says letter post and the item weighs more than 2 kg. Missing for other \
                  identifiers and without a mass.",
        reason: ReasonCode::ItemId,
        compute: |i| {
            let is_heavy = i.gross_mass_kg.or(i.net_mass_kg)? > LETTER_LIMIT_KG;
            flag(Service::of(s10(i)?) == Service::Letters && is_heavy)
        },
    },
    NumberFeature {
        name: "s10_indicator_fits_class",
        unit: "0 or 1",
        meaning: "Whether the service indicator of the S10 number is one of the stated mail class. Missing for other \
                  identifiers, without a class, and where the indicator tells none.",
        reason: ReasonCode::ItemId,
        compute: |i| flag(Service::of(s10(i)?).fits(i.parcel.mail_class?)?),
    },
];

fn s10<'a>(i: &Inputs<'a>) -> Option<&'a S10> {
    match &i.parcel.item_id {
        ItemId::S10(id, _) => Some(id),
        ItemId::Carrier(_) => None,
    }
}

//! Quality of the data: what is odd in it, and what is not there.

use super::{NumberFeature, flag};
use crate::parcel::Party;
use crate::reasons::ReasonCode;

pub(super) const FEATURES: &[NumberFeature] = &[
    NumberFeature {
        name: "n_notices",
        unit: "notices",
        meaning: "Number of odd values, such as a wrong check digit or an unknown code.",
        reason: ReasonCode::DataQuality,
        compute: |i| Some(i.parcel.notices.len() as f64),
    },
    NumberFeature {
        name: "value_missing",
        unit: "0 or 1",
        meaning: "Whether no usable value is stated.",
        reason: ReasonCode::DataQuality,
        compute: |i| flag(i.value.is_none()),
    },
    NumberFeature {
        name: "mass_missing",
        unit: "0 or 1",
        meaning: "Whether neither a net nor a gross mass is stated.",
        reason: ReasonCode::DataQuality,
        compute: |i| flag(i.net_mass_kg.is_none() && i.gross_mass_kg.is_none()),
    },
    NumberFeature {
        name: "hs_missing",
        unit: "0 or 1",
        meaning: "Whether no line states an HS code.",
        reason: ReasonCode::DataQuality,
        compute: |i| flag(i.parcel.contents.iter().all(|line| line.hs_code.is_none())),
    },
    NumberFeature {
        name: "sender_missing",
        unit: "0 or 1",
        meaning: "Whether neither an identifier nor a name of the sender is stated.",
        reason: ReasonCode::DataQuality,
        compute: |i| flag(is_unnamed(i.parcel.sender.as_ref())),
    },
    NumberFeature {
        name: "addressee_missing",
        unit: "0 or 1",
        meaning: "Whether neither an identifier nor a name of the addressee is stated.",
        reason: ReasonCode::DataQuality,
        compute: |i| flag(is_unnamed(i.parcel.addressee.as_ref())),
    },
    NumberFeature {
        name: "carrier_missing",
        unit: "0 or 1",
        meaning: "Whether no carrier is stated.",
        reason: ReasonCode::DataQuality,
        compute: |i| flag(i.parcel.carrier.is_none()),
    },
    NumberFeature {
        name: "description_missing",
        unit: "0 or 1",
        meaning: "Whether no line has a description.",
        reason: ReasonCode::DataQuality,
        compute: |i| flag(i.parcel.contents.iter().all(|line| line.description.is_none())),
    },
];

fn is_unnamed(party: Option<&Party>) -> bool {
    party.is_none_or(|party| party.party_id.is_none() && party.name.is_none())
}

//! Parties: what is stated of sender and addressee, and whether it fits together.

use super::{Inputs, NumberFeature, flag};
use crate::parcel::codes::{Country, PartyKind};
use crate::parcel::{Parcel, Party};
use crate::reasons::ReasonCode;
use crate::text::has_free_domain;

/// One of the two, of a parcel.
type Side = fn(&Parcel) -> Option<&Party>;
const SENDER: Side = |parcel| parcel.sender.as_ref();
const ADDRESSEE: Side = |parcel| parcel.addressee.as_ref();

pub(super) const FEATURES: &[NumberFeature] = &[
    NumberFeature {
        name: "sender_completeness",
        unit: "share",
        meaning: "How many of the sender's name, street, town, postcode, country, phone and mail address are stated.",
        reason: ReasonCode::PartyData,
        compute: |i| completeness(i, SENDER),
    },
    NumberFeature {
        name: "sender_country_is_origin",
        unit: "0 or 1",
        meaning: "Whether the sender's country is the country of posting. Missing without either.",
        reason: ReasonCode::PartyData,
        compute: |i| same_country(i, SENDER, i.parcel.origin_country),
    },
    NumberFeature {
        name: "sender_phone_fits_country",
        unit: "0 or 1",
        meaning: "Whether the sender's phone number has the calling code of the address. Missing unless it is written with one.",
        reason: ReasonCode::PartyData,
        compute: |i| phone_fits(i, SENDER, 0),
    },
    NumberFeature {
        name: "sender_name_is_placeholder",
        unit: "0 or 1",
        meaning: "Whether the sender's name stands for none, such as N/A. Missing where it is not stated.",
        reason: ReasonCode::PartyData,
        compute: |i| flag(i.names()[0].as_ref()?.is_placeholder()),
    },
    NumberFeature {
        name: "sender_name_has_digits",
        unit: "0 or 1",
        meaning: "Whether the sender's name has digits. Missing where it is not stated.",
        reason: ReasonCode::PartyData,
        compute: |i| flag(SENDER(i.parcel)?.name.as_deref()?.contains(char::is_numeric)),
    },
    NumberFeature {
        name: "n_sender_name_words",
        unit: "words",
        meaning: "Words of the sender's name, titles and legal forms aside. Missing where it is not stated.",
        reason: ReasonCode::PartyData,
        compute: |i| n_words(i.names()[0].as_ref()?.normalized()?),
    },
    NumberFeature {
        name: "sender_email_is_free",
        unit: "0 or 1",
        meaning: "Whether the sender's mail address is of a provider that anybody may use. Missing where none is stated.",
        reason: ReasonCode::PartyData,
        compute: |i| flag(has_free_domain(i.emails()[0].as_deref()?)?),
    },
    NumberFeature {
        name: "sender_is_business",
        unit: "0 or 1",
        meaning: "Whether the sender is a business, and not a person. Missing where it is not stated.",
        reason: ReasonCode::PartyData,
        compute: |i| flag(SENDER(i.parcel)?.kind? == PartyKind::Business),
    },
    NumberFeature {
        name: "addressee_completeness",
        unit: "share",
        meaning: "How many of the addressee's name, street, town, postcode, country, phone and mail address are stated.",
        reason: ReasonCode::PartyData,
        compute: |i| completeness(i, ADDRESSEE),
    },
    NumberFeature {
        name: "addressee_country_is_destination",
        unit: "0 or 1",
        meaning: "Whether the addressee's country is the country of destination. Missing without either.",
        reason: ReasonCode::PartyData,
        compute: |i| same_country(i, ADDRESSEE, i.parcel.destination_country),
    },
    NumberFeature {
        name: "addressee_phone_fits_country",
        unit: "0 or 1",
        meaning: "Whether the addressee's phone number has the calling code of the address. Missing unless it is written with one.",
        reason: ReasonCode::PartyData,
        compute: |i| phone_fits(i, ADDRESSEE, 1),
    },
    NumberFeature {
        name: "addressee_name_is_placeholder",
        unit: "0 or 1",
        meaning: "Whether the addressee's name stands for none, such as N/A. Missing where it is not stated.",
        reason: ReasonCode::PartyData,
        compute: |i| flag(i.names()[1].as_ref()?.is_placeholder()),
    },
    NumberFeature {
        name: "addressee_name_has_digits",
        unit: "0 or 1",
        meaning: "Whether the addressee's name has digits. Missing where it is not stated.",
        reason: ReasonCode::PartyData,
        compute: |i| flag(ADDRESSEE(i.parcel)?.name.as_deref()?.contains(char::is_numeric)),
    },
    NumberFeature {
        name: "n_addressee_name_words",
        unit: "words",
        meaning: "Words of the addressee's name, titles and legal forms aside. Missing where it is not stated.",
        reason: ReasonCode::PartyData,
        compute: |i| n_words(i.names()[1].as_ref()?.normalized()?),
    },
    NumberFeature {
        name: "addressee_email_is_free",
        unit: "0 or 1",
        meaning: "Whether the addressee's mail address is of a provider that anybody may use. Missing where none is stated.",
        reason: ReasonCode::PartyData,
        compute: |i| flag(has_free_domain(i.emails()[1].as_deref()?)?),
    },
    NumberFeature {
        name: "addressee_is_business",
        unit: "0 or 1",
        meaning: "Whether the addressee is a business, and not a person. Missing where it is not stated.",
        reason: ReasonCode::PartyData,
        compute: |i| flag(ADDRESSEE(i.parcel)?.kind? == PartyKind::Business),
    },
    NumberFeature {
        name: "same_name",
        unit: "0 or 1",
        meaning: "Whether sender and addressee have the same name, however spelled. Missing without either.",
        reason: ReasonCode::PartyData,
        compute: |i| same_name(i),
    },
];

fn completeness(i: &Inputs<'_>, side: Side) -> Option<f64> {
    let n_stated = side(i.parcel).map_or(0, |party| {
        let Party { name, street, locality, postcode, phone, email, .. } = party;
        let texts = [name, street, locality, postcode, phone, email];
        texts.iter().filter(|text| text.is_some()).count() + usize::from(party.country.is_some())
    });
    Some(n_stated as f64 / 7.0)
}

fn same_country(i: &Inputs<'_>, side: Side, country: Option<Country>) -> Option<f64> {
    flag(side(i.parcel)?.country? == country?)
}

fn phone_fits(i: &Inputs<'_>, side: Side, idx: usize) -> Option<f64> {
    let country = side(i.parcel)?.country?;
    flag(i.phones()[idx].as_ref()?.fits_country(country.as_str())?)
}

fn n_words(name: &[u8]) -> Option<f64> {
    Some(name.split(|byte| *byte == b' ').count() as f64)
}

fn same_name(i: &Inputs<'_>) -> Option<f64> {
    let [sender, addressee] = i.names();
    flag(sender.as_ref()?.normalized()? == addressee.as_ref()?.normalized()?)
}

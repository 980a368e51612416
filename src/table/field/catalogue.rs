//! Every field that a column may fill, in the order of the contract.

use super::{Access, CodeList, FieldSpec, Holds};
use crate::parcel::codes::{
    DocumentKind, ItemIdScheme, MailClass, NatureOfTransaction, PartyKind, PaymentMethod, TransportMode,
};

/// A field of the parcel itself.
macro_rules! root {
    ($($field:ident)+) => {
        Access { get: |row, _| Some(&row.draft.$($field)+), at: |row, _| &mut row.draft.$($field)+ }
    };
}

/// A field of `sender` or `addressee`.
macro_rules! party {
    ($party:ident, $field:ident) => {
        Access {
            get: |row, _| row.draft.$party.as_ref().map(|party| &party.$field),
            at: |row, _| &mut row.draft.$party.get_or_insert_default().$field,
        }
    };
}

/// A field of an entry of `contents` or `documents`.
macro_rules! entry {
    ($list:ident, $field:ident) => {
        Access {
            get: |row, idx| row.draft.$list.get(idx).map(|entry| &entry.$field),
            at: |row, idx| {
                let list = &mut row.draft.$list;
                if list.len() <= idx {
                    list.resize_with(idx + 1, Default::default);
                }
                &mut list[idx].$field
            },
        }
    };
}

macro_rules! codes {
    ($list:ident) => {{
        static LIST: CodeList = CodeList {
            number: |name| $list::from_name(name).map($list::number),
            name: |number| $list::from_number(number).map($list::name),
            names: || $list::ALL.iter().copied().map($list::name).collect(),
        };
        &LIST
    }};
}

/// A line of the catalogue: a path, and what it holds.
macro_rules! field {
    ($pattern:literal, $holds:expr) => {
        FieldSpec { pattern: $pattern, holds: $holds }
    };
}

/// National codes: a key follows the pattern and a point.
pub(super) static NATIONAL_CODE: FieldSpec = field!("national_codes", Holds::NationalCode);
/// National figures: a key follows the pattern and a point.
pub(super) static NATIONAL_FIGURE: FieldSpec = field!("national_figures", Holds::NationalFigure);

/// Every field but the national ones, whose keys are anybody's.
pub(super) static CATALOGUE: &[FieldSpec] = &[
    field!("item_id", Holds::Text(root!(item_id))),
    field!("id_scheme", Holds::Code(root!(id_scheme), codes!(ItemIdScheme))),
    field!("advised_at", Holds::Time(root!(advised_at))),
    field!("origin_country", Holds::Text(root!(origin_country))),
    field!("destination_country", Holds::Text(root!(destination_country))),
    field!("origin_office", Holds::Text(root!(origin_office))),
    field!("destination_office", Holds::Text(root!(destination_office))),
    field!("carrier", Holds::Text(root!(carrier))),
    field!("declarant", Holds::Text(root!(declarant))),
    field!("mail_class", Holds::Code(root!(mail_class), codes!(MailClass))),
    field!("nature_of_transaction", Holds::Code(root!(nature_of_transaction), codes!(NatureOfTransaction))),
    field!("transport_mode", Holds::Code(root!(transport_mode), codes!(TransportMode))),
    field!("sender.party_id", Holds::Text(party!(sender, party_id))),
    field!("sender.name", Holds::Text(party!(sender, name))),
    field!("sender.street", Holds::Text(party!(sender, street))),
    field!("sender.locality", Holds::Text(party!(sender, locality))),
    field!("sender.postcode", Holds::Text(party!(sender, postcode))),
    field!("sender.country", Holds::Text(party!(sender, country))),
    field!("sender.phone", Holds::Text(party!(sender, phone))),
    field!("sender.email", Holds::Text(party!(sender, email))),
    field!("sender.kind", Holds::Code(party!(sender, kind), codes!(PartyKind))),
    field!("addressee.party_id", Holds::Text(party!(addressee, party_id))),
    field!("addressee.name", Holds::Text(party!(addressee, name))),
    field!("addressee.street", Holds::Text(party!(addressee, street))),
    field!("addressee.locality", Holds::Text(party!(addressee, locality))),
    field!("addressee.postcode", Holds::Text(party!(addressee, postcode))),
    field!("addressee.country", Holds::Text(party!(addressee, country))),
    field!("addressee.phone", Holds::Text(party!(addressee, phone))),
    field!("addressee.email", Holds::Text(party!(addressee, email))),
    field!("addressee.kind", Holds::Code(party!(addressee, kind), codes!(PartyKind))),
    field!("contents[].description", Holds::Text(entry!(contents, description))),
    field!("contents[].hs_code", Holds::Text(entry!(contents, hs_code))),
    field!("contents[].quantity", Holds::Count(entry!(contents, quantity))),
    field!("contents[].net_mass_grams", Holds::Mass(entry!(contents, net_mass_grams))),
    field!("contents[].value.currency_code", Holds::Currency(entry!(contents, value))),
    field!("contents[].value.amount", Holds::Amount(entry!(contents, value))),
    field!("contents[].value.units", Holds::Units(entry!(contents, value))),
    field!("contents[].value.nanos", Holds::Nanos(entry!(contents, value))),
    field!("contents[].origin_country", Holds::Text(entry!(contents, origin_country))),
    field!("gross_mass_grams", Holds::Mass(root!(gross_mass_grams))),
    field!("postage_paid.currency_code", Holds::Currency(root!(postage_paid))),
    field!("postage_paid.amount", Holds::Amount(root!(postage_paid))),
    field!("postage_paid.units", Holds::Units(root!(postage_paid))),
    field!("postage_paid.nanos", Holds::Nanos(root!(postage_paid))),
    field!("insured_value.currency_code", Holds::Currency(root!(insured_value))),
    field!("insured_value.amount", Holds::Amount(root!(insured_value))),
    field!("insured_value.units", Holds::Units(root!(insured_value))),
    field!("insured_value.nanos", Holds::Nanos(root!(insured_value))),
    field!("payment_method", Holds::Code(root!(payment_method), codes!(PaymentMethod))),
    field!("documents[].kind", Holds::Code(entry!(documents, kind), codes!(DocumentKind))),
    field!("documents[].number", Holds::Text(entry!(documents, number))),
    field!("outcome.infringement", Holds::Infringement),
    field!(
        "outcome.known_at",
        Holds::Time(Access {
            get: |row, _| row.outcome.as_ref().map(|outcome| &outcome.known_at),
            at: |row, _| &mut row.outcome.get_or_insert_default().known_at,
        })
    ),
    field!("outcome.kind", Holds::OutcomeKind),
    field!("outcome.revenue", Holds::OutcomeRevenue),
    field!("weight", Holds::Weight),
    field!("selection_probability", Holds::SelectionProbability),
];

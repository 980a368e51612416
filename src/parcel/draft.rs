//! A parcel as someone stated it, before any of it is believed.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What a customs system or a table row said about one postal item.
///
/// Both doors (the wire and the table) fill this, and only [`Draft::check`] turns it into a
/// [`Parcel`](super::Parcel). Numbers are wide and signed here, so that a value the contract has
/// no room for (a negative mass) still arrives at the check that names its field. Empty text and
/// zero codes mean "not stated", as in proto3.
#[derive(Clone, Default, PartialEq)]
pub struct Draft {
    /// S10 identifier or the carrier's own, see `id_scheme`.
    pub item_id: String,
    /// Number of an [`ItemIdScheme`](super::codes::ItemIdScheme); 0 reads as S10.
    pub id_scheme: i32,
    /// When the advance data was received.
    pub advised_at: Option<DraftTime>,
    /// ISO 3166-1 alpha-2.
    pub origin_country: String,
    /// ISO 3166-1 alpha-2.
    pub destination_country: String,
    /// IMPC code or national office code.
    pub origin_office: String,
    /// IMPC code or national office code.
    pub destination_office: String,
    /// Designated operator or carrier code.
    pub carrier: String,
    /// Who declares on the addressee's behalf.
    pub declarant: String,
    /// Number of a [`MailClass`](super::codes::MailClass).
    pub mail_class: i32,
    /// Number of a [`NatureOfTransaction`](super::codes::NatureOfTransaction).
    pub nature_of_transaction: i32,
    /// Number of a [`TransportMode`](super::codes::TransportMode).
    pub transport_mode: i32,
    /// Who sends it.
    pub sender: Option<DraftParty>,
    /// Who receives it.
    pub addressee: Option<DraftParty>,
    /// One entry per content line of CN 22 / CN 23.
    pub contents: Vec<DraftLine>,
    /// Mass of the whole item, packing included.
    pub gross_mass_grams: Option<i64>,
    /// Postal charges paid.
    pub postage_paid: Option<DraftMoney>,
    /// Value it is insured for.
    pub insured_value: Option<DraftMoney>,
    /// Number of a [`PaymentMethod`](super::codes::PaymentMethod).
    pub payment_method: i32,
    /// Licences, certificates, invoices.
    pub documents: Vec<DraftDocument>,
    /// Codes that only one customs service knows.
    pub national_codes: BTreeMap<String, String>,
    /// Numbers that only one customs service knows.
    pub national_figures: BTreeMap<String, f64>,
}

/// Personal data stays out of every log, so only what identifies the item is shown.
impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft").field("n_contents", &self.contents.len()).finish_non_exhaustive()
    }
}

/// Seconds and nanoseconds since 1970-01-01T00:00:00Z, as in `google.protobuf.Timestamp`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftTime {
    /// Whole seconds, negative before 1970.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: i32,
}

/// A person or a business as stated.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct DraftParty {
    /// The customs service's own identifier of the party.
    pub party_id: String,
    /// Name.
    pub name: String,
    /// Street and house.
    pub street: String,
    /// Town.
    pub locality: String,
    /// Postcode.
    pub postcode: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// Telephone.
    pub phone: String,
    /// Electronic mail.
    pub email: String,
    /// Number of a [`PartyKind`](super::codes::PartyKind).
    pub kind: i32,
}

impl fmt::Debug for DraftParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DraftParty(redacted)")
    }
}

/// One line of contents as stated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftLine {
    /// Free text in any language.
    pub description: String,
    /// Harmonized System code, digits only.
    pub hs_code: String,
    /// Number of pieces.
    pub quantity: Option<i64>,
    /// Mass of the goods on this line.
    pub net_mass_grams: Option<i64>,
    /// Value of the goods on this line.
    pub value: Option<DraftMoney>,
    /// Where the goods were made, ISO 3166-1 alpha-2.
    pub origin_country: String,
}

/// An amount as stated: `units + nanos / 1e9`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftMoney {
    /// ISO 4217.
    pub currency_code: String,
    /// Whole units of the currency.
    pub units: i64,
    /// Billionths of a unit, of the same sign as `units`.
    pub nanos: i32,
}

/// A document that travels with the item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftDocument {
    /// Number of a [`DocumentKind`](super::codes::DocumentKind).
    pub kind: i32,
    /// The document's own number.
    pub number: String,
}

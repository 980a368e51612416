//! The parcel: what is known of a postal item before it arrives, parsed and validated once.
//!
//! [`Draft`] is what someone said, [`Parcel`] what we believe; [`Draft::check`] is the only way
//! from one to the other. What is malformed is an error that names its field; what is unknown or
//! absent is kept as such, and what is odd is a [`Notice`].

mod check;
pub mod codes;
mod draft;
mod limits;
mod notice;
mod packed;
mod quantity;
mod violation;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

pub use draft::{Draft, DraftDocument, DraftLine, DraftMoney, DraftParty, DraftTime};
pub use limits::ParcelLimits;
pub use notice::{Notice, NoticeCode};
pub(crate) use packed::PackedParcel;
pub use quantity::{AdvisedAt, Grams, Money, Pieces};
pub use violation::{InvalidParcel, Problem, Violation};

use codes::{
    Country, DocumentKind, HsCode, MailClass, NatureOfTransaction, PartyKind, PaymentMethod, S10, TransportMode,
};

/// A postal item whose every stated field is well formed.
///
/// `None` and empty lists mean "not stated". The fields' meaning is that of the contract
/// (`proto/parcelrisk/v1/parcel.proto`).
#[derive(Clone, PartialEq)]
pub struct Parcel {
    /// The item's identifier.
    pub item_id: ItemId,
    /// When the advance data was received.
    pub advised_at: AdvisedAt,
    /// Country the item was posted in.
    pub origin_country: Option<Country>,
    /// Country it goes to.
    pub destination_country: Option<Country>,
    /// Office of exchange it leaves from.
    pub origin_office: Option<String>,
    /// Office of exchange it arrives at.
    pub destination_office: Option<String>,
    /// Designated operator or carrier.
    pub carrier: Option<String>,
    /// Who declares on the addressee's behalf.
    pub declarant: Option<String>,
    /// Letters, parcels, EMS.
    pub mail_class: Option<MailClass>,
    /// Gift, sale and the like.
    pub nature_of_transaction: Option<NatureOfTransaction>,
    /// By air, by sea and the like.
    pub transport_mode: Option<TransportMode>,
    /// Who sends it.
    pub sender: Option<Party>,
    /// Who receives it.
    pub addressee: Option<Party>,
    /// Content lines as declared.
    pub contents: Vec<ContentLine>,
    /// Mass of the whole item.
    pub gross_mass: Option<Grams>,
    /// Postal charges paid.
    pub postage_paid: Option<Money>,
    /// Value it is insured for.
    pub insured_value: Option<Money>,
    /// How the goods were paid for.
    pub payment_method: Option<PaymentMethod>,
    /// Licences, certificates, invoices.
    pub documents: Vec<Document>,
    /// Codes that only one customs service knows.
    pub national_codes: BTreeMap<String, String>,
    /// Finite numbers that only one customs service knows.
    pub national_figures: BTreeMap<String, f64>,
    /// What was odd but acceptable, in the order of the fields.
    pub notices: Vec<Notice>,
    /// Keeps the constructor inside this module: a parcel comes from [`Draft::check`] alone.
    _checked: Checked,
}

#[derive(Clone, Default, PartialEq)]
struct Checked;

/// Parties and descriptions never reach a log.
impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel")
            .field("item_id", &self.item_id)
            .field("advised_at", &self.advised_at)
            .finish_non_exhaustive()
    }
}

impl Parcel {
    /// The line that stands for the parcel where one must: the first with the highest declared
    /// number of units, whatever the currency; the first line where none states a value.
    pub fn principal_line(&self) -> Option<&ContentLine> {
        let mut best = self.contents.first()?;
        for line in &self.contents[1..] {
            let worth = |line: &ContentLine| line.value.map_or(-1.0, Money::to_f64);
            if worth(line) > worth(best) {
                best = line;
            }
        }
        Some(best)
    }

    /// Net mass of all lines that state one; `None` where none does.
    pub fn net_mass_grams(&self) -> Option<u64> {
        self.contents.iter().filter_map(|line| line.net_mass).map(Grams::get).reduce(|a, b| a + b)
    }

    /// Pieces of all lines that state a number; `None` where none does.
    pub fn n_pieces(&self) -> Option<u64> {
        self.contents.iter().filter_map(|line| line.quantity).map(Pieces::get).reduce(|a, b| a + b)
    }
}

/// How the item is identified.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ItemId {
    /// UPU S10.
    S10(S10, String),
    /// The carrier's own: 1 to 64 printable ASCII characters.
    Carrier(String),
}

impl ItemId {
    /// The identifier as stated.
    pub fn as_str(&self) -> &str {
        match self {
            Self::S10(_, text) | Self::Carrier(text) => text,
        }
    }
}

/// A person or a business.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Party {
    /// The customs service's own identifier.
    pub party_id: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// Street and house.
    pub street: Option<String>,
    /// Town.
    pub locality: Option<String>,
    /// Postcode.
    pub postcode: Option<String>,
    /// Country of the address.
    pub country: Option<Country>,
    /// Telephone.
    pub phone: Option<String>,
    /// Electronic mail.
    pub email: Option<String>,
    /// Person or business.
    pub kind: Option<PartyKind>,
}

impl fmt::Debug for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Party(redacted)")
    }
}

/// One line of contents.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct ContentLine {
    /// As declared, cut to what is read.
    pub description: Option<String>,
    /// Harmonized System code.
    pub hs_code: Option<HsCode>,
    /// Number of pieces.
    pub quantity: Option<Pieces>,
    /// Mass of the goods.
    pub net_mass: Option<Grams>,
    /// Value of the goods.
    pub value: Option<Money>,
    /// Where the goods were made.
    pub origin_country: Option<Country>,
}

impl fmt::Debug for ContentLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContentLine").field("hs_code", &self.hs_code).finish_non_exhaustive()
    }
}

/// A document that travels with the item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// What it is, where that is known.
    pub kind: Option<DocumentKind>,
    /// Its number.
    pub number: Option<String>,
}

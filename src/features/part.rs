//! Parts of a parcel that history keys are made of.

use std::cell::RefCell;

use super::InvalidSpec;
use super::error::unknown;
use super::number::{Inputs, with_scratch};
use crate::history::KeyParts;
use crate::parcel::codes::HsCode;
use crate::parcel::{ContentLine, ItemId, Money, Party};
use crate::text::write_normalized_address;

/// One part of a history key: what of a parcel it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// One with a name of its own, from [`Part::NAMED`].
    Named(Named),
    /// `national_codes.KEY`.
    NationalCode(String),
    /// `national_figures.KEY`.
    NationalFigure(String),
}

/// Declares the named parts: name in a feature spec, variant, meaning.
macro_rules! named_parts {
    ($($variant:ident = $name:literal, $meaning:literal;)+) => {
        /// The parts with a name of their own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Named { $(#[doc = $meaning] $variant,)+ }

        impl Part {
            /// Name and meaning of each named part.
            pub const NAMED: &'static [(&'static str, &'static str)] = &[$(($name, $meaning)),+];

            /// Reads a part's name.
            pub fn from_name(name: &str) -> Option<Self> {
                if let Some(key) = name.strip_prefix("national_codes.") {
                    return Some(Self::NationalCode(key.to_owned()));
                }
                if let Some(key) = name.strip_prefix("national_figures.") {
                    return Some(Self::NationalFigure(key.to_owned()));
                }
                match name { $($name => Some(Self::Named(Named::$variant)),)+ _ => None }
            }
        }
    };
}

named_parts! {
    Sender = "sender", "Sender: party_id, else name and postcode in lower case.";
    SenderCountry = "sender_country", "Country of the sender's address.";
    Addressee = "addressee", "Addressee: party_id, else name and postcode in lower case.";
    Declarant = "declarant", "Declarant.";
    Carrier = "carrier", "Carrier.";
    OriginCountry = "origin_country", "Country of posting.";
    DestinationCountry = "destination_country", "Country of destination.";
    OriginOffice = "origin_office", "Office of exchange it leaves from.";
    DestinationOffice = "destination_office", "Office of exchange it arrives at.";
    MailClass = "mail_class", "Mail class.";
    NatureOfTransaction = "nature_of_transaction", "Nature of transaction.";
    TransportMode = "transport_mode", "Mode of transport.";
    PaymentMethod = "payment_method", "Payment method.";
    HsChapter = "hs2", "HS chapter of the principal line.";
    HsHeading = "hs4", "HS heading of the principal line.";
    HsSubheading = "hs6", "HS subheading of the principal line.";
    GoodsOrigin = "goods_origin", "Country of origin of the principal line's goods.";
    Description = "description", "Description of the principal line, trimmed, in lower case.";
    Value = "value", "Value of the principal line, exact, with its currency.";
    NetMass = "net_mass", "Net mass of all lines, in grams.";
    GrossMass = "gross_mass", "Gross mass of the item, in grams.";
    Pieces = "pieces", "Pieces of all lines.";
    SenderName = "sender_name", "Name of the sender, normalized so that respellings meet.";
    SenderAddress = "sender_address", "Street address of the sender, normalized so that respellings meet.";
    SenderPhone = "sender_phone", "Phone number of the sender, however it is written.";
    SenderEmail = "sender_email", "Mail address of the sender, however it is written.";
    AddresseeName = "addressee_name", "Name of the addressee, normalized so that respellings meet.";
    AddresseeAddress = "addressee_address", "Street address of the addressee, normalized so that respellings meet.";
    AddresseePhone = "addressee_phone", "Phone number of the addressee, however it is written.";
    AddresseeEmail = "addressee_email", "Mail address of the addressee, however it is written.";
    DescriptionNormalized = "description_normalized", "Words of the principal line's description, in lower case and plain letters, sorted.";
    S10SerialBlock = "s10_serial_block", "Issuer, service and serial number of the S10 identifier without its last digit: ten neighbors.";
}

impl Part {
    /// Adds the part to `out`, as a group of its own: not stated where the parcel does not state it.
    ///
    /// * `codes`: what the parcel states of the national codes among the parts, in their order; it is taken from.
    fn write<'a>(&self, inputs: &Inputs<'a>, codes: &mut impl Iterator<Item = Option<&'a str>>, out: &mut KeyParts) {
        let parcel = inputs.parcel;
        let stated = match self {
            Self::Named(named) => named.write(inputs, out),
            Self::NationalCode(key) => {
                let code = codes.next().unwrap_or_else(|| parcel.national_codes.get(key).map(String::as_str));
                text(out, code)
            }
            // Minus zero is zero.
            Self::NationalFigure(key) => {
                number(out, parcel.national_figures.get(key).map(|figure| (figure + 0.0).to_bits()))
            }
        };
        out.end_group(stated.is_some());
    }
}

thread_local! {
    /// Room that a thread writes parts in.
    static STATED: RefCell<KeyParts> = RefCell::default();
}

/// The parts that a plan reads, each once.
#[derive(Clone, Debug, Default)]
pub(super) struct PartList {
    parts: Vec<Part>,
    /// The national codes among them, in their order.
    codes: Vec<String>,
}

/// National codes that are found in one pass over those of a parcel: to look each up compares far more names. Any others
/// are looked up.
const CODES_AT_ONCE: usize = 16;

impl PartList {
    /// Where the parts of some names stand; those that are new are added.
    pub(super) fn places(&mut self, path: &str, names: &[String]) -> Result<Vec<usize>, InvalidSpec> {
        let place = |name: &String| {
            let part =
                Part::from_name(name).ok_or_else(|| unknown(path, name, Part::NAMED.iter().map(|(name, _)| *name)))?;
            Ok(self.parts.iter().position(|known| *known == part).unwrap_or_else(|| {
                if let Part::NationalCode(key) = &part {
                    self.codes.push(key.clone());
                }
                self.parts.push(part);
                self.parts.len() - 1
            }))
        };
        names.iter().map(place).collect()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter()
    }

    /// Makes something of a parcel's parts, each at its place.
    pub(super) fn with<T>(&self, inputs: &Inputs<'_>, make: impl FnOnce(&mut KeyParts) -> T) -> T {
        STATED.with_borrow_mut(|stated| {
            stated.clear();
            let mut codes = [None; CODES_AT_ONCE];
            for (key, code) in &inputs.parcel.national_codes {
                let place = self.codes.iter().position(|known| known == key);
                if let Some(known) = place.and_then(|place| codes.get_mut(place)) {
                    *known = Some(code.as_str());
                }
            }
            let mut codes = codes.into_iter();
            self.parts.iter().for_each(|part| part.write(inputs, &mut codes, stated));
            make(stated)
        })
    }
}

impl Named {
    fn write(self, inputs: &Inputs<'_>, out: &mut KeyParts) -> Option<()> {
        let (parcel, line) = (inputs.parcel, inputs.line);
        let hs_level = |level: fn(&HsCode) -> Option<&str>, out: &mut KeyParts| match line {
            Some(ContentLine { hs_code: Some(code), .. }) => text(out, level(code)),
            _ => None,
        };
        match self {
            Self::Sender => party(out, parcel.sender.as_ref()),
            Self::SenderCountry => text(out, parcel.sender.as_ref()?.country.as_ref().map(|country| country.as_str())),
            Self::Addressee => party(out, parcel.addressee.as_ref()),
            Self::Declarant => text(out, parcel.declarant.as_deref()),
            Self::Carrier => text(out, parcel.carrier.as_deref()),
            Self::OriginCountry => text(out, parcel.origin_country.as_ref().map(|country| country.as_str())),
            Self::DestinationCountry => text(out, parcel.destination_country.as_ref().map(|country| country.as_str())),
            Self::OriginOffice => text(out, parcel.origin_office.as_deref()),
            Self::DestinationOffice => text(out, parcel.destination_office.as_deref()),
            Self::MailClass => text(out, parcel.mail_class.map(|value| value.name())),
            Self::NatureOfTransaction => text(out, parcel.nature_of_transaction.map(|value| value.name())),
            Self::TransportMode => text(out, parcel.transport_mode.map(|value| value.name())),
            Self::PaymentMethod => text(out, parcel.payment_method.map(|value| value.name())),
            Self::HsChapter => hs_level(|code| Some(code.chapter()), out),
            Self::HsHeading => hs_level(HsCode::heading, out),
            Self::HsSubheading => hs_level(HsCode::subheading, out),
            Self::GoodsOrigin => text(out, line?.origin_country.as_ref().map(|country| country.as_str())),
            Self::Description => lowercase(out, line?.description.as_ref()?.trim()),
            Self::Value => money(out, line?.value?),
            Self::NetMass => number(out, parcel.net_mass_grams()),
            Self::GrossMass => number(out, parcel.gross_mass.map(|mass| mass.get())),
            Self::Pieces => number(out, parcel.n_pieces()),
            Self::SenderName => bytes(out, inputs.names()[0].as_ref()?.normalized()),
            Self::SenderAddress => address(out, parcel.sender.as_ref()?),
            Self::SenderPhone => phone(out, inputs, 0, parcel.sender.as_ref()?),
            Self::SenderEmail => text(out, inputs.emails()[0].as_deref()),
            Self::AddresseeName => bytes(out, inputs.names()[1].as_ref()?.normalized()),
            Self::AddresseeAddress => address(out, parcel.addressee.as_ref()?),
            Self::AddresseePhone => phone(out, inputs, 1, parcel.addressee.as_ref()?),
            Self::AddresseeEmail => text(out, inputs.emails()[1].as_deref()),
            Self::DescriptionNormalized => words(out, inputs),
            Self::S10SerialBlock => serial_block(out, &parcel.item_id),
        }
    }
}

fn text(out: &mut KeyParts, part: Option<&str>) -> Option<()> {
    bytes(out, part.map(str::as_bytes))
}

fn bytes(out: &mut KeyParts, part: Option<&[u8]>) -> Option<()> {
    part.map(|part| out.part(part))
}

fn number(out: &mut KeyParts, part: Option<u64>) -> Option<()> {
    part.map(|part| out.part(&part.to_le_bytes()))
}

fn money(out: &mut KeyParts, amount: Money) -> Option<()> {
    out.part(amount.currency.as_str().as_bytes());
    out.part(&amount.units.to_le_bytes());
    out.part(&amount.nanos.to_le_bytes());
    Some(())
}

fn party(out: &mut KeyParts, party: Option<&Party>) -> Option<()> {
    let party = party?;
    if let Some(id) = &party.party_id {
        return text(out, Some(id));
    }
    lowercase(out, party.name.as_ref()?.trim())?;
    lowercase(out, party.postcode.as_deref().unwrap_or_default())
}

/// A text in lower case.
fn lowercase(out: &mut KeyParts, part: &str) -> Option<()> {
    if !part.is_ascii() {
        return text(out, Some(&part.to_lowercase()));
    }
    out.part_by(|out| {
        let begin = out.len();
        out.extend_from_slice(part.as_bytes());
        out[begin..].make_ascii_lowercase();
        Some(())
    })
}

fn address(out: &mut KeyParts, party: &Party) -> Option<()> {
    let Party { street, locality, postcode, country, .. } = party;
    let country = country.as_ref().map(|country| country.as_str());
    let (street, locality, postcode) = (street.as_deref(), locality.as_deref(), postcode.as_deref());
    out.part_by(|out| {
        with_scratch(|scratch| write_normalized_address(street, locality, postcode, country, scratch, out))
    })
}

fn phone(out: &mut KeyParts, inputs: &Inputs<'_>, side: usize, party: &Party) -> Option<()> {
    let country = party.country.as_ref().map(|country| country.as_str());
    let phone = inputs.phones()[side].as_ref()?;
    out.part_by(|out| {
        phone.normalized(country).into_iter().for_each(|digits| out.extend_from_slice(digits));
        Some(())
    })
}

fn words(out: &mut KeyParts, inputs: &Inputs<'_>) -> Option<()> {
    let mut sorted: Vec<&[u8]> = inputs.words()?.tokens().iter().collect();
    sorted.sort_unstable();
    let (first, others) = sorted.split_first()?;
    out.part_by(|out| {
        out.extend_from_slice(first);
        for word in others {
            out.push(b' ');
            out.extend_from_slice(word);
        }
        Some(())
    })
}

fn serial_block(out: &mut KeyParts, id: &ItemId) -> Option<()> {
    let ItemId::S10(id, _) = id else { return None };
    text(out, Some(id.issuer().as_str()))?;
    out.part(&id.service_indicator());
    number(out, Some(u64::from(id.serial() / 10)))
}

//! Parts of a parcel that history keys are made of.

use crate::history::KeyHasher;
use crate::parcel::codes::HsCode;
use crate::parcel::{ContentLine, ItemId, Money, Parcel, Party};
use crate::text::{Han, Tokens, normalized_address, normalized_email, normalized_name, normalized_phone};

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
    /// Adds the part to a key. `false` where the parcel does not state it: then the key is absent.
    pub(super) fn hash(&self, parcel: &Parcel, line: Option<&ContentLine>, hasher: &mut KeyHasher) -> bool {
        match self {
            Self::Named(named) => named.hash(parcel, line, hasher).is_some(),
            Self::NationalCode(key) => text(hasher, parcel.national_codes.get(key).map(String::as_str)).is_some(),
            Self::NationalFigure(key) => match parcel.national_figures.get(key) {
                // Minus zero is zero.
                Some(figure) => number(hasher, Some((figure + 0.0).to_bits())).is_some(),
                None => false,
            },
        }
    }
}

impl Named {
    fn hash(self, parcel: &Parcel, line: Option<&ContentLine>, hasher: &mut KeyHasher) -> Option<()> {
        let hs_level = |level: fn(&HsCode) -> Option<&str>, hasher: &mut KeyHasher| match line {
            Some(ContentLine { hs_code: Some(code), .. }) => text(hasher, level(code)),
            _ => None,
        };
        match self {
            Self::Sender => party(hasher, parcel.sender.as_ref()),
            Self::SenderCountry => {
                text(hasher, parcel.sender.as_ref()?.country.as_ref().map(|country| country.as_str()))
            }
            Self::Addressee => party(hasher, parcel.addressee.as_ref()),
            Self::Declarant => text(hasher, parcel.declarant.as_deref()),
            Self::Carrier => text(hasher, parcel.carrier.as_deref()),
            Self::OriginCountry => text(hasher, parcel.origin_country.as_ref().map(|country| country.as_str())),
            Self::DestinationCountry => {
                text(hasher, parcel.destination_country.as_ref().map(|country| country.as_str()))
            }
            Self::OriginOffice => text(hasher, parcel.origin_office.as_deref()),
            Self::DestinationOffice => text(hasher, parcel.destination_office.as_deref()),
            Self::MailClass => text(hasher, parcel.mail_class.map(|value| value.name())),
            Self::NatureOfTransaction => text(hasher, parcel.nature_of_transaction.map(|value| value.name())),
            Self::TransportMode => text(hasher, parcel.transport_mode.map(|value| value.name())),
            Self::PaymentMethod => text(hasher, parcel.payment_method.map(|value| value.name())),
            Self::HsChapter => hs_level(|code| Some(code.chapter()), hasher),
            Self::HsHeading => hs_level(HsCode::heading, hasher),
            Self::HsSubheading => hs_level(HsCode::subheading, hasher),
            Self::GoodsOrigin => text(hasher, line?.origin_country.as_ref().map(|country| country.as_str())),
            Self::Description => text(hasher, Some(line?.description.as_ref()?.trim().to_lowercase().as_str())),
            Self::Value => money(hasher, line?.value?),
            Self::NetMass => number(hasher, parcel.net_mass_grams()),
            Self::GrossMass => number(hasher, parcel.gross_mass.map(|mass| mass.get())),
            Self::Pieces => number(hasher, parcel.n_pieces()),
            Self::SenderName => name(hasher, parcel.sender.as_ref()?),
            Self::SenderAddress => address(hasher, parcel.sender.as_ref()?),
            Self::SenderPhone => phone(hasher, parcel.sender.as_ref()?),
            Self::SenderEmail => email(hasher, parcel.sender.as_ref()?),
            Self::AddresseeName => name(hasher, parcel.addressee.as_ref()?),
            Self::AddresseeAddress => address(hasher, parcel.addressee.as_ref()?),
            Self::AddresseePhone => phone(hasher, parcel.addressee.as_ref()?),
            Self::AddresseeEmail => email(hasher, parcel.addressee.as_ref()?),
            Self::DescriptionNormalized => words(hasher, line?.description.as_deref()?),
            Self::S10SerialBlock => serial_block(hasher, &parcel.item_id),
        }
    }
}

fn text(hasher: &mut KeyHasher, part: Option<&str>) -> Option<()> {
    part.map(|part| hasher.part(part.as_bytes()))
}

fn number(hasher: &mut KeyHasher, part: Option<u64>) -> Option<()> {
    part.map(|part| hasher.part(&part.to_le_bytes()))
}

fn money(hasher: &mut KeyHasher, amount: Money) -> Option<()> {
    hasher.part(amount.currency.as_str().as_bytes());
    hasher.part(&amount.units.to_le_bytes());
    hasher.part(&amount.nanos.to_le_bytes());
    Some(())
}

fn party(hasher: &mut KeyHasher, party: Option<&Party>) -> Option<()> {
    let party = party?;
    if let Some(id) = &party.party_id {
        return text(hasher, Some(id));
    }
    text(hasher, Some(party.name.as_ref()?.trim().to_lowercase().as_str()))?;
    text(hasher, Some(party.postcode.as_deref().unwrap_or_default().to_lowercase().as_str()))
}

fn name(hasher: &mut KeyHasher, party: &Party) -> Option<()> {
    text(hasher, normalized_name(party.name.as_deref()?).as_deref())
}

fn address(hasher: &mut KeyHasher, party: &Party) -> Option<()> {
    let Party { street, locality, postcode, country, .. } = party;
    let country = country.as_ref().map(|country| country.as_str());
    let address = normalized_address(street.as_deref(), locality.as_deref(), postcode.as_deref(), country);
    text(hasher, address.as_deref())
}

fn phone(hasher: &mut KeyHasher, party: &Party) -> Option<()> {
    let country = party.country.as_ref().map(|country| country.as_str());
    text(hasher, normalized_phone(party.phone.as_deref()?, country).as_deref())
}

fn email(hasher: &mut KeyHasher, party: &Party) -> Option<()> {
    text(hasher, normalized_email(party.email.as_deref()?).as_deref())
}

fn words(hasher: &mut KeyHasher, description: &str) -> Option<()> {
    let tokens = Tokens::new(description, Han::Kept);
    let mut sorted: Vec<&str> = tokens.iter().collect();
    sorted.sort_unstable();
    text(hasher, (!sorted.is_empty()).then(|| sorted.join(" ")).as_deref())
}

fn serial_block(hasher: &mut KeyHasher, id: &ItemId) -> Option<()> {
    let ItemId::S10(id, _) = id else { return None };
    text(hasher, Some(id.issuer().as_str()))?;
    hasher.part(&id.service_indicator());
    number(hasher, Some(u64::from(id.serial() / 10)))
}

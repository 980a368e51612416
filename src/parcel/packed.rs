//! A parcel in a tenth of its memory, for those that hold a million of them.

use std::collections::BTreeMap;

use postcard::ser_flavors::{ExtendFlavor, Flavor as _};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::codes::{Country, MailClass, NatureOfTransaction, PaymentMethod, S10, TransportMode};
use super::{AdvisedAt, Checked, ContentLine, Document, Grams, ItemId, Money, Notice, Parcel, Party};

/// All of a parcel. Only a [`Parcel`] becomes one, so what comes back was checked.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PackedParcel(Box<[u8]>);

impl From<&Parcel> for PackedParcel {
    fn from(parcel: &Parcel) -> Self {
        let mut packed = postcard::Serializer { output: ExtendFlavor::new(Vec::with_capacity(256)) };
        Fields::serialize(parcel, &mut packed).expect("numbers and texts always encode");
        Self(packed.output.finalize().expect("memory has no end to be written").into_boxed_slice())
    }
}

impl PackedParcel {
    /// The parcel again.
    pub(crate) fn parcel(&self) -> Parcel {
        Fields::deserialize(&mut postcard::Deserializer::from_bytes(&self.0)).expect("only a parcel is packed")
    }

    /// Its identifier, without the rest.
    pub(crate) fn item_id(&self) -> &str {
        postcard::take_from_bytes(&self.0).expect("a parcel begins with its identifier").0
    }
}

/// A parcel's fields, the identifier first. Not an implementation for [`Parcel`] itself: by that, anybody could make one that
/// was not checked.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Parcel")]
struct Fields {
    item_id: ItemId,
    advised_at: AdvisedAt,
    origin_country: Option<Country>,
    destination_country: Option<Country>,
    origin_office: Option<String>,
    destination_office: Option<String>,
    carrier: Option<String>,
    declarant: Option<String>,
    mail_class: Option<MailClass>,
    nature_of_transaction: Option<NatureOfTransaction>,
    transport_mode: Option<TransportMode>,
    sender: Option<Party>,
    addressee: Option<Party>,
    contents: Vec<ContentLine>,
    gross_mass: Option<Grams>,
    postage_paid: Option<Money>,
    insured_value: Option<Money>,
    payment_method: Option<PaymentMethod>,
    documents: Vec<Document>,
    national_codes: BTreeMap<String, String>,
    national_figures: BTreeMap<String, f64>,
    notices: Vec<Notice>,
    #[serde(skip)]
    _checked: Checked,
}

impl Serialize for ItemId {
    /// Its text, and whether that is of S10.
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (self.as_str(), matches!(self, Self::S10(..))).serialize(to)
    }
}

impl<'de> Deserialize<'de> for ItemId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match Deserialize::deserialize(from)? {
            (text, false) => Self::Carrier(text),
            (text, true) => Self::S10(S10::parse(&text).map_err(D::Error::custom)?, text),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Draft, DraftDocument, DraftLine, DraftMoney, DraftParty, DraftTime, ParcelLimits};
    use super::*;

    fn draft() -> Draft {
        Draft {
            item_id: "RB123456785CN".to_owned(),
            advised_at: Some(DraftTime { seconds: 1_700_000_000, nanos: 999_999_999 }),
            ..Draft::default()
        }
    }

    fn same(draft: Draft) {
        let parcel = draft.check(&ParcelLimits::default()).unwrap();
        let packed = PackedParcel::from(&parcel);
        assert!(packed.parcel() == parcel);
        assert_eq!(packed.item_id(), parcel.item_id.as_str());
    }

    #[test]
    fn a_parcel_of_little_and_one_of_everything_come_back() {
        same(draft());
        same(Draft { item_id: "a-carrier's".to_owned(), id_scheme: 2, ..draft() });
        let text = |what: &str| what.to_owned();
        let party = DraftParty {
            party_id: text("17"),
            name: text("Ли Вэй"),
            street: text("1, улица"),
            locality: text("Almaty"),
            postcode: text("050000"),
            country: text("KZ"),
            phone: text("+7 700"),
            email: text("li@example.com"),
            kind: 2,
        };
        let money = |units: i64| Some(DraftMoney { currency_code: text("KZT"), units, nanos: 10_000_000 });
        let line = |n: i64| DraftLine {
            description: "phone case ".repeat(usize::try_from(n).unwrap()),
            hs_code: text("3926909790"),
            quantity: Some(n),
            net_mass_grams: Some(2_000_000_000 * n),
            value: money(n),
            // Assigned to nobody: a notice.
            origin_country: text("QX"),
        };
        same(Draft {
            origin_country: text("CN"),
            destination_country: text("KZ"),
            origin_office: text("CNCANA"),
            destination_office: text("KZALAA"),
            carrier: text("CNA"),
            declarant: text("d"),
            mail_class: 3,
            nature_of_transaction: 1,
            transport_mode: 4,
            sender: Some(party.clone()),
            addressee: Some(DraftParty { name: String::new(), ..party }),
            contents: vec![line(1), DraftLine::default(), line(40)],
            // Notices: of the first, nothing is kept.
            gross_mass_grams: Some(0),
            postage_paid: money(0),
            insured_value: money(1_000_000_000_000_000),
            payment_method: 1,
            documents: vec![DraftDocument { kind: 1, number: text("7") }, DraftDocument { kind: 99, number: text("") }],
            national_codes: [("a", "1"), ("b", "2")].map(|(key, code)| (text(key), text(code))).into(),
            national_figures: [("rate", -0.0), ("tax", 1e300)].map(|(key, figure)| (text(key), figure)).into(),
            ..draft()
        });
    }
}

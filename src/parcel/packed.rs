//! A parcel in a tenth of its memory, for those that hold a million of them.

use super::codes::{
    Country, Currency, DocumentKind, HsCode, MailClass, NatureOfTransaction, PartyKind, PaymentMethod, S10,
    TransportMode,
};
use super::{
    AdvisedAt, Checked, ContentLine, Document, DraftTime, Grams, ItemId, Money, Notice, NoticeCode, Parcel, Party,
    Pieces,
};

/// All of a parcel, field by field. Only a [`Parcel`] becomes one, so what comes back was checked.
///
/// ```text
/// number: seven bits a byte, the lowest first    text: its length, then its bytes    list: its length, then each
/// ```
///
/// What may not be stated has 0 before it, or one more than its number or its length.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PackedParcel(Box<[u8]>);

impl From<&Parcel> for PackedParcel {
    fn from(parcel: &Parcel) -> Self {
        let mut out = Writer(Vec::with_capacity(256));
        out.parcel(parcel);
        Self(out.0.into_boxed_slice())
    }
}

impl PackedParcel {
    /// The parcel again.
    pub(crate) fn parcel(&self) -> Parcel {
        Reader(&self.0).parcel().expect("only a parcel is packed")
    }

    /// Its identifier, without the rest.
    pub(crate) fn item_id(&self) -> &str {
        Reader(&self.0).text().expect("a parcel begins with its identifier")
    }
}

struct Writer(Vec<u8>);

impl Writer {
    fn parcel(&mut self, parcel: &Parcel) {
        let Parcel {
            item_id,
            advised_at,
            origin_country,
            destination_country,
            origin_office,
            destination_office,
            carrier,
            declarant,
            mail_class,
            nature_of_transaction,
            transport_mode,
            sender,
            addressee,
            contents,
            gross_mass,
            postage_paid,
            insured_value,
            payment_method,
            documents,
            national_codes,
            national_figures,
            notices,
            _checked,
        } = parcel;
        self.text(item_id.as_str());
        self.0.push(u8::from(matches!(item_id, ItemId::S10(..))));
        self.number(advised_at.seconds().cast_unsigned());
        self.number(advised_at.nanos().into());
        self.country(*origin_country);
        self.country(*destination_country);
        for text in [origin_office, destination_office, carrier, declarant] {
            self.stated_text(text.as_deref());
        }
        self.code(mail_class.map(MailClass::number));
        self.code(nature_of_transaction.map(NatureOfTransaction::number));
        self.code(transport_mode.map(TransportMode::number));
        self.party(sender.as_ref());
        self.party(addressee.as_ref());
        self.list(contents, Self::line);
        self.stated(gross_mass.map(Grams::get));
        self.money(*postage_paid);
        self.money(*insured_value);
        self.code(payment_method.map(PaymentMethod::number));
        self.list(documents, |out, document| {
            out.code(document.kind.map(DocumentKind::number));
            out.stated_text(document.number.as_deref());
        });
        self.number(national_codes.len() as u64);
        for (key, code) in national_codes {
            self.text(key);
            self.text(code);
        }
        self.number(national_figures.len() as u64);
        for (key, figure) in national_figures {
            self.text(key);
            self.0.extend_from_slice(&figure.to_le_bytes());
        }
        self.list(notices, |out, notice| {
            out.text(&notice.field);
            out.0.push(notice.code as u8);
        });
    }

    fn party(&mut self, party: Option<&Party>) {
        self.0.push(u8::from(party.is_some()));
        let Some(Party { party_id, name, street, locality, postcode, country, phone, email, kind }) = party else {
            return;
        };
        for text in [party_id, name, street, locality, postcode, phone, email] {
            self.stated_text(text.as_deref());
        }
        self.country(*country);
        self.code(kind.map(PartyKind::number));
    }

    fn line(&mut self, line: &ContentLine) {
        self.stated_text(line.description.as_deref());
        self.stated_text(line.hs_code.as_ref().map(HsCode::as_str));
        self.stated(line.quantity.map(Pieces::get));
        self.stated(line.net_mass.map(Grams::get));
        self.money(line.value);
        self.country(line.origin_country);
    }

    fn money(&mut self, money: Option<Money>) {
        self.stated_text(money.as_ref().map(|money| money.currency.as_str()));
        if let Some(Money { units, nanos, .. }) = money {
            self.number(units);
            self.number(nanos.into());
        }
    }

    fn country(&mut self, country: Option<Country>) {
        self.0.extend_from_slice(country.as_ref().map_or(&[0; 2], |country| country.as_str().as_bytes()));
    }

    /// A number of a closed list, of which none is 0.
    fn code(&mut self, number: Option<i32>) {
        self.number(number.map_or(0, |number| u64::from(number.cast_unsigned())));
    }

    fn list<T>(&mut self, list: &[T], write: impl Fn(&mut Self, &T)) {
        self.number(list.len() as u64);
        list.iter().for_each(|one| write(self, one));
    }

    fn stated_text(&mut self, text: Option<&str>) {
        self.number(text.map_or(0, |text| text.len() as u64 + 1));
        self.0.extend_from_slice(text.unwrap_or_default().as_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Quantities end far below the last `u64`.
    fn stated(&mut self, number: Option<u64>) {
        self.number(number.map_or(0, |number| number + 1));
    }

    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

/// What is left to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// In the order in which [`Writer::parcel`] writes; `None` where it did not.
    fn parcel(&mut self) -> Option<Parcel> {
        let id = self.text()?;
        let item_id = match self.byte()? {
            0 => ItemId::Carrier(id.to_owned()),
            _ => ItemId::S10(S10::parse(id).ok()?, id.to_owned()),
        };
        let (seconds, nanos) = (self.number()?.cast_signed(), i32::try_from(self.number()?).ok()?);
        Some(Parcel {
            item_id,
            advised_at: AdvisedAt::new(DraftTime { seconds, nanos }).ok()?,
            origin_country: self.country()?,
            destination_country: self.country()?,
            origin_office: self.owned_text()?,
            destination_office: self.owned_text()?,
            carrier: self.owned_text()?,
            declarant: self.owned_text()?,
            mail_class: MailClass::from_number(self.code()?),
            nature_of_transaction: NatureOfTransaction::from_number(self.code()?),
            transport_mode: TransportMode::from_number(self.code()?),
            sender: self.party()?,
            addressee: self.party()?,
            contents: self.list(Self::line)?,
            gross_mass: self.mass()?,
            postage_paid: self.money()?,
            insured_value: self.money()?,
            payment_method: PaymentMethod::from_number(self.code()?),
            documents: self.list(|from| {
                Some(Document { kind: DocumentKind::from_number(from.code()?), number: from.owned_text()? })
            })?,
            national_codes: self
                .list(|from| Some((from.text()?.to_owned(), from.text()?.to_owned())))?
                .into_iter()
                .collect(),
            national_figures: self.list(|from| Some((from.text()?.to_owned(), from.figure()?)))?.into_iter().collect(),
            notices: self.list(|from| {
                let field = from.text()?.to_owned();
                let code = from.byte()?;
                let code = NoticeCode::ALL.iter().copied().find(|known| *known as u8 == code)?;
                Some(Notice { field, code })
            })?,
            _checked: Checked,
        })
    }

    fn party(&mut self) -> Option<Option<Party>> {
        if self.byte()? == 0 {
            return Some(None);
        }
        let (party_id, name, street) = (self.owned_text()?, self.owned_text()?, self.owned_text()?);
        let (locality, postcode) = (self.owned_text()?, self.owned_text()?);
        let (phone, email) = (self.owned_text()?, self.owned_text()?);
        let (country, kind) = (self.country()?, PartyKind::from_number(self.code()?));
        Some(Some(Party { party_id, name, street, locality, postcode, country, phone, email, kind }))
    }

    fn line(&mut self) -> Option<ContentLine> {
        Some(ContentLine {
            description: self.owned_text()?,
            hs_code: self.stated_text()?.and_then(|digits| HsCode::parse(digits).ok()),
            quantity: self.stated()?.and_then(|pieces| Pieces::new(pieces).ok()),
            net_mass: self.mass()?,
            value: self.money()?,
            origin_country: self.country()?,
        })
    }

    fn mass(&mut self) -> Option<Option<Grams>> {
        Some(self.stated()?.and_then(|grams| Grams::new(grams).ok()))
    }

    fn money(&mut self) -> Option<Option<Money>> {
        let Some(currency) = self.stated_text()? else { return Some(None) };
        let currency = Currency::parse(currency).ok()?;
        Some(Some(Money { currency, units: self.number()?, nanos: u32::try_from(self.number()?).ok()? }))
    }

    fn country(&mut self) -> Option<Option<Country>> {
        Some(str::from_utf8(self.take(2)?).ok().and_then(|letters| Country::parse(letters).ok()))
    }

    fn code(&mut self) -> Option<i32> {
        i32::try_from(self.number()?).ok()
    }

    fn list<T>(&mut self, read: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let n = self.number()?;
        (0..n).map(|_| read(self)).collect()
    }

    fn owned_text(&mut self) -> Option<Option<String>> {
        Some(self.stated_text()?.map(str::to_owned))
    }

    fn stated_text(&mut self) -> Option<Option<&'a str>> {
        match self.number()?.checked_sub(1) {
            None => Some(None),
            Some(n) => self.utf8(n).map(Some),
        }
    }

    fn text(&mut self) -> Option<&'a str> {
        let n = self.number()?;
        self.utf8(n)
    }

    fn utf8(&mut self, n: u64) -> Option<&'a str> {
        str::from_utf8(self.take(usize::try_from(n).ok()?)?).ok()
    }

    fn figure(&mut self) -> Option<f64> {
        Some(f64::from_le_bytes(self.take(8)?.try_into().ok()?))
    }

    fn stated(&mut self) -> Option<Option<i64>> {
        self.number()?.checked_sub(1).map_or(Some(None), |number| i64::try_from(number).ok().map(Some))
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Draft, DraftDocument, DraftLine, DraftMoney, DraftParty, ParcelLimits};
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

//! The one lock between what was said and what is believed.

use std::collections::BTreeMap;
use std::fmt::{self, Arguments, Display};

use super::codes::{
    Country, DocumentKind, HsCode, ItemIdScheme, MailClass, NatureOfTransaction, PartyKind, PaymentMethod, S10,
    TransportMode,
};
use super::{
    AdvisedAt, Checked, ContentLine, Document, Draft, DraftDocument, DraftLine, DraftMoney, DraftParty, Grams,
    InvalidParcel, ItemId, Money, Notice, NoticeCode, Parcel, ParcelLimits, Party, Pieces, Problem, Violation,
};

/// Longest key of a national code or figure.
const MAX_KEY_BYTES: usize = 64;

impl Draft {
    /// Checks every field and keeps what is well formed.
    ///
    /// # Errors
    /// [`InvalidParcel`] with a [`Violation`] for all that is malformed, in the order of the contract's
    /// fields; never empty.
    pub fn check(self, limits: &ParcelLimits) -> Result<Parcel, InvalidParcel> {
        let mut findings = Findings { limits, violations: Vec::new(), notices: Vec::new() };
        let f = &mut findings;

        let item_id = item_id(f, &self.item_id, self.id_scheme);
        let advised_at = match self.advised_at {
            Some(stated) => {
                f.violations.extend(AdvisedAt::problems(stated).map(|problem| Violation::new("advised_at", problem)));
                AdvisedAt::new(stated).ok()
            }
            None => f.keep("advised_at", Err(Problem::Required)),
        };
        let origin_country = f.country("origin_country", &self.origin_country);
        let destination_country = f.country("destination_country", &self.destination_country);
        let origin_office = f.text("origin_office", self.origin_office);
        let destination_office = f.text("destination_office", self.destination_office);
        let carrier = f.text("carrier", self.carrier);
        let declarant = f.text("declarant", self.declarant);
        let mail_class = f.listed("mail_class", self.mail_class, MailClass::from_number);
        let nature_of_transaction =
            f.listed("nature_of_transaction", self.nature_of_transaction, NatureOfTransaction::from_number);
        let transport_mode = f.listed("transport_mode", self.transport_mode, TransportMode::from_number);
        let sender = self.sender.map(|party| f.party("sender", party));
        let addressee = self.addressee.map(|party| f.party("addressee", party));
        let contents = f.list("contents", self.contents, limits.max_contents, Findings::line);
        let gross_mass = f.mass("gross_mass_grams", self.gross_mass_grams);
        let postage_paid = f.money("postage_paid", self.postage_paid.as_ref());
        let insured_value = f.money("insured_value", self.insured_value.as_ref());
        let payment_method = f.listed("payment_method", self.payment_method, PaymentMethod::from_number);
        let documents = f.list("documents", self.documents, limits.max_documents, Findings::document);
        // An empty value is not stated, so it makes no entry.
        let national_codes = f.national("national_codes", self.national_codes, |f, path, code| f.text(path, code));
        let national_figures = f.national("national_figures", self.national_figures, |f, path, figure| {
            f.keep(path, if figure.is_finite() { Ok(figure) } else { Err(Problem::NotFinite) })
        });

        let Findings { violations, notices, .. } = findings;
        match (item_id, advised_at) {
            (Some(item_id), Some(advised_at)) if violations.is_empty() => Ok(Parcel {
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
                _checked: Checked,
            }),
            _ => Err(InvalidParcel(violations)),
        }
    }
}

fn item_id(f: &mut Findings<'_>, stated: &str, scheme: i32) -> Option<ItemId> {
    if stated.is_empty() {
        return f.keep("item_id", Err(Problem::Required));
    }
    // Not stated reads as S10, as the contract says; so does a scheme that this release does not know.
    match f.listed("id_scheme", scheme, ItemIdScheme::from_number).unwrap_or(ItemIdScheme::S10) {
        ItemIdScheme::S10 => {
            let id = f.keep("item_id", S10::parse(stated))?;
            if !id.has_valid_check_digit() {
                f.notice("item_id", NoticeCode::S10CheckDigit);
            }
            if !id.issuer().is_assigned() {
                f.notice("item_id", NoticeCode::UnknownCountry);
            }
            Some(ItemId::S10(id, stated.to_owned()))
        }
        ItemIdScheme::Carrier => {
            let fits = stated.len() <= 64 && stated.bytes().all(|byte| byte.is_ascii_graphic());
            f.keep("item_id", if fits { Ok(ItemId::Carrier(stated.to_owned())) } else { Err(Problem::NotCarrierId) })
        }
    }
}

/// A key as paths name it: quoted, its beginning where it is longer than a key may be.
struct Key<'a>(&'a str);

impl Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (beginning, rest) = self.0.split_at(self.0.floor_char_boundary(MAX_KEY_BYTES));
        write!(f, "{beginning:?}{}", if rest.is_empty() { "" } else { "…" })
    }
}

/// What the check has found so far. The names of fields are made only where something is found.
struct Findings<'a> {
    limits: &'a ParcelLimits,
    violations: Vec<Violation>,
    notices: Vec<Notice>,
}

impl Findings<'_> {
    fn keep<T>(&mut self, field: impl Display, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.violations.push(Violation::new(field.to_string(), problem))).ok()
    }

    fn notice(&mut self, field: impl Display, code: NoticeCode) {
        self.notices.push(Notice { field: field.to_string(), code });
    }

    fn text(&mut self, field: impl Display, stated: String) -> Option<String> {
        let (got, max) = (stated.len(), self.limits.max_text_bytes);
        if got > max {
            return self.keep(field, Err(Problem::TooLong { got, max }));
        }
        (got > 0).then_some(stated)
    }

    fn description(&mut self, field: Arguments<'_>, stated: String) -> Option<String> {
        let mut text = self.text(field, stated)?;
        if text.len() > self.limits.description_bytes_read {
            text.truncate(text.floor_char_boundary(self.limits.description_bytes_read));
            self.notice(field, NoticeCode::DescriptionCut);
        }
        Some(text)
    }

    fn country(&mut self, field: impl Display, stated: &str) -> Option<Country> {
        if stated.is_empty() {
            return None;
        }
        let country = self.keep(&field, Country::parse(stated))?;
        if !country.is_assigned() {
            self.notice(field, NoticeCode::UnknownCountry);
        }
        Some(country)
    }

    /// A number of a closed list; 0 is "not stated", an unknown number is a notice, since a newer
    /// client may know more than this release.
    fn listed<T>(&mut self, field: impl Display, number: i32, from_number: fn(i32) -> Option<T>) -> Option<T> {
        let value = from_number(number);
        if value.is_none() && number != 0 {
            self.notice(field, NoticeCode::UnknownEnumValue);
        }
        value
    }

    fn hs_code(&mut self, field: Arguments<'_>, stated: &str) -> Option<HsCode> {
        if stated.is_empty() {
            return None;
        }
        let code = self.keep(field, HsCode::parse(stated))?;
        if !code.has_known_chapter() {
            self.notice(field, NoticeCode::UnknownHsChapter);
        }
        Some(code)
    }

    fn mass(&mut self, field: impl Display, stated: Option<i64>) -> Option<Grams> {
        let mass = self.keep(&field, Grams::new(stated?))?;
        if mass.get() == 0 {
            self.notice(field, NoticeCode::ZeroMass);
            return None;
        }
        Some(mass)
    }

    fn quantity(&mut self, field: Arguments<'_>, stated: Option<i64>) -> Option<Pieces> {
        let quantity = self.keep(field, Pieces::new(stated?))?;
        if quantity.get() == 0 {
            self.notice(field, NoticeCode::ZeroQuantity);
            return None;
        }
        Some(quantity)
    }

    fn money(&mut self, field: impl Display, stated: Option<&DraftMoney>) -> Option<Money> {
        match Money::new(stated?) {
            Ok(money) => {
                if !money.currency.is_assigned() {
                    self.notice(format_args!("{field}.currency_code"), NoticeCode::UnknownCurrency);
                }
                Some(money)
            }
            Err(problems) => {
                for (part, problem) in problems {
                    self.violations.push(Violation::new(format!("{field}{}", part.suffix()), problem));
                }
                None
            }
        }
    }

    fn party(&mut self, field: &str, stated: DraftParty) -> Party {
        Party {
            party_id: self.text(format_args!("{field}.party_id"), stated.party_id),
            name: self.text(format_args!("{field}.name"), stated.name),
            street: self.text(format_args!("{field}.street"), stated.street),
            locality: self.text(format_args!("{field}.locality"), stated.locality),
            postcode: self.text(format_args!("{field}.postcode"), stated.postcode),
            country: self.country(format_args!("{field}.country"), &stated.country),
            phone: self.text(format_args!("{field}.phone"), stated.phone),
            email: self.text(format_args!("{field}.email"), stated.email),
            kind: self.listed(format_args!("{field}.kind"), stated.kind, PartyKind::from_number),
        }
    }

    fn line(&mut self, field: Arguments<'_>, stated: DraftLine) -> ContentLine {
        ContentLine {
            description: self.description(format_args!("{field}.description"), stated.description),
            hs_code: self.hs_code(format_args!("{field}.hs_code"), &stated.hs_code),
            quantity: self.quantity(format_args!("{field}.quantity"), stated.quantity),
            net_mass: self.mass(format_args!("{field}.net_mass_grams"), stated.net_mass_grams),
            value: self.money(format_args!("{field}.value"), stated.value.as_ref()),
            origin_country: self.country(format_args!("{field}.origin_country"), &stated.origin_country),
        }
    }

    fn document(&mut self, field: Arguments<'_>, stated: DraftDocument) -> Document {
        Document {
            kind: self.listed(format_args!("{field}.kind"), stated.kind, DocumentKind::from_number),
            number: self.text(format_args!("{field}.number"), stated.number),
        }
    }

    /// Checks each entry of a list; a list that is too long is one violation, not hundreds.
    fn list<S, T>(
        &mut self,
        field: &str,
        stated: Vec<S>,
        max: usize,
        mut check: impl FnMut(&mut Self, Arguments<'_>, S) -> T,
    ) -> Vec<T> {
        let got = stated.len();
        if got > max {
            self.violations.push(Violation::new(field, Problem::TooMany { got, max }));
            return Vec::new();
        }
        stated.into_iter().enumerate().map(|(idx, entry)| check(self, format_args!("{field}[{idx}]"), entry)).collect()
    }

    fn national<T>(
        &mut self,
        field: &str,
        stated: BTreeMap<String, T>,
        mut check: impl FnMut(&mut Self, Arguments<'_>, T) -> Option<T>,
    ) -> BTreeMap<String, T> {
        let (got, max) = (stated.len(), self.limits.max_national_entries);
        if got > max {
            self.violations.push(Violation::new(field, Problem::TooMany { got, max }));
            return BTreeMap::new();
        }
        let mut kept = BTreeMap::new();
        for (key, value) in stated {
            if key.is_empty() || key.len() > MAX_KEY_BYTES {
                self.violations.push(Violation::new(format!("{field}[{}]", Key(&key)), Problem::BadKey));
                continue;
            }
            if let Some(value) = check(self, format_args!("{field}[{}]", Key(&key)), value) {
                kept.insert(key, value);
            }
        }
        kept
    }
}

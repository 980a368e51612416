//! A parcel as rules see it: the contract's fields by their names. What is not stated is not there.

use std::collections::HashMap;

use cel::Value;

use super::seen::Cell;
use crate::history::Counts;
use crate::parcel::{ContentLine, Money, Parcel, Party};
use crate::text::{normalized_address, normalized_phone};

/// What a policy looks at.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The parcel.
    pub parcel: &'a Parcel,
    /// Calibrated probability.
    pub risk_score: f64,
    /// Share of reference parcels with a lower score.
    pub risk_percentile: f64,
    /// Before calibration, in log-odds.
    pub raw_score: f64,
    /// Names of history keys, with what was known under each: `None` where the parcel does not state the key's parts.
    pub history: History<'a>,
}

/// History counts by key.
#[derive(Clone, Copy, Debug)]
pub struct History<'a> {
    /// One name a key.
    pub names: &'a [String],
    /// One entry a key.
    pub counts: &'a [Option<Counts>],
}

impl Facts<'_> {
    pub(super) fn cell(&self) -> Cell {
        Cell {
            mail_class: self.parcel.mail_class.map_or(0, |class| class.number()),
            destination_office: self.parcel.destination_office.clone().unwrap_or_default(),
        }
    }

    /// Share of the stated keys under which nothing was inspected yet; 0 where no key is stated.
    pub(super) fn novelty(&self) -> f64 {
        let stated = || self.history.counts.iter().flatten();
        let n = stated().count();
        // Counts are decayed: below a half, an inspection is as good as forgotten.
        let new = stated().filter(|counts| counts.inspected < 0.5).count();
        if n == 0 { 0.0 } else { new as f64 / n as f64 }
    }
}

type Fields = HashMap<String, Value>;

fn fields(of: impl IntoIterator<Item = (&'static str, Option<Value>)>) -> Fields {
    of.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

fn text(text: Option<&str>) -> Option<Value> {
    text.filter(|text| !text.is_empty()).map(Value::from)
}

fn whole(number: Option<u64>) -> Option<Value> {
    number.map(|number| Value::Int(i64::try_from(number).unwrap_or(i64::MAX)))
}

pub(super) fn parcel(parcel: &Parcel) -> Value {
    let documents = parcel.documents.iter().map(|document| {
        let kind = document.kind.map(|kind| kind.name());
        Value::from(fields([("kind", text(kind)), ("number", text(document.number.as_deref()))]))
    });
    let codes = parcel.national_codes.iter().map(|(key, code)| (key.clone(), Value::from(code.as_str())));
    let figures = parcel.national_figures.iter().map(|(key, figure)| (key.clone(), Value::Float(*figure)));
    fields([
        ("item_id", text(Some(parcel.item_id.as_str()))),
        ("advised_at_seconds", Some(Value::Int(parcel.advised_at.seconds()))),
        ("origin_country", text(parcel.origin_country.as_ref().map(|it| it.as_str()))),
        ("destination_country", text(parcel.destination_country.as_ref().map(|it| it.as_str()))),
        ("origin_office", text(parcel.origin_office.as_deref())),
        ("destination_office", text(parcel.destination_office.as_deref())),
        ("carrier", text(parcel.carrier.as_deref())),
        ("declarant", text(parcel.declarant.as_deref())),
        ("mail_class", text(parcel.mail_class.map(|it| it.name()))),
        ("nature_of_transaction", text(parcel.nature_of_transaction.map(|it| it.name()))),
        ("transport_mode", text(parcel.transport_mode.map(|it| it.name()))),
        ("sender", parcel.sender.as_ref().map(party)),
        ("addressee", parcel.addressee.as_ref().map(party)),
        ("contents", Some(Value::from(parcel.contents.iter().map(line).collect::<Vec<_>>()))),
        ("gross_mass_grams", whole(parcel.gross_mass.map(|mass| mass.get()))),
        ("postage_paid", parcel.postage_paid.map(money)),
        ("insured_value", parcel.insured_value.map(money)),
        ("payment_method", text(parcel.payment_method.map(|it| it.name()))),
        ("documents", Some(Value::from(documents.collect::<Vec<_>>()))),
        ("national_codes", Some(Value::from(codes.collect::<Fields>()))),
        ("national_figures", Some(Value::from(figures.collect::<Fields>()))),
    ])
    .into()
}

fn party(party: &Party) -> Value {
    let country = party.country.as_ref().map(|it| it.as_str());
    let part = |part: &Option<String>| part.clone();
    let has_address = normalized_address(party.street.as_deref(), None, None, None).is_some();
    let address = [part(&party.street), part(&party.locality), part(&party.postcode), country.map(str::to_owned)]
        .map(Option::unwrap_or_default)
        .join(";");
    // With its calling code, as lists hold it.
    let phone = party.phone.as_deref().and_then(|phone| normalized_phone(phone, country)).map(|it| format!("+{it}"));
    fields([
        ("party_id", text(party.party_id.as_deref())),
        ("name", text(party.name.as_deref())),
        ("street", text(party.street.as_deref())),
        ("locality", text(party.locality.as_deref())),
        ("postcode", text(party.postcode.as_deref())),
        ("country", text(country)),
        ("address", text(Some(&address).filter(|_| has_address).map(String::as_str))),
        ("phone", text(phone.as_deref())),
        ("email", text(party.email.as_deref())),
        ("kind", text(party.kind.map(|it| it.name()))),
    ])
    .into()
}

fn line(line: &ContentLine) -> Value {
    fields([
        ("description", text(line.description.as_deref())),
        ("hs_code", text(line.hs_code.as_ref().map(|code| code.as_str()))),
        ("quantity", whole(line.quantity.map(|pieces| pieces.get()))),
        ("net_mass_grams", whole(line.net_mass.map(|mass| mass.get()))),
        ("value", line.value.map(money)),
        ("origin_country", text(line.origin_country.as_ref().map(|it| it.as_str()))),
    ])
    .into()
}

fn money(money: Money) -> Value {
    fields([("currency_code", text(Some(money.currency.as_str()))), ("amount", Some(Value::Float(money.to_f64())))])
        .into()
}

/// Counts by name of key; a key whose parts are not stated is not there.
pub(super) fn history(history: History<'_>) -> Value {
    let entries = history.names.iter().zip(history.counts).filter_map(|(name, counts)| {
        let counts = (*counts)?;
        let counts = fields([
            ("seen", Some(Value::Float(counts.seen))),
            ("inspected", Some(Value::Float(counts.inspected))),
            ("infringements", Some(Value::Float(counts.infringements))),
        ]);
        Some((name.clone(), Value::from(counts)))
    });
    entries.collect::<Fields>().into()
}

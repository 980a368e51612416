//! The fields of a declaration as texts, and how well a number tells bad from good.

use std::collections::{BTreeMap, BinaryHeap};

use parcel_risk::parcel::{Draft, DraftLine, DraftMoney, DraftParty};

/// Reads one field as text; empty where it is not stated.
pub(super) type Field = fn(&Draft) -> String;

fn line(draft: &Draft, of: fn(&DraftLine) -> String) -> String {
    draft.contents.first().map(of).unwrap_or_default()
}

fn party(party: &Option<DraftParty>, of: fn(&DraftParty) -> &str) -> String {
    party.as_ref().map(|party| of(party).to_owned()).unwrap_or_default()
}

fn amount(money: &Option<DraftMoney>) -> String {
    money.as_ref().map(|money| format!("{}.{:09}", money.units, money.nanos)).unwrap_or_default()
}

fn currency(money: &Option<DraftMoney>) -> String {
    money.as_ref().map(|money| money.currency_code.clone()).unwrap_or_default()
}

fn number(of: Option<i64>) -> String {
    of.map(|number| number.to_string()).unwrap_or_default()
}

pub(super) const FIELDS: &[(&str, Field)] = &[
    ("service indicator", |d| d.item_id[..2].to_owned()),
    ("issuer", |d| d.item_id[11..].to_owned()),
    ("check digit", |d| d.item_id[10..11].to_owned()),
    ("second of the day", |d| d.advised_at.map(|at| (at.seconds % 86_400).to_string()).unwrap_or_default()),
    ("second of the minute", |d| d.advised_at.map(|at| (at.seconds % 60).to_string()).unwrap_or_default()),
    ("origin_country", |d| d.origin_country.clone()),
    ("origin_office", |d| d.origin_office.clone()),
    ("destination_office", |d| d.destination_office.clone()),
    ("carrier", |d| d.carrier.clone()),
    ("mail_class", |d| d.mail_class.to_string()),
    ("nature_of_transaction", |d| d.nature_of_transaction.to_string()),
    ("transport_mode", |d| d.transport_mode.to_string()),
    ("payment_method", |d| d.payment_method.to_string()),
    ("sender.name", |d| party(&d.sender, |p| &p.name)),
    ("sender.street", |d| party(&d.sender, |p| &p.street)),
    ("sender.locality", |d| party(&d.sender, |p| &p.locality)),
    ("sender.postcode", |d| party(&d.sender, |p| &p.postcode)),
    ("sender.country", |d| party(&d.sender, |p| &p.country)),
    ("sender.phone", |d| party(&d.sender, |p| &p.phone)),
    ("sender.email", |d| party(&d.sender, |p| &p.email)),
    ("sender.kind", |d| d.sender.as_ref().map(|p| p.kind.to_string()).unwrap_or_default()),
    ("addressee.name", |d| party(&d.addressee, |p| &p.name)),
    ("addressee.street", |d| party(&d.addressee, |p| &p.street)),
    ("addressee.locality", |d| party(&d.addressee, |p| &p.locality)),
    ("addressee.postcode", |d| party(&d.addressee, |p| &p.postcode)),
    ("addressee.phone", |d| party(&d.addressee, |p| &p.phone)),
    ("addressee.email", |d| party(&d.addressee, |p| &p.email)),
    ("addressee.kind", |d| d.addressee.as_ref().map(|p| p.kind.to_string()).unwrap_or_default()),
    ("contents", |d| d.contents.len().to_string()),
    ("contents.description", |d| line(d, |l| l.description.clone())),
    ("contents.hs_code", |d| line(d, |l| l.hs_code.clone())),
    ("contents.quantity", |d| line(d, |l| number(l.quantity))),
    ("contents.net_mass_grams", |d| line(d, |l| number(l.net_mass_grams))),
    ("contents.value", |d| line(d, |l| amount(&l.value))),
    ("contents.value.currency_code", |d| line(d, |l| currency(&l.value))),
    ("contents.origin_country", |d| line(d, |l| l.origin_country.clone())),
    ("gross_mass_grams", |d| number(d.gross_mass_grams)),
    ("postage_paid", |d| amount(&d.postage_paid)),
    ("insured_value", |d| amount(&d.insured_value)),
    ("documents", |d| d.documents.first().map(|document| document.number.clone()).unwrap_or_default()),
];

/// The area under the ROC curve, ties counted half; 0.5 where there is one class only.
pub(super) fn auroc(scored: &[(f64, bool)]) -> f64 {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut rank_sum, mut n_bad, mut start) = (0.0, 0.0, 0);
    while start < sorted.len() {
        let end = start + sorted[start..].iter().take_while(|(score, _)| *score == sorted[start].0).count();
        let bad = sorted[start..end].iter().filter(|(_, bad)| *bad).count() as f64;
        rank_sum += bad * (start + end + 1) as f64 / 2.0;
        n_bad += bad;
        start = end;
    }
    let n_good = sorted.len() as f64 - n_bad;
    if n_bad == 0.0 || n_good == 0.0 { 0.5 } else { (rank_sum - n_bad * (n_bad + 1.0) / 2.0) / (n_bad * n_good) }
}

/// As far from chance as it is, in whichever direction.
pub(super) fn either_way(area: f64) -> f64 {
    area.max(1.0 - area)
}

/// One value in order of time: when it was advised, when its label becomes known, the value, the label.
pub(super) type Seen = (i64, i64, String, bool);

/// The share of bad among earlier parcels with the same value whose labels were known by then.
pub(super) fn past_rates(seen: &[Seen], prior: f64) -> Vec<(f64, bool)> {
    let mut counts: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    let mut due = BinaryHeap::new();
    let mut scored = Vec::with_capacity(seen.len());
    for (idx, (advised, known, value, bad)) in seen.iter().enumerate() {
        while let Some(std::cmp::Reverse((at, which))) = due.peek().copied() {
            if at > *advised {
                break;
            }
            due.pop();
            let (_, _, value, bad): &Seen = &seen[which];
            let (n, n_bad) = counts.entry(value).or_default();
            (*n, *n_bad) = (*n + 1.0, *n_bad + f64::from(u8::from(*bad)));
        }
        let (n, n_bad) = counts.get(value.as_str()).copied().unwrap_or_default();
        scored.push(((n_bad + 2.0 * prior) / (n + 2.0), *bad));
        due.push(std::cmp::Reverse((*known, idx)));
    }
    scored
}

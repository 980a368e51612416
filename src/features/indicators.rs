//! Published indicators, counted on a parcel: what a score by rules alone amounts to.

use super::ExchangeRates;
use super::number::Inputs;
use crate::parcel::codes::{MailClass, NatureOfTransaction};
use crate::parcel::{Parcel, Party};

/// Chapters that seized parcels are declared as again and again: food, supplements, dyes, cosmetics, chemicals, toys.
const CHAPTERS_OF_SEIZURES: [&str; 6] = ["09", "21", "32", "33", "38", "95"];
/// Less than this for a kilogram, in the base currency, is little.
const LOW_VALUE_PER_KG: f64 = 20.0;

/// How many published indicators a parcel shows, each counted as one: 0 to 11. What needs history is none of them.
///
/// Sender without street or postcode; no telephone of the sender, of the addressee; a gift; express mail; a general
/// term for goods; no HS code; goods of a chapter that seized parcels are declared as; postage above value; sender in
/// another country than the post; little value for the mass. Sources: the FBI's profile (Law Enforcement Bulletin,
/// 1996), ANAO's audit of mail (2014), EU guidance on descriptions, and reports of single seizures.
pub fn indicators(parcel: &Parcel, rates: &ExchangeRates) -> u32 {
    let inputs = Inputs::new(parcel, rates);
    let sender = parcel.sender.as_ref();
    let no_phone = |party: Option<&Party>| party.is_none_or(|party| party.phone.is_none());
    let hs_code = inputs.line.and_then(|line| line.hs_code.as_ref());
    let postage = parcel.postage_paid.and_then(|amount| rates.to_base(amount));
    let mass = inputs.gross_mass_kg.or(inputs.net_mass_kg);
    let shown = [
        sender.is_none_or(|sender| sender.street.is_none() || sender.postcode.is_none()),
        no_phone(sender),
        no_phone(parcel.addressee.as_ref()),
        parcel.nature_of_transaction == Some(NatureOfTransaction::Gift),
        parcel.mail_class == Some(MailClass::Ems),
        inputs.generic().is_some_and(|generic| generic.is_standalone),
        hs_code.is_none(),
        hs_code.is_some_and(|code| CHAPTERS_OF_SEIZURES.contains(&code.chapter())),
        postage.zip(inputs.value).is_some_and(|(postage, value)| postage > value),
        sender.and_then(|sender| sender.country).zip(parcel.origin_country).is_some_and(|(its, post)| its != post),
        inputs.value.zip(mass).is_some_and(|(value, mass)| mass > 0.0 && value / mass < LOW_VALUE_PER_KG),
    ];
    shown.into_iter().map(u32::from).sum()
}

#[cfg(test)]
mod tests {
    use super::super::RatesConfig;
    use super::*;
    use crate::parcel::{Draft, DraftLine, DraftMoney, DraftParty, DraftTime, ParcelLimits};

    fn count(change: impl FnOnce(&mut Draft)) -> u32 {
        let euro = |units| Some(DraftMoney { currency_code: "EUR".into(), units, nanos: 0 });
        let party = |country: &str| DraftParty {
            name: "Ann Smith".into(),
            street: "Long Road 5".into(),
            postcode: "050000".into(),
            country: country.into(),
            phone: "+77011234567".into(),
            ..DraftParty::default()
        };
        let line = DraftLine {
            description: "cotton shirt".into(),
            hs_code: "610910".into(),
            value: euro(40),
            ..DraftLine::default()
        };
        let mut draft = Draft {
            item_id: "CP473124829CN".into(),
            advised_at: Some(DraftTime { seconds: 1_780_000_000, nanos: 0 }),
            origin_country: "CN".into(),
            mail_class: MailClass::Parcels.number(),
            nature_of_transaction: NatureOfTransaction::SaleOfGoods.number(),
            sender: Some(party("CN")),
            addressee: Some(party("KZ")),
            contents: vec![line],
            gross_mass_grams: Some(400),
            postage_paid: euro(6),
            ..Draft::default()
        };
        change(&mut draft);
        let parcel = draft.check(&ParcelLimits::default()).unwrap();
        indicators(&parcel, &RatesConfig::default().check().unwrap())
    }

    #[test]
    fn a_plain_parcel_shows_none_and_each_indicator_counts_one() {
        assert_eq!(count(|_| ()), 0);
        assert_eq!(count(|draft| draft.sender.as_mut().unwrap().phone.clear()), 1);
        assert_eq!(count(|draft| draft.sender.as_mut().unwrap().country = "PL".into()), 1);
        assert_eq!(count(|draft| draft.mail_class = MailClass::Ems.number()), 1);
        assert_eq!(count(|draft| draft.contents[0].hs_code = "330499".into()), 1);
        assert_eq!(count(|draft| draft.contents[0].description = "gift".into()), 1);
        assert_eq!(count(|draft| draft.gross_mass_grams = Some(4_000)), 1);
        assert_eq!(count(|draft| draft.postage_paid.as_mut().unwrap().units = 41), 1);
    }

    #[test]
    fn what_is_not_stated_counts_where_its_lack_is_an_indicator() {
        // Address, two telephones, HS code.
        assert_eq!(count(|draft| (draft.sender, draft.addressee) = (None, None)), 3);
        assert_eq!(count(|draft| draft.contents.clear()), 1);
    }
}

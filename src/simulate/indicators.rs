//! Published indicators, counted on a declaration as an officer without history would.

use super::declare::is_gift;
use super::names;
use crate::parcel::codes::MailClass;
use crate::parcel::{Draft, DraftParty};

/// How many published indicators a declaration shows, each counted as one: what a score by rules
/// alone amounts to.
///
/// Sender without street or postcode; no telephone of the sender, of the addressee; person to person;
/// express mail; a general term for goods; no HS code; goods of a category that seized parcels were
/// declared as; postage above value; sender in another country than the post; little value for the
/// mass. Sources: the FBI's profile (1996), ANAO's audit of mail (2014), EU guidance on descriptions,
/// and reports of single seizures.
pub fn indicators(draft: &Draft) -> u32 {
    let nobody = DraftParty::default();
    let sender = draft.sender.as_ref().unwrap_or(&nobody);
    let addressee = draft.addressee.as_ref().unwrap_or(&nobody);
    let first = draft.contents.first();
    let in_units = |money: &crate::parcel::DraftMoney| money.units as f64 + f64::from(money.nanos) / 1e9;
    let values = draft.contents.iter().filter_map(|line| line.value.as_ref());
    let value = values.map(in_units).reduce(|a, b| a + b);
    let postage = draft.postage_paid.as_ref().map(in_units);
    let kilograms = draft.gross_mass_grams.map(|grams| grams as f64 / 1000.0);
    let per_kilogram = value.zip(kilograms).map(|(value, kilograms)| value / kilograms);
    let signs = [
        sender.street.is_empty() || sender.postcode.is_empty(),
        sender.phone.is_empty(),
        addressee.phone.is_empty(),
        is_gift(draft),
        draft.mail_class == MailClass::Ems.number(),
        first.is_some_and(|line| names::is_generic(&line.description)),
        first.is_some_and(|line| line.hs_code.is_empty()),
        // Cosmetics, food and supplements, toys, chemicals.
        first
            .and_then(|line| line.hs_code.get(..2))
            .is_some_and(|chapter| ["33", "21", "09", "95", "32", "38"].contains(&chapter)),
        postage.zip(value).is_some_and(|(postage, value)| postage > value),
        !sender.country.is_empty() && sender.country != draft.origin_country,
        per_kilogram.is_some_and(|per_kilogram| per_kilogram < 20.0),
    ];
    signs.into_iter().map(u32::from).sum()
}

//! The declaration of a parcel: what of it is written down, and how badly.

use super::dice::Dice;
use super::item::{Item, World};
use super::kind::Kind;
use super::names::{self, Culture};
use super::people::{Address, Identity};
use super::shape::Nature;
use super::signs::Sign;
use super::{money, style::LaneStyle};
use crate::parcel::codes::{DocumentKind, ItemIdScheme, MailClass, PartyKind, PaymentMethod, TransportMode};
use crate::parcel::{Draft, DraftDocument, DraftLine, DraftMoney, DraftParty, DraftTime};

/// Most lines of contents of one parcel.
pub const MAX_LINES: usize = 6;

/// Grams that a scale or a clerk shows.
fn grams(mass: f64) -> i64 {
    (mass.round() as i64).max(1)
}

impl World {
    /// The declaration, without an identifier.
    pub(super) fn declare(&self, item: &Item, dice: &mut Dice) -> Draft {
        let noise = &self.scenario.noise;
        let lane = &self.styles.lanes[item.lane];
        let data_missing = item.typology.is_some_and(|idx| {
            let share = self.styles.typologies[idx].typology.data_missing;
            dice.chance(share)
        });
        let contents = if data_missing { self.bare_line(item, lane, dice) } else { self.lines(item, lane, dice) };
        let office = |country: &str, town: &str, dice: &mut Dice| {
            if dice.chance(noise.office_missing) { String::new() } else { format!("{country}{town}A") }
        };
        let towns = ["ALA", "ALA", "NQZ"];
        let hub = ["SZX", "CAN", "PEK", "URC"];
        let origin_town = if lane.country == "CN" { *dice.one(&hub) } else { "HUB" };
        let town = *dice.one(&towns);
        let postage = (!dice.chance(noise.postage_missing)).then(|| self.postage(item, dice));
        let insured = dice.chance(noise.insured).then(|| item.shape.value_euro * dice.between(0.9, 1.3));
        let amount = |euro: f64| money::amount(euro, &lane.lane.currency);
        Draft {
            id_scheme: ItemIdScheme::S10.number(),
            advised_at: Some(DraftTime { seconds: item.seconds, nanos: 0 }),
            origin_country: lane.country.clone(),
            destination_country: self.scenario.world.destination.clone(),
            origin_office: office(&lane.country, origin_town, dice),
            destination_office: office(&self.scenario.world.destination, town, dice),
            carrier: format!("{}A", lane.country),
            mail_class: mail_class(item.shape.service).number(),
            nature_of_transaction: if data_missing { 0 } else { item.shape.nature as i32 },
            transport_mode: if lane.country == "CN" && dice.chance(0.4) {
                TransportMode::Road
            } else {
                TransportMode::Air
            }
            .number(),
            sender: Some(self.sender_party(item, lane, dice)),
            addressee: Some(self.addressee_party(item, dice)),
            contents,
            gross_mass_grams: Some(grams(item.shape.gross_grams)),
            postage_paid: postage.map(amount),
            insured_value: insured.map(amount),
            payment_method: if dice.chance(noise.payment_stated) { payment(dice).number() } else { 0 },
            documents: self.documents(item, dice),
            ..Draft::default()
        }
    }

    fn postage(&self, item: &Item, dice: &mut Dice) -> f64 {
        let shape = &item.shape;
        if item.shown.has(Sign::PostageAboveValue) {
            return shape.value_euro * dice.between(1.1, 3.0);
        }
        let factor = match shape.service {
            "U" => 0.5,
            "E" => 2.2,
            "C" => 1.2,
            _ => 0.8,
        };
        let tariff = factor * (1.2 + 7.0 * shape.gross_grams / 1000.0) * dice.between(0.8, 1.25);
        // Senders choose the service by what goods are worth, so postage above value is the exception.
        if dice.chance(0.9) { tariff.min(shape.value_euro * dice.between(0.3, 0.95)) } else { tariff }
    }

    fn documents(&self, item: &Item, dice: &mut Dice) -> Vec<DraftDocument> {
        let share = self.scenario.noise.documents * if item.sender.business { 1.0 } else { 0.2 };
        if !dice.chance(share) {
            return Vec::new();
        }
        let kind = if dice.chance(0.9) { DocumentKind::Invoice } else { DocumentKind::Certificate };
        vec![DraftDocument { kind: kind.number(), number: format!("{:06}", dice.below(1_000_000)) }]
    }

    /// Where the advance data failed: a description and nothing else.
    fn bare_line(&self, item: &Item, lane: &LaneStyle, dice: &mut Dice) -> Vec<DraftLine> {
        let category = &self.styles.goods[item.shape.goods];
        let language = lane.language(dice).to_owned();
        let description = names::describe(&category.name, item.shape.pick, &language, dice);
        vec![DraftLine { description, ..DraftLine::default() }]
    }

    fn lines(&self, item: &Item, lane: &LaneStyle, dice: &mut Dice) -> Vec<DraftLine> {
        let (noise, shape) = (&self.scenario.noise, &item.shape);
        let mut n_lines = 1;
        while n_lines < MAX_LINES && dice.chance(noise.more_lines) {
            n_lines += 1;
        }
        let language = lane.language(dice).to_owned();
        let currency = self.currency(lane, dice);
        let scale = if dice.chance(noise.decimals_lost) { 100.0 } else { 1.0 };
        let no_value = dice.chance(noise.amount_missing);
        let (no_mass, no_quantity) = (dice.chance(noise.net_mass_missing), dice.chance(noise.quantity_missing));
        let origin = (!dice.chance(noise.goods_origin_missing)).then(|| {
            // Most goods are made where they are sent from, or in China.
            if dice.chance(0.75) { lane.country.clone() } else { "CN".to_owned() }
        });
        let category = &self.styles.goods[shape.goods];
        let branded = item.kind == Some(Kind::Counterfeit) || (item.sender.business && dice.chance(noise.brand_named));
        let mut lines = Vec::with_capacity(n_lines);
        for idx in 0..n_lines {
            let part = 1.0 / n_lines as f64;
            let pick = if idx == 0 { shape.pick } else { names::pick_goods(&category.name, dice) };
            let mut description = match item.shown.has(Sign::GenericDescription) {
                true => names::generic(&language, dice),
                false => names::describe(&category.name, pick, &language, dice),
            };
            if branded {
                description = format!("{} {description}", names::brand(dice));
            }
            let hs = &category.goods.hs[pick as usize % category.goods.hs.len()];
            lines.push(DraftLine {
                description,
                hs_code: if item.shown.has(Sign::HsMissing) { String::new() } else { hs.clone() },
                quantity: (!no_quantity).then(|| ((shape.units as f64 * part).round() as i64).max(1)),
                net_mass_grams: (!no_mass).then(|| grams(shape.net_grams * part)),
                value: (!no_value).then(|| self.value(item, part * scale, &currency)),
                origin_country: origin.clone().unwrap_or_default(),
            });
        }
        lines
    }

    fn value(&self, item: &Item, part: f64, currency: &str) -> DraftMoney {
        let euro = item.shape.value_euro * part;
        if item.shown.has(Sign::RoundValue) {
            // Round where it is written.
            let rate = money::per_euro(currency).unwrap_or(1.0);
            let step = if rate > 20.0 { 50.0 } else { 5.0 };
            let units = (step * (euro * rate / step).round()).max(step) as i64;
            return DraftMoney { currency_code: currency.to_owned(), units, nanos: 0 };
        }
        money::amount(euro, currency)
    }

    fn currency(&self, lane: &LaneStyle, dice: &mut Dice) -> String {
        if dice.chance(self.scenario.noise.currency_wrong) {
            return (*dice.one(&["EUR", "USD", "CNY", "KZT"])).to_owned();
        }
        // Some declare in the currency of the order.
        if dice.chance(0.12) { "EUR".to_owned() } else { lane.lane.currency.clone() }
    }

    fn sender_party(&self, item: &Item, lane: &LaneStyle, dice: &mut Dice) -> DraftParty {
        let shown = item.shown;
        // A third country: another lane's, as forwarders and re-shippers have it.
        let abroad = shown.has(Sign::SenderAbroad).then(|| dice.one(&self.styles.lanes));
        let country = abroad.map_or(&lane.country, |abroad| &abroad.country).clone();
        let culture = lane.culture;
        let address = self.people.sender_address(item.sender.address, culture);
        let mut party = self.party(item, &item.sender, address, culture, dice);
        party.country = country;
        if shown.has(Sign::SenderIncomplete) {
            if dice.chance(0.7) {
                party.street.clear();
            }
            if dice.chance(0.7) || !party.street.is_empty() {
                party.postcode.clear();
            }
        }
        if shown.has(Sign::SenderPhoneMissing) {
            party.phone.clear();
        }
        party
    }

    fn addressee_party(&self, item: &Item, dice: &mut Dice) -> DraftParty {
        let address = self.people.home_address(item.addressee.address, item.addressee.shared_address);
        let mut party = self.party(item, &item.addressee, address, self.people.home(), dice);
        party.country = self.scenario.world.destination.clone();
        if dice.chance(self.scenario.noise.postcode_missing) {
            party.postcode.clear();
        }
        if item.shown.has(Sign::AddresseePhoneMissing) {
            party.phone.clear();
        }
        party
    }

    fn party(
        &self,
        item: &Item,
        identity: &Identity,
        address: Address,
        culture: &'static Culture,
        dice: &mut Dice,
    ) -> DraftParty {
        let Address { mut street, locality, postcode } = address;
        let mut name = self.people.name(identity.name, culture, identity.business);
        if item.respelled {
            match dice.below(3) {
                0 => street = names::respell(&street, dice),
                _ => name = names::respell(&name, dice),
            }
        }
        let email = dice.chance(self.scenario.noise.email_stated).then(|| self.people.email(identity.phone));
        // Half of all systems state it.
        let kind = if identity.business { PartyKind::Business } else { PartyKind::Person };
        DraftParty {
            party_id: String::new(),
            name,
            street,
            locality,
            postcode,
            country: String::new(),
            phone: self.people.phone(identity.phone, culture),
            email: email.unwrap_or_default(),
            kind: if dice.chance(0.5) { kind.number() } else { 0 },
        }
    }
}

fn mail_class(service: &str) -> MailClass {
    match service {
        "E" => MailClass::Ems,
        "C" | "H" => MailClass::Parcels,
        _ => MailClass::Letters,
    }
}

fn payment(dice: &mut Dice) -> PaymentMethod {
    let methods = [
        (0.62, PaymentMethod::Card),
        (0.14, PaymentMethod::Emoney),
        (0.10, PaymentMethod::BankTransfer),
        (0.07, PaymentMethod::CashOnDelivery),
        (0.05, PaymentMethod::PrepaidVoucher),
        (0.01, PaymentMethod::CryptoAsset),
    ];
    let mut at = dice.unit();
    for (share, method) in methods {
        if at < share {
            return method;
        }
        at -= share;
    }
    PaymentMethod::Other
}

/// Whether a declaration states a gift, for those who count signs.
pub(super) fn is_gift(draft: &Draft) -> bool {
    draft.nature_of_transaction == Nature::Gift as i32
}

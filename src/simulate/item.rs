//! One parcel of the world: who, what, and what it really is.

use super::calendar::Days;
use super::dice::{Dice, Purpose, Seed, key};
use super::kind::Kind;
use super::people::{Identity, People};
use super::persona::{N_CHANNELS, Persona};
use super::scenario::Scenario;
use super::shape::{Nature, Shape};
use super::signs::{Class, Shown, Sign, SignRates};
use super::style::Styles;

/// A parcel as it is, before it is declared.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// When it was advised, in seconds since 1970, and how long before that it was posted.
    pub(super) seconds: i64,
    pub(super) lag: i64,
    pub(super) late: bool,
    /// What its signs were drawn from.
    pub(super) class: Class,
    /// The typology it is of, or looks like.
    pub(super) typology: Option<usize>,
    /// The typology of the actor behind it, whose parcel may copy ordinary ones.
    pub(super) actor_typology: Option<usize>,
    /// Who is behind it: an illicit actor or a regular customer.
    pub(super) persona: Option<u64>,
    /// What is wrong with it.
    pub(super) kind: Option<Kind>,
    pub(super) lane: usize,
    pub(super) shown: Shown,
    pub(super) sender: Identity,
    pub(super) addressee: Identity,
    pub(super) shape: Shape,
    pub(super) respelled: bool,
    /// Which identifiers its persona uses again, in the order of the channels.
    pub(super) own: [bool; N_CHANNELS - 1],
}

/// What a parcel is made for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source<'a> {
    /// Any parcel; also an illicit one that copies such.
    Ordinary,
    /// One that looks like a typology and is not of one of its regulars.
    Lookalike(usize),
    /// One of a persona.
    Persona(&'a Persona, Class),
}

/// Everything that parcels are made of.
#[derive(Debug)]
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) seed: Seed,
    pub(super) styles: Styles,
    pub(super) people: People,
    pub(super) days: Days,
    pub(super) rates: SignRates,
}

impl World {
    /// Makes the parcel that comes at a share of a day's traffic.
    pub(super) fn item(&self, source: Source<'_>, (day, at): (u32, f64), dice: &mut Dice) -> Item {
        let (class, typology) = match source {
            Source::Ordinary => (Class::Ordinary, None),
            Source::Lookalike(typology) => (Class::Lookalike, Some(typology)),
            Source::Persona(persona, class) => (class, Some(persona.typology)),
        };
        let mut shown = self.rates.draw(class, dice);
        let drawn_lane = self.styles.lane(typology, dice);
        let (lane, sender, addressee, goods, own, persona) = match source {
            Source::Persona(persona, _) => {
                // A tenth goes another way than usual.
                let lane = if dice.chance(0.9) { persona.lane } else { drawn_lane };
                let parties = persona.parties(self, day, shown, dice);
                (lane, parties.sender, parties.addressee, parties.goods, parties.own, Some(persona.key))
            }
            Source::Ordinary | Source::Lookalike(_) => {
                let mut addressee = self.people.any_addressee(day, dice);
                if class == Class::Ordinary {
                    // Where ordinary people have their mail sent is a habit and not a draw.
                    shown.set(Sign::DropDelivery, addressee.shared_address);
                } else {
                    self.move_to_drop(&mut addressee, shown.has(Sign::DropDelivery));
                }
                let sender = self.sender(typology, drawn_lane, day, &addressee, dice);
                (drawn_lane, sender, addressee, None, [false; _], None)
            }
        };
        let gifts = self.days.gifts(day);
        let draw = |dice: &mut Dice| {
            Shape::draw((&self.scenario, &self.styles), typology, (lane, sender.business), gifts, dice)
        };
        let shape = match goods {
            // Packed as before: to the gram, or nearly.
            Some(goods) => {
                let mut shape = draw(&mut self.seed.stream(Purpose::Life, goods));
                let part = self.part_of(goods, typology, dice);
                (shape.net_grams, shape.gross_grams) = (shape.net_grams * part, shape.gross_grams * part);
                if dice.chance(0.6) {
                    let factor = dice.between(0.95, 1.05);
                    (shape.net_grams, shape.gross_grams) = (shape.net_grams * factor, shape.gross_grams * factor);
                }
                shape
            }
            None => draw(dice),
        };
        let mut shape = shape.with(shown, dice);
        let kind = match class {
            Class::Illicit => typology.map(|idx| self.styles.typologies[idx].typology.kind),
            Class::Ordinary | Class::Lookalike => self.other_kind(&sender, &mut shape, dice),
        };
        let (lag, late) = self.days.lag(dice);
        let respells = matches!(source, Source::Persona(Persona { respells: true, .. }, _));
        let respelled = dice.chance(if respells { 0.5 } else { self.scenario.noise.respelled });
        let seconds = self.days.midnight(day) + self.days.second(at);
        Item {
            seconds,
            lag,
            late,
            class,
            typology,
            actor_typology: typology.filter(|_| class == Class::Illicit),
            persona,
            kind,
            lane,
            shown,
            sender,
            addressee,
            shape,
            respelled,
            own,
        }
    }

    /// The mass of one of the parts that a thing is split over, as a factor on that of a part on average: those of
    /// all parts add up to their number.
    fn part_of(&self, goods: u64, typology: Option<usize>, dice: &mut Dice) -> f64 {
        let parts = typology.map_or(1, |idx| self.styles.typologies[idx].typology.parts);
        if parts < 2 {
            return 1.0;
        }
        let mut cut = self.seed.stream(Purpose::Life, key(&[goods, parts]));
        let sizes: Vec<f64> = (0..parts).map(|_| cut.between(0.4, 1.6)).collect();
        sizes[dice.below(parts) as usize] * parts as f64 / sizes.iter().sum::<f64>()
    }

    fn move_to_drop(&self, addressee: &mut Identity, drop: bool) {
        if drop != addressee.shared_address {
            (addressee.address, addressee.shared_address) = match drop {
                true => self.people.drop_of(addressee.name),
                false => (self.people.any_home(addressee.name), false),
            };
        }
    }

    fn sender(
        &self,
        typology: Option<usize>,
        lane: usize,
        day: u32,
        addressee: &Identity,
        dice: &mut Dice,
    ) -> Identity {
        let style = &self.styles.lanes[lane];
        let private = match typology {
            Some(idx) => self.styles.typologies[idx].typology.private,
            None => 1.0 - style.lane.shops,
        };
        if dice.chance(private) {
            // Most have one friend abroad, some have more.
            let which = if dice.chance(0.7) { 0 } else { 1 + dice.below(4) };
            return self.people.friend(addressee.name, lane as u64, which);
        }
        self.people.any_shop(lane as u64, style.lane.share, day, dice)
    }

    /// Offenses other than prohibited goods: habits of senders.
    fn other_kind(&self, sender: &Identity, shape: &mut Shape, dice: &mut Dice) -> Option<Kind> {
        let kinds = &self.scenario.other_kinds;
        let at = dice.unit();
        let mut from = 0.0;
        for (kind, rate) in [
            (Kind::Undervaluation, kinds.undervaluation),
            (Kind::Counterfeit, kinds.counterfeit),
            (Kind::Misdeclaration, kinds.misdeclaration),
        ] {
            let habitual = self.people.habit(key(&[sender.name, kind as u64])) < kinds.habitual_share;
            let among = kinds.habitual_share + 0.01 * (1.0 - kinds.habitual_share);
            from += rate / among * if habitual { 1.0 } else { 0.01 };
            if at < from {
                self.disguise(kind, shape, dice);
                return Some(kind);
            }
        }
        None
    }

    fn disguise(&self, kind: Kind, shape: &mut Shape, dice: &mut Dice) {
        let threshold = self.scenario.other_kinds.threshold;
        match kind {
            Kind::Undervaluation => {
                shape.value_euro *= dice.between(0.15, 0.5);
                if shape.value_euro > threshold {
                    shape.value_euro = threshold * dice.between(0.85, 0.99);
                }
            }
            Kind::Counterfeit => shape.value_euro *= dice.between(0.3, 0.8),
            // A sale is called a gift; what is no sale is called other goods.
            _ if shape.nature == Nature::Sale => shape.nature = Nature::Gift,
            _ => shape.goods = dice.below(self.styles.goods.len() as u64) as usize,
        }
    }
}

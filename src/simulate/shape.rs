//! What is in a parcel and how it travels, before anything is written down.

use super::dice::Dice;
use super::scenario::{NatureShares, Scenario, Spread};
use super::signs::{Shown, Sign};
use super::style::Styles;

/// The heaviest item of post, in grams: 30 kg (UPU Convention Regulations), a little below 31.5.
const MAX_GRAMS: f64 = 30_000.0;
/// The heaviest item of letter post, in grams (UPU Convention Regulations).
const MAX_LETTER_GRAMS: f64 = 2_000.0;

/// What is declared as the nature of the transaction; numbers are the contract's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nature {
    Gift = 1,
    Documents,
    Sale,
    Sample,
    Returned,
    Other,
}

/// The contents and the journey.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) service: &'static str,
    pub(super) goods: usize,
    /// Which description of the category.
    pub(super) pick: u64,
    pub(super) units: u64,
    pub(super) net_grams: f64,
    pub(super) gross_grams: f64,
    pub(super) value_euro: f64,
    pub(super) nature: Nature,
}

impl Shape {
    /// Draws what an ordinary parcel, or one like a typology, holds.
    /// * `gifts`: factor on declared gifts in this season.
    pub(super) fn draw(
        (scenario, styles): (&Scenario, &Styles),
        typology: Option<usize>,
        (lane, business): (usize, bool),
        gifts: f64,
        dice: &mut Dice,
    ) -> Self {
        let goods = styles.goods(typology, dice);
        let category = &styles.goods[goods];
        let pick = super::names::pick_goods(&category.name, dice);
        let units = 1 + extra_units(category.goods.units, dice);
        let pieces = units as f64;
        let service = styles.service(typology, lane, dice);
        let (net_grams, gross_grams, value_euro, nature) = match typology {
            None => {
                let net = pieces * draw(category.goods.unit_mass, dice);
                let value = pieces * draw(category.goods.unit_value, dice);
                let gross = net * dice.between(1.03, 1.2) + dice.between(8.0, 45.0);
                let shares = if business { &scenario.natures.shop } else { &scenario.natures.private };
                (net, gross, value, nature(shares, gifts, dice))
            }
            Some(idx) => {
                let typology = &styles.typologies[idx].typology;
                let gross = draw(typology.mass, dice).max(12.0);
                let net = gross * dice.between(0.74, 0.96);
                let shares = NatureShares {
                    gift: typology.gift,
                    sample: typology.sample,
                    documents: typology.documents,
                    returned: 0.01,
                    other: 0.06 * (1.0 - typology.gift - typology.sample - typology.documents),
                };
                (net, gross, draw(typology.value, dice), nature(&shares, gifts, dice))
            }
        };
        let shrink = (MAX_GRAMS / gross_grams).min(1.0);
        let (net_grams, gross_grams) = (net_grams * shrink, gross_grams * shrink);
        Self { service, goods, pick, units, net_grams, gross_grams, value_euro, nature }
    }

    /// As the signs change it, and in a service that takes its mass.
    pub(super) fn with(mut self, shown: Shown, dice: &mut Dice) -> Self {
        if shown.has(Sign::ValueLowForMass) {
            self.value_euro *= dice.between(0.15, 0.5);
        }
        if shown.has(Sign::MassOddForGoods) {
            let factor = dice.between(1.6, 3.2).min(MAX_GRAMS / self.gross_grams);
            self.net_grams *= factor;
            self.gross_grams *= factor;
        }
        if shown.has(Sign::RoundValue) {
            self.value_euro = 5.0 * (self.value_euro / 5.0).round().max(1.0);
        }
        if self.gross_grams > MAX_LETTER_GRAMS && matches!(self.service, "U" | "L" | "R") {
            self.service = if dice.chance(0.8) { "C" } else { "E" };
        }
        self
    }
}

fn draw([median, sigma]: Spread, dice: &mut Dice) -> f64 {
    dice.lognormal(median, sigma)
}

/// Geometric with the mean that leaves `units` in all.
fn extra_units(units: f64, dice: &mut Dice) -> u64 {
    let more = 1.0 - 1.0 / units;
    let mut n = 0;
    while n < 99 && dice.chance(more) {
        n += 1;
    }
    n
}

fn nature(shares: &NatureShares, gifts: f64, dice: &mut Dice) -> Nature {
    let gift = shares.gift * gifts;
    let others = [
        (Nature::Gift, gift),
        (Nature::Sample, shares.sample),
        (Nature::Documents, shares.documents),
        (Nature::Returned, shares.returned),
        (Nature::Other, shares.other),
    ];
    // A season adds gifts, it takes nothing else away: shares are of 1 and the gifts added.
    let mut at = dice.unit() * (1.0 + gift - shares.gift);
    for (nature, share) in others {
        if at < share {
            return nature;
        }
        at -= share;
    }
    Nature::Sale
}

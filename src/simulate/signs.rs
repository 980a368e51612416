//! Signs: what shows more often in illicit parcels, drawn by class.

use super::dice::Dice;
use super::scenario::Scenario;

/// What a parcel really is, as far as its signs go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Like no typology; also an illicit parcel that copies such.
    Ordinary,
    /// Like a typology, and innocent.
    Lookalike,
    /// Of a typology.
    Illicit,
}

/// The number of signs.
pub(super) const N_SIGNS: usize = 11;

/// One sign; in the order of the scenario's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    SenderIncomplete,
    SenderPhoneMissing,
    AddresseePhoneMissing,
    HsMissing,
    GenericDescription,
    PostageAboveValue,
    ValueLowForMass,
    MassOddForGoods,
    DropDelivery,
    SenderAbroad,
    RoundValue,
}

/// Which signs one parcel shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Shown(u16);

impl Shown {
    pub(super) fn has(self, sign: Sign) -> bool {
        self.0 & (1 << sign as u16) != 0
    }

    pub(super) fn set(&mut self, sign: Sign, shown: bool) {
        self.0 = (self.0 & !(1 << sign as u16)) | (u16::from(shown) << sign as u16);
    }

    /// How many there are.
    pub(super) fn count(self) -> u32 {
        self.0.count_ones()
    }
}

/// The probability of each sign by class.
#[derive(Clone, Debug)]
pub(super) struct SignRates([[f64; N_SIGNS]; 3]);

impl SignRates {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mut rates = [[0.0; N_SIGNS]; 3];
        for (idx, (_, sign)) in scenario.signs.named().into_iter().enumerate() {
            rates[Class::Ordinary as usize][idx] = sign.ordinary;
            rates[Class::Lookalike as usize][idx] = sign.lookalike;
            rates[Class::Illicit as usize][idx] = sign.illicit;
        }
        Self(rates)
    }

    pub(super) fn draw(&self, class: Class, dice: &mut Dice) -> Shown {
        let rates = &self.0[class as usize];
        Shown((0..N_SIGNS).fold(0, |shown, idx| shown | (u16::from(dice.chance(rates[idx])) << idx)))
    }

    /// ln P(shown | a) − ln P(shown | b).
    pub(super) fn log_ratio(&self, shown: Shown, a: Class, b: Class) -> f64 {
        let (a, b) = (&self.0[a as usize], &self.0[b as usize]);
        let of = |idx: usize| {
            if shown.0 & (1 << idx) != 0 {
                libm::log(a[idx] / b[idx])
            } else {
                libm::log((1.0 - a[idx]) / (1.0 - b[idx]))
            }
        };
        (0..N_SIGNS).map(of).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::super::dice::{Purpose, Seed};
    use super::*;

    #[test]
    fn signs_have_the_rates_of_their_class_and_the_order_of_the_table() {
        let scenario = Scenario::shipped("kazakhstan").unwrap();
        let names: Vec<_> = scenario.signs.named().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), N_SIGNS);
        assert_eq!(
            (names[Sign::DropDelivery as usize], names[Sign::RoundValue as usize]),
            ("drop_delivery", "round_value")
        );
        let rates = SignRates::new(&scenario);
        let mut dice = Seed::new(1).stream(Purpose::Slice, 1);
        let n = (0..20_000).filter(|_| rates.draw(Class::Illicit, &mut dice).has(Sign::SenderIncomplete)).count();
        let expected = scenario.signs.sender_incomplete.illicit;
        assert!((n as f64 / 20_000.0 - expected).abs() < 0.01, "{n}");
    }

    #[test]
    fn evidence_of_a_sign_is_its_ratio() {
        let scenario = Scenario::shipped("kazakhstan").unwrap();
        let rates = SignRates::new(&scenario);
        let mut with = Shown::default();
        with.set(Sign::DropDelivery, true);
        let gain = rates.log_ratio(with, Class::Illicit, Class::Lookalike)
            - rates.log_ratio(Shown::default(), Class::Illicit, Class::Lookalike);
        let sign = scenario.signs.drop_delivery;
        let odds = |p: f64| (p / (1.0 - p)).ln();
        assert!((gain - (odds(sign.illicit) - odds(sign.lookalike))).abs() < 1e-12);
    }
}

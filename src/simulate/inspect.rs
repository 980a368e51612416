//! What customs inspect, what they find, and when each becomes known.

use super::dice::Dice;
use super::kind::Kind;
use super::scenario::Inspections;

/// How a parcel was inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Its documents were examined.
    Documents,
    /// X-ray, dog, trace detection.
    Scan,
    /// It was opened.
    Open,
}

impl Method {
    /// The name in the contract, without its prefix.
    pub fn name(self) -> &'static str {
        match self {
            Self::Documents => "DOCUMENTS",
            Self::Scan => "SCAN",
            Self::Open => "OPEN",
        }
    }
}

/// One inspection that took place.
#[derive(Clone, Debug, PartialEq)]
pub struct Inspection {
    /// How.
    pub method: Method,
    /// Whether it was chosen by chance and not for its signs.
    pub random: bool,
    /// The chance with which it was chosen for this method.
    pub selection_probability: f64,
    /// The chance of finding by this method what is in this parcel; 1 where nothing is.
    pub sensitivity: f64,
    /// Whether it was opened: by choice, or because a scan or the documents gave alarm.
    pub opened: bool,
    /// What was found.
    pub found: Option<Kind>,
    /// When it took place, in seconds since 1970.
    pub inspected_at: i64,
    /// When the result was recorded.
    pub known_at: i64,
}

/// When a full audit of a parcel would have taken place and been recorded.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    pub(super) inspected_at: i64,
    pub(super) known_at: i64,
}

impl Times {
    pub(super) fn draw(figures: &Inspections, advised_at: i64, dice: &mut Dice) -> Self {
        let mut days = |[median, sigma]: [f64; 2]| dice.lognormal(median, sigma);
        let arrival = days(figures.arrival_days).min(figures.latest_days * 0.7);
        let recording = days(figures.recording_days).min(figures.latest_days - arrival);
        let after = |days: f64| advised_at + (days * 86_400.0) as i64;
        Self { inspected_at: after(arrival), known_at: after(arrival + recording) }
    }
}

/// Inspects a parcel or lets it pass.
/// * `indicators`: how many the declaration shows.
pub(super) fn inspect(
    figures: &Inspections,
    indicators: u32,
    kind: Option<Kind>,
    times: Times,
    dice: &mut Dice,
) -> Option<Inspection> {
    let lift = libm::pow(figures.lift, f64::from(indicators));
    let chance = |base: f64| (base * lift).min(0.9);
    // One draw for each, so that what is drawn later does not depend on what was chosen.
    let random = dice.chance(figures.random);
    let targeted = [
        (Method::Open, chance(figures.open)),
        (Method::Scan, chance(figures.scan)),
        (Method::Documents, chance(figures.documents)),
    ]
    .map(|(method, chance)| (method, chance, dice.chance(chance)));
    let luck = dice.unit();
    let (method, probability) = if random {
        (Method::Open, 1.0 - (1.0 - figures.random) * (1.0 - targeted[0].1))
    } else {
        let (method, chance, _) = *targeted.iter().find(|(_, _, chosen)| *chosen)?;
        let by_chance = if method == Method::Open { figures.random } else { 0.0 };
        (method, 1.0 - (1.0 - chance) * (1.0 - by_chance))
    };
    let sensitivity = kind.map_or(1.0, |kind| sensitivity(figures, method, kind));
    let found = kind.filter(|_| luck < sensitivity);
    let false_alarm = method == Method::Scan && kind.is_none() && luck < figures.scan_false_alarm;
    Some(Inspection {
        method,
        random,
        selection_probability: probability,
        sensitivity,
        opened: method == Method::Open || found.is_some() || false_alarm,
        found,
        inspected_at: times.inspected_at,
        known_at: times.known_at,
    })
}

fn sensitivity(figures: &Inspections, method: Method, kind: Kind) -> f64 {
    match (method, kind) {
        (Method::Open, _) => figures.sensitivity_open,
        (Method::Scan, Kind::Weapons) => figures.sensitivity_scan_metal,
        (Method::Scan, Kind::Undervaluation | Kind::Misdeclaration | Kind::Counterfeit) => 0.0,
        (Method::Scan, _) => figures.sensitivity_scan,
        (Method::Documents, Kind::Undervaluation | Kind::Misdeclaration) => figures.sensitivity_documents_value,
        (Method::Documents, _) => figures.sensitivity_documents,
    }
}

#[cfg(test)]
mod tests {
    use super::super::dice::{Purpose, Seed};
    use super::super::scenario::Scenario;
    use super::*;

    #[test]
    fn inspections_miss_as_often_as_they_should_and_signs_draw_them() {
        let figures = Scenario::shipped("kazakhstan").unwrap().inspections;
        let mut dice = Seed::new(5).stream(Purpose::Life, 0);
        let mut run = |indicators, n: u32| {
            let mut inspected = Vec::new();
            for _ in 0..n {
                let times = Times::draw(&figures, 0, &mut dice);
                assert!(times.known_at as f64 <= figures.latest_days * 86_400.0 && times.inspected_at > 0);
                inspected.extend(inspect(&figures, indicators, Some(Kind::Narcotics), times, &mut dice));
            }
            inspected
        };
        let (few, many) = (run(0, 20_000), run(6, 20_000));
        assert!(many.len() > 5 * few.len(), "{} {}", few.len(), many.len());
        let scans: Vec<_> = many.iter().filter(|inspection| inspection.method == Method::Scan).collect();
        let found = scans.iter().filter(|inspection| inspection.found.is_some()).count() as f64 / scans.len() as f64;
        assert!((found - figures.sensitivity_scan).abs() < 0.05, "{found}");
        assert!(many.iter().all(|inspection| inspection.opened || inspection.found.is_none()));
    }
}

//! Words: names of people, streets and shops by culture, and what declarations say of goods.

mod spelling;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

pub(super) use spelling::respell;

use super::dice::Dice;

/// The cultures that senders may have.
pub(super) const CULTURES: &[&str] = &["ru", "zh", "tr", "en", "ko", "de", "nl", "pl", "in", "th"];
/// The culture of addressees.
pub(super) const HOME: &str = "kk";

/// Names of one culture.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Culture {
    given: Vec<String>,
    /// Share of people with a second given name or a patronymic, and what the latter ends in.
    second: f64,
    second_ending: String,
    family: Vec<String>,
    streets: Vec<String>,
    towns: Vec<String>,
    /// `#` stands for a digit.
    postcode: String,
    phone: String,
    shops: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GoodsWords {
    words: BTreeMap<String, BTreeMap<String, Vec<String>>>,
    generic: BTreeMap<String, Vec<String>>,
    modifiers: BTreeMap<String, Vec<String>>,
    brands: Brands,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Brands {
    names: Vec<String>,
}

static PEOPLE: LazyLock<BTreeMap<String, Culture>> =
    LazyLock::new(|| toml::from_str(include_str!("people.toml")).expect("the list is part of the program and tested"));
static GOODS: LazyLock<GoodsWords> =
    LazyLock::new(|| toml::from_str(include_str!("goods.toml")).expect("the list is part of the program and tested"));

/// The names of a culture.
///
/// # Panics
/// Where there is none of this name: scenarios are checked against [`CULTURES`].
pub(super) fn culture(name: &str) -> &'static Culture {
    PEOPLE.get(name).expect("a scenario names listed cultures only")
}

pub(super) fn is_language(name: &str) -> bool {
    GOODS.generic.contains_key(name)
}

pub(super) fn has_goods(category: &str) -> bool {
    GOODS.words.contains_key(category)
}

/// Which of a category's descriptions it is, and the number of its HS code among as many.
pub(super) fn pick_goods(category: &str, dice: &mut Dice) -> u64 {
    let n = GOODS.words.get(category).and_then(|by_language| by_language.get("en")).map_or(1, Vec::len);
    dice.below(n as u64)
}

/// What a declaration says: description `pick` of a category, sometimes with a word more.
pub(super) fn describe(category: &str, pick: u64, language: &str, dice: &mut Dice) -> String {
    let mut text = match GOODS.words.get(category) {
        Some(by_language) => in_language(by_language, language, |words| &words[pick as usize % words.len()]).to_owned(),
        None => category.to_owned(),
    };
    if dice.chance(0.4) {
        let modifier = in_language(&GOODS.modifiers, language, |words| dice.one(words));
        text = format!("{text} {modifier}");
    }
    match dice.below(8) {
        0 => text.to_uppercase(),
        1 | 2 => text.to_lowercase(),
        _ => text,
    }
}

/// A description that says nothing of the goods.
pub(super) fn generic(language: &str, dice: &mut Dice) -> String {
    in_language(&GOODS.generic, language, |words| dice.one(words)).to_owned()
}

/// Whether a description is one of those that say nothing of the goods.
pub(super) fn is_generic(description: &str) -> bool {
    GOODS.generic.values().flatten().any(|term| term == description)
}

/// A brand of no company.
pub(super) fn brand(dice: &mut Dice) -> &'static str {
    dice.one(&GOODS.brands.names).as_str()
}

/// Words in a language, or in English where there are none.
fn in_language<'a>(
    by_language: &'a BTreeMap<String, Vec<String>>,
    language: &str,
    pick: impl FnOnce(&'a [String]) -> &'a String,
) -> &'a str {
    let words = by_language.get(language).or_else(|| by_language.get("en"));
    words.map_or("", |words| pick(words))
}

impl Culture {
    pub(super) fn family(&'static self, dice: &mut Dice) -> &'static str {
        dice.one(&self.family).as_str()
    }

    /// A person of a family; half of the lists have the family name first.
    pub(super) fn person(&'static self, family: &str, dice: &mut Dice) -> String {
        let mut given = dice.one(&self.given).clone();
        if dice.chance(self.second) {
            given = format!("{given} {}{}", dice.one(&self.given), self.second_ending);
        }
        if dice.chance(0.5) { format!("{given} {family}") } else { format!("{family} {given}") }
    }

    pub(super) fn shop(&'static self, dice: &mut Dice) -> String {
        let (town, word) = (dice.one(&self.towns), dice.one(&self.shops));
        match dice.below(4) {
            0 => format!("{town} {word}"),
            1 => format!("{} {word}", dice.one(&self.family)),
            2 => format!("{word} {:03}", dice.below(1000)),
            _ => format!("{} {}{word}", dice.one(&self.family), if dice.chance(0.3) { "& " } else { "" }),
        }
    }

    /// A street with a number.
    pub(super) fn street(&'static self, dice: &mut Dice) -> String {
        format!("{} {}", dice.one(&self.streets), 1 + dice.below(190))
    }

    pub(super) fn town(&'static self, dice: &mut Dice) -> (u64, &'static str) {
        // Towns are listed by size.
        let place = dice.ranked(self.towns.len() as u64, 1.7);
        (place, &self.towns[place as usize])
    }

    /// A postcode of a town: its first two digits are the town's.
    pub(super) fn postcode(&'static self, town: u64, dice: &mut Dice) -> String {
        let mut leading = 10 + town * 5;
        let mut n = 0;
        let digit = |dice: &mut Dice| {
            n += 1;
            match n {
                1 => leading / 10 % 10,
                2 => std::mem::take(&mut leading) % 10,
                3 | 4 => dice.below(4),
                _ => dice.below(10),
            }
        };
        fill(&self.postcode, digit, dice)
    }

    pub(super) fn phone(&'static self, dice: &mut Dice) -> String {
        fill(&self.phone, |dice| dice.below(10), dice)
    }
}

fn fill(pattern: &str, mut digit: impl FnMut(&mut Dice) -> u64, dice: &mut Dice) -> String {
    let fill = |c: char| match c {
        '#' => char::from(b'0' + digit(dice) as u8),
        c => c,
    };
    pattern.chars().map(fill).collect()
}

#[cfg(test)]
mod tests {
    use super::super::dice::{Purpose, Seed};
    use super::*;

    #[test]
    fn every_culture_has_every_list() {
        for name in CULTURES.iter().chain([&HOME]) {
            let names = culture(name);
            for list in [&names.given, &names.family, &names.streets, &names.towns, &names.shops] {
                assert!(list.len() >= 2, "{name}");
            }
        }
        for (category, by_language) in &GOODS.words {
            assert!(by_language["en"].len() > 5, "{category}");
        }
    }

    #[test]
    fn words_have_their_form() {
        let mut dice = Seed::new(1).stream(Purpose::Identity, 1);
        let home = culture(HOME);
        let (town, _) = home.town(&mut dice);
        let postcode = home.postcode(town, &mut dice);
        assert!(postcode.len() == 6 && postcode.bytes().all(|digit| digit.is_ascii_digit()), "{postcode}");
        assert!(home.phone(&mut dice).starts_with("+77"));
        assert!(!describe("toys", 3, "zh", &mut dice).is_ascii());
        assert!(describe("toys", 3, "pl", &mut dice).is_ascii(), "no words of the language: English");
    }
}

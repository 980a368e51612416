//! Addresses, so that respellings of one address meet.

use std::sync::LazyLock;

use super::romanized::push_one_romanization;
use super::scratch::Scratch;
use super::tokens::{Han, Tokens};
use super::word_bag::WordBag;
use super::word_map::WordMap;

/// Words of addresses in plain letters, and the one word each stands for; empty where it says nothing.
///
/// A street is what is meant where no kind is named, so words for it are left out; other kinds are kept apart.
const WORDS: &[(&[&str], &str)] = &[
    (
        &[
            "st", "str", "street", "strasse", "ul", "ulitsa", "ulica", "ulitza", "koshesi", "koshe", "kosh", "rue",
            "calle", "sokak", "sokagi", "sok", "sk", "house", "dom", "no", "nr", "num", "ui", "haus", "hao",
        ],
        "",
    ),
    (
        &[
            "ave", "av", "avenue", "prospekt", "prospect", "prosp", "pr", "dangyly", "dangyl", "allee", "caddesi",
            "cad", "cd",
        ],
        "av",
    ),
    (&["blvd", "boulevard", "bulvar", "bulvari", "bulv"], "blvd"),
    (&["ln", "lane", "pereulok", "per", "gasse"], "lane"),
    (&["rd", "road", "doroga", "weg"], "rd"),
    (&["sq", "square", "ploshchad", "pl", "platz", "place", "plaza", "alany"], "sq"),
    (&["mkr", "mikrorayon", "mikroraion", "shaghyn", "audany", "mcr"], "mkr"),
    (&["apt", "apartment", "flat", "kv", "kvartira", "pater", "wohnung", "whg", "daire"], "apt"),
    (&["korpus", "korp", "building", "bldg", "bld", "block", "blok"], "bldg"),
];

static UNIFIED: LazyLock<WordMap<&[u8], &str>> = LazyLock::new(|| {
    let pairs = WORDS.iter().flat_map(|(all, unified)| all.iter().map(move |word| (word.as_bytes(), *unified)));
    pairs.collect()
});

/// Of one letter, and only before a number: `д. 12`, but not `12 D`.
const BEFORE_A_NUMBER: [(&[u8], &str); 2] = [(b"d", ""), (b"k", "bldg")];

/// Suffixes that German writes together with the name.
const SUFFIXES: [&[u8]; 2] = [b"strasse", b"str"];

/// An address as it is compared: its words in plain letters, one for each kind of street, house and flat numbers kept,
/// sorted, then postcode and country. `None` where nothing is left of the street: a town is no address.
pub fn normalized_address(
    street: Option<&str>,
    locality: Option<&str>,
    postcode: Option<&str>,
    country: Option<&str>,
) -> Option<String> {
    let mut address = Vec::new();
    write_normalized_address(street, locality, postcode, country, &mut Scratch::default(), &mut address)?;
    String::from_utf8(address).ok()
}

/// Puts an address as [`normalized_address`] makes it behind `out`, in room that is there; `None`, and nothing, where
/// nothing is left of the street.
pub fn write_normalized_address(
    street: Option<&str>,
    locality: Option<&str>,
    postcode: Option<&str>,
    country: Option<&str>,
    scratch: &mut Scratch,
    out: &mut Vec<u8>,
) -> Option<()> {
    let Scratch { tokens, words, towns } = scratch;
    write_words(street?, tokens, words, out)?;
    out.push(b'|');
    towns.write(locality.unwrap_or_default(), out, |out| {
        // A town that is not stated is one without words.
        let _ = write_words(locality.unwrap_or_default(), tokens, words, out);
    });
    out.push(b'|');
    // Both carry their own separators in some systems: `010 000`, `SW1A-1AA`.
    tokens.read(postcode.unwrap_or_default(), Han::Spelled);
    tokens.iter().for_each(|token| out.extend_from_slice(token));
    out.push(b'|');
    out.extend_from_slice(country.unwrap_or_default().as_bytes());
    Some(())
}

/// Puts the words of a text behind `out`, sorted; `None` where there are none.
fn write_words(text: &str, tokens: &mut Tokens, words: &mut WordBag, out: &mut Vec<u8>) -> Option<()> {
    tokens.read(text, Han::Spelled);
    words.clear();
    add_words(tokens, words);
    words.write_sorted(out);
    (!words.is_empty()).then_some(())
}

fn add_words(tokens: &Tokens, words: &mut WordBag) {
    // `12a` and `12 a` are one house.
    let mut parts = tokens.iter().flat_map(letters_and_digits).peekable();
    let mut before: &[u8] = b"";
    while let Some(part) = parts.next() {
        let is_end_of_avenue = part == b"t" && before == b"pr";
        before = part;
        if is_end_of_avenue {
            // The end of `пр-т`.
            continue;
        }
        let is_digits = |part: &&[u8]| part.first().is_some_and(u8::is_ascii_digit);
        if is_digits(&part) {
            // No word has one.
            words.add(|out| out.extend_from_slice(part));
            continue;
        }
        let before_a_number = part.len() == 1 && parts.peek().is_some_and(is_digits);
        let one_letter = BEFORE_A_NUMBER.iter().find(|(word, _)| before_a_number && *word == part);
        let unified = one_letter.map(|(_, unified)| *unified).or_else(|| UNIFIED.get(part).copied());
        match unified {
            Some("") => {}
            Some(unified) => words.add(|out| out.extend_from_slice(unified.as_bytes())),
            None => {
                let name = SUFFIXES.iter().find_map(|suffix| part.strip_suffix(*suffix).filter(|name| name.len() > 2));
                words.add(|out| push_one_romanization(name.unwrap_or(part), out));
            }
        }
    }
}

/// A token cut where letters and digits meet.
fn letters_and_digits(token: &[u8]) -> impl Iterator<Item = &[u8]> {
    token.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(street: &str) -> Option<String> {
        normalized_address(Some(street), Some("Алматы"), Some("050 000"), Some("KZ"))
    }

    #[test]
    fn respellings_of_an_address_meet() {
        for streets in [
            &[
                "ул. Абая, д. 10, кв. 5",
                "Abaya str 10, apt 5",
                "ABAYA STREET 10 FLAT 5",
                "улица Абая 10, кв.5",
                "Абая 10 apt 5",
            ][..],
            &["Абай көшесі 12а", "Abay koshesi 12 A", "Abai st. 12A"],
            &["проспект Достық 12А", "пр. Достық, 12 a", "пр-т Достық 12а", "Dostyq prospect 12A"],
            &["Hauptstraße 5", "Hauptstr. 5", "Haupt Strasse 5", "HAUPTSTRASSE 5"],
            &["12 Rue de la Paix", "rue de la paix, 12"],
            &["проспект Абая 1", "Abaya avenue 1", "Abaya ave. 1", "Abaya prospekt 1"],
        ] {
            let first = address(streets[0]);
            assert!(first.is_some());
            for street in streets {
                assert_eq!(address(street), first, "{street}");
            }
        }
        let one = normalized_address(Some("Main st 1"), Some("Almaty"), Some("050000"), Some("KZ"));
        assert_eq!(one, normalized_address(Some("1, Main Street"), Some("АЛМАТЫ"), Some("050-000"), Some("KZ")));
    }

    #[test]
    fn other_houses_flats_kinds_and_towns_do_not_meet() {
        let base = address("ул. Абая, д. 10, кв. 5");
        for street in [
            "ул. Абая, д. 11, кв. 5",
            "ул. Абая, д. 10, кв. 6",
            "ул. Абая, д. 10",
            "пер. Абая, д. 10, кв. 5",
            "ул. Абаева, д. 10, кв. 5",
        ] {
            assert_ne!(address(street), base, "{street}");
        }
        assert_ne!(address("Main 12 D"), address("Main 12 E"));
        assert_ne!(address("Main 12 D"), address("Main 12"));
        assert_ne!(address("Main 112"), address("Main 12"));
        let elsewhere = normalized_address(Some("ул. Абая, д. 10, кв. 5"), Some("Астана"), Some("050000"), Some("KZ"));
        assert_ne!(elsewhere, base);
    }

    #[test]
    fn a_town_is_no_address() {
        for street in [None, Some(""), Some("---"), Some("ул.")] {
            assert_eq!(normalized_address(street, Some("Almaty"), Some("050000"), Some("KZ")), None, "{street:?}");
        }
    }
}

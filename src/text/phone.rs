//! Telephone numbers, so that ways to write one number meet.

use std::sync::LazyLock;

use super::tokens::{Han, Tokens};
use super::word_map::WordMap;

/// Fewer digits are no number of a subscriber: the shortest national numbers have five.
const MIN_DIGITS: usize = 5;

/// The calling code of each country (ITU-T E.164).
static CALLING_CODES: LazyLock<WordMap<&str, &str>> = LazyLock::new(|| {
    let lines = include_str!("calling_codes.txt").lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(' ')).collect()
});

/// Countries in which a number's first zero is no prefix for calls from within, but a part of it that callers from abroad dial too:
/// landlines of Italy, San Marino and the Vatican, and all of Côte d'Ivoire since 2021. Source: their national numbering plans
/// as communicated to the ITU (E.129).
const KEEP_THEIR_ZERO: [&str; 4] = ["CI", "IT", "SM", "VA"];

/// A number as it was written, read once for all that is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone {
    /// Of ASCII.
    digits: Vec<u8>,
    /// Whether `+` or `00` stood before them: then the calling code stands first.
    is_international: bool,
}

impl Phone {
    /// Reads a number; `None` where fewer than five digits are left.
    pub fn read(phone: &str) -> Option<Self> {
        let (digits, has_plus) = if phone.is_ascii() { of_ascii(phone.as_bytes())? } else { of_any(phone)? };
        match digits.strip_prefix(b"00") {
            Some(rest) if !has_plus => Some(Self { digits: rest.to_owned(), is_international: true }),
            _ => Some(Self { digits, is_international: has_plus }),
        }
        .filter(|written| written.digits.len() >= MIN_DIGITS)
    }

    /// See [`normalized_phone`]: the digits in two parts, of ASCII, of which the first may be empty.
    pub fn normalized(&self, country: Option<&str>) -> [&[u8]; 2] {
        let digits = self.digits.as_slice();
        let code = country.and_then(|country| CALLING_CODES.get(country).copied());
        let is_of_seven = digits.len() == 11 && code.is_none_or(|code| code == "7");
        if self.is_international || (is_of_seven && digits.starts_with(b"7")) {
            return [b"", digits];
        }
        if let [b'8', rest @ ..] = digits
            && is_of_seven
            && matches!(rest, [b'3' | b'4' | b'7'..=b'9', ..])
        {
            return [b"7", rest];
        }
        let keeps_zero = country.is_some_and(|country| KEEP_THEIR_ZERO.contains(&country));
        let national = digits.strip_prefix(b"0").filter(|_| !keeps_zero).unwrap_or(digits);
        match code {
            Some(code) if digits.len() > 10 && digits.starts_with(code.as_bytes()) => [b"", digits],
            Some(code) => [code.as_bytes(), national],
            None => [b"", national],
        }
    }

    /// Whether a number that is written for callers from abroad has the calling code of `country`. `None` where it is
    /// written another way, or the country has none.
    pub fn fits_country(&self, country: &str) -> Option<bool> {
        let code = CALLING_CODES.get(country)?;
        self.is_international.then(|| self.digits.starts_with(code.as_bytes()))
    }
}

/// What stands between a number and an extension, or a second number.
const ENDS: [char; 5] = [',', ';', 'x', 'X', '#'];

/// The digits of a text's first number, and whether a plus stands before them.
fn of_any(phone: &str) -> Option<(Vec<u8>, bool)> {
    let n_digits = |part: &str| part.chars().filter(|c| c.is_numeric()).count();
    let line = phone.split(ENDS).find(|part| n_digits(part) >= MIN_DIGITS)?;
    let first = line.chars().find(|c| c.is_numeric() || matches!(c, '+' | '＋'));
    Some((digits(Tokens::new(line, Han::Spelled).as_bytes()), matches!(first, Some('+' | '＋'))))
}

/// The same of a text that is ASCII.
fn of_ascii(phone: &[u8]) -> Option<(Vec<u8>, bool)> {
    let n_digits = |part: &[u8]| part.iter().filter(|byte| byte.is_ascii_digit()).count();
    let ends = |byte: &u8| ENDS.contains(&char::from(*byte));
    let line = phone.split(ends).find(|part| n_digits(part) >= MIN_DIGITS)?;
    let first = line.iter().find(|byte| byte.is_ascii_digit() || **byte == b'+');
    Some((digits(line), first == Some(&b'+')))
}

fn digits(text: &[u8]) -> Vec<u8> {
    let mut digits = Vec::with_capacity(text.len());
    digits.extend(text.iter().filter(|byte| byte.is_ascii_digit()));
    digits
}

/// A number as it is compared: the digits that E.164 asks for, as far as they can be told. `None` where fewer than five
/// digits are left.
///
/// After `+` or `00` the digits stay. Else, in this order: eleven digits that begin with 7 are those of Russia and
/// Kazakhstan, and so are eleven that begin with the 8 of their long distance calls and go on as their areas do (3, 4, 7
/// to 9), unless the address is elsewhere; digits that begin with the calling code of `country`, and are longer than a
/// national number (ten digits), stay; others lose one leading 0, which is dialed within a country only, and get the
/// calling code of `country`, where it is stated and known.
///
/// So `+7 701 234-56-78`, `8 (701) 2345678` and `7012345678` of Kazakhstan meet.
pub fn normalized_phone(phone: &str, country: Option<&str>) -> Option<String> {
    String::from_utf8(Phone::read(phone)?.normalized(country).concat()).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ascii_is_read_as_any_text(phone in "[+0-9 x,;#a-zX-]{0,24}") {
            prop_assert_eq!(of_ascii(phone.as_bytes()), of_any(&phone));
        }
    }

    #[test]
    fn ways_to_write_a_number_meet() {
        for (country, phones) in [
            (
                Some("KZ"),
                &[
                    "+7 701 234-56-78",
                    "8 (701) 234 56 78",
                    "7 701 2345678",
                    "007 701 234 5678",
                    "7012345678",
                    "＋７ ７０１２３４５６７８",
                ][..],
            ),
            (None, &["+7 701 234-56-78", "8 (701) 234 56 78", "77012345678"]),
            (
                Some("DE"),
                &["+49 30 1234567", "0049301234567", "030 1234567", "tel. 030/1234567", "030 1234567; 030 7654321"],
            ),
            (Some("IT"), &["+39 06 6982 1234", "06 6982 1234", "003906/69821234"]),
            (Some("CN"), &["+86 138 1234 5678", "8613812345678", "13812345678", "138-1234-5678"]),
            (Some("US"), &["+1 (212) 555-0123", "1 212 555 0123", "212-555-0123", "212-555-0123 x44"]),
        ] {
            let first = normalized_phone(phones[0], country);
            for phone in phones {
                assert_eq!(normalized_phone(phone, country), first, "{phone}");
            }
        }
    }

    #[test]
    fn different_numbers_do_not_meet() {
        for (one, other) in
            [("+7 701 234 56 78", "+7 701 234 56 79"), ("+7 701 234 56 78", "+1 701 234 56 78"), ("12345", "123456")]
        {
            assert_ne!(normalized_phone(one, Some("KZ")), normalized_phone(other, Some("KZ")), "{one}, {other}");
        }
        assert_eq!(normalized_phone("852 1234 5678", Some("HK")).as_deref(), Some("85212345678"));
        assert_eq!(normalized_phone("84 912 345 678", Some("VN")).as_deref(), Some("84912345678"));
    }

    #[test]
    fn what_is_too_short_is_no_number() {
        for phone in ["", "-", "+", "1234", "00 12", "n/a", "\u{202e}"] {
            assert_eq!(normalized_phone(phone, Some("KZ")), None, "{phone}");
        }
    }

    #[test]
    fn the_calling_code_is_compared_with_the_country_where_there_is_one() {
        let fits = |phone, country| Phone::read(phone)?.fits_country(country);
        assert_eq!(fits("+7 701 234 56 78", "KZ"), Some(true));
        assert_eq!(fits("0049 30 1234567", "KZ"), Some(false));
        assert_eq!(fits("+49 30 1234567", "DE"), Some(true));
        assert_eq!(fits("8 701 234 56 78", "KZ"), None);
        assert_eq!(fits("+7 701 234 56 78", "AQ"), None);
        assert_eq!(CALLING_CODES.len(), 240);
    }
}

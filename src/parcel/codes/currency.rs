//! ISO 4217 currencies.

use std::fmt;
use std::sync::LazyLock;

use crate::parcel::violation::Problem;

/// Whether each of all triples of letters is assigned, by [`Currency::place`]: to look one up in the list takes long.
static ASSIGNED: LazyLock<Vec<bool>> = LazyLock::new(|| all().map(|currency| currency.is_listed()).collect());

/// All triples of letters, in the order of their places.
fn all() -> impl Iterator<Item = Currency> {
    let letters = || b'A'..=b'Z';
    letters().flat_map(move |a| letters().flat_map(move |b| letters().map(move |c| Currency([a, b, c]))))
}

/// Three capital letters; [`Currency::is_assigned`] says whether ISO 4217 knows them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// Reads three capital letters.
    ///
    /// # Errors
    /// [`Problem::NotACurrency`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        match text.as_bytes() {
            &[a, b, c] if [a, b, c].iter().all(u8::is_ascii_uppercase) => Ok(Self([a, b, c])),
            _ => Err(Problem::NotACurrency),
        }
    }

    /// Whether ISO 4217 assigns the code.
    pub fn is_assigned(&self) -> bool {
        ASSIGNED.get(self.place()).is_some_and(|assigned| *assigned)
    }

    fn is_listed(&self) -> bool {
        iso_currency::Currency::from_code(self.as_str()).is_some()
    }

    fn place(&self) -> usize {
        self.0.iter().fold(0, |place, letter| place * 26 + usize::from(letter - b'A'))
    }

    /// The three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII letters are ever stored")
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_up_is_what_is_listed() {
        for currency in all() {
            assert_eq!(currency.is_assigned(), currency.is_listed(), "{currency:?}");
        }
    }

    #[test]
    fn unassigned_is_not_malformed() {
        assert!(Currency::parse("KRW").unwrap().is_assigned());
        assert!(Currency::parse("XDR").unwrap().is_assigned());
        assert!(!Currency::parse("QQQ").unwrap().is_assigned());
        for text in ["", "KR", "KRWW", "krw", "K₩W"] {
            assert_eq!(Currency::parse(text), Err(Problem::NotACurrency), "{text}");
        }
    }
}

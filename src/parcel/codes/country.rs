//! ISO 3166-1 alpha-2 countries.

use std::fmt;
use std::sync::LazyLock;

use crate::parcel::violation::Problem;

/// Whether each of all pairs of letters is assigned, by [`Country::place`]: to look one up in the list takes ten times as long.
static ASSIGNED: LazyLock<[bool; 26 * 26]> = LazyLock::new(|| {
    std::array::from_fn(|place| Country([b'A' + (place / 26) as u8, b'A' + (place % 26) as u8]).is_listed())
});

/// Two capital letters; [`Country::is_assigned`] says whether ISO 3166-1 knows them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Country(pub(super) [u8; 2]);

impl Country {
    /// Reads two capital letters.
    ///
    /// # Errors
    /// [`Problem::NotACountry`] for anything else.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        match text.as_bytes() {
            &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([a, b])),
            _ => Err(Problem::NotACountry),
        }
    }

    /// Whether ISO 3166-1 assigns the code, or post uses it all the same (`XK`, Kosovo).
    pub fn is_assigned(&self) -> bool {
        ASSIGNED.get(self.place()).is_some_and(|assigned| *assigned)
    }

    fn is_listed(&self) -> bool {
        self.as_str() == "XK" || rust_iso3166::from_alpha2(self.as_str()).is_some()
    }

    fn place(&self) -> usize {
        self.0.iter().fold(0, |place, letter| place * 26 + usize::from(letter - b'A'))
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only ASCII letters are ever stored")
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_looked_up_is_what_is_listed() {
        for code in (b'A'..=b'Z').flat_map(|a| (b'A'..=b'Z').map(move |b| Country([a, b]))) {
            assert_eq!(code.is_assigned(), code.is_listed(), "{code:?}");
        }
    }

    #[test]
    fn unassigned_is_not_malformed() {
        assert!(Country::parse("KZ").unwrap().is_assigned());
        assert!(Country::parse("XK").unwrap().is_assigned());
        assert!(!Country::parse("ZZ").unwrap().is_assigned());
        for text in ["", "K", "KAZ", "kz", "K1", "КZ"] {
            assert_eq!(Country::parse(text), Err(Problem::NotACountry), "{text}");
        }
    }
}

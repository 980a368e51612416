//! ISO 4217 currencies.

use std::fmt;

use crate::parcel::violation::Problem;

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
        iso_currency::Currency::from_code(self.as_str()).is_some()
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
    fn unassigned_is_not_malformed() {
        assert!(Currency::parse("KRW").unwrap().is_assigned());
        assert!(Currency::parse("XDR").unwrap().is_assigned());
        assert!(!Currency::parse("QQQ").unwrap().is_assigned());
        for text in ["", "KR", "KRWW", "krw", "K₩W"] {
            assert_eq!(Currency::parse(text), Err(Problem::NotACurrency), "{text}");
        }
    }
}

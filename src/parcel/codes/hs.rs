//! The Harmonized System of goods.

use std::fmt;

use crate::parcel::violation::Problem;

/// An HS code of 2, 4, 6, 8 or 10 digits: chapter, heading, subheading, national subdivisions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HsCode {
    digits: [u8; 10],
    n_digits: u8,
}

impl HsCode {
    /// Reads digits without dots.
    ///
    /// # Errors
    /// [`Problem::NotAnHsCode`] for another length or another character.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let bytes = text.as_bytes();
        let known_length = matches!(bytes.len(), 2 | 4 | 6 | 8 | 10);
        if !known_length || !bytes.iter().all(u8::is_ascii_digit) {
            return Err(Problem::NotAnHsCode);
        }
        let mut digits = [0; 10];
        digits[..bytes.len()].copy_from_slice(bytes);
        Ok(Self { digits, n_digits: u8::try_from(bytes.len()).expect("at most ten") })
    }

    /// Whether the chapter exists: 01 to 97 of the HS 2022 without 77, which is reserved for
    /// future use, and 98 and 99, which the HS leaves to national use. Source: WCO, HS 2022.
    pub fn has_known_chapter(&self) -> bool {
        !matches!(self.chapter(), "00" | "77")
    }

    /// The first two digits.
    pub fn chapter(&self) -> &str {
        &self.as_str()[..2]
    }

    /// The first four digits, where there are as many.
    pub fn heading(&self) -> Option<&str> {
        self.as_str().get(..4)
    }

    /// The first six digits, where there are as many.
    pub fn subheading(&self) -> Option<&str> {
        self.as_str().get(..6)
    }

    /// All digits as stated.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.digits[..usize::from(self.n_digits)]).expect("only ASCII digits are ever stored")
    }
}

impl fmt::Debug for HsCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_prefixes() {
        let code = HsCode::parse("85171300").unwrap();
        assert_eq!((code.chapter(), code.heading(), code.subheading()), ("85", Some("8517"), Some("851713")));
        assert_eq!(HsCode::parse("85").unwrap().heading(), None);
    }

    #[test]
    fn a_chapter_that_does_not_exist_is_unknown_not_malformed() {
        for (text, known) in [("01", true), ("97", true), ("99", true), ("77", false), ("000000", false)] {
            assert_eq!(HsCode::parse(text).unwrap().has_known_chapter(), known, "{text}");
        }
    }

    #[test]
    fn other_lengths_and_characters_are_malformed() {
        for text in ["", "8", "851", "85171", "8517.13", "85171a", "851713000000", "٨٥"] {
            assert_eq!(HsCode::parse(text), Err(Problem::NotAnHsCode), "{text}");
        }
    }
}

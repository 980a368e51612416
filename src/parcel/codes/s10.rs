//! UPU S10: the identifier of a postal item.

use super::Country;
use crate::parcel::violation::Problem;

/// `AA NNNNNNNN C BB`: service indicator, serial number, check digit, issuing country.
///
/// Only the shape is required: a wrong check digit or an unknown issuer is odd, not malformed
/// (about one made-up number in ten passes the check digit, and forgers buy real labels).
/// Source: UPU standard S10.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct S10([u8; 13]);

/// Weights of the eight serial digits, left to right (UPU S10).
const WEIGHTS: [u32; 8] = [8, 6, 4, 2, 3, 5, 9, 7];

impl S10 {
    /// Reads thirteen characters.
    ///
    /// # Errors
    /// [`Problem::NotS10`] unless they are two capital letters, nine digits, two capital letters.
    pub fn parse(text: &str) -> Result<Self, Problem> {
        let bytes: [u8; 13] = text.as_bytes().try_into().map_err(|_| Problem::NotS10)?;
        let letters = |range: std::ops::Range<usize>| bytes[range].iter().all(u8::is_ascii_uppercase);
        let digits = bytes[2..11].iter().all(u8::is_ascii_digit);
        if letters(0..2) && digits && letters(11..13) { Ok(Self(bytes)) } else { Err(Problem::NotS10) }
    }

    /// The two letters that name the service, such as `CP` or `LX`.
    pub fn service_indicator(&self) -> [u8; 2] {
        [self.0[0], self.0[1]]
    }

    /// The eight-digit serial number.
    pub fn serial(&self) -> u32 {
        self.0[2..10].iter().fold(0, |serial, digit| serial * 10 + u32::from(digit - b'0'))
    }

    /// Another identifier of the same service and issuer: the last eight digits of `serial`, and the check digit that they
    /// ask for.
    #[must_use]
    pub fn renumbered(mut self, serial: u64) -> Self {
        let mut rest = serial;
        for digit in self.0[2..10].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.0[10] = b'0' + self.expected_check_digit() as u8;
        self
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The country whose post issued the identifier.
    pub fn issuer(&self) -> Country {
        Country([self.0[11], self.0[12]])
    }

    /// Whether the ninth digit is the one that the serial number asks for.
    pub fn has_valid_check_digit(&self) -> bool {
        u32::from(self.0[10] - b'0') == self.expected_check_digit()
    }

    /// `11 − (Σ dᵢwᵢ mod 11)`, with 10 written as 0 and 11 as 5.
    fn expected_check_digit(&self) -> u32 {
        let sum: u32 = self.0[2..10].iter().zip(WEIGHTS).map(|(digit, weight)| u32::from(digit - b'0') * weight).sum();
        match 11 - sum % 11 {
            10 => 0,
            11 => 5,
            digit => digit,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_follow_the_standard() {
        for number in
            ["473124829", "123456785", "001234568", "876543216", "000000005", "000000080", "000000155", "999999995"]
        {
            assert!(S10::parse(&format!("RR{number}KZ")).unwrap().has_valid_check_digit(), "{number}");
        }
        assert!(!S10::parse("RR473124828KZ").unwrap().has_valid_check_digit());
    }

    #[test]
    fn parts_are_read_from_their_places() {
        let id = S10::parse("CP473124829KZ").unwrap();
        assert_eq!((&id.service_indicator(), id.serial(), id.issuer().as_str()), (b"CP", 47_312_482, "KZ"));
    }

    #[test]
    fn another_number_has_its_own_check_digit() {
        let id = S10::parse("CP473124829KZ").unwrap();
        assert_eq!(id.renumbered(12_345_678).as_str(), "CP123456785KZ");
        assert!((0..1000).all(|n| id.renumbered(n * 99_999_989).has_valid_check_digit()));
        assert_eq!(id.renumbered(7_400_000_001).serial(), 1);
    }

    #[test]
    fn anything_but_thirteen_characters_of_the_right_kind_is_malformed() {
        for text in
            ["", "RR47312482", "RR473124829K", "RR473124829KZ ", "rr473124829kz", "R1473124829KZ", "RR47312482٣KZ"]
        {
            assert_eq!(S10::parse(text), Err(Problem::NotS10), "{text}");
        }
    }
}

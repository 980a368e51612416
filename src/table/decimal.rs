//! Decimal text to whole numbers of a smaller unit, exactly.
//!
//! Masses and amounts are never read through a float: 0.1 + 0.2 kilograms are 300 grams.

/// Why a text is not the number that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotDecimal {
    /// It does not read as a decimal number.
    Syntax,
    /// It has more digits than the result can hold.
    TooLarge,
}

/// The number in `text` times `10^places`, rounded to a whole number, halves away from zero.
///
/// Reads an optional sign, digits with at most one point, and an optional exponent (`1.5e3`).
/// Thousands separators, `inf` and `nan` are no decimal numbers.
pub(super) fn scaled(text: &str, places: i64) -> Result<i128, NotDecimal> {
    let parts = Parts::split(text)?;
    // How many digits stand before the point once it has moved.
    let whole = (parts.integer.len() as i64).saturating_add(parts.exponent).saturating_add(places);
    let digits = || parts.integer.bytes().chain(parts.fraction.bytes()).map(|byte| i128::from(byte - b'0'));

    let mut value: i128 = 0;
    let mut position: i64 = 0;
    let mut carry = 0;
    for digit in digits() {
        if position < whole {
            value = push_digit(value, digit)?;
        } else {
            // Only the first digit that is dropped decides; a number below a tenth rounds to zero.
            carry = i128::from(position == whole && digit >= 5);
            break;
        }
        position += 1;
    }
    while position < whole && value != 0 {
        value = push_digit(value, 0)?;
        position += 1;
    }
    let magnitude = value.checked_add(carry).ok_or(NotDecimal::TooLarge)?;
    Ok(if parts.negative { -magnitude } else { magnitude })
}

/// The number in `text` times `10^places` where nothing is lost by it; `None` where a fraction is left.
pub(super) fn exact(text: &str, places: i64) -> Result<Option<i128>, NotDecimal> {
    let rounded = scaled(text, places)?;
    // A fraction of the result shows up when the same text is read with every digit it has.
    let parts = Parts::split(text)?;
    let whole = (parts.integer.len() as i64).saturating_add(parts.exponent).saturating_add(places);
    let kept = usize::try_from(whole.max(0)).unwrap_or(usize::MAX);
    let lost = parts.integer.bytes().chain(parts.fraction.bytes()).skip(kept).any(|byte| byte != b'0');
    Ok((!lost).then_some(rounded))
}

/// A decimal number as a float: the nearest one; infinite where it is too large.
pub(super) fn float(text: &str) -> Result<f64, NotDecimal> {
    Parts::split(text)?;
    text.parse().map_err(|_| NotDecimal::Syntax)
}

fn push_digit(value: i128, digit: i128) -> Result<i128, NotDecimal> {
    value.checked_mul(10).and_then(|tens| tens.checked_add(digit)).ok_or(NotDecimal::TooLarge)
}

/// `[-+]integer[.fraction][e exponent]`, digits checked.
struct Parts<'a> {
    negative: bool,
    integer: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Parts<'a> {
    fn split(text: &'a str) -> Result<Self, NotDecimal> {
        let (negative, unsigned) = sign(text);
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, read_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits_only = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if (integer.is_empty() && fraction.is_empty()) || !digits_only(integer) || !digits_only(fraction) {
            return Err(NotDecimal::Syntax);
        }
        Ok(Self { negative, integer, fraction, exponent })
    }
}

fn read_exponent(text: &str) -> Result<i64, NotDecimal> {
    let (negative, digits) = sign(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotDecimal::Syntax);
    }
    // Far beyond what any number here can hold either way, and far from overflowing the sums above.
    let size = digits.parse().unwrap_or(i64::MAX).min(1_000_000_000);
    Ok(if negative { -size } else { size })
}

fn sign(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn kilograms_become_grams_and_halves_round_away_from_zero() {
        for (text, grams) in [
            ("108.0", 108_000),
            ("0.5", 500),
            ("0.0005", 1),
            ("0.00049", 0),
            ("0.00005", 0),
            (".5", 500),
            ("5.", 5_000),
            ("+1.5e3", 1_500_000),
            ("15E-4", 2),
            ("-0.0005", -1),
            ("0e999999999999999999999", 0),
            ("1e-999999999999999999999", 0),
        ] {
            assert_eq!(scaled(text, 3), Ok(grams), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "e5", "1e", "1,5", "1 000", "0x10", "inf", "NaN", "1.2.3", "--1", "1e+-2", "١"] {
            assert_eq!(scaled(text, 0), Err(NotDecimal::Syntax), "{text}");
            assert_eq!(float(text), Err(NotDecimal::Syntax), "{text}");
        }
        assert_eq!(scaled("1e40", 0), Err(NotDecimal::TooLarge));
        assert_eq!(scaled(&"9".repeat(60), 0), Err(NotDecimal::TooLarge));
    }

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        assert_eq!(exact("3.0", 0), Ok(Some(3)));
        assert_eq!(exact("1.5e1", 0), Ok(Some(15)));
        assert_eq!(exact("3.01", 0), Ok(None));
        assert_eq!(exact("1e-3", 0), Ok(None));
        assert_eq!(exact("0e-3", 0), Ok(Some(0)));
    }

    proptest! {
        #[test]
        fn any_decimal_rounds_as_integer_arithmetic_does(value in -1_000_000_000_000_000i64..=1_000_000_000_000_000, point in 0usize..12, places in 0i64..10) {
            let digits = format!("{:0>width$}", value.unsigned_abs(), width = point + 1);
            let (integer, fraction) = digits.split_at(digits.len() - point);
            let sign = if value < 0 { "-" } else { "" };
            let text = format!("{sign}{integer}.{fraction}");

            let numerator = i128::from(value) * 10_i128.pow(u32::try_from(places).unwrap());
            let denominator = 10_i128.pow(u32::try_from(point).unwrap());
            let half_away = (numerator.abs() * 2 + denominator) / (2 * denominator);
            prop_assert_eq!(scaled(&text, places), Ok(half_away * numerator.signum()));
        }

        #[test]
        fn an_exponent_only_moves_the_point(value in 0u32.., exponent in -12i64..12) {
            prop_assert_eq!(scaled(&format!("{value}e{exponent}"), 12), scaled(&value.to_string(), 12 + exponent));
        }

        #[test]
        fn no_text_panics(text in ".{0,40}", places in 0i64..10) {
            let _ = scaled(&text, places);
            let _ = exact(&text, places);
            let _ = float(&text);
        }
    }
}

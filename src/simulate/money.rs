//! Declared amounts: from euro to the currency of a declaration.

use crate::parcel::DraftMoney;

/// Units of a currency for one euro, rounded: the world needs an order of magnitude, not a rate.
const PER_EURO: &[(&str, f64)] = &[
    ("AUD", 1.7),
    ("BRL", 6.0),
    ("CAD", 1.5),
    ("CHF", 0.95),
    ("CNY", 7.9),
    ("CZK", 25.0),
    ("EUR", 1.0),
    ("GBP", 0.86),
    ("HKD", 8.5),
    ("INR", 95.0),
    ("JPY", 165.0),
    ("KRW", 1500.0),
    ("KZT", 560.0),
    ("PLN", 4.3),
    ("RUB", 95.0),
    ("SEK", 11.3),
    ("SGD", 1.46),
    ("THB", 38.0),
    ("TRY", 45.0),
    ("USD", 1.09),
];

/// Units of `currency` for one euro, where the simulation has a rate.
pub(super) fn per_euro(currency: &str) -> Option<f64> {
    PER_EURO.iter().find(|(code, _)| *code == currency).map(|(_, rate)| *rate)
}

/// `euro` in `currency`, to its hundredth, or whole where the currency has no hundredths in use.
pub(super) fn amount(euro: f64, currency: &str) -> DraftMoney {
    let in_currency = euro * per_euro(currency).unwrap_or(1.0);
    let whole = matches!(currency, "JPY" | "KRW");
    let cents = if whole { in_currency.round() * 100.0 } else { (in_currency * 100.0).round() } as i64;
    let cents = cents.max(1);
    DraftMoney { currency_code: currency.to_owned(), units: cents / 100, nanos: (cents % 100) as i32 * 10_000_000 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_have_hundredths_or_none() {
        let of = |euro, currency: &str| {
            let money = amount(euro, currency);
            (money.units, money.nanos)
        };
        assert_eq!(of(1.234, "EUR"), (1, 230_000_000));
        assert_eq!(of(1.0, "KRW"), (1500, 0));
        assert_eq!(of(0.0, "USD"), (0, 10_000_000));
    }
}

//! Quantities with their units: mass, money, time.

use serde::{Deserialize, Serialize};

use super::codes::Currency;
use super::draft::{DraftMoney, DraftTime};
use super::violation::Problem;

/// Mass in whole grams. Zero is kept: it is what some systems write for "not weighed".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Grams(u64);

impl Grams {
    /// 100,000 tonnes: above any consignment, below any overflow of a sum over 99 lines.
    pub const MAX: Self = Self(100_000_000_000);

    /// # Errors
    /// [`Problem::OutOfRange`] below zero or above [`Grams::MAX`].
    pub fn new(grams: i64) -> Result<Self, Problem> {
        in_range(grams, 0, 100_000_000_000).map(Self)
    }

    /// Whole grams.
    pub fn get(self) -> u64 {
        self.0
    }
}

/// A number of pieces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Pieces(u64);

impl Pieces {
    /// # Errors
    /// [`Problem::OutOfRange`] below zero or above what the contract's 32 bits hold.
    pub fn new(pieces: i64) -> Result<Self, Problem> {
        in_range(pieces, 0, u32::MAX.into()).map(Self)
    }

    /// Number of pieces.
    pub fn get(self) -> u64 {
        self.0
    }
}

macro_rules! kept_as_numbers {
    ($($quantity:ident),+) => {$(
        impl TryFrom<i64> for $quantity {
            type Error = Problem;

            fn try_from(number: i64) -> Result<Self, Problem> {
                Self::new(number)
            }
        }

        impl From<$quantity> for i64 {
            fn from(quantity: $quantity) -> Self {
                quantity.0.cast_signed()
            }
        }
    )+};
}

kept_as_numbers!(Grams, Pieces);

/// An exact amount that is not negative: `units + nanos / 1e9` of a currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// The currency; it may be one that ISO 4217 does not know.
    pub currency: Currency,
    /// Whole units.
    pub units: u64,
    /// Billionths of a unit, below one billion.
    pub nanos: u32,
}

/// Largest number of whole units: the sum over 99 lines stays exact.
const MAX_UNITS: i64 = 1_000_000_000_000_000;
/// Largest number of billionths.
const MAX_NANOS: i32 = 999_999_999;

impl Money {
    /// # Errors
    /// Each part that is wrong, in the order of the parts: [`Problem::Required`] without a currency,
    /// [`Problem::NotACurrency`] for a malformed one; [`Problem::Negative`] below zero,
    /// [`Problem::OutOfRange`] above 10^15 units; [`Problem::MoneyNanos`] where nanos are out of range,
    /// or below zero beside units above it.
    pub fn new(stated: &DraftMoney) -> Result<Self, Vec<(MoneyPart, Problem)>> {
        let (units, nanos) = (stated.units, stated.nanos);
        let currency = match stated.currency_code.as_str() {
            "" => Err(Problem::Required),
            code => Currency::parse(code),
        };
        // As in google.type.Money, nanos below zero are those of an amount below zero.
        let is_debt = units <= 0 && (-MAX_NANOS..0).contains(&nanos);
        let whole = if units < 0 || is_debt {
            Err((MoneyPart::Amount, Problem::Negative))
        } else {
            in_range(units, 0, MAX_UNITS).map_err(|problem| (MoneyPart::Units, problem))
        };
        let is_sound = is_debt || (0..=MAX_NANOS).contains(&nanos);
        let fraction = if is_sound { Ok(nanos.unsigned_abs()) } else { Err((MoneyPart::Nanos, Problem::MoneyNanos)) };
        match (currency, whole, fraction) {
            (Ok(currency), Ok(units), Ok(nanos)) => Ok(Self { currency, units, nanos }),
            (currency, whole, fraction) => {
                let currency = currency.err().map(|problem| (MoneyPart::Currency, problem));
                Err([currency, whole.err(), fraction.err()].into_iter().flatten().collect())
            }
        }
    }

    /// The amount in its own currency; exact to 15 digits.
    pub fn to_f64(self) -> f64 {
        // Both conversions are exact: units stay below 2^53.
        self.units as f64 + f64::from(self.nanos) / 1e9
    }
}

/// Which part of an amount a problem is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoneyPart {
    /// `currency_code`.
    Currency,
    /// `units`.
    Units,
    /// `nanos`.
    Nanos,
    /// Both numbers together.
    Amount,
}

impl MoneyPart {
    /// What stands after the amount's own path.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Currency => ".currency_code",
            Self::Units => ".units",
            Self::Nanos => ".nanos",
            Self::Amount => "",
        }
    }
}

/// When advance data was received: an instant of the years 2000 to 2099.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "DraftTime", into = "DraftTime")]
pub struct AdvisedAt {
    seconds: i64,
    nanos: u32,
}

/// 2000-01-01T00:00:00Z.
const FIRST_SECOND: i64 = 946_684_800;
/// 2099-12-31T23:59:59Z.
const LAST_SECOND: i64 = 4_102_444_799;

impl AdvisedAt {
    /// # Errors
    /// [`Problem::TimeOutOfRange`] outside the years 2000 to 2099, [`Problem::TimeNanos`] where
    /// nanoseconds are not within a second: the first of [`Self::problems`].
    pub fn new(stated: DraftTime) -> Result<Self, Problem> {
        match Self::problems(stated).next() {
            Some(problem) => Err(problem),
            None => Ok(Self { seconds: stated.seconds, nanos: stated.nanos.cast_unsigned() }),
        }
    }

    /// All that is wrong with what was stated.
    pub fn problems(DraftTime { seconds, nanos }: DraftTime) -> impl Iterator<Item = Problem> {
        let is_in_range = (FIRST_SECOND..=LAST_SECOND).contains(&seconds);
        let is_within_second = (0..1_000_000_000).contains(&nanos);
        let range = (!is_in_range).then_some(Problem::TimeOutOfRange);
        range.into_iter().chain((!is_within_second).then_some(Problem::TimeNanos { got: nanos }))
    }

    /// Whole seconds since 1970-01-01T00:00:00Z.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds within the second.
    pub fn nanos(self) -> u32 {
        self.nanos
    }

    /// Days since 1970-01-01.
    pub fn day(self) -> i64 {
        self.seconds.div_euclid(86_400)
    }
}

impl TryFrom<DraftTime> for AdvisedAt {
    type Error = Problem;

    fn try_from(stated: DraftTime) -> Result<Self, Problem> {
        Self::new(stated)
    }
}

impl From<AdvisedAt> for DraftTime {
    fn from(AdvisedAt { seconds, nanos }: AdvisedAt) -> Self {
        Self { seconds, nanos: nanos.cast_signed() }
    }
}

fn in_range(got: i64, min: i64, max: i64) -> Result<u64, Problem> {
    match u64::try_from(got) {
        Ok(value) if (min..=max).contains(&got) => Ok(value),
        _ => Err(Problem::OutOfRange { got, min, max }),
    }
}

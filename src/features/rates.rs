//! Exchange rates: amounts in one currency, so that they can be compared.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::number::duty_free;
use crate::parcel::Money;
use crate::parcel::codes::Currency;

/// The rate table as configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatesConfig {
    /// ISO 4217 code of the currency that amounts are converted to.
    pub base: String,
    /// Units of each currency that one unit of the base buys.
    pub per_base: BTreeMap<String, f64>,
}

/// Rounded to the level of 2020, the year of the data that the default model is trained on. They
/// serve comparison, not duty; an administration sets its own.
const DEFAULT_PER_USD: &[(&str, f64)] = &[
    ("AED", 3.67),
    ("AUD", 1.45),
    ("BYN", 2.44),
    ("CAD", 1.34),
    ("CHF", 0.939),
    ("CNY", 6.90),
    ("CZK", 23.2),
    ("EUR", 0.876),
    ("GBP", 0.779),
    ("HKD", 7.76),
    ("INR", 74.1),
    ("JPY", 107.0),
    ("KGS", 77.3),
    ("KRW", 1180.0),
    ("KZT", 413.0),
    ("NZD", 1.54),
    ("PLN", 3.90),
    ("RUB", 72.1),
    ("SEK", 9.21),
    ("SGD", 1.38),
    ("THB", 31.3),
    ("TRY", 7.01),
    ("UZS", 10_050.0),
    ("VND", 23_200.0),
    ("XDR", 0.718),
];

impl Default for RatesConfig {
    fn default() -> Self {
        let per_base = DEFAULT_PER_USD.iter().map(|(code, rate)| ((*code).to_owned(), *rate)).collect();
        Self { base: "USD".to_owned(), per_base }
    }
}

/// What is wrong with a rate table.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidRates {
    /// Not an ISO 4217 code.
    #[error("currency: {0:?} is no ISO 4217 code")]
    NotACurrency(String),
    /// Not a rate.
    #[error("currency.per_base.{currency}: must be a positive number, got {rate}")]
    NotARate {
        /// Whose rate.
        currency: String,
        /// What was configured.
        rate: f64,
    },
}

impl RatesConfig {
    /// Checks codes and rates.
    ///
    /// # Errors
    /// [`InvalidRates`], the first in the order of codes.
    pub fn check(&self) -> Result<ExchangeRates, InvalidRates> {
        let currency = |code: &str| match Currency::parse(code) {
            Ok(currency) if currency.is_assigned() => Ok(currency),
            _ => Err(InvalidRates::NotACurrency(code.to_owned())),
        };
        let base = currency(&self.base)?;
        let mut per_base = BTreeMap::from([(base, 1.0)]);
        for (code, &rate) in &self.per_base {
            if !(rate.is_finite() && rate > 0.0) {
                return Err(InvalidRates::NotARate { currency: code.clone(), rate });
            }
            per_base.insert(currency(code)?, rate);
        }
        let mut rates = ExchangeRates { base, per_base, duty_free: Vec::new() };
        rates.duty_free = duty_free(&rates);
        Ok(rates)
    }
}

/// A checked rate table.
#[derive(Clone, Debug, PartialEq)]
pub struct ExchangeRates {
    base: Currency,
    per_base: BTreeMap<Currency, f64>,
    /// What they make of the duty-free values.
    duty_free: Vec<f64>,
}

impl ExchangeRates {
    /// The currency that amounts are converted to.
    pub fn base(&self) -> Currency {
        self.base
    }

    /// Values up to which parcels are free of duty, in the base currency.
    pub(super) fn duty_free(&self) -> &[f64] {
        &self.duty_free
    }

    /// An amount in the base currency; `None` without a rate for its currency, never 1:1.
    pub fn to_base(&self, amount: Money) -> Option<f64> {
        self.per_base.get(&amount.currency).map(|rate| amount.to_f64() / rate)
    }
}

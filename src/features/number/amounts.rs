//! Amounts: what the goods are declared to be worth, and what was paid to send and insure them.

use super::super::ExchangeRates;
use super::{Inputs, JUST_BELOW, NumberFeature, flag, log1p, part_of_next, ratio};
use crate::parcel::Money;
use crate::parcel::codes::Currency;
use crate::reasons::ReasonCode;

/// Values up to which parcels are, or were of late, free of duty or tax, in whole units of a currency.
///
/// EU: VAT up to 22 EUR until July 2021, duty up to 150 EUR until July 2026. Eurasian Economic Union: 200 EUR since
/// January 2020, 1,000 EUR for a time in 2022 and 2023. United States: 800 USD until August 2025.
const DUTY_FREE: [(&str, u64); 5] = [("EUR", 22), ("EUR", 150), ("EUR", 200), ("EUR", 1000), ("USD", 800)];

pub(super) const FEATURES: &[NumberFeature] = &[
    NumberFeature {
        name: "log_value",
        unit: "ln(1 + base currency)",
        meaning: "Declared value of all lines. Missing where none is stated or one has no exchange rate.",
        reason: ReasonCode::DeclaredValue,
        compute: |i| i.value.map(log1p),
    },
    NumberFeature {
        name: "value_is_zero",
        unit: "0 or 1",
        meaning: "Whether the declared value is zero. Missing where no value is stated.",
        reason: ReasonCode::DeclaredValue,
        compute: |i| flag(i.value? == 0.0),
    },
    NumberFeature {
        name: "value_to_duty_free",
        unit: "ratio",
        meaning: "Declared value by the next duty-free value above it (22, 150, 200 and 1,000 EUR, 800 USD). Missing \
                  without a value, at zero and above all of them.",
        reason: ReasonCode::DeclaredValue,
        compute: to_duty_free,
    },
    NumberFeature {
        name: "value_near_duty_free",
        unit: "0 or 1",
        meaning: "Whether the declared value is at most 10 % below a duty-free value. Missing where no value is stated.",
        reason: ReasonCode::DeclaredValue,
        compute: |i| flag(i.value.map(|_| to_duty_free(i))?.is_some_and(|part| part >= JUST_BELOW)),
    },
    NumberFeature {
        name: "value_is_round",
        unit: "0 or 1",
        meaning: "Whether the principal line's value is a multiple of ten in its own currency. Missing where it is not \
                  stated or zero.",
        reason: ReasonCode::DeclaredValue,
        compute: |i| positive(i).and_then(|value| flag(value.units % 10 == 0 && value.nanos == 0)),
    },
    NumberFeature {
        name: "value_last_digit",
        unit: "units",
        meaning: "Last digit of the principal line's value, in whole units of its own currency. Missing where it is not \
                  stated or zero.",
        reason: ReasonCode::DeclaredValue,
        compute: |i| positive(i).map(|value| (value.units % 10) as f64),
    },
    NumberFeature {
        name: "value_cents",
        unit: "hundredths",
        meaning: "What the principal line's value has after its whole units, in hundredths of its own currency's unit. \
                  Missing where it is not stated or zero.",
        reason: ReasonCode::DeclaredValue,
        compute: |i| positive(i).map(|value| f64::from(value.nanos) / 1e7),
    },
    NumberFeature {
        name: "log_value_per_kg",
        unit: "ln(1 + base currency per kg)",
        meaning: "Declared value by net mass, else by gross mass. Missing without a value or a mass.",
        reason: ReasonCode::ValueForMass,
        compute: |i| ratio(i.value, i.net_mass_kg.or(i.gross_mass_kg)).map(log1p),
    },
    NumberFeature {
        name: "log_value_per_piece",
        unit: "ln(1 + base currency per piece)",
        meaning: "Declared value by the number of pieces. Missing without either.",
        reason: ReasonCode::ValueForMass,
        compute: |i| ratio(i.value, i.n_pieces).map(log1p),
    },
    NumberFeature {
        name: "log_postage_to_value",
        unit: "ln(1 + ratio)",
        meaning: "Postage paid by the declared value. Missing without either or at a value of zero.",
        reason: ReasonCode::PostageAndInsurance,
        compute: |i| ratio(i.in_base(i.parcel.postage_paid), i.value).map(log1p),
    },
    NumberFeature {
        name: "log_insured_to_value",
        unit: "ln(1 + ratio)",
        meaning: "Insured by declared value. Missing without either or at a value of zero.",
        reason: ReasonCode::PostageAndInsurance,
        compute: |i| ratio(i.in_base(i.parcel.insured_value), i.value).map(log1p),
    },
];

/// The principal line's value, where it is not zero.
fn positive(i: &Inputs<'_>) -> Option<Money> {
    i.line?.value.filter(|value| value.units > 0 || value.nanos > 0)
}

/// The duty-free values in the base currency.
pub(in crate::features) fn duty_free(rates: &ExchangeRates) -> Vec<f64> {
    let limits = DUTY_FREE.iter().filter_map(|(code, units)| {
        let currency = Currency::parse(code).ok()?;
        rates.to_base(Money { currency, units: *units, nanos: 0 })
    });
    limits.collect()
}

fn to_duty_free(i: &Inputs<'_>) -> Option<f64> {
    part_of_next(i.value?, i.rates.duty_free().iter().copied())
}

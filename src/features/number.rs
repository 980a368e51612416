//! Features that are numbers of the parcel itself.

use super::ExchangeRates;
use crate::parcel::{Money, Parcel};
use crate::reasons::ReasonCode;

/// What a number feature is computed from.
#[derive(Debug)]
pub(super) struct Inputs<'a> {
    parcel: &'a Parcel,
    rates: &'a ExchangeRates,
    value: Option<f64>,
    net_mass_kg: Option<f64>,
    gross_mass_kg: Option<f64>,
    n_pieces: Option<f64>,
}

impl<'a> Inputs<'a> {
    /// Takes together what several features share.
    pub(super) fn new(parcel: &'a Parcel, rates: &'a ExchangeRates) -> Self {
        Self {
            parcel,
            rates,
            value: total_value(parcel, rates),
            net_mass_kg: parcel.net_mass_grams().map(|grams| grams as f64 / 1000.0),
            gross_mass_kg: parcel.gross_mass.map(|mass| mass.get() as f64 / 1000.0),
            n_pieces: parcel.n_pieces().map(|pieces| pieces as f64),
        }
    }

    fn in_base(&self, amount: Option<Money>) -> Option<f64> {
        self.rates.to_base(amount?)
    }
}

/// Sum over the lines in the base currency; `None` where no line states a value, or where one
/// cannot be converted: part of a value would look like a low one.
fn total_value(parcel: &Parcel, rates: &ExchangeRates) -> Option<f64> {
    let stated = parcel.contents.iter().filter_map(|line| line.value);
    let converted: Option<Vec<f64>> = stated.map(|value| rates.to_base(value)).collect();
    converted?.into_iter().reduce(|a, b| a + b)
}

/// A number feature: what the catalogue says of it, and how it is computed.
#[derive(Debug)]
pub struct NumberFeature {
    /// Name in specs, evidence and reports.
    pub name: &'static str,
    /// Unit of the value.
    pub unit: &'static str,
    /// What it is, and when it is missing.
    pub meaning: &'static str,
    /// The ground it speaks for.
    pub reason: ReasonCode,
    pub(super) compute: fn(&Inputs<'_>) -> Option<f64>,
}

/// `ln(1 + x)`, from `libm` so that every machine computes the same bits.
fn log1p(x: f64) -> f64 {
    libm::log1p(x.max(0.0))
}

fn ratio(a: Option<f64>, b: Option<f64>) -> Option<f64> {
    match (a?, b?) {
        (a, b) if b > 0.0 => Some(a / b),
        _ => None,
    }
}

fn flag(set: bool) -> Option<f64> {
    Some(if set { 1.0 } else { 0.0 })
}

/// The catalogue of number features.
pub const NUMBER_FEATURES: &[NumberFeature] = &[
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
        name: "log_net_mass",
        unit: "ln(1 + kg)",
        meaning: "Net mass of all lines. Missing where none is stated.",
        reason: ReasonCode::DeclaredMass,
        compute: |i| i.net_mass_kg.map(log1p),
    },
    NumberFeature {
        name: "log_gross_mass",
        unit: "ln(1 + kg)",
        meaning: "Gross mass of the item. Missing where it is not stated.",
        reason: ReasonCode::DeclaredMass,
        compute: |i| i.gross_mass_kg.map(log1p),
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
    NumberFeature {
        name: "log_pieces",
        unit: "ln(1 + pieces)",
        meaning: "Number of pieces. Missing where none is stated.",
        reason: ReasonCode::Composition,
        compute: |i| i.n_pieces.map(log1p),
    },
    NumberFeature {
        name: "n_lines",
        unit: "lines",
        meaning: "Number of content lines.",
        reason: ReasonCode::Composition,
        compute: |i| Some(i.parcel.contents.len() as f64),
    },
    NumberFeature {
        name: "n_documents",
        unit: "documents",
        meaning: "Number of licences, certificates and invoices.",
        reason: ReasonCode::Composition,
        compute: |i| Some(i.parcel.documents.len() as f64),
    },
    NumberFeature {
        name: "n_notices",
        unit: "notices",
        meaning: "Number of odd values, such as a wrong check digit or an unknown code.",
        reason: ReasonCode::DataQuality,
        compute: |i| Some(i.parcel.notices.len() as f64),
    },
    NumberFeature {
        name: "value_missing",
        unit: "0 or 1",
        meaning: "Whether no usable value is stated.",
        reason: ReasonCode::DataQuality,
        compute: |i| flag(i.value.is_none()),
    },
    NumberFeature {
        name: "mass_missing",
        unit: "0 or 1",
        meaning: "Whether neither a net nor a gross mass is stated.",
        reason: ReasonCode::DataQuality,
        compute: |i| flag(i.net_mass_kg.is_none() && i.gross_mass_kg.is_none()),
    },
    NumberFeature {
        name: "hs_missing",
        unit: "0 or 1",
        meaning: "Whether no line states an HS code.",
        reason: ReasonCode::DataQuality,
        compute: |i| flag(i.parcel.contents.iter().all(|line| line.hs_code.is_none())),
    },
    NumberFeature {
        name: "sender_missing",
        unit: "0 or 1",
        meaning: "Whether neither an identifier nor a name of the sender is stated.",
        reason: ReasonCode::DataQuality,
        compute: |i| {
            flag(i.parcel.sender.as_ref().is_none_or(|party| party.party_id.is_none() && party.name.is_none()))
        },
    },
    NumberFeature {
        name: "addressee_missing",
        unit: "0 or 1",
        meaning: "Whether neither an identifier nor a name of the addressee is stated.",
        reason: ReasonCode::DataQuality,
        compute: |i| {
            flag(i.parcel.addressee.as_ref().is_none_or(|party| party.party_id.is_none() && party.name.is_none()))
        },
    },
    NumberFeature {
        name: "carrier_missing",
        unit: "0 or 1",
        meaning: "Whether no carrier is stated.",
        reason: ReasonCode::DataQuality,
        compute: |i| flag(i.parcel.carrier.is_none()),
    },
];

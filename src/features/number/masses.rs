//! Masses: what the item and the goods weigh.

use super::{Inputs, JUST_BELOW, NumberFeature, flag, log1p, part_of_next, ratio};
use crate::reasons::ReasonCode;

/// Limits of post in kg: letter post, parcels, EMS and heavy parcels (UPU Convention Regulations).
pub(super) const LIMITS_KG: [f64; 3] = [LETTER_LIMIT_KG, 30.0, 31.5];
/// Heaviest item of letter post in kg.
pub(super) const LETTER_LIMIT_KG: f64 = 2.0;

pub(super) const FEATURES: &[NumberFeature] = &[
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
        name: "log_mass_per_piece",
        unit: "ln(1 + g per piece)",
        meaning: "Net mass, else gross mass, by the number of pieces. Missing without a mass or a number.",
        reason: ReasonCode::DeclaredMass,
        compute: |i| ratio(kg(i).map(|kg| kg * 1000.0), i.n_pieces).map(log1p),
    },
    NumberFeature {
        name: "mass_is_whole",
        unit: "0 or 1",
        meaning: "Whether the gross mass, else the net mass, is a whole number of kilograms. Missing without a mass.",
        reason: ReasonCode::DeclaredMass,
        compute: |i| {
            let gross = i.parcel.gross_mass.map(|mass| mass.get());
            flag(gross.or_else(|| i.parcel.net_mass_grams())?.is_multiple_of(1000))
        },
    },
    NumberFeature {
        name: "net_to_gross_mass",
        unit: "ratio",
        meaning: "Net mass of all lines by gross mass: above 1, the goods outweigh the item. Missing without either.",
        reason: ReasonCode::DeclaredMass,
        compute: |i| ratio(i.net_mass_kg, i.gross_mass_kg),
    },
    NumberFeature {
        name: "gross_mass_to_limit",
        unit: "ratio",
        meaning: "Gross mass by the next limit of post above it (2, 30 and 31.5 kg). Missing without a gross mass and \
                  above all of them.",
        reason: ReasonCode::DeclaredMass,
        compute: to_limit,
    },
    NumberFeature {
        name: "gross_mass_near_limit",
        unit: "0 or 1",
        meaning: "Whether the gross mass is at most 10 % below a limit of post. Missing without a gross mass.",
        reason: ReasonCode::DeclaredMass,
        compute: |i| flag(i.gross_mass_kg.map(|_| to_limit(i))?.is_some_and(|part| part >= JUST_BELOW)),
    },
];

fn kg(i: &Inputs<'_>) -> Option<f64> {
    i.net_mass_kg.or(i.gross_mass_kg)
}

fn to_limit(i: &Inputs<'_>) -> Option<f64> {
    part_of_next(i.gross_mass_kg?, LIMITS_KG)
}

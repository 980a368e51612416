//! Features that are numbers of the parcel itself, one file for each thing that they are about.

mod amounts;
mod calendar;
mod composition;
mod inputs;
mod item_id;
mod masses;
mod parties;
mod quality;
mod words;

pub(super) use amounts::duty_free;
pub(super) use inputs::{Inputs, with_scratch};

use crate::reasons::ReasonCode;

/// A number feature: what the catalogue says of it, and how it is computed.
#[derive(Clone, Copy, Debug)]
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

/// The catalogue of number features.
pub const NUMBER_FEATURES: &[NumberFeature] = &joined::<{ n_features() }>();

/// The catalogue's files, in its order.
const FILES: &[&[NumberFeature]] = &[
    amounts::FEATURES,
    masses::FEATURES,
    composition::FEATURES,
    quality::FEATURES,
    parties::FEATURES,
    words::FEATURES,
    item_id::FEATURES,
    calendar::FEATURES,
];

const fn n_features() -> usize {
    let (mut n, mut file) = (0, 0);
    while file < FILES.len() {
        n += FILES[file].len();
        file += 1;
    }
    n
}

/// The files one after the other; `N` is [`n_features`].
const fn joined<const N: usize>() -> [NumberFeature; N] {
    let mut all = [FILES[0][0]; N];
    let (mut n, mut file) = (0, 0);
    while file < FILES.len() {
        let mut idx = 0;
        while idx < FILES[file].len() {
            all[n] = FILES[file][idx];
            n += 1;
            idx += 1;
        }
        file += 1;
    }
    all
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

/// What part of the next limit above it an amount has reached; `None` for zero, and above all limits.
fn part_of_next(amount: f64, limits: impl IntoIterator<Item = f64>) -> Option<f64> {
    let next = limits.into_iter().filter(|limit| *limit >= amount).min_by(f64::total_cmp)?;
    (amount > 0.0).then(|| amount / next)
}

/// From this part of a limit on, an amount is just below it.
const JUST_BELOW: f64 = 0.9;

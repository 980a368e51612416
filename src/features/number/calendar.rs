//! Calendar: when the advance data was received, in UTC, as points on circles.

use std::f64::consts::TAU;

use super::{Inputs, NumberFeature};
use crate::reasons::ReasonCode;

/// Days of a mean Gregorian year.
const DAYS_PER_YEAR: f64 = 365.2425;
const SECONDS_PER_DAY: i64 = 86_400;

pub(super) const FEATURES: &[NumberFeature] = &[
    NumberFeature {
        name: "weekday_sin",
        unit: "sine",
        meaning: "Day of the week of the advance data, Monday at 0, as a sine.",
        reason: ReasonCode::Timing,
        compute: |i| Some(libm::sin(TAU * weekday(i))),
    },
    NumberFeature {
        name: "weekday_cos",
        unit: "cosine",
        meaning: "Day of the week of the advance data, Monday at 0, as a cosine.",
        reason: ReasonCode::Timing,
        compute: |i| Some(libm::cos(TAU * weekday(i))),
    },
    NumberFeature {
        name: "season_sin",
        unit: "sine",
        meaning: "Day of the year of the advance data, 1 January at 0 give or take a day, as a sine.",
        reason: ReasonCode::Timing,
        compute: |i| Some(libm::sin(TAU * season(i))),
    },
    NumberFeature {
        name: "season_cos",
        unit: "cosine",
        meaning: "Day of the year of the advance data, 1 January at 0 give or take a day, as a cosine.",
        reason: ReasonCode::Timing,
        compute: |i| Some(libm::cos(TAU * season(i))),
    },
    NumberFeature {
        name: "time_of_day_sin",
        unit: "sine",
        meaning: "Time of day of the advance data, as a sine. Missing at midnight sharp: then only a date was known.",
        reason: ReasonCode::Timing,
        compute: |i| Some(libm::sin(TAU * time_of_day(i)?)),
    },
    NumberFeature {
        name: "time_of_day_cos",
        unit: "cosine",
        meaning: "Time of day of the advance data, as a cosine. Missing at midnight sharp: then only a date was known.",
        reason: ReasonCode::Timing,
        compute: |i| Some(libm::cos(TAU * time_of_day(i)?)),
    },
];

/// What part of a week has passed since its Monday; 1970-01-01 was a Thursday.
fn weekday(i: &Inputs<'_>) -> f64 {
    (i.parcel.advised_at.day() + 3).rem_euclid(7) as f64 / 7.0
}

/// What part of a mean year has passed since one began.
fn season(i: &Inputs<'_>) -> f64 {
    let years = i.parcel.advised_at.day() as f64 / DAYS_PER_YEAR;
    years - years.floor()
}

/// What part of the day has passed.
fn time_of_day(i: &Inputs<'_>) -> Option<f64> {
    let second = i.parcel.advised_at.seconds().rem_euclid(SECONDS_PER_DAY);
    let is_midnight = second == 0 && i.parcel.advised_at.nanos() == 0;
    (!is_midnight).then_some(second as f64 / SECONDS_PER_DAY as f64)
}

//! What passed in one cell, day by day: the day that is under way, and the days before it, decayed.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::{Route, RouteCause};

/// Bins of raw scores: 1/32 log-odds each, from -16 to 16; what lies beyond is in the last on its side.
pub(super) const N_BINS: usize = 1024;
const BINS_PER_LOG_ODDS: f64 = 32.0;
const LOWEST_LOG_ODDS: f64 = -16.0;
/// Parts of a day, of a quarter of an hour each.
pub(super) const N_SLOTS: usize = 96;
/// Weights are summed in steps of a millionth: whole numbers, so that order cannot matter.
const STEPS: f64 = 1e6;
/// Days after which a day counts half.
const HALF_LIFE_DAYS: f64 = 7.0;
/// After as many days without a parcel nothing is left of the past.
const MOST_DAYS: i64 = 400;

/// The bin of a raw score.
pub(super) fn bin_of(raw_score: f64) -> usize {
    let bin = (raw_score - LOWEST_LOG_ODDS) * BINS_PER_LOG_ODDS;
    // A cast saturates: NaN and what lies below is the first.
    (bin as usize).min(N_BINS - 1)
}

/// The raw score at which a bin begins.
pub(super) fn start_of(bin: f64) -> f64 {
    LOWEST_LOG_ODDS + bin / BINS_PER_LOG_ODDS
}

/// One parcel, as it counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Passed {
    /// `None` where another model scored it.
    pub(super) bin: Option<u16>,
    pub(super) slot: u8,
    pub(super) route: Route,
    pub(super) cause: RouteCause,
    /// In [`STEPS`].
    pub(super) uncertainty: u32,
    pub(super) novelty: u32,
}

/// A weight from 0 to 1 in whole steps.
pub(super) fn steps(weight: f64) -> u32 {
    (weight.clamp(0.0, 1.0) * STEPS).round() as u32
}

/// Sums over parcels: of a day in whole numbers, of past days decayed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums<N> {
    pub(super) parcels: N,
    pub(super) bins: Vec<N>,
    pub(super) slots: Vec<N>,
    /// Parcels by route, of those the score chose.
    pub(super) by_score: [N; 6],
    /// Parcels by route, of those anything else chose.
    pub(super) otherwise: [N; 6],
    pub(super) uncertainty: N,
    pub(super) novelty: N,
}

impl<N: Copy + Default> Default for Sums<N> {
    fn default() -> Self {
        let zero = N::default();
        Self {
            parcels: zero,
            bins: vec![zero; N_BINS],
            slots: vec![zero; N_SLOTS],
            by_score: [zero; 6],
            otherwise: [zero; 6],
            uncertainty: zero,
            novelty: zero,
        }
    }
}

impl<N> Sums<N> {
    /// Every sum, in one order.
    fn all_mut(&mut self) -> impl Iterator<Item = &mut N> {
        let Self { parcels, bins, slots, by_score, otherwise, uncertainty, novelty } = self;
        [parcels, uncertainty, novelty].into_iter().chain(bins).chain(slots).chain(by_score).chain(otherwise)
    }

    fn all(&self) -> impl Iterator<Item = &N> {
        let Self { parcels, bins, slots, by_score, otherwise, uncertainty, novelty } = self;
        [parcels, uncertainty, novelty].into_iter().chain(bins).chain(slots).chain(by_score).chain(otherwise)
    }
}

impl<N> Sums<N> {
    /// Whether there is a sum for every bin and every part of a day.
    fn is_whole(&self) -> bool {
        self.bins.len() == N_BINS && self.slots.len() == N_SLOTS
    }
}

impl<N: Copy + AddAssign> Sums<N> {
    /// Adds those of another cell.
    pub(super) fn add(&mut self, other: &Self) {
        self.all_mut().zip(other.all()).for_each(|(sum, added)| *sum += *added);
    }
}

/// What passed in one cell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Tally {
    pub(super) today: Sums<u64>,
    pub(super) past: Sums<f64>,
    pub(super) together: Together,
}

/// Most parcels that came in one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Together {
    today: u64,
    /// Of the days before, fewer the longer ago it was.
    past: f64,
}

impl Together {
    /// So many came in one bucket.
    pub(super) fn came(&mut self, n_parcels: usize) {
        self.today = self.today.max(n_parcels as u64);
    }

    /// Parcels that may come in one bucket, as they have of late.
    pub(super) fn most(&self) -> f64 {
        self.past.max(self.today as f64)
    }

    pub(super) fn add(&mut self, other: &Self) {
        *self = Self { today: self.today.max(other.today), past: self.past.max(other.past) };
    }

    pub(super) fn end_day(&mut self) {
        *self = Self { today: 0, past: (self.past * day_weight()).max(self.today as f64) };
    }
}

impl Tally {
    /// Whether it is one that counting makes.
    pub(super) fn is_whole(&self) -> bool {
        self.today.is_whole() && self.past.is_whole()
    }

    pub(super) fn count(&mut self, passed: &Passed) {
        let today = &mut self.today;
        today.parcels += 1;
        if let Some(count) = passed.bin.and_then(|bin| today.bins.get_mut(usize::from(bin))) {
            *count += 1;
        }
        if let Some(count) = today.slots.get_mut(usize::from(passed.slot)) {
            *count += 1;
        }
        let routes = if passed.cause == RouteCause::Score { &mut today.by_score } else { &mut today.otherwise };
        if let Some(count) = routes.get_mut(passed.route as usize) {
            *count += 1;
        }
        today.uncertainty += u64::from(passed.uncertainty);
        today.novelty += u64::from(passed.novelty);
    }

    /// Parcels of today and of late.
    pub(super) fn n_parcels(&self) -> f64 {
        self.today.parcels as f64 + self.past.parcels
    }

    /// Adds another cell.
    pub(super) fn add(&mut self, other: &Self) {
        self.today.add(&other.today);
        self.past.add(&other.past);
        self.together.add(&other.together);
    }

    /// Moves on by a day.
    pub(super) fn end_day(&mut self) {
        let keep = day_weight();
        self.together.end_day();
        for (past, today) in self.past.all_mut().zip(self.today.all()) {
            *past = *past * keep + *today as f64;
        }
        self.today = Sums::default();
    }
}

/// What remains of a day's weight a day later.
pub(super) fn day_weight() -> f64 {
    libm::exp2(-1.0 / HALF_LIFE_DAYS)
}

/// Days to move on by, from one day to another.
pub(super) fn days_to_end(from: i64, to: i64) -> i64 {
    (to - from).clamp(0, MOST_DAYS)
}

/// A sum of [`steps`] as the weight that it is.
pub(super) fn weight(sum: f64) -> f64 {
    sum / STEPS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_beyond_the_bins_are_in_the_last_ones() {
        let bins = [f64::NEG_INFINITY, -16.0, -15.97, 0.0, 15.99, 1e9, f64::INFINITY, f64::NAN].map(bin_of);
        assert_eq!(bins, [0, 0, 0, 512, 1023, 1023, 1023, 0]);
        assert_eq!(start_of(512.0), 0.0);
    }

    #[test]
    fn a_week_old_day_counts_half() {
        let mut tally = Tally::default();
        let passed = Passed {
            bin: Some(5),
            slot: 95,
            route: Route::Open,
            cause: RouteCause::Rule,
            uncertainty: steps(0.25),
            novelty: 0,
        };
        tally.count(&passed);
        for _ in 0..8 {
            tally.end_day();
        }
        assert!((tally.past.parcels - 0.5).abs() < 1e-12, "{}", tally.past.parcels);
        assert!((weight(tally.past.uncertainty) - 0.125).abs() < 1e-12);
        assert!((tally.past.otherwise[5] - 0.5).abs() < 1e-12 && tally.past.by_score == [0.0; 6]);
        assert_eq!(tally.today, Sums::default());
    }
}

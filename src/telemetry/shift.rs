//! Whether the features of parcels still spread as in the data that the model was trained on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Parcels of one window; the last whole one and the one that is filling are looked at together.
const WINDOW: u64 = 5_000;
/// Fewer say nothing.
const FEWEST: u64 = 1_000;
/// A share below counts as that, as in `evaluation`.
const LEAST_SHARE: f64 = 1e-4;

/// How a feature was distributed.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// Its name.
    pub name: String,
    /// Where it stands among a parcel's features.
    pub at: usize,
    /// Upper ends of all bins but the last, rising; a value on an edge is below it.
    pub edges: Vec<f32>,
    /// Rows in each bin, one more than `edges`.
    pub rows: Vec<u64>,
    /// Rows that did not state it.
    pub missing: u64,
}

/// The features that are watched, and where those of the latest parcels lay.
#[derive(Debug, Default)]
pub struct FeatureShift {
    features: Vec<Watched>,
    n: AtomicU64,
}

#[derive(Debug)]
struct Watched {
    expected: Expected,
    /// By bin; the missing last.
    filling: Vec<AtomicU64>,
    whole: Mutex<Vec<u64>>,
}

impl FeatureShift {
    /// Nothing counted yet. What is no distribution is not watched.
    pub fn new(expected: impl IntoIterator<Item = Expected>) -> Self {
        let watched = |expected: Expected| {
            let n_bins = expected.rows.len() + 1;
            Watched { expected, filling: (0..n_bins).map(|_| AtomicU64::new(0)).collect(), whole: Mutex::default() }
        };
        let is_sound = |of: &Expected| of.rows.len() == of.edges.len() + 1 && of.rows.iter().any(|rows| *rows > 0);
        Self { features: expected.into_iter().filter(is_sound).map(watched).collect(), n: AtomicU64::new(0) }
    }

    /// A parcel's features, NaN where missing.
    pub fn add(&self, values: &[f32]) {
        for Watched { expected, filling, .. } in &self.features {
            let Some(value) = values.get(expected.at) else { continue };
            let bin =
                if value.is_nan() { expected.rows.len() } else { expected.edges.partition_point(|edge| edge < value) };
            if let Some(count) = filling.get(bin) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
        // Only one of those that count at once sees this number.
        if (self.n.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(WINDOW) {
            for Watched { filling, whole, .. } in &self.features {
                let taken = filling.iter().map(|count| count.swap(0, Ordering::Relaxed)).collect();
                *whole.lock().unwrap_or_else(PoisonError::into_inner) = taken;
            }
        }
    }

    /// Population stability index of each feature over the latest 5,000 to 10,000 parcels: below 0.1 is stable, above 0.25 a
    /// shift. Empty under 1,000.
    pub fn psi(&self) -> Vec<(String, f64)> {
        let of = |watched: &Watched| Some((watched.expected.name.clone(), watched.psi()?));
        self.features.iter().filter_map(of).collect()
    }
}

impl Watched {
    fn psi(&self) -> Option<f64> {
        let whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let whole = whole.into_iter().chain(std::iter::repeat(0));
        let found: Vec<u64> =
            self.filling.iter().zip(whole).map(|(count, whole)| count.load(Ordering::Relaxed) + whole).collect();
        let Expected { rows, missing, .. } = &self.expected;
        let (n_found, n) = (found.iter().sum::<u64>(), missing + rows.iter().sum::<u64>());
        if n_found < FEWEST {
            return None;
        }
        let share = |rows: u64, of: u64| (rows as f64 / of as f64).max(LEAST_SHARE);
        let bins = rows.iter().chain([missing]).zip(&found).filter(|bin| *bin != (&0, &0));
        Some(bins.fold(0.0, |sum, (expected, found)| {
            let (p, q) = (share(*expected, n), share(*found, n_found));
            sum + (q - p) * libm::log(q / p)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(at: usize) -> Expected {
        Expected { name: format!("flag {at}"), at, edges: vec![0.0], rows: vec![50, 50], missing: 0 }
    }

    #[test]
    fn a_feature_that_shifts_is_told_from_one_that_does_not() {
        let shift = FeatureShift::new([flag(0), flag(1)]);
        for n in 0..7_000 {
            let even = if n % 2 == 0 { 0.0 } else { 1.0 };
            let rare = if n % 10 == 0 { 1.0 } else { 0.0 };
            shift.add(&[even, rare]);
        }
        let psi = shift.psi();
        assert!(psi[0].1.abs() < 1e-6, "{psi:?}");
        // By hand: 0.4 ln 1.8 and -0.4 ln 0.2.
        assert!((psi[1].1 - (0.4 * 1.8_f64.ln() - 0.4 * 0.2_f64.ln())).abs() < 1e-9, "{psi:?}");
        assert_eq!(psi[1].0, "flag 1");
    }

    #[test]
    fn a_few_parcels_say_nothing_what_is_no_longer_stated_is_a_shift_and_old_ones_are_forgotten() {
        let shift = FeatureShift::new([flag(0), Expected { rows: vec![1], edges: vec![1.0], ..flag(1) }]);
        (0..FEWEST - 1).for_each(|_| shift.add(&[f32::NAN]));
        assert!(shift.psi().is_empty());
        shift.add(&[f32::NAN]);
        assert!(matches!(shift.psi().as_slice(), [(_, psi)] if *psi > 5.0));
        for n in 0..2 * WINDOW {
            shift.add(&[(n % 2) as f32]);
        }
        assert!(shift.psi()[0].1 < 0.01);
    }
}

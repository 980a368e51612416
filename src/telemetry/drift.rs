//! Whether scores still spread as those that the model was released with.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Tenths of the reference.
const N_BINS: usize = 10;
/// Decisions of one window; the last whole one and the one that is filling are looked at together.
const WINDOW: u64 = 5_000;
/// Fewer say nothing.
const FEWEST: u64 = 1_000;
/// A share below counts as that, as in `evaluation`.
const LEAST_SHARE: f64 = 1e-4;

/// Where the latest scores stood among the model's reference scores.
#[derive(Debug, Default)]
pub(super) struct Drift {
    filling: [AtomicU64; N_BINS],
    n: AtomicU64,
    whole: Mutex<[u64; N_BINS]>,
}

impl Drift {
    /// One score stood above this share of the reference, 0 to 1.
    pub(super) fn add(&self, percentile: f64) {
        // What is no number counts in the first bin.
        let bin = ((percentile * N_BINS as f64) as usize).min(N_BINS - 1);
        if let Some(count) = self.filling.get(bin) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        // Only one of those that count at once sees this number.
        if (self.n.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(WINDOW) {
            let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
            for (kept, count) in whole.iter_mut().zip(&self.filling) {
                *kept = count.swap(0, Ordering::Relaxed);
            }
        }
    }

    /// Another model has another reference.
    pub(super) fn begin_anew(&self) {
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        *whole = [0; N_BINS];
        self.filling.iter().for_each(|count| count.store(0, Ordering::Relaxed));
    }

    /// Population stability index over the tenths of the reference, of the last 5,000 to 10,000 decisions: below 0.1 is
    /// stable, above 0.25 a shift. `None` under 1,000.
    pub(super) fn psi(&self) -> Option<f64> {
        let whole = *self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        let counts: Vec<u64> =
            self.filling.iter().zip(whole).map(|(count, whole)| count.load(Ordering::Relaxed) + whole).collect();
        psi(&counts)
    }
}

fn psi(counts: &[u64]) -> Option<f64> {
    let total: u64 = counts.iter().sum();
    if total < FEWEST {
        return None;
    }
    let expected = 1.0 / counts.len() as f64;
    let of = |count: &u64| {
        let share = (*count as f64 / total as f64).max(LEAST_SHARE);
        (share - expected) * libm::log(share / expected)
    };
    Some(counts.iter().map(of).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_as_the_reference_has_them_are_stable_and_others_are_a_shift() {
        let even = Drift::default();
        for n in 0..7_000 {
            even.add(f64::from(n % 1_000) / 1_000.0);
        }
        assert!(even.psi().unwrap() < 1e-6);
        let high = Drift::default();
        (0..3 * WINDOW).for_each(|_| high.add(1.0));
        // By hand: 0.9 ln 10, and nine times 0.0999 ln 1000.
        assert!((high.psi().unwrap() - (0.9 * 10f64.ln() + 9.0 * 0.0999 * 1000f64.ln())).abs() < 1e-9);
    }

    #[test]
    fn a_few_scores_say_nothing_and_old_ones_are_forgotten() {
        let drift = Drift::default();
        (0..FEWEST - 1).for_each(|_| drift.add(0.5));
        assert_eq!(drift.psi(), None);
        drift.add(f64::NAN);
        assert!(drift.psi().is_some());
        for n in 0..2 * WINDOW {
            drift.add((n % 10) as f64 / 10.0);
        }
        assert!(drift.psi().unwrap() < 0.01);
        drift.begin_anew();
        assert_eq!(drift.psi(), None);
    }
}

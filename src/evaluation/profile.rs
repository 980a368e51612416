//! How a number is distributed, in few enough words to be kept, and how far others are from that.

use serde::{Deserialize, Serialize};

/// Counts of a number between its deciles.
///
/// Equal edges are one, so a flag has two bins, and a number that is always the same has one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Upper ends of all bins but the last, rising; a value on an edge is below it.
    pub edges: Vec<f32>,
    /// Rows in each bin, one more than `edges`.
    pub rows: Vec<u64>,
    /// Rows that do not state the number.
    pub missing: u64,
}

const N_BINS: usize = 10;
/// A smaller share counts as this: an empty bin would be infinitely far.
const LEAST_SHARE: f64 = 1e-4;

impl Profile {
    /// * `values`: shape `(n,)`, in any order; NaN where missing.
    pub fn of(values: &[f32]) -> Self {
        let mut stated = values.iter().copied().filter(|value| !value.is_nan()).collect::<Vec<_>>();
        stated.sort_by(f32::total_cmp);
        let n = stated.len();
        let largest = stated.last().copied();
        let mut edges =
            (1..N_BINS).filter_map(|bin| stated.get((bin * n / N_BINS).saturating_sub(1)).copied()).collect::<Vec<_>>();
        edges.dedup_by(|a, b| *a == *b);
        // Nothing would lie above it.
        edges.retain(|edge| Some(*edge) != largest);
        let rows = vec![0; edges.len() + 1];
        let mut profile = Self { edges, rows, missing: 0 };
        (profile.rows, profile.missing) = profile.count(values);
        profile
    }

    /// The population stability index of `values` against these rows, `Σ (q − p) ln(q / p)` over the bins and, as one
    /// more, the missing. By convention below 0.1 is stable and above 0.25 a shift. `None` where either is empty, or
    /// the profile is no profile.
    ///
    /// * `values`: shape `(n,)`, NaN where missing.
    pub fn shift(&self, values: &[f32]) -> Option<f64> {
        let n = self.missing + self.rows.iter().sum::<u64>();
        if n == 0 || values.is_empty() || self.rows.len() != self.edges.len() + 1 {
            return None;
        }
        let (found, found_missing) = self.count(values);
        let share = |rows: u64, of: u64| (rows as f64 / of as f64).max(LEAST_SHARE);
        let bins = self.rows.iter().zip(found).map(|(&expected, found)| (expected, found));
        let all = bins.chain([(self.missing, found_missing)]).filter(|bin| *bin != (0, 0));
        Some(all.fold(0.0, |sum, (expected, found)| {
            let (p, q) = (share(expected, n), share(found, values.len() as u64));
            sum + (q - p) * libm::log(q / p)
        }))
    }

    fn count(&self, values: &[f32]) -> (Vec<u64>, u64) {
        let (mut rows, mut missing) = (vec![0; self.edges.len() + 1], 0);
        for value in values {
            if value.is_nan() {
                missing += 1;
            } else {
                rows[self.edges.partition_point(|edge| edge < value)] += 1;
            }
        }
        (rows, missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_rows_of_a_hundred_lie_between_deciles() {
        let values = (1..=100).rev().map(|value| value as f32).chain([f32::NAN]).collect::<Vec<_>>();
        let profile = Profile::of(&values);
        assert_eq!(profile.edges, [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0]);
        assert_eq!((profile.rows.as_slice(), profile.missing), (&[10; 10][..], 1));
        assert_eq!(profile.shift(&values), Some(0.0));
    }

    #[test]
    fn a_flag_has_two_bins_and_a_constant_one() {
        let profile = Profile::of(&[0.0, 1.0, 0.0, 1.0, 1.0]);
        assert_eq!((profile.edges.as_slice(), profile.rows.as_slice()), (&[0.0][..], &[2, 3][..]));
        assert_eq!(Profile::of(&[3.0; 40]).rows, [40]);
    }

    #[test]
    fn a_shift_by_hand() {
        // Halves against 9 and 1 of ten: 0.4 ln 1.8 + -0.4 ln 0.2.
        let profile = Profile::of(&[0.0, 1.0, 0.0, 1.0]);
        let values = [vec![0.0; 9], vec![1.0]].concat();
        let by_hand = 0.4 * 1.8_f64.ln() - 0.4 * 0.2_f64.ln();
        assert!((profile.shift(&values).unwrap() - by_hand).abs() < 1e-12);
        // What was always stated and no longer is, is a shift too.
        assert!(profile.shift(&[f32::NAN; 4]).unwrap() > 5.0);
    }

    #[test]
    fn nothing_is_no_distance_away() {
        assert_eq!(Profile::of(&[]).shift(&[1.0]), None);
        assert_eq!(Profile::of(&[1.0]).shift(&[]), None);
        let damaged = Profile { edges: vec![1.0], rows: vec![3], missing: 0 };
        assert_eq!(damaged.shift(&[1.0]), None);
    }
}

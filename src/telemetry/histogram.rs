//! How values are distributed: counted without a lock, and readable by the page that shows them.

use std::sync::atomic::{AtomicU64, Ordering};

/// Upper ends of times, in seconds: a parcel takes microseconds, a call may take its whole deadline.
pub(super) const SECONDS: &[f64] = &[
    1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
    1.0, 2.5, 5.0, 10.0, 60.0,
];

/// Upper ends of risk scores: closest where most parcels are.
pub(super) const SCORES: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// Upper ends of shares.
pub(super) const TENTHS: &[f64] = &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// The sum is kept in whole billionths: atomics hold no fractions.
const BILLION: f64 = 1e9;

/// Counts of values by size.
#[derive(Debug)]
pub(super) struct Histogram {
    ends: &'static [f64],
    /// One more than ends: the last is for what is larger than all.
    counts: Vec<AtomicU64>,
    sum_billionths: AtomicU64,
}

impl Histogram {
    pub(super) fn of(ends: &'static [f64]) -> Self {
        Self { ends, counts: (0..=ends.len()).map(|_| AtomicU64::new(0)).collect(), sum_billionths: AtomicU64::new(0) }
    }

    /// Counts a value; of one below zero or that is no number, only that it was.
    pub(super) fn add(&self, value: f64) {
        let place = self.ends.partition_point(|end| *end < value);
        if let Some(count) = self.counts.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        // The conversion saturates, and gives zero for what is no number.
        self.sum_billionths.fetch_add((value * BILLION) as u64, Ordering::Relaxed);
    }

    pub(super) fn read(&self) -> Distribution {
        Distribution {
            ends: self.ends,
            counts: self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            sum: self.sum_billionths.load(Ordering::Relaxed) as f64 / BILLION,
        }
    }
}

/// Values as they were distributed at one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Distribution {
    ends: &'static [f64],
    counts: Vec<u64>,
    /// Of all values.
    pub sum: f64,
}

impl Distribution {
    /// Number of values.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The values that came after `earlier`, which is of the same histogram.
    pub fn since(&self, earlier: &Self) -> Self {
        let counts = self.counts.iter().zip(&earlier.counts).map(|(now, then)| now.saturating_sub(*then)).collect();
        Self { ends: self.ends, counts, sum: (self.sum - earlier.sum).max(0.0) }
    }

    /// About the value that this share of all are not above; within the width of a bucket. `None` where there is none.
    pub fn quantile(&self, share: f64) -> Option<f64> {
        let wanted = share.clamp(0.0, 1.0) * self.count() as f64;
        let (mut below, mut low) = (0.0, 0.0);
        for (idx, &count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let end = self.ends.get(idx).or(self.ends.last()).copied().unwrap_or_default();
            low = idx.checked_sub(1).and_then(|idx| self.ends.get(idx)).copied().unwrap_or(low);
            if below + count as f64 >= wanted {
                return Some(low + (end - low) * ((wanted - below) / count as f64).clamp(0.0, 1.0));
            }
            below += count as f64;
        }
        None
    }

    /// Upper end and count of each bucket; the last has no end.
    pub(super) fn buckets(&self) -> Vec<(f64, u64)> {
        let ends = self.ends.iter().copied().chain([f64::INFINITY]);
        ends.zip(self.counts.iter().copied()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_counts_where_it_is_not_above_the_end() {
        let histogram = Histogram::of(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 2.0, 3.0, f64::NAN, -1.0] {
            histogram.add(value);
        }
        let read = histogram.read();
        // What is no number is below no end.
        assert_eq!(read.buckets(), [(1.0, 4), (2.0, 2), (f64::INFINITY, 1)]);
        assert_eq!((read.count(), read.sum), (7, 8.0));
    }

    #[test]
    fn a_quantile_lies_in_its_bucket() {
        let histogram = Histogram::of(&[1.0, 2.0, 4.0]);
        assert_eq!(histogram.read().quantile(0.5), None);
        let earlier = histogram.read();
        for value in [0.5, 1.5, 1.5, 3.0] {
            histogram.add(value);
        }
        let read = histogram.read().since(&earlier);
        assert_eq!(read.quantile(0.25), Some(1.0));
        assert_eq!(read.quantile(0.5), Some(1.5));
        assert_eq!(read.quantile(1.0), Some(4.0));
        histogram.add(100.0);
        // Larger than all ends: all that is known is that it is not below the last.
        assert_eq!(histogram.read().quantile(1.0), Some(4.0));
        assert_eq!(read.since(&read).count(), 0);
    }
}

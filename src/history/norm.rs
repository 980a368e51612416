//! What is usual: mean and spread of a number over past parcels of a kind.

use super::{Bucket, Decay};

/// Mean and spread of a number, as a parcel in some bucket sees them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usual {
    /// Parcels behind it, decayed.
    pub n: f64,
    /// Mean.
    pub mean: f64,
    /// Standard deviation.
    pub deviation: f64,
}

/// Decayed moments of closed buckets, and those of the one bucket that may still be written.
///
/// A number far from what closed buckets hold counts as if it stood at `CLAMP_DEVIATIONS`, so that one absurd value
/// cannot hide the next (winsorizing, as in Huber's M-estimator of location). Within a bucket only integers are added.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Norm {
    pub(super) closed_until: Bucket,
    /// Weight, sum and sum of squares.
    pub(super) closed: [f64; 3],
    pub(super) pending_in: Bucket,
    /// Number, sum in [`STEPS_PER_UNIT`]s, and sum of their squares.
    pub(super) pending: [i64; 3],
}

/// Numbers are added in steps of 1/1024.
const STEPS_PER_UNIT: f64 = 1024.0;
/// A larger number counts as this one: no sum of squares of 2^32 of them leaves an i64.
const MAX_ABS: f64 = 32.0;
/// How far from the mean a number counts, in deviations, once [`MIN_N_TO_CLAMP`] are known.
const CLAMP_DEVIATIONS: f64 = 3.0;
const MIN_N_TO_CLAMP: f64 = 20.0;
/// A spread below this is not believed: prices are rounded.
pub(super) const MIN_DEVIATION: f64 = 0.05;

impl Norm {
    /// Adds a number in bucket `at`.
    pub(super) fn add(&mut self, at: Bucket, number: f64, decay: &Decay) {
        self.add_all(at, &[number], decay);
    }

    /// Adds numbers in bucket `at`, of which there must be some; in whatever order, as one after the other.
    pub(super) fn add_all(&mut self, at: Bucket, numbers: &[f64], decay: &Decay) {
        if at > self.pending_in {
            self.merge(decay);
            self.pending_in = at;
        }
        let known = usual(self.closed).filter(|known| known.n >= MIN_N_TO_CLAMP);
        for number in numbers {
            let number = match known {
                Some(Usual { mean, deviation, .. }) => {
                    let reach = CLAMP_DEVIATIONS * deviation;
                    number.clamp(mean - reach, mean + reach)
                }
                None => *number,
            };
            let steps = (number.clamp(-MAX_ABS, MAX_ABS) * STEPS_PER_UNIT).round() as i64;
            for (sum, added) in self.pending.iter_mut().zip([1, steps, steps * steps]) {
                *sum = sum.saturating_add(added);
            }
        }
    }

    /// What a parcel in bucket `at` sees: everything before `at`; `None` where there was nothing.
    pub(super) fn read(&self, at: Bucket, decay: &Decay) -> Option<Usual> {
        let mut closed = *self;
        if closed.pending_in < at {
            closed.merge(decay);
        }
        let weight = decay.remaining(closed.closed_until, at);
        usual(closed.closed.map(|sum| sum * weight))
    }

    fn merge(&mut self, decay: &Decay) {
        if self.pending == [0; 3] {
            return;
        }
        // Of nothing, nothing remains whatever its age.
        let weight = match self.closed == [0.0; 3] {
            true => 0.0,
            false => decay.remaining(self.closed_until, self.pending_in),
        };
        let units = [1.0, STEPS_PER_UNIT, STEPS_PER_UNIT * STEPS_PER_UNIT];
        for ((closed, pending), unit) in self.closed.iter_mut().zip(self.pending).zip(units) {
            *closed = *closed * weight + pending as f64 / unit;
        }
        self.closed_until = self.pending_in;
        self.pending = [0; 3];
    }
}

fn usual([n, sum, sum_of_squares]: [f64; 3]) -> Option<Usual> {
    // Weights below this are what decay leaves of nothing.
    if n < 1e-6 {
        return None;
    }
    let mean = sum / n;
    let variance = (sum_of_squares / n - mean * mean).max(MIN_DEVIATION * MIN_DEVIATION);
    Some(Usual { n, mean, deviation: variance.sqrt() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::BucketWidth;

    fn decay() -> Decay {
        Decay { width: BucketWidth::from_seconds(86_400).unwrap(), half_life_days: 365.0 }
    }

    #[test]
    fn mean_and_deviation_are_those_of_the_numbers() {
        let mut norm = Norm::default();
        for number in [1.0, 2.0, 3.0, 4.0] {
            norm.add(Bucket(5), number, &decay());
        }
        assert_eq!(norm.read(Bucket(5), &decay()), None, "its own bucket is open");
        let usual = norm.read(Bucket(6), &decay()).unwrap();
        assert!((usual.mean - 2.5).abs() < 1e-12 && (usual.deviation - 1.25_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn one_absurd_value_cannot_move_what_is_usual_by_much() {
        let mut norm = Norm::default();
        for number in 0..100 {
            norm.add(Bucket(5), 3.0 + f64::from(number % 3) * 0.1, &decay());
        }
        norm.add(Bucket(6), 30.0, &decay());
        let usual = norm.read(Bucket(7), &decay()).unwrap();
        assert!((usual.mean - 3.1).abs() < 0.01 && usual.deviation < 0.1, "{usual:?}");
    }

    #[test]
    fn the_order_within_a_bucket_changes_nothing() {
        let numbers: Vec<f64> = (0..50).map(|n| libm::sin(f64::from(n)) * 9.0).collect();
        let (mut forward, mut backward) = (Norm::default(), Norm::default());
        for bucket in 0..3 {
            numbers.iter().for_each(|number| forward.add(Bucket(bucket), *number, &decay()));
            numbers.iter().rev().for_each(|number| backward.add(Bucket(bucket), *number, &decay()));
        }
        assert_eq!(forward, backward);
        let before = forward.read(Bucket(3), &decay());
        forward.add(Bucket(3), 1.0, &decay());
        assert_eq!(forward.read(Bucket(3), &decay()), before, "reading is what the next event leaves");
    }
}

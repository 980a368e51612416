//! Resamples of rows and of days, the same for a seed on any number of threads.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng as _},
};
use rayon::prelude::*;

use super::{
    interval::{Estimate, Interval, percentile, wider},
    metrics::{Fit, Metrics},
    scored::Scored,
    settings::{CapacityShare, Settings},
    slope::Line,
};

/// All figures of every replicate. Figures of one replicate come from one resample, so their differences are paired.
#[derive(Debug)]
pub(super) struct Bootstrap {
    by_rows: Vec<Metrics>,
    by_days: Vec<Metrics>,
}

/// What is drawn, with replacement, as many times as there are of it.
#[derive(Clone, Copy, Debug)]
enum Unit {
    Row,
    Day,
}

impl Bootstrap {
    /// * `shares`: ascending. `line`: the calibration line of the rows as they are.
    pub(super) fn run(scored: &Scored, shares: &[CapacityShare], settings: &Settings, line: Option<Line>) -> Self {
        let replicates = |unit| {
            let replicate = |(weights, scratch): &mut (Vec<f64>, Vec<f64>), replicate| {
                resample(scored, unit, settings.seed, replicate, weights);
                Metrics::measure(scored, shares, weights, Fit::From(line), scratch)
            };
            (0..settings.bootstrap).into_par_iter().map_init(<(Vec<f64>, Vec<f64>)>::default, replicate).collect()
        };
        Self { by_rows: replicates(Unit::Row), by_days: replicates(Unit::Day) }
    }

    /// The wider of the intervals of rows and of days.
    pub(super) fn interval(&self, of: impl Fn(&Metrics) -> Option<f64>) -> Option<Interval> {
        wider(percentile(self.by_rows.iter().map(&of)), percentile(self.by_days.iter().map(&of)))
    }

    /// The figure of `point`, with its interval.
    pub(super) fn estimate(&self, point: &Metrics, of: impl Fn(&Metrics) -> Option<f64>) -> Option<Estimate> {
        of(point).map(|value| Estimate::new(value, self.interval(of)))
    }
}

/// Weighs each row by how often it, or its day, was drawn.
fn resample(scored: &Scored, unit: Unit, seed: u64, replicate: u32, weights: &mut Vec<f64>) {
    let n_units = match unit {
        Unit::Row => scored.n_rows(),
        Unit::Day => scored.n_days,
    };
    // A stream for each replicate, and not one that is shared: else the threads would decide who draws what.
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream((u64::from(replicate) << 1) | unit as u64);
    let mut drawn = vec![0_u32; n_units];
    for _ in 0..n_units {
        drawn[below(n_units, rng.next_u64())] += 1;
    }
    weights.clear();
    weights.extend(scored.weights.iter().enumerate().map(|(row, weight)| match unit {
        Unit::Row => weight * f64::from(drawn[row]),
        Unit::Day => weight * f64::from(drawn[scored.day_idx[row]]),
    }));
}

/// A number below `n` from 64 random bits. Its bias is under `n / 2^64`, far below what a replicate could show.
pub(super) fn below(n: usize, bits: u64) -> usize {
    ((u128::from(bits) * n as u128) >> 64) as usize
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Columns, ScoredRow},
        *,
    };

    fn scored() -> Scored {
        let rows = (0..50_u8).map(|at| ScoredRow {
            margin: -f64::from(at),
            risk_score: 0.5,
            infringement: at % 3 == 0,
            day: i64::from(at / 10),
            ..ScoredRow::default()
        });
        Scored::new(&rows.collect::<Vec<_>>(), &Columns::default()).unwrap()
    }

    fn drawn(unit: Unit, seed: u64, replicate: u32) -> Vec<f64> {
        let mut weights = Vec::new();
        resample(&scored(), unit, seed, replicate, &mut weights);
        weights
    }

    #[test]
    fn as_many_rows_are_drawn_as_there_are() {
        assert_eq!(drawn(Unit::Row, 1, 0).iter().sum::<f64>(), 50.0);
    }

    #[test]
    fn the_rows_of_a_day_are_drawn_together() {
        let weights = drawn(Unit::Day, 1, 0);
        assert_eq!(weights.iter().sum::<f64>(), 50.0);
        for day in weights.chunks(10) {
            assert!(day.iter().all(|&weight| weight == day[0]), "{day:?}");
        }
    }

    #[test]
    fn seeds_replicates_and_units_draw_apart() {
        let base = drawn(Unit::Row, 1, 0);
        assert_eq!(base, drawn(Unit::Row, 1, 0));
        for other in [drawn(Unit::Row, 2, 0), drawn(Unit::Row, 1, 1), drawn(Unit::Day, 1, 0)] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn every_unit_can_be_drawn_and_no_other() {
        assert_eq!([0, 1 << 63, u64::MAX].map(|bits| below(10, bits)), [0, 5, 9]);
    }
}

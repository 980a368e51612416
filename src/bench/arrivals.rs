//! When calls are due.

use std::sync::Arc;
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::BenchError;

/// Times at which calls are due, from the start of the load on; endless.
#[derive(Clone, Debug)]
pub(super) enum Schedule {
    /// At equal distances.
    Fixed { per_second: f64, n: u64 },
    /// Independent of each other, as those of many clients are: the gaps are exponential.
    Poisson { per_second: f64, at: f64, draws: Box<ChaCha8Rng> },
    /// As recorded; again from the beginning after the last.
    Recorded { seconds: Arc<[f64]>, n: usize, span: f64 },
}

impl Schedule {
    pub(super) fn fixed(per_second: f64) -> Self {
        Self::Fixed { per_second, n: 0 }
    }

    pub(super) fn poisson(per_second: f64, seed: u64) -> Self {
        Self::Poisson { per_second, at: 0.0, draws: Box::new(ChaCha8Rng::seed_from_u64(seed)) }
    }

    /// * `times`: seconds, in any order and from any origin.
    /// * `speed_up`: how much faster than recorded.
    ///
    /// # Errors
    /// [`BenchError::NoPace`] where they span no time.
    pub(super) fn recorded(times: &[f64], speed_up: f64) -> Result<Self, BenchError> {
        let mut seconds = times.to_vec();
        seconds.sort_by(f64::total_cmp);
        let (Some(first), Some(last)) = (seconds.first().copied(), seconds.last().copied()) else {
            return Err(BenchError::NoParcels);
        };
        if last <= first {
            return Err(BenchError::NoPace);
        }
        // Between the last and the first again, an average gap.
        let span = (last - first) * seconds.len() as f64 / (seconds.len() as f64 - 1.0) / speed_up;
        seconds.iter_mut().for_each(|at| *at = (*at - first) / speed_up);
        Ok(Self::Recorded { seconds: seconds.into(), n: 0, span })
    }

    /// Calls that it makes due in a second, on average.
    pub(super) fn per_second(&self) -> f64 {
        match self {
            Self::Fixed { per_second, .. } | Self::Poisson { per_second, .. } => *per_second,
            Self::Recorded { seconds, span, .. } => seconds.len() as f64 / span,
        }
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let seconds = match self {
            Self::Fixed { per_second, n } => {
                let at = *n as f64 / *per_second;
                *n += 1;
                at
            }
            Self::Poisson { per_second, at, draws } => {
                let unit = (draws.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
                *at += -libm::log1p(-unit) / *per_second;
                *at
            }
            Self::Recorded { seconds, n, span } => {
                let (round, place) = (*n / seconds.len(), *n % seconds.len());
                *n += 1;
                round as f64 * *span + seconds[place]
            }
        };
        Duration::try_from_secs_f64(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(schedule: Schedule, n: usize) -> Vec<f64> {
        schedule.take(n).map(|at| at.as_secs_f64()).collect()
    }

    #[test]
    fn a_fixed_rate_keeps_its_distances() {
        assert_eq!(seconds(Schedule::fixed(4.0), 5), [0.0, 0.25, 0.5, 0.75, 1.0]);
    }

    #[test]
    fn gaps_of_independent_calls_vary_as_much_as_they_are_long() {
        let at = seconds(Schedule::poisson(100.0, 7), 20_001);
        let gaps: Vec<f64> = at.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        // Of an exponential both are 0.01; 20,000 draws leave a hundredth of it open.
        assert!((mean - 0.01).abs() < 3e-4 && (variance.sqrt() - 0.01).abs() < 6e-4, "{mean} {variance}");
    }

    #[test]
    fn recorded_times_are_followed_faster_and_again_from_the_beginning() {
        let schedule = Schedule::recorded(&[120.0, 100.0, 110.0], 10.0).unwrap();
        assert!((schedule.per_second() - 1.0).abs() < 1e-12);
        assert_eq!(seconds(schedule, 5), [0.0, 1.0, 2.0, 3.0, 4.0]);
        assert!(matches!(Schedule::recorded(&[5.0, 5.0], 1.0), Err(BenchError::NoPace)));
        assert!(matches!(Schedule::recorded(&[], 1.0), Err(BenchError::NoParcels)));
    }
}

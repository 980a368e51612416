//! What is to be sent: how fast, for how long.

use std::time::Duration;

use super::BenchError;
use super::arrivals::Schedule;

/// One load.
#[derive(Clone, Debug)]
pub struct Plan {
    /// When calls are sent.
    pub load: Load,
    /// Time before anything is counted.
    pub warmup: Duration,
    /// Time that is counted.
    pub measured: Duration,
    /// Deadline of each call; in an open loop it begins when the call is sent.
    pub timeout: Duration,
    /// Share of calls that say `x-criticality: critical`, 0 to 1.
    pub critical_share: f64,
}

/// When calls are sent.
#[derive(Clone, Debug)]
pub enum Load {
    /// At their times, whatever became of those before.
    Open(Arrivals),
    /// The next when one is answered.
    Closed {
        /// Calls in flight.
        in_flight: usize,
    },
}

/// Times of an open loop.
#[derive(Clone, Debug)]
pub enum Arrivals {
    /// At equal distances.
    Fixed {
        /// Calls a second.
        per_second: f64,
    },
    /// Independent of each other.
    Poisson {
        /// Calls a second.
        per_second: f64,
        /// Of the draws.
        seed: u64,
    },
    /// As recorded.
    Recorded {
        /// Seconds from any origin.
        seconds: Vec<f64>,
        /// How much faster than recorded.
        speed_up: f64,
    },
}

impl Arrivals {
    pub(super) fn schedule(&self) -> Result<Schedule, BenchError> {
        match self {
            Self::Fixed { per_second } => Ok(Schedule::fixed(*per_second)),
            Self::Poisson { per_second, seed } => Ok(Schedule::poisson(*per_second, *seed)),
            Self::Recorded { seconds, speed_up } => Schedule::recorded(seconds, *speed_up),
        }
    }
}

impl Plan {
    /// Whether call `n` says that it matters most: evenly spread over all calls.
    pub(super) fn is_critical(&self, n: u64) -> bool {
        // Below 2^53 calls.
        let so_far = |n: u64| (n as f64 * self.critical_share).floor();
        so_far(n + 1) > so_far(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_calls_are_critical_as_the_share_says() {
        let plan = |critical_share| Plan {
            load: Load::Closed { in_flight: 1 },
            warmup: Duration::ZERO,
            measured: Duration::ZERO,
            timeout: Duration::ZERO,
            critical_share,
        };
        for (share, expected) in [(0.0, 0), (0.05, 50), (0.5, 500), (1.0, 1000)] {
            let plan = plan(share);
            assert_eq!((0..1000).filter(|n| plan.is_critical(*n)).count(), expected, "{share}");
        }
    }
}

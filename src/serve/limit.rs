//! How much may be in flight, where it follows latency.
//!
//! The controller is Gradient2 of Netflix's concurrency-limits (2018): the limit shrinks by how much slower calls are now
//! than they were on the average, and grows by a queue's length where they are not. It was chosen over Vegas because it
//! needs no latency without load, which goes stale with every change of model; and over additive increase with
//! multiplicative decrease because that one has to run into a timeout before it does anything.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How much slower than the average a call may be before the limit shrinks.
const TOLERANCE: f64 = 1.5;
/// Share of a new limit that is taken at once.
const SMOOTHING: f64 = 0.2;
/// Windows of which the average is taken.
const LONG_WINDOWS: f64 = 600.0;
/// Shortest window, and fewest calls in one.
const WINDOW: Duration = Duration::from_millis(500);
const MIN_SAMPLES: u32 = 10;

/// A limit that follows latency, between a floor and a ceiling.
#[derive(Debug)]
pub(super) struct AdaptiveLimit {
    now: AtomicUsize,
    window: Mutex<Window>,
}

#[derive(Debug)]
struct Window {
    began: Instant,
    n: u32,
    sum_seconds: f64,
    most_in_flight: usize,
    gradient: Gradient2,
}

/// The controller itself: numbers in, a limit out.
#[derive(Clone, Debug, PartialEq)]
struct Gradient2 {
    floor: f64,
    ceiling: f64,
    limit: f64,
    n_windows: f64,
    long_seconds: f64,
}

impl AdaptiveLimit {
    /// Begins at the ceiling: as if it were fixed, until latency says otherwise.
    pub(super) fn new(floor: usize, ceiling: usize) -> Self {
        let (floor, limit) = (floor as f64, ceiling as f64);
        let gradient = Gradient2 { floor, ceiling: limit, limit, n_windows: 0.0, long_seconds: 0.0 };
        let window = Window { began: Instant::now(), n: 0, sum_seconds: 0.0, most_in_flight: 0, gradient };
        Self { now: AtomicUsize::new(ceiling), window: Mutex::new(window) }
    }

    pub(super) fn now(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }

    /// One call was answered after this long, while this much was in flight.
    pub(super) fn took(&self, latency: Duration, in_flight: usize, now: Instant) {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.n += 1;
        window.sum_seconds += latency.as_secs_f64();
        window.most_in_flight = window.most_in_flight.max(in_flight);
        if window.n >= MIN_SAMPLES && now.duration_since(window.began) >= WINDOW {
            let mean = window.sum_seconds / f64::from(window.n);
            let most = window.most_in_flight;
            self.now.store(window.gradient.update(mean, most), Ordering::Relaxed);
            (window.began, window.n, window.sum_seconds, window.most_in_flight) = (now, 0, 0.0, 0);
        }
    }
}

impl Gradient2 {
    fn update(&mut self, seconds: f64, in_flight: usize) -> usize {
        self.n_windows = (self.n_windows + 1.0).min(LONG_WINDOWS);
        self.long_seconds += (seconds - self.long_seconds) / self.n_windows;
        // After a bad time the average comes down faster than it would by itself.
        if self.long_seconds > 2.0 * seconds {
            self.long_seconds *= 0.95;
        }
        // What is not reached says nothing about whether it is right.
        if (in_flight as f64) * 2.0 >= self.limit && seconds > 0.0 {
            let gradient = (TOLERANCE * self.long_seconds / seconds).clamp(0.5, 1.0);
            let wanted = self.limit * gradient + self.limit.sqrt();
            let smoothed = self.limit * (1.0 - SMOOTHING) + wanted * SMOOTHING;
            self.limit = smoothed.clamp(self.floor, self.ceiling);
        }
        self.limit as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gradient() -> Gradient2 {
        Gradient2 { floor: 100.0, ceiling: 1000.0, limit: 1000.0, n_windows: 0.0, long_seconds: 0.0 }
    }

    #[test]
    fn it_shrinks_where_calls_get_slower_and_recovers_when_they_do() {
        let mut gradient = gradient();
        for _ in 0..100 {
            assert_eq!(gradient.update(0.001, 1000), 1000);
        }
        let slow: Vec<_> = (0..20).map(|_| gradient.update(0.010, 1000)).collect();
        assert!(slow.is_sorted_by(|a, b| a >= b) && slow[19] < 300, "{slow:?}");
        for _ in 0..400 {
            gradient.update(0.001, 1000);
        }
        assert_eq!(gradient.update(0.001, 1000), 1000);
    }

    #[test]
    fn it_never_leaves_its_bounds_and_keeps_still_without_load() {
        let mut gradient = gradient();
        gradient.update(0.001, 1000);
        let before = gradient.limit;
        gradient.update(1.0, 10);
        assert_eq!(gradient.limit, before);
        for seconds in [0.0, f64::MIN_POSITIVE, 1e9, 0.001].into_iter().cycle().take(2000) {
            let limit = gradient.update(seconds, usize::MAX);
            assert!((100..=1000).contains(&limit), "{limit}");
        }
    }

    #[test]
    fn calls_of_a_window_count_as_one() {
        let limit = AdaptiveLimit::new(10, 1000);
        let mut now = Instant::now();
        let mut windows = |n, latency| {
            for _ in 0..n {
                now += WINDOW;
                for _ in 0..MIN_SAMPLES {
                    limit.took(Duration::from_millis(latency), 1000, now);
                }
            }
            limit.now()
        };
        assert_eq!(windows(20, 1), 1000);
        let slow = windows(20, 50);
        assert!(slow < 500, "{slow}");
    }
}

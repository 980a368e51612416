//! Draws: one stream of random numbers for each purpose and subject, the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// What a stream of draws is for. Streams of different purposes never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// What happens in one slice of a day; the subject is the slice.
    Slice = 1,
    /// What illicit actors do on one day; the subject is the day.
    Actors,
    /// The parts of one identity; the subject is its key.
    Identity,
    /// The life of one sender, addressee or address; the subject is its key.
    Life,
}

/// The root of all draws of a simulation.
#[derive(Clone, Debug)]
pub(super) struct Seed(ChaCha8Rng);

impl Seed {
    pub(super) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// The stream of one purpose and subject. Subjects are told apart by their lower 56 bits.
    pub(super) fn stream(&self, purpose: Purpose, subject: u64) -> Dice {
        let mut stream = self.0.clone();
        stream.set_stream(((purpose as u64) << 56) | (subject & ((1 << 56) - 1)));
        stream.set_word_pos(0);
        Dice(stream)
    }
}

/// Mixes parts to one key: the finalizer of SplitMix64 (Steele, Lea, Flood 2014) over each in turn.
pub(super) fn key(parts: &[u64]) -> u64 {
    parts.iter().fold(0x9e37_79b9_7f4a_7c15, |state, part| {
        let mut z = (state ^ part).wrapping_add(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    })
}

/// One stream of draws.
#[derive(Clone, Debug)]
pub(super) struct Dice(ChaCha8Rng);

impl Dice {
    /// From 0 up to, not including, 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.0.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// From 0 up to, not including, `n`; 0 where `n` is 0.
    pub(super) fn below(&mut self, n: u64) -> u64 {
        // The bias of the multiplication is below n / 2^64.
        ((u128::from(self.0.next_u64()) * u128::from(n)) >> 64) as u64
    }

    pub(super) fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Standard normal, by Box and Muller (1958).
    pub(super) fn normal(&mut self) -> f64 {
        let radius = libm::sqrt(-2.0 * libm::log(1.0 - self.unit()));
        radius * libm::cos(std::f64::consts::TAU * self.unit())
    }

    /// Lognormal by its median and the deviation of its logarithm.
    pub(super) fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * libm::exp(sigma * self.normal())
    }

    /// A place among `n` where low places are frequent: density ~ rank^-(1 - 1/skew), so that `skew`
    /// 1 is uniform and 3 gives the first hundredth of all places about a fifth of all draws.
    pub(super) fn ranked(&mut self, n: u64, skew: f64) -> u64 {
        let at = libm::pow(self.unit(), skew) * n as f64;
        (at as u64).min(n.saturating_sub(1))
    }

    /// One of `items`, each as likely as any other.
    ///
    /// # Panics
    /// Where there is none: lists are checked to be full when a scenario or a list of names is read.
    pub(super) fn one<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }
}

/// Weights to draw from, in the order they were given.
#[derive(Clone, Debug)]
pub(super) struct Weights(Vec<f64>);

impl Weights {
    /// Sums of `weights`, which are 0 or more and not all 0.
    pub(super) fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        Self(
            weights
                .into_iter()
                .map(|weight| {
                    sum += weight;
                    sum
                })
                .collect(),
        )
    }

    /// The index that was drawn.
    pub(super) fn draw(&self, dice: &mut Dice) -> usize {
        let at = dice.unit() * self.0.last().copied().unwrap_or_default();
        self.0.partition_point(|sum| *sum <= at).min(self.0.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_fixed_and_of_their_own() {
        let seed = Seed::new(7);
        let first = |purpose, subject| seed.stream(purpose, subject).bits();
        assert_eq!(first(Purpose::Slice, 3), first(Purpose::Slice, 3));
        assert_ne!(first(Purpose::Slice, 3), first(Purpose::Slice, 4));
        assert_ne!(first(Purpose::Slice, 3), first(Purpose::Actors, 3));
        // Data simulated by one release is simulated by the next.
        assert_eq!(key(&[1, 2]), 9_550_467_469_912_592_448);
    }

    #[test]
    fn draws_follow_their_weights() {
        let mut dice = Seed::new(1).stream(Purpose::Slice, 0);
        let weights = Weights::new([1.0, 0.0, 3.0]);
        let mut counts = [0; 3];
        (0..40_000).for_each(|_| counts[weights.draw(&mut dice)] += 1);
        assert_eq!(counts[1], 0);
        assert!((9_500..10_500).contains(&counts[0]), "{counts:?}");
        let mean = (0..40_000).map(|_| dice.normal()).sum::<f64>() / 40_000.0;
        assert!(mean.abs() < 0.02, "{mean}");
    }
}

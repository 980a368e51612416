//! Sums of gradients by bin.

use std::ops::{Add, AddAssign, Sub, SubAssign};

use super::bins::LANES;

/// First and second derivative of a row's loss, times its weight.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Gradient {
    pub(super) first: f64,
    pub(super) second: f64,
}

/// Sums over rows. Exact, because gradients lie on a grid: what is subtracted was really there.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Sums {
    pub(super) first: f64,
    pub(super) second: f64,
    pub(super) n_rows: u32,
}

impl Sums {
    pub(super) fn of(gradients: impl Iterator<Item = Gradient>) -> Self {
        let mut sums = Self::default();
        gradients.for_each(|gradient| sums.add_row(gradient));
        sums
    }

    #[inline]
    fn add_row(&mut self, gradient: Gradient) {
        self.first += gradient.first;
        self.second += gradient.second;
        self.n_rows += 1;
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.first += other.first;
        self.second += other.second;
        self.n_rows += other.n_rows;
    }
}

impl SubAssign for Sums {
    fn sub_assign(&mut self, other: Self) {
        self.first -= other.first;
        self.second -= other.second;
        self.n_rows -= other.n_rows;
    }
}

impl Add for Sums {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

impl Sub for Sums {
    type Output = Self;

    fn sub(mut self, other: Self) -> Self {
        self -= other;
        self
    }
}

/// One feature's sums by bin. As long as a byte can count, so that no index is checked.
#[derive(Clone, Debug)]
pub(super) struct Histogram([Sums; 256]);

impl Default for Histogram {
    fn default() -> Self {
        Self([Sums::default(); 256])
    }
}

impl Histogram {
    /// The first `n` bins.
    pub(super) fn first(&self, n: usize) -> &[Sums] {
        &self.0[..n]
    }

    /// Empties the first `n` bins.
    pub(super) fn clear(&mut self, n: usize) {
        self.0[..n].fill(Sums::default());
    }

    /// Leaves the first `n` bins with the rows that are not in `part`.
    pub(super) fn subtract(&mut self, n: usize, part: &Self) {
        for (whole, part) in self.0[..n].iter_mut().zip(&part.0[..n]) {
            *whole -= *part;
        }
    }
}

/// Adds rows to the histograms of features of one block, in one pass for all of them.
///
/// * `lanes`: where each of the features stands in its block.
/// * `rows`: bins of the block and gradient of each row.
pub(super) fn add_rows<'a>(
    histograms: &mut [Histogram],
    lanes: &[usize],
    rows: impl Iterator<Item = (&'a [u8; LANES], &'a Gradient)>,
) {
    // A loop for each number of features, so that each is unrolled.
    match (histograms, lanes) {
        ([a, b, c, d], _) => add_to_lanes([a, b, c, d], [0, 1, 2, 3], rows),
        ([a, b, c], [p, q, r]) => add_to_lanes([a, b, c], [*p, *q, *r], rows),
        ([a, b], [p, q]) => add_to_lanes([a, b], [*p, *q], rows),
        ([a], [p]) => add_to_lanes([a], [*p], rows),
        _ => {}
    }
}

fn add_to_lanes<'a, const N: usize>(
    mut histograms: [&mut Histogram; N],
    lanes: [usize; N],
    rows: impl Iterator<Item = (&'a [u8; LANES], &'a Gradient)>,
) {
    for (bins, gradient) in rows {
        for (histogram, lane) in histograms.iter_mut().zip(lanes) {
            histogram.0[usize::from(bins[lane % LANES])].add_row(*gradient);
        }
    }
}

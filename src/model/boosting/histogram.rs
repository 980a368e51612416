//! Sums of gradients by bin.

use std::ops::{Add, AddAssign, Sub, SubAssign};

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

    /// Replaces the first `n` bins by the sums of all rows.
    pub(super) fn fill(&mut self, n: usize, bins: &[u8], gradients: &[Gradient]) {
        self.0[..n].fill(Sums::default());
        for (bin, gradient) in bins.iter().zip(gradients) {
            self.0[usize::from(*bin)].add_row(*gradient);
        }
    }

    /// Replaces the first `n` bins by the sums of some rows.
    ///
    /// * `gradients`: those of `rows`, in the same order.
    pub(super) fn fill_some(&mut self, n: usize, bins: &[u8], rows: &[u32], gradients: &[Gradient]) {
        self.0[..n].fill(Sums::default());
        for (row, gradient) in rows.iter().zip(gradients) {
            self.0[usize::from(bins[*row as usize])].add_row(*gradient);
        }
    }

    /// Leaves the first `n` bins with the rows that are not in `part`.
    pub(super) fn subtract(&mut self, n: usize, part: &Self) {
        for (whole, part) in self.0[..n].iter_mut().zip(&part.0[..n]) {
            *whole -= *part;
        }
    }
}

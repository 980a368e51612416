//! Weighted quantiles of what only some rows state.

/// Rows that state a number, by that number. Sorted once, read for every weighting.
#[derive(Clone, Debug)]
pub(super) struct Quantiles {
    /// Number and canonical index, numbers rising.
    sorted: Vec<(f64, usize)>,
}

impl Quantiles {
    /// `None` where no row states a number. `stated`: finite numbers, by canonical index.
    pub(super) fn new(stated: impl Iterator<Item = Option<f64>>) -> Option<Self> {
        let mut sorted =
            stated.enumerate().filter_map(|(row, number)| Some((number?, row))).collect::<Vec<(f64, usize)>>();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
        (!sorted.is_empty()).then_some(Self { sorted })
    }

    /// For each of `shares`, ascending, the least number at or below which that share of the mass lies: the inverse of
    /// the distribution function, type 1 of Hyndman and Fan, The American Statistician 50 (1996). `None` without mass.
    pub(super) fn of<const N: usize>(&self, weights: &[f64], shares: [f64; N]) -> [Option<f64>; N] {
        let mass = self.sorted.iter().map(|&(_, row)| weights[row]).sum::<f64>();
        let mut quantiles = [None; N];
        if mass <= 0.0 {
            return quantiles;
        }
        let (mut at, mut below) = (0, 0.0);
        for &(number, row) in &self.sorted {
            if weights[row] == 0.0 {
                continue;
            }
            below += weights[row];
            // The rounding of a sum must not push a quantile to the next number.
            while at < N && below >= shares[at] * mass * (1.0 - 1e-12) {
                quantiles[at] = Some(number);
                at += 1;
            }
        }
        quantiles
    }

    /// How many rows state a number.
    pub(super) fn n_rows(&self) -> usize {
        self.sorted.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_by_hand() {
        let quantiles = Quantiles::new([Some(30.0), None, Some(10.0), Some(20.0)].into_iter()).unwrap();
        // Masses 1, 2 and 1 of 10, 20 and 30.
        let found = quantiles.of(&[1.0, 9.0, 1.0, 2.0], [0.25, 0.5, 0.75, 0.76, 1.0]);
        assert_eq!(found, [10.0, 20.0, 20.0, 30.0, 30.0].map(Some));
        assert_eq!(quantiles.of(&[0.0; 4], [0.5]), [None]);
        assert!(Quantiles::new([None].into_iter()).is_none());
    }
}

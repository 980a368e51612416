//! A ratio of two servers from pairs of measurements, with an interval that needs no assumption of how they scatter.

use serde::Serialize;

/// What several pairs say of the ratio of first to second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ratio {
    /// Median of the ratios of the pairs.
    pub median: f64,
    /// Ends of an interval that holds the true median in at least 95 of 100 runs; `None` below six pairs, which are too few.
    pub low_95: Option<f64>,
    /// Its upper end.
    pub high_95: Option<f64>,
    /// Pairs that both have the figure.
    pub n_pairs: usize,
}

/// The ratio of the first of each pair to the second; `None` where no pair has one.
///
/// The interval is that of the sign test: between two order statistics of the ratios, which an outlier can't move.
pub fn ratio(pairs: impl IntoIterator<Item = (f64, f64)>) -> Option<Ratio> {
    let mut ratios: Vec<f64> =
        pairs.into_iter().map(|(first, second)| first / second).filter(|x| x.is_finite()).collect();
    ratios.sort_by(f64::total_cmp);
    let n = ratios.len();
    let median = f64::midpoint(*ratios.get(n.checked_sub(1)? / 2)?, *ratios.get(n / 2)?);
    let cut = n_cut(n);
    let end = |from_below: bool| {
        let place = cut?;
        ratios.get(if from_below { place } else { n - 1 - place }).copied()
    };
    Some(Ratio { median, low_95: end(true), high_95: end(false), n_pairs: n })
}

/// Most values that may be cut off at each end so that what remains holds the median with a probability of 95 %, less one:
/// the place of the lower end. By the binomial distribution of how many of `n` lie below the median.
fn n_cut(n: usize) -> Option<usize> {
    // By its logarithm: of more than a thousand, half to the power of that many is no number any more.
    let mut ln_probability = n as f64 * 0.5_f64.ln();
    let mut below = 0.0;
    let mut cut = None;
    for place in 0..n {
        below += ln_probability.exp();
        if 2.0 * below > 0.05 {
            break;
        }
        cut = Some(place);
        ln_probability += ((n - place) as f64 / (place + 1) as f64).ln();
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_published_tables() {
        // Conover, Practical Nonparametric Statistics, sign test: ranks 1, 2, 3 and 6 of 6, 10, 12 and 20.
        assert_eq!([5, 6, 10, 12, 20].map(n_cut), [None, Some(0), Some(1), Some(2), Some(5)]);
        // By whole numbers, which are exact.
        assert_eq!([1000, 1075, 2000, 10_000].map(n_cut), [468, 504, 955, 4901].map(Some));
    }

    #[test]
    fn an_outlier_moves_neither_the_median_nor_the_interval() {
        let pairs = |last: f64| [1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, last].map(|first| (first * 2.0, 2.0));
        let told = ratio(pairs(1.9)).unwrap();
        assert!((told.median - 1.45).abs() < 1e-12);
        assert_eq!((told.low_95, told.high_95, told.n_pairs), (Some(1.1), Some(1.8), 10));
        assert_eq!(ratio(pairs(1000.0)).unwrap(), told);
    }

    #[test]
    fn few_pairs_have_no_interval_and_none_no_ratio() {
        assert_eq!(ratio([(3.0, 2.0)]), Some(Ratio { median: 1.5, low_95: None, high_95: None, n_pairs: 1 }));
        assert_eq!(ratio([(1.0, 0.0)]), None);
    }
}

//! How sure a figure is: percentile intervals, and Wilson's where a bootstrap can't see.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A figure and its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The figure on the rows themselves.
    pub value: f64,
    /// Lower end of the interval, at most `value`. `None` where too few resamples define the figure.
    pub low_95: Option<f64>,
    /// Upper end, at least `value`; `None` together with `low_95`.
    pub high_95: Option<f64>,
}

impl fmt::Display for Estimate {
    /// `0.900 (0.639..1.000)`, and without an interval `0.9000`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self { value, low_95: Some(low), high_95: Some(high) } => write!(f, "{value:.3} ({low:.3}..{high:.3})"),
            Self { value, .. } => write!(f, "{value:.4}"),
        }
    }
}

/// `low` and `high` of an interval.
pub(super) type Interval = (f64, f64);

impl Estimate {
    /// An interval that bias has moved off its own value (a calibration error is higher in a resample than in the
    /// sample, always) is stretched to hold it.
    pub(super) fn new(value: f64, interval: Option<Interval>) -> Self {
        Self { value, low_95: interval.map(|i| i.0.min(value)), high_95: interval.map(|i| i.1.max(value)) }
    }
}

/// The middle 95 % of `replicates`, by linear interpolation between order statistics.
///
/// `None` where more than one replicate in twenty does not define the figure: what the rest say would be an interval
/// of the lucky resamples. Source: Efron and Tibshirani, An Introduction to the Bootstrap, ch. 13; the quantile is
/// type 7 of Hyndman and Fan, The American Statistician 50 (1996), NumPy's default.
pub(super) fn percentile(replicates: impl ExactSizeIterator<Item = Option<f64>>) -> Option<Interval> {
    let n_replicates = replicates.len();
    let mut defined = replicates.flatten().collect::<Vec<_>>();
    if defined.is_empty() || defined.len() * 20 < n_replicates * 19 {
        return None;
    }
    defined.sort_by(f64::total_cmp);
    let quantile = |share: f64| {
        let at = share * (defined.len() - 1) as f64;
        let (below, above) = (defined[at as usize], defined[(at as usize + 1).min(defined.len() - 1)]);
        below + (above - below) * at.fract()
    };
    Some((quantile(0.025), quantile(0.975)))
}

/// The wider of two intervals. One that can't be told may be as wide as it likes, so it wins.
pub(super) fn wider(a: Option<Interval>, b: Option<Interval>) -> Option<Interval> {
    let (a, b) = (a?, b?);
    Some(if b.1 - b.0 > a.1 - a.0 { b } else { a })
}

/// The normal distribution's 97.5 % quantile.
const Z: f64 = 1.959_963_984_540_054;

/// Wilson's 95 % interval of a share in `n` draws; `None` without draws. Source as below.
pub(super) fn wilson(share: f64, n: f64) -> Option<Interval> {
    let square = Z * Z;
    let center = (share + square / (2.0 * n)) / (1.0 + square / n);
    let reach = Z * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt() / (1.0 + square / n);
    (n > 0.0).then(|| ((center - reach).max(0.0), (center + reach).min(1.0)))
}

/// Wilson's 95 % interval of a share that was 0 or 1 in `n` draws; `None` for any other share, and without draws.
///
/// Every resample of 424 hits in 424 has 424 hits: there, and only there, the bootstrap would claim certainty. Source:
/// Wilson, JASA 22 (1927); Brown, Cai and DasGupta, Statistical Science 16 (2001).
pub(super) fn wilson_at_edge(share: f64, n: f64) -> Option<Interval> {
    // One less than the far end of the interval, which touches the edge itself.
    let reach = Z * Z / (n + Z * Z);
    // A mean of equal weights may miss the edge by its last bits.
    let near = |edge: f64| n > 0.0 && (share - edge).abs() < 1e-12;
    if near(0.0) {
        Some((0.0, reach))
    } else if near(1.0) {
        Some((1.0 - reach, 1.0))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_by_hand() {
        // 0, 1, …, 40: the 2.5 % and 97.5 % quantiles are at ranks 1 and 39.
        let interval = percentile((0..41).rev().map(|x| Some(f64::from(x)))).unwrap();
        assert!((interval.0 - 1.0).abs() < 1e-12 && (interval.1 - 39.0).abs() < 1e-12, "{interval:?}");
    }

    #[test]
    fn an_interval_needs_nineteen_of_twenty_replicates() {
        let replicates = |n_none: usize| (0..100).map(move |at| (at >= n_none).then_some(0.5));
        assert_eq!(percentile(replicates(5)), Some((0.5, 0.5)));
        assert_eq!(percentile(replicates(6)), None);
        assert_eq!(percentile(std::iter::empty::<Option<f64>>()), None);
    }

    #[test]
    fn the_wider_interval_is_kept_and_the_unknown_is_widest() {
        assert_eq!(wider(Some((0.0, 0.2)), Some((0.4, 0.5))), Some((0.0, 0.2)));
        assert_eq!(wider(Some((0.0, 0.2)), Some((0.4, 0.7))), Some((0.4, 0.7)));
        assert_eq!(wider(Some((0.0, 0.2)), None), None);
    }

    #[test]
    fn wilson_by_hand() {
        // All of 10: n / (n + z²) = 10 / 13.8415.
        let (low, high) = wilson_at_edge(1.0, 10.0).unwrap();
        assert!((low - 0.722_467_200_137_131).abs() < 1e-9 && high == 1.0, "{low}");
        assert_eq!(wilson_at_edge(0.0, 10.0).map(|i| i.0), Some(0.0));
        // 2 of 10, as R's binom package has it.
        let (low, high) = wilson(0.2, 10.0).unwrap();
        assert!((low - 0.056_682).abs() < 1e-5 && (high - 0.509_838).abs() < 1e-5, "{low} {high}");
        assert_eq!(wilson(0.2, 0.0), None);
        assert_eq!((wilson_at_edge(0.5, 10.0), wilson_at_edge(0.0, 0.0)), (None, None));
    }

    #[test]
    fn a_biased_interval_is_stretched_to_its_value() {
        let estimate = Estimate::new(0.1, Some((0.2, 0.3)));
        assert_eq!((estimate.low_95, estimate.high_95), (Some(0.1), Some(0.3)));
    }
}

//! Which parcels the model is fitted on, calibrated on, and judged by: in order of time, never mixed.

use std::ops::Range;

use crate::history::Bucket;

use super::TrainConfig;

/// Ranges of rows, one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Rows that only build history.
    pub warm_up: Range<usize>,
    /// Rows that the weights are fitted on.
    pub fit: Range<usize>,
    /// Rows that the calibration is fitted on.
    pub calibrate: Range<usize>,
    /// Rows held back for the report.
    pub report: Range<usize>,
}

impl Blocks {
    /// Cuts rows at the configured shares of the labeled ones, moved to the next bucket's start,
    /// so that no bucket lies in two blocks.
    ///
    /// * `buckets`, `labeled`: shape `(n_rows,)`, in order of time.
    pub fn cut(buckets: &[Bucket], labeled: &[bool], config: &TrainConfig) -> Self {
        let n_labeled = labeled.iter().filter(|labeled| **labeled).count() as f64;
        let at_share = |share: f64| {
            let wanted = (n_labeled * share).round() as usize;
            let mut seen = 0;
            let mut cut = 0;
            while cut < labeled.len() && seen < wanted {
                seen += usize::from(labeled[cut]);
                cut += 1;
            }
            while cut > 0 && cut < buckets.len() && buckets[cut] == buckets[cut - 1] {
                cut += 1;
            }
            cut
        };
        let warm = at_share(config.warm_up_share);
        let fitted = at_share(1.0 - config.calibrate_share - config.report_share).max(warm);
        let calibrated = at_share(1.0 - config.report_share).max(fitted);
        Self { warm_up: 0..warm, fit: warm..fitted, calibrate: fitted..calibrated, report: calibrated..labeled.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bucket_lies_in_two_blocks() {
        let buckets: Vec<Bucket> = (0..100).map(|row| Bucket(row / 7)).collect();
        let config =
            TrainConfig { warm_up_share: 0.1, calibrate_share: 0.15, report_share: 0.15, ..TrainConfig::default() };
        let blocks = Blocks::cut(&buckets, &[true; 100], &config);
        assert_eq!(blocks, Blocks { warm_up: 0..14, fit: 14..70, calibrate: 70..91, report: 91..100 });
    }

    #[test]
    fn shares_count_labeled_rows_only() {
        let buckets: Vec<Bucket> = (0..10).map(Bucket).collect();
        let labeled = [false, false, false, false, false, false, true, true, true, true];
        let config =
            TrainConfig { warm_up_share: 0.25, calibrate_share: 0.25, report_share: 0.25, ..TrainConfig::default() };
        let blocks = Blocks::cut(&buckets, &labeled, &config);
        assert_eq!(blocks, Blocks { warm_up: 0..7, fit: 7..8, calibrate: 8..9, report: 9..10 });
    }
}

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
    /// Cuts rows at the configured shares of the labeled ones, each by the parcels that it stands for: where few are labeled
    /// and stand for many, a share is as much of their time as where all are. The cut is moved to the next bucket's start,
    /// so that no bucket lies in two blocks. A block that calibrates or is held back begins as much earlier as it
    /// takes to hold `MIN_INFRINGEMENTS`, but holds no more than `MAX_SHARE` of what is labeled.
    ///
    /// * `buckets`, `labels`, `weights`: shape `(n_rows,)`, in order of time; a label says whether there was an infringement.
    pub fn cut(buckets: &[Bucket], labels: &[Option<bool>], weights: &[f64], config: &TrainConfig) -> Self {
        let mass: Vec<f64> = labels.iter().zip(weights).map(|(label, weight)| label.map_or(0.0, |_| *weight)).collect();
        let infringements: Vec<usize> = (0..labels.len()).filter(|idx| labels[*idx] == Some(true)).collect();
        let whole = mass.iter().sum::<f64>();
        let at_share = |share: f64| {
            let wanted = (whole * share).round();
            let mut seen = 0.0;
            let mut cut = 0;
            while cut < mass.len() && seen < wanted {
                seen += mass[cut];
                cut += 1;
            }
            while cut > 0 && cut < buckets.len() && buckets[cut] == buckets[cut - 1] {
                cut += 1;
            }
            cut
        };
        // The start of the latest block that ends before row `end` and holds enough infringements.
        let enough_before = |end: usize| {
            let n_before = infringements.partition_point(|idx| *idx < end);
            let mut start = n_before.checked_sub(MIN_INFRINGEMENTS).map_or(0, |first| infringements[first]);
            while start > 0 && start < buckets.len() && buckets[start] == buckets[start - 1] {
                start -= 1;
            }
            start
        };
        let warm = at_share(config.warm_up_share);
        let report_from = at_share(1.0 - config.report_share);
        let calibrated = report_from.min(enough_before(labels.len())).max(at_share(1.0 - MAX_SHARE).min(report_from));
        let share_left = 1.0 - config.report_share - config.calibrate_share;
        let fit_until = at_share(share_left).min(calibrated);
        let fitted =
            fit_until.min(enough_before(calibrated)).max(at_share(1.0 - 2.0 * MAX_SHARE).min(fit_until)).max(warm);
        let calibrated = calibrated.max(fitted);
        Self { warm_up: 0..warm, fit: warm..fitted, calibrate: fitted..calibrated, report: calibrated..labels.len() }
    }
}

/// Fewest infringements to calibrate on, and to judge by: below twenty a curve is refused, and their number
/// differs from block to block.
const MIN_INFRINGEMENTS: usize = 40;
/// Largest share of the labeled rows that a block takes to hold them.
const MAX_SHARE: f64 = 0.25;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bucket_lies_in_two_blocks() {
        let buckets: Vec<Bucket> = (0..100).map(|row| Bucket(row / 7)).collect();
        let config =
            TrainConfig { warm_up_share: 0.1, calibrate_share: 0.15, report_share: 0.15, ..TrainConfig::default() };
        let blocks = Blocks::cut(&buckets, &[Some(true); 100], &[1.0; 100], &config);
        // Larger than asked for, up to a quarter: no share of these holds forty infringements.
        assert_eq!(blocks, Blocks { warm_up: 0..14, fit: 14..56, calibrate: 56..77, report: 77..100 });
    }

    #[test]
    fn a_block_grows_until_it_holds_enough_infringements() {
        let buckets: Vec<Bucket> = (0..10_000).map(Bucket).collect();
        let labels: Vec<_> = (0..10_000).map(|row| Some(row % 20 == 0)).collect();
        let config = TrainConfig { calibrate_share: 0.05, report_share: 0.1, ..TrainConfig::default() };
        let blocks = Blocks::cut(&buckets, &labels, &[1.0; 10_000], &config);
        assert_eq!((blocks.calibrate, blocks.report), (8200..9000, 9000..10_000));
    }

    #[test]
    fn shares_count_labeled_rows_only() {
        let buckets: Vec<Bucket> = (0..10).map(Bucket).collect();
        let labels = [None, None, None, None, None, None, Some(true), Some(true), Some(true), Some(true)];
        let config =
            TrainConfig { warm_up_share: 0.25, calibrate_share: 0.25, report_share: 0.25, ..TrainConfig::default() };
        let blocks = Blocks::cut(&buckets, &labels, &[1.0; 10], &config);
        assert_eq!(blocks, Blocks { warm_up: 0..7, fit: 7..8, calibrate: 8..9, report: 9..10 });
    }

    #[test]
    fn a_share_is_as_much_time_where_few_stand_for_many() {
        // The first half is labeled as a whole; of the second every tenth is, and stands for ten.
        let of = |row: u32| if row < 500 { (Some(true), 1.0) } else { ((row % 10 == 9).then_some(true), 10.0) };
        let (labels, weights): (Vec<_>, Vec<_>) = (0..1000).map(of).unzip();
        let buckets: Vec<Bucket> = (0..1000).map(Bucket).collect();
        let config =
            TrainConfig { warm_up_share: 0.1, calibrate_share: 0.1, report_share: 0.1, ..TrainConfig::default() };
        let blocks = Blocks::cut(&buckets, &labels, &weights, &config);
        assert_eq!((blocks.warm_up.end, blocks.report.start), (100, 750), "a quarter, to hold enough infringements");
        let plain = Blocks::cut(&buckets, &labels, &[1.0; 1000], &config);
        assert!(plain.report.start < 500, "by rows alone all that is new would be held back: {plain:?}");
    }
}

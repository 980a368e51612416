//! Values as small integers: the order of a feature's values is all that a tree looks at.

use rayon::prelude::*;

use crate::model::FeatureValues;

/// Features whose bins stand side by side in a row: one read for all of them, and their sums wait for each other less.
pub(super) const LANES: usize = 4;

/// Every value of some rows as the number of its bin: all that trees are grown from.
#[derive(Debug)]
pub struct Bins {
    pub(super) max_bins: usize,
    n_rows: usize,
    features: Vec<BinnedFeature>,
    /// Bins of the usable features in their order, [`LANES`] a block, by row.
    blocks: Vec<Vec<[u8; LANES]>>,
}

#[derive(Debug)]
struct BinnedFeature {
    /// Rising; bin `b` holds values in `(cuts[b − 1], cuts[b]]`. One fewer than there are bins.
    cuts: Vec<f32>,
    /// Whether any value is missing, while others are there.
    some_missing: bool,
    /// Its place among the usable features, where it is one.
    place: usize,
}

impl Bins {
    /// Cuts each feature at quantiles of its values, into at most `max_bins` bins.
    ///
    /// * `values`: finite or NaN.
    pub(super) fn new(values: FeatureValues<'_>, max_bins: usize) -> Self {
        let n_rows = values.n_rows();
        let all: Vec<usize> = (0..values.n_features()).collect();
        let cut = all.par_chunks(values.n_together()).flat_map_iter(|together| {
            values.columns(together).into_iter().map(|mut present| {
                present.retain(|value| !value.is_nan());
                BinnedFeature::new(present, n_rows, max_bins)
            })
        });
        let mut features: Vec<BinnedFeature> = cut.collect();
        let mut usable = Vec::new();
        for (idx, feature) in features.iter_mut().enumerate().filter(|(_, feature)| feature.is_usable()) {
            feature.place = usable.len();
            usable.push(idx);
        }
        let blocks = usable.par_chunks(LANES).map(|block| {
            let mut bins = vec![[0; LANES]; n_rows];
            for (lane, (column, feature)) in values.columns(block).into_iter().zip(block).enumerate() {
                let feature = &features[*feature];
                // At most 255 bins of values and one for the missing, numbered from 0: they fit a byte.
                bins.iter_mut().zip(column).for_each(|(bins, value)| bins[lane] = feature.bin(value) as u8);
            }
            bins
        });
        let blocks = blocks.collect();
        Self { max_bins, n_rows, features, blocks }
    }

    pub(super) fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Bins that hold values; the next one holds the missing.
    pub(super) fn n_bins(&self, feature: u32) -> usize {
        self.features[feature as usize].cuts.len() + 1
    }

    /// Bins of the block of a usable feature, by row, and the feature's lane in it.
    pub(super) fn lane(&self, feature: u32) -> (&[[u8; LANES]], usize) {
        let place = self.features[feature as usize].place;
        (&self.blocks[place / LANES], place % LANES)
    }

    /// Whether two usable features are in one block.
    pub(super) fn are_together(&self, one: u32, other: u32) -> bool {
        self.features[one as usize].place / LANES == self.features[other as usize].place / LANES
    }

    /// `x <= threshold` exactly where the bin of `x` is at most `bin`. After the last bin there is
    /// a threshold too: it parts present values from missing ones.
    pub(super) fn threshold(&self, feature: u32, bin: usize) -> f32 {
        self.features[feature as usize].cuts.get(bin).copied().unwrap_or(f32::MAX)
    }

    /// Features with at least two bins in use, in order: a constant can never be split on.
    pub(super) fn usable(&self) -> Vec<u32> {
        (0..).zip(&self.features).filter(|(_, feature)| feature.is_usable()).map(|(idx, _)| idx).collect()
    }
}

impl BinnedFeature {
    /// * `present`: the values of the `n_rows` rows that are not missing.
    fn new(mut present: Vec<f32>, n_rows: usize, max_bins: usize) -> Self {
        present.sort_unstable_by(f32::total_cmp);
        let some_missing = present.len() < n_rows && !present.is_empty();
        Self { cuts: cuts(&present, max_bins), some_missing, place: 0 }
    }

    fn is_usable(&self) -> bool {
        !self.cuts.is_empty() || self.some_missing
    }

    fn bin(&self, value: f32) -> usize {
        if value.is_nan() { self.cuts.len() + 1 } else { self.cuts.partition_point(|cut| *cut < value) }
    }
}

/// Cuts between at most `max_bins` groups of `sorted` values: one group for each distinct value
/// where these are few, else groups of about equal size, where a value with more than its share
/// of the rows stands alone. Equal values are never parted.
fn cuts(sorted: &[f32], max_bins: usize) -> Vec<f32> {
    let groups: Vec<(f32, usize)> = sorted.chunk_by(|a, b| a == b).map(|group| (group[0], group.len())).collect();
    let few = groups.len() <= max_bins;
    let share = sorted.len() as f64 / max_bins as f64;
    let heavy = |size: usize| size as f64 >= share;
    let mut rows_left: usize = groups.iter().map(|group| group.1).filter(|size| !heavy(*size)).sum();
    let mut bins_left = max_bins - groups.iter().filter(|group| heavy(group.1)).count().min(max_bins - 1);
    let mut mean = rows_left as f64 / bins_left as f64;
    let mut cuts = Vec::with_capacity(max_bins);
    let mut size = 0;
    for pair in groups.windows(2) {
        let [(value, n), (next, n_next)] = [pair[0], pair[1]];
        size += n;
        if !heavy(n) {
            rows_left -= n;
        }
        let full = heavy(n) || size as f64 >= mean || (heavy(n_next) && size as f64 >= mean / 2.0);
        if few || (full && cuts.len() + 1 < max_bins) {
            cuts.push(between(value, next));
            if !heavy(n) && bins_left > 1 {
                bins_left -= 1;
                mean = rows_left as f64 / bins_left as f64;
            }
            size = 0;
        }
    }
    cuts
}

/// A number with `low <= number < high`, halfway where `f32` has room.
fn between(low: f32, high: f32) -> f32 {
    let middle = ((f64::from(low) + f64::from(high)) / 2.0) as f32;
    if middle < high { middle } else { low }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_bin_each_and_a_heavy_one_stands_alone() {
        assert_eq!(cuts(&[1.0, 1.0, 2.0, 4.0], 255), [1.5, 3.0]);
        assert!(cuts(&[-0.0, 0.0], 255).is_empty());
        let mut values: Vec<f32> = (0..1000).map(|v| v as f32).collect();
        values.extend([500.0; 3000]);
        values.sort_unstable_by(f32::total_cmp);
        let cuts = cuts(&values, 16);
        assert!((12..16).contains(&cuts.len()), "{cuts:?}");
        assert!(cuts.contains(&468.5) && cuts.contains(&500.5), "{cuts:?}");
    }

    #[test]
    fn a_cut_between_neighbors_still_parts_them() {
        let high = 1.0_f32.next_up();
        assert_eq!(between(1.0, high), 1.0);
        assert_eq!(between(f32::MIN, f32::MAX), 0.0);
    }

    proptest::proptest! {
        #[test]
        fn bins_agree_with_thresholds(
            values in proptest::collection::vec(proptest::option::of(-40..40i8), 1..200), max_bins in 2..20usize,
        ) {
            let values: Vec<f32> = values.iter().map(|v| v.map_or(f32::NAN, |v| f32::from(v) / 3.0)).collect();
            let bins = Bins::new(ndarray::aview1(&values).insert_axis(ndarray::Axis(1)).into(), max_bins);
            let n_bins = bins.n_bins(0);
            proptest::prop_assert!(n_bins <= max_bins);
            if bins.usable().is_empty() {
                return Ok(());
            }
            let (block, lane) = bins.lane(0);
            for (value, bin) in values.iter().zip(block.iter().map(|bins| &bins[lane])) {
                for cut in 0..n_bins {
                    proptest::prop_assert_eq!(*value <= bins.threshold(0, cut), usize::from(*bin) <= cut);
                }
            }
        }
    }
}

//! Past parcels replayed through the feature code: each row sees only what was known at its time.

use ndarray::{Array2, ArrayView2, Axis, Slice};

use super::{Descriptions, LabeledParcel};
use crate::features::{ExchangeRates, FeaturePlan, FeatureRow, ParcelKeys};
use crate::history::{Bucket, Replay};

/// Point-in-time features of parcels in order of time.
#[derive(Debug)]
pub struct Matrix {
    /// Shape `(n_rows, n_features)`, NaN where missing.
    pub values: Array2<f32>,
    /// History keys of each row.
    pub keys: Vec<ParcelKeys>,
    /// The bucket each row was advised in.
    pub buckets: Vec<Bucket>,
}

impl Matrix {
    /// Replays `rows` on top of what `replay` holds, folding each after the features of its
    /// bucket were read, and leaves `replay` after the last. `on_row` is told of each row.
    ///
    /// Rows must be in order of time.
    pub fn replay(
        rows: &[LabeledParcel],
        plan: &FeaturePlan,
        rates: &ExchangeRates,
        label_delay_days: u32,
        replay: &mut Replay,
        mut on_row: impl FnMut(),
    ) -> Self {
        let n_features = plan.features().len();
        let width = plan.spec().bucket_seconds;
        let mut values = Vec::with_capacity(rows.len() * n_features);
        let mut keys_of_rows = Vec::with_capacity(rows.len());
        let mut buckets = Vec::with_capacity(rows.len());
        let mut row_features = FeatureRow::default();
        let mut descriptions = Descriptions::new();
        for row in rows {
            on_row();
            let at = plan.bucket_of(row.parcel.advised_at);
            let keys = plan.keys(&row.parcel, rates);
            let history = replay.advance(at);
            descriptions.advance(at);
            let margin = |ngrams: &[u32]| descriptions.margin(ngrams);
            plan.fill_while_learning(&row.parcel, &keys, history, at, rates, &margin, &mut row_features);
            values.extend_from_slice(&row_features.values);
            let due = row.due(width, label_delay_days);
            replay.advise(row.item(), keys.footprint(), due);
            descriptions.advise(keys.ngrams(), due, row.weight);
            keys_of_rows.push(keys);
            buckets.push(at);
        }
        let values = Array2::from_shape_vec((rows.len(), n_features), values)
            .expect("each row has as many values as the plan has features");
        Self { values, keys: keys_of_rows, buckets }
    }

    /// The rows of a range.
    pub fn block(&self, range: std::ops::Range<usize>) -> ArrayView2<'_, f32> {
        self.values.slice_axis(Axis(0), Slice::from(range))
    }
}

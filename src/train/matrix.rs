//! Past parcels replayed through the feature code: each row sees only what was known at its time.

use std::convert::Infallible;

use ndarray::{Array2, ArrayView2, Axis, Slice};

use super::{Descriptions, LabeledParcel, PointInTime};
use crate::features::{ExchangeRates, FeaturePlan};
use crate::history::{Bucket, Replay};

/// Point-in-time features of parcels in order of time.
#[derive(Debug)]
pub struct Matrix {
    /// Shape `(n_rows, n_features)`, NaN where missing.
    pub values: Array2<f32>,
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
        let mut values = Vec::with_capacity(rows.len() * n_features);
        let mut buckets = Vec::with_capacity(rows.len());
        let Ok(()) =
            PointInTime { plan, rates, label_delay_days }.replay(rows, replay, &mut Descriptions::default(), |some| {
                values.extend_from_slice(&some.values);
                buckets.extend(some.buckets);
                some.rows.iter().for_each(|_| on_row());
                Ok::<_, Infallible>(())
            });
        let values = Array2::from_shape_vec((rows.len(), n_features), values)
            .expect("each row has as many values as the plan has features");
        Self { values, buckets }
    }

    /// The rows of a range.
    pub fn block(&self, range: std::ops::Range<usize>) -> ArrayView2<'_, f32> {
        self.values.slice_axis(Axis(0), Slice::from(range))
    }
}

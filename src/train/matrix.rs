//! Past parcels replayed through the feature code: each row sees only what was known at its time.

use std::convert::Infallible;

use super::{Descriptions, LabeledParcel, PointInTime, ReplayRoom};
use crate::features::{ExchangeRates, FeaturePlan};
use crate::history::{Bucket, Replay};
use crate::model::PackedMatrix;

/// Point-in-time features of parcels in order of time.
#[derive(Debug)]
pub struct Matrix {
    /// NaN where missing.
    pub values: PackedMatrix,
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
        let mut values = PackedMatrix::new(plan.features().len());
        let mut buckets = Vec::with_capacity(rows.len());
        let (mut descriptions, mut room) = (Descriptions::default(), ReplayRoom::default());
        let point_in_time = PointInTime { plan, rates, label_delay_days };
        let Ok(()) = point_in_time.replay(rows, replay, &mut descriptions, &mut room, |some| {
            values.extend(some.values);
            buckets.extend(some.buckets);
            some.rows.iter().for_each(|_| on_row());
            Ok::<_, Infallible>(())
        });
        Self { values, buckets }
    }
}

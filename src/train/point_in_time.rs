//! Parcels replayed in order of time, by all threads: each sees only what was known when it was advised.

use rayon::prelude::*;

use super::{Descriptions, LabeledParcel};
use crate::features::{ExchangeRates, FeaturePlan, ParcelKeys};
use crate::history::{Advised, Bucket, Group, Replay};

/// How past parcels become features.
#[derive(Clone, Copy, Debug)]
pub struct PointInTime<'a> {
    /// Which features.
    pub plan: &'a FeaturePlan,
    /// How amounts are converted.
    pub rates: &'a ExchangeRates,
    /// Days until an outcome becomes known, where a row does not say.
    pub label_delay_days: u32,
}

/// Some of the rows, with their features.
#[derive(Debug)]
pub struct ReplayedRows<'a> {
    /// The rows, shape `(n_rows,)`.
    pub rows: &'a [LabeledParcel],
    /// The bucket that each was advised in, shape `(n_rows,)`.
    pub buckets: Vec<Bucket>,
    /// Shape `(n_rows, n_features)` row by row, NaN where missing.
    pub values: Vec<f32>,
}

/// Rows whose keys are held at once.
const ROWS_AT_ONCE: usize = 4096;
/// Fewer rows are not worth a task.
const ROWS_A_TASK: usize = 64;

impl PointInTime<'_> {
    /// Replays `rows` on top of what `replay` and `descriptions` hold, and leaves them after the last. `on_rows` is given them in their
    /// order, some at a time; where it fails, the replay ends.
    ///
    /// Rows must be in order of time. Those of one bucket all read the history as it stood before the bucket, so
    /// threads share them and still compute the same bits; they are folded when all of them have read.
    ///
    /// # Errors
    /// What `on_rows` fails with.
    pub fn replay<E>(
        &self,
        rows: &[LabeledParcel],
        replay: &mut Replay,
        descriptions: &mut Descriptions,
        mut on_rows: impl FnMut(ReplayedRows<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let n_features = self.plan.features().len();
        for rows in rows.chunks(ROWS_AT_ONCE) {
            let keyed = self.keyed(rows);
            let mut values = vec![f32::NAN; rows.len() * n_features];
            let mut rest = values.as_mut_slice();
            for together in keyed.chunk_by(|a, b| a.at == b.at) {
                let at = together[0].at;
                let history = replay.advance(at).view();
                descriptions.advance(at);
                let learned = &*descriptions;
                let margin = |ngrams: &[u32]| learned.margin(ngrams);
                let (of_these, later) = rest.split_at_mut(together.len() * n_features);
                rest = later;
                let keys: Vec<_> = together.iter().map(|row| &row.keys).collect();
                let groups = self.plan.fill_together(&keys, &history, at, &margin, of_these);
                drop(history);
                self.advise(together, groups.as_deref(), replay);
                for Keyed { row, keys, .. } in together {
                    let due = row.due(self.plan.spec().bucket_seconds, self.label_delay_days);
                    descriptions.advise(keys.ngrams(), due, row.weight);
                }
            }
            let buckets = keyed.iter().map(|row| row.at).collect();
            on_rows(ReplayedRows { rows, buckets, values })?;
        }
        Ok(())
    }

    /// Folds `rows`, which must be in order of time, without their features. `on_row` is told of each.
    pub fn fold(&self, rows: &[LabeledParcel], replay: &mut Replay, mut on_row: impl FnMut()) {
        for rows in rows.chunks(ROWS_AT_ONCE) {
            for together in self.keyed(rows).chunk_by(|a, b| a.at == b.at) {
                replay.advance(together[0].at);
                self.advise(together, None, replay);
            }
            rows.iter().for_each(|_| on_row());
        }
    }

    fn keyed<'r>(&self, rows: &'r [LabeledParcel]) -> Vec<Keyed<'r>> {
        let keyed = |row: &'r LabeledParcel| Keyed {
            row,
            at: self.plan.bucket_of(row.parcel.advised_at),
            keys: row.keys(self.plan, self.rates),
        };
        rows.par_iter().with_min_len(ROWS_A_TASK).map(keyed).collect()
    }

    fn advise(&self, together: &[Keyed<'_>], groups: Option<&[Group]>, replay: &mut Replay) {
        let width = self.plan.spec().bucket_seconds;
        let advised = together.iter().map(|Keyed { row, keys, .. }| Advised {
            item: row.item(),
            footprint: keys.footprint(),
            outcome: row.due(width, self.label_delay_days),
        });
        let advised: Vec<_> = advised.collect();
        match groups {
            Some(groups) => replay.advise_groups(&advised, groups),
            None => replay.advise_all(&advised),
        };
    }
}

/// A row with what history is kept of it under.
struct Keyed<'a> {
    row: &'a LabeledParcel,
    at: Bucket,
    keys: ParcelKeys,
}

//! Parcels replayed in order of time, by all threads: each sees only what was known when it was advised.

use rayon::prelude::*;

use super::{Descriptions, LabeledParcel};
use crate::features::{ExchangeRates, FeaturePlan, KnownTogether, ParcelKeys};
use crate::history::{Advised, Bucket, Groups, Replay};

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
    pub buckets: &'a [Bucket],
    /// Shape `(n_rows, n_features)` row by row, NaN where missing. They may be taken, best for others' room.
    pub values: &'a mut Vec<f32>,
}

/// Room that a replay works in, kept from rows to rows: to ask for as much each time would take a tenth of its time.
#[derive(Debug, Default)]
pub struct ReplayRoom {
    keys: Vec<ParcelKeys>,
    known: KnownTogether,
    values: Vec<f32>,
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
        ReplayRoom { keys: all_keys, known, values }: &mut ReplayRoom,
        mut on_rows: impl FnMut(ReplayedRows<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let n_features = self.plan.features().len();
        for rows in rows.chunks(ROWS_AT_ONCE) {
            let buckets = self.keys(rows, all_keys);
            // Each is written once more below.
            values.resize(rows.len() * n_features, f32::NAN);
            let mut rest = values.as_mut_slice();
            for Together { at, rows, keys } in together(rows, &buckets, all_keys) {
                let history = replay.advance(at).view();
                descriptions.advance(at);
                let learned = &*descriptions;
                let margin = |ngrams: &[u32]| learned.margin(ngrams);
                let (of_these, later) = rest.split_at_mut(rows.len() * n_features);
                rest = later;
                let groups = self.plan.fill_together(keys, &history, at, &margin, known, of_these);
                drop(history);
                self.advise(rows, keys, groups.as_ref(), replay);
                for (row, keys) in rows.iter().zip(keys) {
                    let due = row.due(self.plan.spec().bucket_seconds, self.label_delay_days);
                    descriptions.advise(keys.ngrams(), due, row.weight);
                }
            }
            on_rows(ReplayedRows { rows, buckets: &buckets, values })?;
        }
        Ok(())
    }

    /// Folds `rows`, which must be in order of time, without their features. `on_row` is told of each.
    pub fn fold(&self, rows: &[LabeledParcel], replay: &mut Replay, mut on_row: impl FnMut()) {
        let mut keys = Vec::new();
        for rows in rows.chunks(ROWS_AT_ONCE) {
            let buckets = self.keys(rows, &mut keys);
            for Together { at, rows, keys } in together(rows, &buckets, &keys) {
                replay.advance(at);
                self.advise(rows, keys, None, replay);
            }
            rows.iter().for_each(|_| on_row());
        }
    }

    /// Puts the keys of rows in place of the first of `keys`, as many; the bucket of each.
    fn keys(&self, rows: &[LabeledParcel], keys: &mut Vec<ParcelKeys>) -> Vec<Bucket> {
        if keys.len() < rows.len() {
            keys.resize_with(rows.len(), ParcelKeys::default);
        }
        let each = rows.par_iter().zip(keys).with_min_len(ROWS_A_TASK);
        each.for_each(|(row, keys)| row.keys_into(self.plan, self.rates, keys));
        rows.iter().map(|row| self.plan.bucket_of(row.parcel.advised_at)).collect()
    }

    fn advise(&self, rows: &[LabeledParcel], keys: &[ParcelKeys], groups: Option<&Groups<'_>>, replay: &mut Replay) {
        let width = self.plan.spec().bucket_seconds;
        let advised = rows.iter().zip(keys).map(|(row, keys)| Advised {
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

/// Rows of one bucket.
struct Together<'a> {
    at: Bucket,
    rows: &'a [LabeledParcel],
    keys: &'a [ParcelKeys],
}

/// Rows by their buckets, of which each has one.
fn together<'a>(
    rows: &'a [LabeledParcel],
    buckets: &'a [Bucket],
    keys: &'a [ParcelKeys],
) -> impl Iterator<Item = Together<'a>> {
    let mut begin = 0;
    buckets.chunk_by(|a, b| a == b).map(move |same| {
        let range = begin..begin + same.len();
        begin = range.end;
        Together { at: same[0], rows: &rows[range.clone()], keys: &keys[range] }
    })
}

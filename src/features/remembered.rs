//! What is known of the entities that parcels of one bucket have under a key, and the features that it gives each.
//!
//! The rate of an entity backs off to that of another, mostly the same one for all parcels that have it: of one HS code, the
//! heading is one. So its log-odds are remembered too, with what the rate backed off to, and made again where that differs.

use std::iter;

use rayon::prelude::*;

use super::key::{JustRead, MOST_FEATURES, PlannedKey};
use super::plan::PRIOR_RATE;
use crate::history::{Bucket, Counts, EntityKey, Group, HistoryView, Place, Sighted};

/// What a rate is of: an entity by its place among those of all keys, or one of two others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RateOf(u32);

impl RateOf {
    /// Of nothing that is known.
    pub(super) const NOTHING: Self = Self(u32::MAX);
    /// Of an entity that backs off to something else than is remembered.
    pub(super) const ONE_PARCEL: Self = Self(u32::MAX - 1);

    /// * `rates`: those of the entities of all keys.
    pub(super) fn rate(self, rates: &[f64]) -> f64 {
        rates.get(self.0 as usize).copied().unwrap_or(PRIOR_RATE)
    }
}

/// What is known under one key, of each entity once.
#[derive(Debug, Default)]
pub(super) struct Remembered {
    counts: Vec<Counts>,
    /// Of each entity the bits of its features, in as many lanes as [`n_lanes`] says, and in the last of them what its rate
    /// backs off to: so all that a parcel needs is read at once.
    lanes: Vec<u32>,
    /// Entities of the keys above.
    n_above: u32,
}

/// Rows of some parcels, where a key fills its features in.
pub(super) struct Rows<'a> {
    /// The entity of each, as [`Group::of_parcels`] has it.
    pub(super) places: &'a [u32],
    /// What the rate of each backs off to.
    pub(super) backs_off: &'a [RateOf],
    /// Takes what the rate of each is of.
    pub(super) rates: &'a mut [RateOf],
    /// All features, row by row.
    pub(super) values: &'a mut [f32],
    /// Features of a row.
    pub(super) n_features: usize,
}

/// Entities that are sighted before anything is read of them.
pub(super) const SIGHTED_AT_ONCE: usize = 64;
/// Fewer entities are not worth a task.
const ENTITIES_A_TASK: usize = 256;
/// Lanes come in steps of so many: to copy as many as there are features would take a call.
const STEP: usize = 4;

/// Room that what is remembered of an entity takes.
fn n_lanes(key: &PlannedKey) -> usize {
    (key.features.len() + 1).next_multiple_of(STEP)
}

impl Remembered {
    /// Puts what is known of each of some entities in place of what is remembered, but for rates; and beside the entity where
    /// it stands in the history, and its activity does.
    pub(super) fn read(
        &mut self,
        key: &PlannedKey,
        entities: &mut [(EntityKey, Option<Place>)],
        activity_at: &mut Vec<Option<Place>>,
        history: &HistoryView<'_>,
        at: Bucket,
    ) {
        let Self { counts: all_counts, lanes, .. } = self;
        all_counts.clear();
        lanes.clear();
        activity_at.clear();
        let mut sighted = Sighted::default();
        for some in entities.chunks_mut(SIGHTED_AT_ONCE) {
            let with_activity = some.iter().map(|(entity, _)| (Some(*entity), key.keeps_activity));
            history.sight(with_activity, iter::empty(), &mut sighted);
            for (idx, (entity, place)) in some.iter_mut().enumerate() {
                let known = history.known(&sighted, idx, *entity);
                *place = known.place();
                if key.keeps_activity {
                    activity_at.push(known.active_at());
                }
                let JustRead { counts, recent } = JustRead::of(known, at);
                let end = lanes.len() + n_lanes(key);
                lanes.extend(key.features.iter().map(|feature| feature.value(0.0, &counts, recent.as_ref()).to_bits()));
                lanes.resize(end, 0);
                all_counts.push(counts);
            }
        }
    }

    /// Remembers the rates of all entities, and adds them to `rates`, which has those of the keys above.
    ///
    /// * `backs_off`: what the rate of an entity backs off to for a parcel that has it.
    pub(super) fn rate(&mut self, key: &PlannedKey, rates: &mut Vec<f64>, backs_off: impl Fn(usize) -> RateOf + Sync) {
        let Self { counts, lanes, n_above } = self;
        let n = rates.len();
        *n_above = n as u32;
        rates.resize(n + counts.len(), 0.0);
        let (above, rates) = rates.split_at_mut(n);
        let each = rates.par_iter_mut().zip(&*counts).zip(lanes.par_chunks_mut(n_lanes(key))).enumerate();
        each.with_min_len(ENTITIES_A_TASK).for_each(|(place, ((rate, counts), lanes))| {
            let to = backs_off(place);
            *rate = key.rate(counts, to.rate(above));
            if let Some((place, log_odds)) = key.log_odds(*rate)
                && let Some(lane) = lanes.get_mut(place)
            {
                *lane = log_odds.to_bits();
            }
            if let Some(last) = lanes.last_mut() {
                *last = to.0;
            }
        });
    }

    /// What the rate of an entity is of where it is remembered.
    pub(super) fn rate_of(&self, place: u32) -> RateOf {
        RateOf(self.n_above + place)
    }

    /// What was counted of an entity.
    pub(super) fn counts(&self, place: u32) -> Option<&Counts> {
        self.counts.get(place as usize)
    }

    /// Fills the features in of the entities of some parcels, and what their rates are of. Where that is not remembered it
    /// goes to `others`, by its place among the rows, and is left as that of one parcel.
    pub(super) fn fill(&self, key: &PlannedKey, rows: Rows<'_>, others: &mut Vec<usize>) {
        const { assert!(MOST_FEATURES < 3 * STEP, "each number of lanes is one below") };
        match n_lanes(key) / STEP {
            1 => self.fill_lanes::<STEP>(key, rows, others),
            2 => self.fill_lanes::<{ 2 * STEP }>(key, rows, others),
            _ => self.fill_lanes::<{ 3 * STEP }>(key, rows, others),
        }
    }

    fn fill_lanes<const N: usize>(&self, key: &PlannedKey, rows: Rows<'_>, others: &mut Vec<usize>) {
        let Rows { places, backs_off, rates, values, n_features } = rows;
        let (entities, _) = self.lanes.as_chunks::<N>();
        let missing = [f32::NAN.to_bits(); N];
        let rows = values.chunks_exact_mut(n_features.max(1)).zip(places).zip(backs_off).zip(rates);
        for (idx, (((values, place), to), rate)) in rows.enumerate() {
            let lanes = entities.get(*place as usize).unwrap_or(&missing);
            if let Some(values) = values.get_mut(key.first..) {
                match values.first_chunk_mut::<N>() {
                    // Some too many, in one step: they are written once more.
                    Some(values) => *values = lanes.map(f32::from_bits),
                    None => {
                        let features = lanes.iter().take(key.features.len());
                        values.iter_mut().zip(features).for_each(|(value, lane)| *value = f32::from_bits(*lane));
                    }
                }
            }
            let remembered = if *place == Group::NOT_STATED { *to } else { self.rate_of(*place) };
            // Nothing that is remembered backs off to one parcel.
            let is_other = if *place == Group::NOT_STATED { *to == RateOf::ONE_PARCEL } else { lanes[N - 1] != to.0 };
            *rate = if is_other { RateOf::ONE_PARCEL } else { remembered };
            if is_other {
                others.push(idx);
            }
        }
    }
}

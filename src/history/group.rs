//! Parcels of one bucket by the entities that they have under one key.

use super::EntityKey;
use super::table::Place;
use super::together::add;

/// The entities of parcels under one key, or the kinds that they are of, each once, and which of them each parcel has.
#[derive(Debug, Default)]
pub struct Group {
    /// With where history had it, where it did.
    pub entities: Vec<(EntityKey, Option<Place>)>,
    /// Where history had the activity of each; empty where it keeps none.
    pub activity_at: Vec<Option<Place>>,
    /// One a parcel: a place in `entities`, or [`Group::NOT_STATED`].
    pub of_parcels: Vec<u32>,
}

/// All that parcels add to history, but for the numbers themselves, which stand in their footprints.
#[derive(Debug)]
pub struct Groups<'a> {
    /// By each key that is counted, in the order of a footprint's keys.
    pub counted: Vec<&'a Group>,
    /// By what a number is usual for, in the order of a footprint's numbers.
    pub numbers: Vec<&'a Group>,
}

impl Group {
    /// Of a parcel that has no such entity.
    pub const NOT_STATED: u32 = u32::MAX;

    /// Puts what is added to each entity in place of what is in `sums`.
    ///
    /// * `added`: what each parcel adds to its own.
    pub(super) fn add_up(&self, added: &[[u32; 3]], sums: &mut Vec<[u32; 3]>) {
        sums.clear();
        sums.resize(self.entities.len(), [0; 3]);
        for (at, added) in self.of_parcels.iter().zip(added) {
            if let Some(sums) = sums.get_mut(*at as usize) {
                add(sums, *added);
            }
        }
    }

    /// Where history had the activity of a parcel's entity, if it did; `None` where `key` is not that entity.
    pub(super) fn active_at(&self, parcel: usize, key: EntityKey) -> Option<Option<Place>> {
        let place = *self.of_parcels.get(parcel)? as usize;
        let (entity, _) = self.entities.get(place)?;
        (*entity == key).then(|| self.activity_at.get(place).copied().flatten())
    }
}

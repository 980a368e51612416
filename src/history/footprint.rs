//! What of a parcel history keeps.

use super::table::Place;
use super::{EntityKey, Sighted};

/// What a parcel adds to history when it is advised.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Footprint {
    /// Entities whose parcels and outcomes are counted.
    pub keys: Vec<EntityKey>,
    /// Entities whose activity is kept, each with the hash of its counterpart, where one is stated.
    pub activity: Vec<(EntityKey, Option<u64>)>,
    /// Kinds of parcels of which it is kept what is usual, each with the parcel's number.
    pub numbers: Vec<(EntityKey, f64)>,
}

/// Where it stands, as far as is known, what a footprint adds to, in the footprint's order. What stands there may be another's
/// since, which whoever changes it sees.
#[derive(Clone, Debug, Default)]
pub struct SeenAt {
    pub(super) keys: Vec<Option<Place>>,
    pub(super) activity: Vec<Option<Place>>,
    pub(super) numbers: Vec<Option<Place>>,
}

impl SeenAt {
    /// Puts in place of what was there what was sighted of a parcel that has these, in the order in which they were asked for.
    ///
    /// * `entities`: whether each is stated, and whether its activity is kept.
    /// * `kinds`: whether each is stated.
    pub fn set(
        &mut self,
        sighted: &Sighted,
        entities: impl Iterator<Item = (bool, bool)>,
        kinds: impl Iterator<Item = bool>,
    ) {
        let Self { keys, activity, numbers } = self;
        [&mut *keys, activity, numbers].into_iter().for_each(Vec::clear);
        for ((_, keeps_activity), (entry, active_at)) in entities.zip(&sighted.entities).filter(|((is, _), _)| *is) {
            keys.push(entry.place());
            if keeps_activity {
                activity.push(active_at.place());
            }
        }
        numbers.extend(kinds.zip(&sighted.kinds).filter(|(is, _)| *is).map(|(_, norm)| norm.place()));
    }
}

impl From<&[EntityKey]> for Footprint {
    /// Counts alone.
    fn from(keys: &[EntityKey]) -> Self {
        Self { keys: keys.to_vec(), ..Self::default() }
    }
}

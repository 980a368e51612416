//! What of a parcel history keeps.

use super::EntityKey;

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

impl From<&[EntityKey]> for Footprint {
    /// Counts alone.
    fn from(keys: &[EntityKey]) -> Self {
        Self { keys: keys.to_vec(), ..Self::default() }
    }
}

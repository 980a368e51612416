//! The result of an inspection as it is kept.

use serde::{Deserialize, Serialize};

use crate::history::EntityKey;

/// The body of an outcome's record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptOutcome {
    /// As it was stated, in the contract's encoding.
    pub stated: Vec<u8>,
    /// The item that was inspected, also where nothing was decided about it.
    pub item_id: String,
    /// When the inspection ended: seconds since 1970, and nanoseconds.
    pub inspected_at: (i64, i32),
    /// Number of the record of the decision that it is about; `None` where none is known.
    pub decision: Option<i64>,
    /// Whether it takes the place of an earlier one of the same inspection.
    pub correction: bool,
    /// What it adds to history: whether an infringement was found, and the keys of the parcel. `None` where it is no
    /// label, where nothing is known of the item, and for a correction.
    pub folded: Option<(bool, Vec<u64>)>,
}

impl KeptOutcome {
    /// What it adds to history.
    pub fn label(&self) -> Option<(bool, Vec<EntityKey>)> {
        let (infringement, keys) = self.folded.as_ref()?;
        Some((*infringement, keys.iter().copied().map(EntityKey).collect()))
    }

    /// As bytes.
    pub fn to_body(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("numbers and bytes always encode")
    }

    /// From a record's body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_body(body: &[u8]) -> Result<Self, String> {
        let (kept, rest) = postcard::take_from_bytes(body).map_err(|error| error.to_string())?;
        if rest.is_empty() { Ok(kept) } else { Err("bytes are left over".to_owned()) }
    }
}

//! A parcel of the past as it is kept: nothing here decided about it, but history is to know of it.

use serde::{Deserialize, Serialize};

use crate::features::KeptKeys;

/// The body of the record of an imported parcel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptImport {
    /// The item.
    pub item_id: String,
    /// When the parcel was advised: seconds since 1970, and nanoseconds.
    pub advised_at: (i64, u32),
    /// The keys of its history.
    pub keys: KeptKeys,
    /// The chance with which it had been chosen for inspection, above 0 and at most 1, where that was stated.
    pub selection_probability: Option<f64>,
}

impl KeptImport {
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

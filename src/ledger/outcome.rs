//! The result of an inspection as it is kept.

use serde::{Deserialize, Serialize};

use super::kept::item_key;
use super::record::{Content, Kind};
use crate::history::{Bucket, EntityKey};

/// The body of an outcome's record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptOutcome {
    /// As it was stated, in the contract's encoding, without its texts.
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
    /// label, where nothing is known of the item, and for a correction of what was counted.
    pub folded: Option<(bool, Vec<u64>)>,
    /// Who recorded it, and why it was acted otherwise, in the contract's encoding. They stand beside the body, as a parcel
    /// does, for they may be erased. `None` where neither is stated, or they are.
    #[serde(skip)]
    pub texts: Option<Vec<u8>>,
}

impl KeptOutcome {
    /// All that is left of what was stated, in the contract's encoding.
    pub fn all_stated(&self) -> Vec<u8> {
        // Messages one after the other are read as one.
        [self.stated.as_slice(), self.texts.as_deref().unwrap_or_default()].concat()
    }

    /// What it adds to history.
    pub fn label(&self) -> Option<(bool, Vec<EntityKey>)> {
        let (infringement, keys) = self.folded.as_ref()?;
        Some((*infringement, keys.iter().copied().map(EntityKey).collect()))
    }

    /// As bytes, without its texts.
    fn to_body(&self) -> Vec<u8> {
        postcard::to_stdvec(self).expect("numbers and bytes always encode")
    }

    /// From what a record says.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(content: &Content) -> Result<Self, String> {
        let (kept, rest) = postcard::take_from_bytes::<Self>(&content.body).map_err(|error| error.to_string())?;
        if !rest.is_empty() {
            return Err("bytes are left over".to_owned());
        }
        Ok(Self { texts: content.parcel.clone(), ..kept })
    }

    /// As a record.
    pub fn to_content(&self, at: Bucket) -> Content {
        Content {
            item: Some(item_key(&self.item_id).0),
            parcel: self.texts.clone(),
            ..Content::new(Kind::Outcome, at, self.to_body())
        }
    }
}

//! How much one parcel may state.

use serde::{Deserialize, Serialize};

/// Limits on one parcel. Each is met by an error that names the field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ParcelLimits {
    /// Most content lines; the contract says 99.
    pub max_contents: usize,
    /// Most documents.
    pub max_documents: usize,
    /// Most national codes, and most national figures.
    pub max_national_entries: usize,
    /// Longest text of any field, in bytes of UTF-8.
    pub max_text_bytes: usize,
    /// How much of a description is read, in bytes; the contract says 512. The rest is left out with a notice.
    pub description_bytes_read: usize,
}

impl ParcelLimits {
    /// What the contract allows; beyond it nothing can be set, but of the longest text.
    pub const CONTRACT: Self = Self {
        max_contents: 99,
        max_documents: 99,
        max_national_entries: 64,
        max_text_bytes: 65_536,
        description_bytes_read: 512,
    };
}

impl Default for ParcelLimits {
    fn default() -> Self {
        Self::CONTRACT
    }
}

//! The reason catalogue: why a parcel scored as it did, in words for an officer.

mod code;
mod language;
mod text;

pub use code::ReasonCode;
pub use language::Language;
pub use text::text;

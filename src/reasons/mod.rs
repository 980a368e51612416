//! The reason catalogue: why a parcel scored as it did, in words for an officer, as is what was odd in it.

mod code;
mod language;
mod text;

pub use code::ReasonCode;
pub use language::Language;
pub use text::{notice_text, text};

//! One parcel in, one decision out.

mod assess;
mod decision;
mod identifier;

pub use assess::{Engine, EngineError, Scores};
pub use decision::{Decision, Evidence, Explanation, ModelRef, RawScore, Reason};

//! One parcel in, one decision out.

mod decision;

pub use decision::{Decision, Evidence, Explanation, ModelRef, RawScore, Reason};

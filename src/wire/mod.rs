//! The contract in Rust, and the one place where it meets the domain.
//!
//! `serve`, the client side of `cli`, and JSON lines in `table` use it; the domain never sees it.

mod decision;
mod outcome;
mod parcel;

pub use decision::{
    explanation_of, from_decision, from_decision_alone, from_model_ref, micros, retell_notices, timestamp,
    timestamp_micros,
};
pub use outcome::{CheckedOutcome, check_outcome};
pub use parcel::{from_draft, to_draft};

/// Messages, services and their proto3 JSON, as generated from `proto/parcelrisk/v1`.
#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    clippy::all,
    clippy::allow_attributes_without_reason,
    reason = "generated code"
)]
pub mod v1 {
    tonic::include_proto!("parcelrisk.v1");
    include!(concat!(env!("OUT_DIR"), "/parcelrisk.v1.serde.rs"));

    /// The contract's descriptor set, comments included.
    pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/parcelrisk.v1.descriptor.bin"));
}

#[cfg(test)]
pub(crate) use parcel::tests::draft as any_draft;

//! From a parcel and its history to numbers: the only place where a feature is computed.
//!
//! [`FeatureSpec`] says which features a model uses; it is data, and part of the artifact.
//! [`FeaturePlan`] is the spec compiled; training and serving both run it.

mod error;
mod indicators;
mod key;
mod norm;
mod number;
mod packed;
mod part;
mod plan;
mod rates;
mod remembered;
mod row;
mod spec;
mod together;

pub use error::InvalidSpec;
pub use indicators::indicators;
pub use number::{NUMBER_FEATURES, NumberFeature};
pub use part::Part;
pub use plan::{FeatureInfo, FeaturePlan};
pub use rates::{ExchangeRates, InvalidRates, RatesConfig};
pub use row::{FeatureRow, KeptKeys, ParcelKeys, RecordedKeys};
pub use spec::{FeatureSpec, KeySpec, NormSpec};
pub use together::KnownTogether;

/// Lower-case hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from_digit(u32::from(half), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

//! Which features a model uses, as data.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::history::{BucketWidth, Decay};

/// What a model looks at: part of its artifact, compiled to a [`FeaturePlan`](super::FeaturePlan).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FeatureSpec {
    /// Width of a history bucket.
    pub bucket_seconds: BucketWidth,
    /// Days after which an event in history counts half.
    pub half_life_days: f64,
    /// Names of number features, from the catalogue.
    pub numbers: Vec<String>,
    /// Keys of national figures that are features.
    pub national_figures: Vec<String>,
    /// Name of the history key that says whether a consignment was seen before: reports tell the
    /// parcels whose key has a known outcome from those whose has none.
    pub fingerprint: String,
    /// Whether the words of descriptions, learned from outcomes, are a feature.
    #[serde(default)]
    pub description_model: bool,
    /// History keys, each below the one that it backs off to.
    pub keys: Vec<KeySpec>,
    /// What is usual for parcels of a kind, each below the one that it backs off to.
    #[serde(default)]
    pub norms: Vec<NormSpec>,
}

/// One kind of history key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySpec {
    /// Its name: part of the key's hash and of its features' names.
    pub name: String,
    /// Names of the parts that make it.
    pub parts: Vec<String>,
    /// The key whose rate stands in where little is known of this one; none: the prior.
    #[serde(default)]
    pub back_off: Option<String>,
    /// Weight of that rate, in inspections.
    pub smoothing: f64,
    /// Code of the reason that its features speak for.
    pub reason: String,
    /// Names of the features that it gives.
    #[serde(default = "rate_and_weight")]
    pub features: Vec<String>,
    /// Names of the parts that make a counterpart, where counterparts are counted.
    #[serde(default)]
    pub counterpart: Vec<String>,
}

/// What is usual for a number of the parcel among those of its kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormSpec {
    /// Its name: part of the hash of its kinds and of its feature's name.
    pub name: String,
    /// Name of the number feature.
    pub number: String,
    /// Names of the parts that make a kind.
    pub parts: Vec<String>,
    /// The norm that stands in where little is known of this kind.
    #[serde(default)]
    pub back_off: Option<String>,
    /// Code of the reason that its feature speaks for.
    pub reason: String,
}

fn rate_and_weight() -> Vec<String> {
    ["log_odds", "log_inspected"].map(str::to_owned).to_vec()
}

impl Default for FeatureSpec {
    /// `config/features.toml`.
    fn default() -> Self {
        toml::from_str(include_str!("../../config/features.toml")).expect("the default feature spec is tested")
    }
}

impl FeatureSpec {
    /// How history ages under this spec.
    pub fn decay(&self) -> Decay {
        Decay { width: self.bucket_seconds, half_life_days: self.half_life_days }
    }

    /// SHA-256 of the spec in its canonical form, in lower-case hexadecimal.
    pub fn digest(&self) -> String {
        let canonical = serde_json::to_vec(self).expect("a spec of plain values always encodes");
        crate::features::hex(&Sha256::digest(canonical))
    }
}

//! The grounds that decisions rest on, as the ledger holds them.

use serde::{Deserialize, Serialize};

use super::config::{LedgerConfig, Parties};
use super::record::{Content, Kind};
use crate::engine::{Engine, ModelRef};
use crate::history::{Bucket, HistoryConfig};
use crate::policy::{KeptPolicy, Policy, PolicyError};

/// Model, policy and what is kept of a parcel: the ledger's first record, and one more at each change. As JSON, so that
/// an auditor can read it without any program of ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grounds {
    /// Name of the line of models.
    pub model_name: String,
    /// Version within it.
    pub model_version: String,
    /// SHA-256 of the artifact: the genesis of the history is the one that it carries.
    pub model_digest: String,
    /// SHA-256 of the feature spec. Events that were recorded under the same spec carry keys that this model reads.
    pub feature_spec_digest: String,
    /// The last bucket that the model's own history knows; later events are folded on top of it.
    pub genesis_until: u32,
    /// Width of a bucket, in seconds.
    pub bucket_seconds: u32,
    /// Name of the policy.
    pub policy_version: String,
    /// The policy.
    pub policy: KeptPolicy,
    /// How parties are kept.
    pub parties: Parties,
    /// Whether descriptions are kept.
    pub descriptions: bool,
    /// Most entities that history knows: what is forgotten must be forgotten again when history is made again.
    pub history_max_entities: u32,
    /// Release of the program.
    pub program_version: String,
    /// The model that decides about a share of the items instead, where one does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<CanaryGrounds>,
}

/// A second model, which decides about some of the items. It reads the same features as the first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanaryGrounds {
    /// Share of the items, above 0 and below 1: those that [`is_in_canary`] finds in it.
    pub share: f64,
    /// As of the first model.
    pub model_name: String,
    /// As of the first model.
    pub model_version: String,
    /// As of the first model.
    pub model_digest: String,
    /// As of the first model.
    pub genesis_until: u32,
}

/// Whether the item of this hash is among the `share` that a second model decides about: always the same ones, and more of
/// them for a larger share.
pub fn is_in_canary(item: u64, share: f64) -> bool {
    // Other items than those that the shadow begins with.
    let place = item.wrapping_mul(0x9E37_79B9_7F4A_7C15) as f64 / u64::MAX as f64;
    place < share
}

impl CanaryGrounds {
    fn model(&self) -> ModelRef {
        let Self { model_name, model_version, model_digest, .. } = self;
        ModelRef { name: model_name.clone(), version: model_version.clone(), digest: model_digest.clone() }
    }
}

impl Grounds {
    /// Those of an engine whose model knows everything up to `data_until_seconds`.
    pub fn new(engine: &Engine, data_until_seconds: i64, ledger: &LedgerConfig, history: &HistoryConfig) -> Self {
        let ModelRef { name, version, digest } = engine.model_ref().as_ref().clone();
        let spec = engine.plan().spec();
        Self {
            model_name: name,
            model_version: version,
            model_digest: digest,
            feature_spec_digest: spec.digest(),
            genesis_until: spec.bucket_seconds.bucket_of_second(data_until_seconds).0,
            bucket_seconds: spec.bucket_seconds.into(),
            policy_version: engine.policy().version().to_string(),
            policy: engine.policy().kept(),
            parties: ledger.parties,
            descriptions: ledger.descriptions,
            history_max_entities: history.max_entities,
            program_version: env!("CARGO_PKG_VERSION").to_owned(),
            canary: None,
        }
    }

    /// The same with a second model that decides about a share of the items, or with none.
    #[must_use]
    pub fn with_canary(&self, canary: Option<(f64, &Self)>) -> Self {
        let canary = canary.map(|(share, of)| CanaryGrounds {
            share,
            model_name: of.model_name.clone(),
            model_version: of.model_version.clone(),
            model_digest: of.model_digest.clone(),
            genesis_until: of.genesis_until,
        });
        Self { canary, ..self.clone() }
    }

    /// Those of the second model alone.
    pub fn of_canary(&self) -> Option<Self> {
        let canary = self.canary.clone()?;
        Some(Self {
            model_name: canary.model_name,
            model_version: canary.model_version,
            model_digest: canary.model_digest,
            genesis_until: canary.genesis_until,
            canary: None,
            ..self.clone()
        })
    }

    /// Digest of the model that decides about the item of this hash.
    pub fn decides(&self, item: u64) -> &str {
        self.canary_of(item).map_or(&self.model_digest, |canary| &canary.model_digest)
    }

    /// The model, or the first of two.
    pub fn model(&self) -> ModelRef {
        let Self { model_name, model_version, model_digest, .. } = self;
        ModelRef { name: model_name.clone(), version: model_version.clone(), digest: model_digest.clone() }
    }

    /// The model that decides about the item of this hash.
    pub fn model_of(&self, item: u64) -> ModelRef {
        self.canary_of(item).map_or_else(|| self.model(), CanaryGrounds::model)
    }

    /// The second model, where it decides about the item of this hash.
    fn canary_of(&self, item: u64) -> Option<&CanaryGrounds> {
        self.canary.as_ref().filter(|canary| is_in_canary(item, canary.share))
    }

    /// Those of another engine, where records are kept as `self` says.
    #[must_use]
    pub fn of_model(&self, engine: &Engine, data_until_seconds: i64) -> Self {
        Self {
            parties: self.parties,
            descriptions: self.descriptions,
            history_max_entities: self.history_max_entities,
            ..Self::new(engine, data_until_seconds, &LedgerConfig::default(), &HistoryConfig::default())
        }
    }

    /// The same under another policy.
    #[must_use]
    pub fn under(&self, policy: &Policy) -> Self {
        Self { policy_version: policy.version().to_string(), policy: policy.kept(), ..self.clone() }
    }

    /// The policy.
    ///
    /// # Errors
    /// [`PolicyError`] where this release can't read it.
    pub fn policy(&self) -> Result<Policy, PolicyError> {
        self.policy.policy(&self.policy_version)
    }

    /// Whether scores that were recorded on `other` grounds are of the same model.
    pub fn same_scores(&self, other: &Self) -> bool {
        self.model_digest == other.model_digest
    }

    /// The first bucket in which anything is decided on them.
    pub fn first_bucket(&self) -> Bucket {
        Bucket(self.genesis_until.saturating_add(1))
    }

    /// Whether an event recorded on `other` grounds, in bucket `at`, is part of the history of these: it carries the same
    /// keys, and the model does not know of it from its training.
    pub fn include(&self, other: &Self, at: Bucket) -> bool {
        self.feature_spec_digest == other.feature_spec_digest && at >= self.first_bucket()
    }

    /// Most entities that history knows, as a number of them.
    pub fn most_entities(&self) -> usize {
        usize::try_from(self.history_max_entities).unwrap_or(usize::MAX)
    }

    /// As a record.
    pub fn to_content(&self, at: Bucket) -> Content {
        let body = serde_json::to_vec(self).expect("texts and finite numbers always encode");
        Content::new(Kind::Grounds, at, body)
    }

    /// From a record's body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_body(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|error| error.to_string())
    }
}

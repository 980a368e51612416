//! How the registry is set.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::artifact::{InvalidKey, TrustedKeyConfig, TrustedKeys};
use crate::parcel::{Problem, Violation};

/// The registry's settings as configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegistryConfig {
    /// Directory of the models; empty: there is none.
    pub path: String,
    /// How often it is looked into.
    pub poll_seconds: u32,
    /// Keys whose signatures count.
    pub trusted_keys: Vec<TrustedKeyConfig>,
    /// Whether a model that nobody vouches for may decide.
    pub allow_unsigned: bool,
    /// Most that the files of one model may hold together.
    pub max_artifact_bytes: u32,
    /// Share of the parcels that a challenger scores in the shadow.
    pub shadow_share: f64,
    /// Most parcels that may wait for it.
    pub shadow_queue: u32,
    /// Share of the items that a challenger decides about as soon as it is staged.
    pub canary_share: f64,
}

impl Default for RegistryConfig {
    fn default() -> Self {
        Self {
            path: String::new(),
            poll_seconds: 30,
            trusted_keys: Vec::new(),
            allow_unsigned: false,
            max_artifact_bytes: 512 << 20,
            shadow_share: 1.0,
            shadow_queue: 1000,
            canary_share: 0.0,
        }
    }
}

/// Largest share of the items that a challenger may decide about: most are the champion's.
pub const MAX_CANARY_SHARE: f64 = 0.5;

/// What is wrong with the settings.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidRegistry {
    /// A number is out of its range.
    #[error(transparent)]
    Number(#[from] Violation),
    /// A key is none.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// A share is none.
    #[error("registry.shadow_share: must be from 0 to 1, got {got}")]
    Share {
        /// As configured.
        got: f64,
    },
    /// All items would be a promotion.
    #[error("registry.canary_share: must be from 0 to 0.5, got {got}")]
    Canary {
        /// As configured.
        got: f64,
    },
}

/// Settings that a registry can be opened with.
#[derive(Clone, Debug)]
pub struct ValidRegistry {
    config: RegistryConfig,
    keys: TrustedKeys,
}

impl RegistryConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`InvalidRegistry`] for the first that is wrong.
    pub fn check(self) -> Result<ValidRegistry, InvalidRegistry> {
        let ranges = [
            ("registry.poll_seconds", self.poll_seconds, 1, 86_400),
            ("registry.max_artifact_bytes", self.max_artifact_bytes, 1 << 20, 2 << 30),
            ("registry.shadow_queue", self.shadow_queue, 1, 1_000_000),
        ];
        for (field, got, min, max) in ranges {
            if !(min..=max).contains(&got) {
                let problem = Problem::OutOfRange { got: got.into(), min: min.into(), max: max.into() };
                return Err(Violation::new(field, problem).into());
            }
        }
        if !(0.0..=1.0).contains(&self.shadow_share) {
            return Err(InvalidRegistry::Share { got: self.shadow_share });
        }
        if !(0.0..=MAX_CANARY_SHARE).contains(&self.canary_share) {
            return Err(InvalidRegistry::Canary { got: self.canary_share });
        }
        let keys = TrustedKeys::new(&self.trusted_keys)?;
        Ok(ValidRegistry { config: self, keys })
    }
}

impl ValidRegistry {
    /// Directory of the models, where there is one.
    pub fn path(&self) -> Option<&Path> {
        (!self.config.path.is_empty()).then(|| Path::new(&self.config.path))
    }

    /// How often it is looked into.
    pub fn poll_interval(&self) -> Duration {
        Duration::from_secs(self.config.poll_seconds.into())
    }

    /// Keys whose signatures count.
    pub fn keys(&self) -> &TrustedKeys {
        &self.keys
    }

    /// Whether a model that nobody vouches for may decide.
    pub fn allows_unsigned(&self) -> bool {
        self.config.allow_unsigned
    }

    /// Most that the files of one model may hold together.
    pub fn max_artifact_bytes(&self) -> u64 {
        self.config.max_artifact_bytes.into()
    }

    /// Share of the parcels that a challenger scores in the shadow.
    pub fn shadow_share(&self) -> f64 {
        self.config.shadow_share
    }

    /// Share of the items that a challenger decides about as soon as it is staged.
    pub fn canary_share(&self) -> f64 {
        self.config.canary_share
    }

    /// Most parcels that may wait for it.
    pub fn shadow_queue(&self) -> usize {
        usize::try_from(self.config.shadow_queue).unwrap_or(usize::MAX)
    }
}

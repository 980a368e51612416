//! The configuration: default, then file, then environment, then flag; checked before anything starts.
//!
//! `config/reference.toml` lists every key. A key `section.key` has the environment variable
//! `PARCEL_RISK_SECTION_KEY`.

mod check;
mod layers;
mod origin;
mod policy;
mod print;

use serde::{Deserialize, Serialize};

pub use check::{InvalidConfig, ValidConfig};
pub use layers::{LoadError, Loaded};
pub use origin::Origin;
pub use policy::{PolicyConfig, PolicyFileError, read_policy};

use crate::admin::AdminConfig;
use crate::features::RatesConfig;
use crate::history::HistoryConfig;
use crate::identity::IdentityConfig;
use crate::ledger::LedgerConfig;
use crate::parcel::ParcelLimits;
use crate::registry::{GateConfig, RegistryConfig};
use crate::serve::ServeConfig;
use crate::telemetry::LogConfig;
use crate::traces::TracesConfig;
use crate::train::TrainConfig;

/// Every setting, not yet checked.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The server.
    pub serve: ServeConfig,
    /// Who callers are, and what they may.
    pub identity: IdentityConfig,
    /// The port for those who run it.
    pub admin: AdminConfig,
    /// The log.
    pub log: LogConfig,
    /// Calls as spans.
    pub traces: TracesConfig,
    /// How much one parcel may state.
    pub limits: ParcelLimits,
    /// Exchange rates.
    pub currency: RatesConfig,
    /// From a score to a route.
    pub policy: PolicyConfig,
    /// The ledger.
    pub ledger: LedgerConfig,
    /// Models at hand.
    pub registry: RegistryConfig,
    /// What a challenger must keep to.
    pub gate: GateConfig,
    /// History while serving.
    pub history: HistoryConfig,
    /// Training.
    pub train: TrainConfig,
}

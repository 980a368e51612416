//! Only a checked configuration starts anything.

use std::ops::RangeInclusive;
use std::path::Path;

use super::Config;
use crate::admin::AdminConfig;
use crate::features::{ExchangeRates, RatesConfig};
use crate::history::HistoryConfig;
use crate::identity::ValidIdentity;
use crate::ledger::LedgerConfig;
use crate::parcel::ParcelLimits;
use crate::policy::{Thresholds, ThresholdsConfig};
use crate::registry::{GateConfig, ValidRegistry};
use crate::serve::ValidServe;
use crate::telemetry::{LogConfig, with_causes};
use crate::traces::TracesConfig;
use crate::train::ValidTrainConfig;

/// Everything that is wrong with a configuration, section by section; never empty.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{}", .0.join("\n"))]
pub struct InvalidConfig(pub Vec<String>);

/// A configuration whose every section is valid.
#[derive(Clone, Debug)]
pub struct ValidConfig {
    config: Config,
    serve: ValidServe,
    identity: ValidIdentity,
    rates: ExchangeRates,
    thresholds: Thresholds,
    registry: ValidRegistry,
    train: ValidTrainConfig,
}

impl Config {
    /// # Errors
    /// [`InvalidConfig`] with the problems of every section.
    pub fn check(self) -> Result<ValidConfig, InvalidConfig> {
        let mut problems = Vec::new();
        let serve = keep(&mut problems, self.serve.clone().check());
        let identity = keep(&mut problems, self.identity.clone().check());
        if let (Some(serve), Some(identity)) = (&serve, &identity) {
            keep(&mut problems, identity.check_address(serve.listen()));
            if let Some(apart) = serve.listen_apart() {
                keep(&mut problems, identity.check_address(apart));
            }
        }
        problems.extend(self.admin.check().err().map(|violation| violation.to_string()));
        problems.extend(self.taken_twice());
        keep(&mut problems, self.log.check());
        keep(&mut problems, self.traces.check());
        problems.extend(limits(&self.limits));
        let rates = keep(&mut problems, self.currency.check());
        let thresholds = keep(&mut problems, self.policy.thresholds().check());
        problems.extend(self.ledger.check().err().map(|violation| violation.to_string()));
        keep(&mut problems, self.gate.check());
        let registry = keep(&mut problems, self.registry.clone().check());
        problems.extend(self.history.check().err().map(|violation| violation.to_string()));
        let train = keep(&mut problems, self.train.clone().check());
        match (serve, identity, rates, thresholds, registry, train) {
            (Some(serve), Some(identity), Some(rates), Some(thresholds), Some(registry), Some(train))
                if problems.is_empty() =>
            {
                Ok(ValidConfig { config: self, serve, identity, rates, thresholds, registry, train })
            }
            _ => Err(InvalidConfig(problems)),
        }
    }
}

impl Config {
    /// Two of the addresses can't both be listened on.
    fn taken_twice(&self) -> impl Iterator<Item = String> {
        let (serve, apart, admin) = (
            ("serve.listen", self.serve.listen.as_str()),
            ("serve.listen_apart", self.serve.listen_apart.as_str()),
            ("admin.listen", self.admin.listen.as_str()),
        );
        let pairs = [(serve, apart), (serve, admin), (apart, admin)].into_iter();
        pairs.filter(|((_, one), (_, other))| meet(one, other)).map(|((first, _), (second, address))| {
            format!("{second}: {address} is taken by {first} already: it must be another address or port")
        })
    }
}

/// Whether who listens on one of these takes the other. Names are compared as they stand: what they lead to may change.
fn meet(one: &str, other: &str) -> bool {
    let (Some((host, port)), Some((other_host, other_port))) = (one.rsplit_once(':'), other.rsplit_once(':')) else {
        return false;
    };
    let (Ok(port), Ok(other_port)) = (port.parse::<u16>(), other_port.parse::<u16>()) else { return false };
    // Of 0 each gets a port of its own.
    let is_any = |host: &str| matches!(host, "0.0.0.0" | "[::]");
    port != 0 && port == other_port && (host == other_host || is_any(host) || is_any(other_host))
}

fn keep<T, E: std::error::Error>(problems: &mut Vec<String>, checked: Result<T, E>) -> Option<T> {
    checked.map_err(|error| problems.push(with_causes(&error))).ok()
}

/// The contract's own limits are ceilings, but that of texts.
fn limits(limits: &ParcelLimits) -> Vec<String> {
    let must = |key: &str, range: RangeInclusive<usize>, got: usize| {
        let (min, max) = (range.start(), range.end());
        (!range.contains(&got)).then(|| format!("limits.{key}: must be from {min} to {max}, got {got}"))
    };
    let ParcelLimits { max_contents, max_documents, max_national_entries, max_text_bytes, description_bytes_read } =
        *limits;
    let most = ParcelLimits::CONTRACT;
    [
        must("max_contents", 1..=most.max_contents, max_contents),
        must("max_documents", 1..=most.max_documents, max_documents),
        must("max_national_entries", 1..=most.max_national_entries, max_national_entries),
        must("max_text_bytes", 512..=1 << 20, max_text_bytes),
        must("description_bytes_read", 1..=most.description_bytes_read, description_bytes_read),
    ]
    .into_iter()
    .flatten()
    .collect()
}

impl ValidConfig {
    /// The server's settings.
    pub fn serve(&self) -> &ValidServe {
        &self.serve
    }

    /// Who callers are, and what they may.
    pub fn identity(&self) -> &ValidIdentity {
        &self.identity
    }

    /// The admin port's.
    pub fn admin(&self) -> &AdminConfig {
        &self.config.admin
    }

    /// The log's.
    pub fn log(&self) -> &LogConfig {
        &self.config.log
    }

    /// Where spans go.
    pub fn traces(&self) -> &TracesConfig {
        &self.config.traces
    }

    /// How much one parcel may state.
    pub fn limits(&self) -> &ParcelLimits {
        &self.config.limits
    }

    /// Exchange rates.
    pub fn rates(&self) -> &ExchangeRates {
        &self.rates
    }

    /// Exchange rates as configured, to be recorded in a model.
    pub fn rates_config(&self) -> &RatesConfig {
        &self.config.currency
    }

    /// From a score to a route.
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
    }

    /// The same as configured, to be recorded in a model.
    pub fn thresholds_config(&self) -> ThresholdsConfig {
        self.config.policy.thresholds()
    }

    /// The policy file, where one is named.
    pub fn policy_file(&self) -> Option<&Path> {
        self.config.policy.path()
    }

    /// History while serving.
    pub fn history(&self) -> &HistoryConfig {
        &self.config.history
    }

    /// The ledger.
    pub fn ledger(&self) -> &LedgerConfig {
        &self.config.ledger
    }

    /// What a challenger must keep to.
    pub fn gate(&self) -> &GateConfig {
        &self.config.gate
    }

    /// Models at hand.
    pub fn registry(&self) -> &ValidRegistry {
        &self.registry
    }

    /// Training.
    pub fn train(&self) -> &ValidTrainConfig {
        &self.train
    }
}

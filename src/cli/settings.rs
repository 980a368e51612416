//! What every command takes from the configuration.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use crate::artifact::Artifact;
use crate::config::{Loaded, ValidConfig, read_policy};
use crate::engine::Engine;
use crate::ledger::{Clock, is_ready};
use crate::policy::{FilePolicy, Policy};
use crate::serve::{Recorder, Scorer};
use crate::table::Mapping;
use crate::telemetry::{self, LogThread};

/// The flag that every command with a configuration has.
#[derive(Debug, clap::Args)]
pub(super) struct ConfigFlag {
    /// Configuration file; `config/reference.toml` lists every key.
    #[arg(long, env = "PARCEL_RISK_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

/// Layers default, file, environment and the flags given, and checks the result.
pub(super) fn load(config: &ConfigFlag, flags: Flags) -> anyhow::Result<ValidConfig> {
    Ok(layered(config, flags)?.config.check()?)
}

/// As [`load`], unchecked and with the origin of each value.
pub(super) fn layered(config: &ConfigFlag, flags: Flags) -> anyhow::Result<Loaded> {
    Ok(Loaded::load(config.config.as_deref(), std::env::vars_os(), flags.0)?)
}

/// Flags that override a key of the configuration.
#[derive(Debug, Default)]
pub(super) struct Flags(Vec<(&'static str, toml::Value)>);

impl Flags {
    /// Sets `key` where the flag was given.
    pub(super) fn set(mut self, key: &'static str, value: Option<impl Into<toml::Value>>) -> Self {
        self.0.extend(value.map(|value| (key, value.into())));
        self
    }
}

/// Starts the log as configured.
pub(super) fn start_log(config: &ValidConfig) -> anyhow::Result<()> {
    telemetry::init(config.log()).context("starting the log")
}

/// As [`start_log`], by a thread of its own, which whoever logs does not wait for; it is to be held to the end.
pub(super) fn start_log_apart(config: &ValidConfig) -> anyhow::Result<LogThread> {
    telemetry::init_apart(config.log()).context("starting the log")
}

/// The artifact of a directory, or the built-in one.
pub(super) fn artifact(directory: Option<&Path>) -> anyhow::Result<Artifact> {
    match directory {
        Some(directory) => Artifact::read(directory).with_context(|| format!("the model in {}", directory.display())),
        None => Artifact::embedded().context("the built-in model"),
    }
}

/// A model under the configured rates and thresholds.
pub(super) fn engine(artifact: &Artifact, config: &ValidConfig) -> anyhow::Result<Engine> {
    let (model, model_ref) = (Arc::clone(artifact.model()), Arc::clone(artifact.model_ref()));
    Ok(Engine::new(model, model_ref, config.rates().clone(), config.thresholds().clone())?)
}

/// As [`engine`], under the policy file where one is named.
pub(super) fn policed_engine(artifact: &Artifact, config: &ValidConfig) -> anyhow::Result<Engine> {
    let engine = engine(artifact, config)?;
    match config.policy_file() {
        None => Ok(engine),
        Some(path) => {
            let policy = policy(path, engine.history_keys()).context("policy.file")?;
            Ok(engine.with_policy(policy))
        }
    }
}

/// Names of a model's history keys, as rules call them.
pub(super) fn history_keys(artifact: &Artifact) -> Vec<String> {
    artifact.model().plan().spec().keys.iter().map(|key| key.name.clone()).collect()
}

/// The policy of a file, for a model with these history keys.
pub(super) fn policy(path: &Path, history_keys: &[String]) -> anyhow::Result<Policy> {
    let compiled = FilePolicy::compile(&read_policy(path)?, history_keys);
    Ok(compiled.with_context(|| format!("the policy {}", path.display()))?.into())
}

/// Reads a mapping where one is named.
pub(super) fn mapping(path: Option<&Path>) -> anyhow::Result<Option<Mapping>> {
    path.map(|path| Mapping::read(path).with_context(|| format!("the mapping {}", path.display()))).transpose()
}

/// Whether a server of this model starts as configured, as far as files say that. Makes none.
pub(super) fn can_be_served(artifact: &Artifact, config: &ValidConfig) -> anyhow::Result<()> {
    match config.ledger().path() {
        None => scorer(artifact, config).map(drop),
        Some(_) => {
            policed_engine(artifact, config)?;
            Ok(is_ready(config.ledger())?)
        }
    }
}

/// A model with everything it knows, as a server runs it.
pub(super) fn scorer(artifact: &Artifact, config: &ValidConfig) -> anyhow::Result<Scorer> {
    let engine = policed_engine(artifact, config)?;
    anyhow::ensure!(
        !engine.policy().has_budgets(),
        "policy.file: the streams of this policy have budgets, which a server spends by what its ledger records: set ledger.path"
    );
    Ok(Scorer::with_history(artifact, engine, Arc::clone(artifact.settled_history()), config.limits().clone()))
}

/// As [`scorer`], with the ledger that the configuration names: then history goes on with what is recorded.
pub(super) fn recorded_scorer(
    artifact: &Artifact,
    config: &ValidConfig,
) -> anyhow::Result<(Scorer, Option<Arc<Recorder>>)> {
    let Some(path) = config.ledger().path() else { return Ok((scorer(artifact, config)?, None)) };
    let engine = policed_engine(artifact, config)?;
    let recorder = Recorder::open(path, (config.ledger(), config.history()), Clock::system(), artifact, &engine)?;
    let history = recorder.history();
    Ok((Scorer::with_history(artifact, engine, history, config.limits().clone()), Some(Arc::new(recorder))))
}

//! The models of `serve`: which one it starts with, and when it looks for others.

use std::path::Path;
use std::sync::Weak;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use super::settings;
use crate::config::ValidConfig;
use crate::ledger::Reader;
use crate::registry::{Believed, Shelf};
use crate::serve::Lifecycle;

/// The model that decides from the start: the one that is named; else, of the registry, the one that decided last
/// according to the ledger; else the built-in one.
pub(super) fn champion(named: Option<&Path>, config: &ValidConfig) -> anyhow::Result<Believed> {
    champion_by("--model", named, config)
}

/// The same for a command by whose flag `flag` a model is named.
pub(super) fn champion_by(flag: &str, named: Option<&Path>, config: &ValidConfig) -> anyhow::Result<Believed> {
    let given = || Ok(Believed { artifact: settings::artifact(named)?, signer: None });
    let (Some(shelf), None, Some(ledger)) = (Shelf::of(config.registry()), named, config.ledger().path()) else {
        return given();
    };
    if !ledger.exists() {
        return given();
    }
    let reader = Reader::open(ledger)?;
    let Some(grounds) = reader.last_grounds()? else { return given() };
    let built_in = settings::artifact(None)?;
    if built_in.model_ref().digest == grounds.model_digest {
        return Ok(Believed { artifact: built_in, signer: None });
    }
    let places = shelf.places().context("registry.path")?;
    let named = |place: &&crate::registry::Place| {
        (&place.name, &place.version) == (&grounds.model_name, &grounds.model_version)
    };
    // A volume that is not mounted is an empty registry: were another model to take over then, it would do so for good.
    let place = places.iter().find(named).with_context(|| {
        format!(
            "the model that decided last according to the ledger, {} {}, is not in the registry {}: bring it back there, \
             as by mounting what holds it, or name the model that shall decide by {flag} DIR",
            grounds.model_name,
            grounds.model_version,
            config.registry().path().unwrap_or(Path::new("")).display()
        )
    })?;
    let believed = shelf.take(place).map_err(|(finding, _)| {
        anyhow::anyhow!(
            "the model that decided last did not pass the check {}: {}",
            finding.check.as_str(),
            finding.why
        )
    })?;
    anyhow::ensure!(
        believed.artifact.model_ref().digest == grounds.model_digest,
        "the model that decided last, {} {}, is another artifact now than the ledger names",
        place.name,
        place.version
    );
    Ok(believed)
}

/// Looks into the registry at once, then every so often and at each SIGHUP, as long as the server lives.
pub(super) fn look_often(lifecycle: Weak<Lifecycle>, interval: Duration) -> anyhow::Result<()> {
    let mut hangup = signal(SignalKind::hangup())?;
    tokio::spawn(async move {
        if let Some(models) = lifecycle.upgrade() {
            // It folds the ledger for each model that is held.
            let _ = tokio::task::spawn_blocking(move || models.resume()).await;
        }
        while let Some(models) = lifecycle.upgrade() {
            // It may read and prove a model, which takes a second.
            let looked = tokio::task::spawn_blocking(move || {
                models.look();
                models.consider();
            });
            let _ = looked.await;
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                _ = hangup.recv() => {}
            }
        }
    });
    Ok(())
}

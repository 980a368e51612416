//! `config`: what is configured, and whether it can be.

use std::path::PathBuf;

use anyhow::Context as _;

use super::settings::{self, ConfigFlag, Flags};
use super::{gate, models, output};
use crate::config::ValidConfig;
use crate::identity::Identity;
use crate::registry::Shelf;

/// Subcommands of `config`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the effective configuration, each value with where it comes from.
    Print(Args),
    /// Check it with the files that it names, and say what is wrong with it: whether a server would start, and, where it has a
    /// registry, whether models could be staged. Makes no file.
    Check(CheckArgs),
}

/// Flags of `config print`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigFlag,
}

/// Flags of `config check`.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Artifact to be served; without it, the one that `serve` would take.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigFlag,
}

pub(super) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Print(args) => output::print(&settings::layered(&args.config, Flags::default())?.to_text()),
        Command::Check(args) => {
            let config = settings::load(&args.config, Flags::default())?;
            config.log().check_in_force()?;
            // In the order of `serve`.
            let artifact = models::champion(args.model.as_deref(), &config)?.artifact;
            settings::can_be_served(&artifact, &config)?;
            Identity::load(config.identity().clone())?;
            models_can_be_staged(&config)?;
            output::print("the configuration is valid\n")
        }
    }
}

/// A server starts without a model beside the one that decides, and would take none: it is read as a staging reads it.
fn models_can_be_staged(config: &ValidConfig) -> anyhow::Result<()> {
    let (Some(shelf), Some(path)) = (Shelf::of(config.registry()), config.registry().path()) else { return Ok(()) };
    // What holds it may be mounted later.
    if path.exists() {
        shelf.places().with_context(|| format!("registry.path: reading {}", path.display()))?;
    }
    gate::reference_set(config).context("gate.reference").map(drop)
}

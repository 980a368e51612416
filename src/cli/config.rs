//! `config`: what is configured, and whether it can be.

use std::path::PathBuf;

use super::settings::{self, ConfigFlag, Flags};
use super::{models, output};
use crate::identity::Identity;

/// Subcommands of `config`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the effective configuration, each value with where it comes from.
    Print(Args),
    /// Check it with the files that it names, and say what is wrong with it: whether a server would start. Makes no file.
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
            output::print("the configuration is valid\n")
        }
    }
}

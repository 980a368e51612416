//! `config`: what is configured, and whether it can be.

use super::output;
use super::settings::{self, ConfigFlag, Flags};
use crate::identity::Identity;

/// Subcommands of `config`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the effective configuration, each value with where it comes from.
    Print(Args),
    /// Check it, and say what is wrong with it.
    Check(Args),
}

/// Flags of both.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigFlag,
}

pub(super) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Print(args) => output::print(&settings::layered(&args.config, Flags::default())?.to_text()),
        Command::Check(args) => {
            let config = settings::load(&args.config, Flags::default())?;
            Identity::load(config.identity().clone())?;
            output::print("the configuration is valid\n")
        }
    }
}

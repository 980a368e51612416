//! `policy`: is a policy valid, and what would it have changed.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::output;
use super::settings;
use crate::ledger::{Reader, dry_run};
use crate::policy::{Policy, Route};

/// What can be done with a policy.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Read a policy with all that it names, and say what is wrong with it.
    Check(CheckArgs),
    /// Route what a ledger holds by another policy, day by day, and say what would have changed.
    DryRun(DryRunArgs),
}

/// Flags of `policy check`.
#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// The policy file.
    #[arg(value_name = "FILE")]
    policy: PathBuf,
    /// Artifact whose history keys rules may name; without it, the built-in one.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
}

/// Flags of `policy dry-run`.
#[derive(Debug, clap::Args)]
pub(super) struct DryRunArgs {
    /// The ledger.
    #[arg(long, value_name = "FILE")]
    ledger: PathBuf,
    /// The policy file.
    #[arg(long, value_name = "FILE")]
    policy: PathBuf,
    /// Artifact that decided; without it, the built-in one.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
}

pub(super) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Check(args) => {
            let artifact = settings::artifact(args.model.as_deref())?;
            let policy = read(&args.policy, &settings::history_keys(&artifact))?;
            output::print(&format!("the policy is valid: {}\n", policy.version()))
        }
        Command::DryRun(args) => run_dry(&args),
    }
}

fn read(path: &Path, history_keys: &[String]) -> anyhow::Result<Policy> {
    settings::policy(path, history_keys)
}

fn run_dry(args: &DryRunArgs) -> anyhow::Result<()> {
    let artifact = settings::artifact(args.model.as_deref())?;
    let history_keys = settings::history_keys(&artifact);
    let policy = read(&args.policy, &history_keys)?;
    let reader = Reader::open(&args.ledger)?;
    let dry = dry_run(&reader, &artifact, &policy).context("routing anew")?;
    let mut text = format!("{} decisions, {} of them routed otherwise\n", dry.decisions, dry.changed);
    text += &format!("{:<15}{:>12}{:>12}\n", "route", "recorded", "anew");
    for route in Route::ALL.into_iter().rev() {
        let (recorded, anew) = dry.by_route.get(&route).copied().unwrap_or_default();
        text += &format!("{:<15}{recorded:>12}{anew:>12}\n", route.name());
    }
    for (rule, n) in &dry.by_rule {
        text += &format!("rule {rule}: matched {n}\n");
    }
    text += &format!(
        "known infringements: {}, inspected as recorded {}, anew {}\n",
        dry.infringements, dry.infringements_inspected.0, dry.infringements_inspected.1
    );
    if dry.other_model > 0 {
        text += &format!("{} decisions are of another model, and were left out\n", dry.other_model);
    }
    if dry.has_pseudonyms {
        text += "parties are kept under pseudonyms, or not at all: what rules say of them matched nobody\n";
    }
    output::print(&text)
}

//! `model`: what an artifact is, and whether it proves itself.

use std::path::PathBuf;

use super::{output, settings};
use crate::model::Estimator;

/// Subcommands of `model`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print a model's card, manifest or features.
    Inspect(InspectArgs),
    /// Check digests, feature spec, numbers and golden decisions.
    Verify(VerifyArgs),
}

/// Flags of `model inspect`.
#[derive(Debug, clap::Args)]
pub(super) struct InspectArgs {
    /// Directory of the artifact; without it, the built-in one.
    directory: Option<PathBuf>,
    /// What to print.
    #[arg(long, value_enum, default_value = "card")]
    show: Show,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Show {
    /// The card, for people.
    Card,
    /// The manifest, for programs.
    Manifest,
    /// Every feature: name, unit, reason, weight, meaning, tab-separated.
    Features,
}

/// Flags of `model verify`.
#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    /// Directory of the artifact; without it, the built-in one.
    directory: Option<PathBuf>,
}

pub(super) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Inspect(args) => inspect(&args),
        Command::Verify(args) => verify(&args),
    }
}

fn inspect(args: &InspectArgs) -> anyhow::Result<()> {
    let artifact = settings::artifact(args.directory.as_deref())?;
    match args.show {
        Show::Card => output::print(artifact.card()),
        Show::Manifest => output::print(&(serde_json::to_string_pretty(artifact.manifest())? + "\n")),
        Show::Features => {
            let model = artifact.model();
            let mut text = "feature\tunit\treason\tlog_odds_per_unit\tmeaning\n".to_owned();
            for (idx, feature) in model.plan().features().iter().enumerate() {
                let slope = match &model.body().estimator {
                    Estimator::Logistic(linear) => linear.slopes.get(idx).map(|slope| format!("{slope:.6}")),
                    // Trees have no slope: what a feature says depends on the others.
                    Estimator::Boosting(_) => None,
                };
                let (reason, slope) = (feature.reason.as_str(), slope.unwrap_or_else(|| "-".to_owned()));
                text += &format!("{}\t{}\t{reason}\t{slope}\t{}\n", feature.name, feature.unit, feature.meaning);
            }
            output::print(&text)
        }
    }
}

fn verify(args: &VerifyArgs) -> anyhow::Result<()> {
    let artifact = settings::artifact(args.directory.as_deref())?;
    let model = artifact.model_ref();
    output::print(&format!(
        "{} {} sha256:{} verified: {} golden decisions to the bit\n",
        model.name,
        model.version,
        model.digest,
        artifact.n_golden(),
    ))
}

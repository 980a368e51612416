//! `model`: what an artifact is, whether it proves itself, and who vouches for it.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::settings::{self, ConfigFlag, Flags};
use super::{gate, model_admin, output, sign};
use crate::artifact::{KeyRole, Sealed, TrustedKeyConfig, TrustedKeys};
use crate::features::FeatureSpec;
use crate::model::Estimator;

/// Subcommands of `model`.
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print a model's card, manifest, features, or what it was trained with.
    Inspect(InspectArgs),
    /// Check signature, digests, feature spec, numbers and golden decisions.
    Verify(VerifyArgs),
    /// Vouch for an artifact: write `manifest.json.minisig` beside its manifest.
    Sign(sign::SignArgs),
    /// Make a key pair to sign with.
    Keygen(sign::KeygenArgs),
    /// Hold a model beside the one that decides, as a server does before it stages it.
    Check(gate::CheckArgs),
    /// Make the labeled set that models are held against.
    Reference(gate::ReferenceArgs),
    /// List a server's models.
    List(model_admin::PlainArgs),
    /// Make a model of the registry a server's challenger: it is checked, then scores in the shadow.
    Stage(model_admin::StageArgs),
    /// Let the challenger decide.
    Promote(model_admin::PromoteArgs),
    /// Let the challenger decide about a share of the items.
    Canary(model_admin::CanaryArgs),
    /// Let the champion before decide again.
    Rollback(model_admin::PlainArgs),
    /// Show how the challenger does beside the champion.
    Compare(model_admin::CompareArgs),
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
    /// What it was trained with, as a file for `train --config`.
    Settings,
    /// The feature spec that it was trained with, as a file for `train --features`.
    Spec,
    /// Every feature: name, unit, reason, weight, meaning, tab-separated.
    Features,
}

/// Flags of `model verify`.
#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    /// Directory of the artifact; without it, the built-in one.
    directory: Option<PathBuf>,
    /// Public keys, files of minisign, one of which must have signed it; without any, those of registry.trusted_keys.
    #[arg(long, value_name = "FILE", requires = "directory")]
    public_key: Vec<PathBuf>,
    /// Fail where it is not signed by one of those keys.
    #[arg(long, requires = "directory")]
    signed: bool,
    #[command(flatten)]
    config: ConfigFlag,
}

pub(super) fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Inspect(args) => inspect(&args),
        Command::Verify(args) => verify(&args),
        Command::Sign(args) => sign::sign(&args),
        Command::Keygen(args) => sign::keygen(&args),
        Command::Check(args) => gate::check(args),
        Command::Reference(args) => gate::reference(&args),
        Command::List(args) => model_admin::list(&args),
        Command::Stage(args) => model_admin::stage(&args),
        Command::Promote(args) => model_admin::promote(&args),
        Command::Canary(args) => model_admin::canary(&args),
        Command::Rollback(args) => model_admin::roll_back(&args),
        Command::Compare(args) => model_admin::compare(&args),
    }
}

fn inspect(args: &InspectArgs) -> anyhow::Result<()> {
    let artifact = settings::artifact(args.directory.as_deref())?;
    match args.show {
        Show::Card => output::print(artifact.card()),
        Show::Manifest => output::print(&(serde_json::to_string_pretty(artifact.manifest())? + "\n")),
        Show::Settings => {
            let settings =
                artifact.settings().context("the model was trained by a release that recorded no settings")?;
            let spec = match artifact.model().plan().spec() == &FeatureSpec::default() {
                true => "",
                false => {
                    "# With features of its own, which `--show spec` prints: name that file by --features or train.features.\n\n"
                }
            };
            output::print(&format!("{spec}{}", toml::to_string(&settings)?))
        }
        Show::Spec => output::print(&toml::to_string(artifact.model().plan().spec())?),
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
    let keys = keys(args)?;
    let (artifact, signer) = match args.directory.as_deref() {
        None => (settings::artifact(None)?, None),
        Some(directory) => {
            let in_directory = || format!("the model in {}", directory.display());
            let sealed = Sealed::read(directory).with_context(in_directory)?;
            let signer = sealed.signed_by(&keys);
            let signer = if args.signed || !args.public_key.is_empty() {
                Some(signer.with_context(in_directory)?)
            } else {
                signer.ok()
            };
            (sealed.verify().with_context(in_directory)?, signer)
        }
    };
    let model = artifact.model_ref();
    let signed = signer.map(|signer| format!(", signed by {signer}")).unwrap_or_default();
    output::print(&format!(
        "{} {} sha256:{} verified: {} golden decisions to the bit{signed}\n",
        model.name,
        model.version,
        model.digest,
        artifact.n_golden(),
    ))
}

/// The keys whose signatures count.
fn keys(args: &VerifyArgs) -> anyhow::Result<TrustedKeys> {
    if args.public_key.is_empty() {
        let config = settings::load(&args.config, Flags::default())?;
        return Ok(config.registry().keys().clone());
    }
    let configured = args.public_key.iter().map(|path| {
        Ok(TrustedKeyConfig { name: path.display().to_string(), role: KeyRole::Release, key: public_key(path)? })
    });
    Ok(TrustedKeys::new(&configured.collect::<anyhow::Result<Vec<_>>>()?)?)
}

/// The key of a `.pub` file of minisign: its last line.
fn public_key(path: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(text.lines().last().unwrap_or_default().to_owned())
}

//! `train`: a labeled table becomes a model.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;

use super::output;
use super::progress::Progress;
use super::settings::{self, ConfigFlag, Flags};
use crate::artifact::Artifact;
use crate::config::ValidConfig;
use crate::features::FeatureSpec;
use crate::model::EstimatorKind;
use crate::train::{Dataset, Recipe, drafts_at, n_repeated, train};

/// Flags of `train`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Labeled tables: .csv, .csv.gz, .parquet or .jsonl.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    data: Vec<PathBuf>,
    /// How the tables' columns become parcels; without it they are fields of the contract.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Directory of the artifact; an artifact that stands there is replaced.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Name of the line of models [default: train.name].
    #[arg(long)]
    name: Option<String>,
    /// What readers of the model must know first, on one line: its card begins with it [default: train.notice].
    #[arg(long, value_name = "TEXT")]
    notice: Option<String>,
    /// Feature spec, a TOML file [default: train.features].
    #[arg(long, value_name = "FILE")]
    features: Option<String>,
    /// What serves: boosting or logistic [default: train.estimator].
    #[arg(long, value_name = "NAME")]
    estimator: Option<EstimatorKind>,
    /// Share of the clean parcels that are fitted on [default: train.undersample].
    #[arg(long, value_name = "SHARE")]
    undersample: Option<f64>,
    /// Seed of everything drawn at random [default: train.seed].
    #[arg(long)]
    seed: Option<u32>,
    /// Days until an outcome becomes known, where a row does not say [default: train.label_delay_days].
    #[arg(long, value_name = "N")]
    label_delay_days: Option<u32>,
    #[command(flatten)]
    config: ConfigFlag,
}

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let flags = Flags::default()
        .set("train.name", args.name)
        .set("train.notice", args.notice)
        .set("train.features", args.features)
        .set("train.estimator", args.estimator.map(EstimatorKind::as_str))
        .set("train.undersample", args.undersample)
        .set("train.seed", args.seed.map(i64::from))
        .set("train.label_delay_days", args.label_delay_days.map(i64::from));
    let config = settings::load(&args.config, flags)?;
    settings::start_log(&config)?;
    let mapping = settings::mapping(args.mapping.as_deref())?;
    let recipe = recipe(&config)?;
    // Before what takes long.
    Artifact::check_place(&args.out)?;

    let mut progress = Progress::new();
    progress.begin("reading", None);
    let max_reject_share = config.train().get().max_reject_share;
    let dataset = Dataset::read(&args.data, mapping.as_ref(), config.limits(), max_reject_share, || progress.tick())?;
    if dataset.rejects.n_rejected() > 0 {
        eprintln!("{}", dataset.rejects.with_examples());
    }
    for doubt in dataset.labels.doubts() {
        eprintln!("warning: {doubt}");
    }
    output::warn_of_repeats(n_repeated(&dataset.rows), dataset.rows.len() as u64);
    let restate = |positions: &[&_]| drafts_at(&args.data, mapping.as_ref(), positions);
    let artifact = train(&dataset, &recipe, restate, &mut progress)?;
    progress.end();
    let manifest = artifact.manifest();
    if manifest.pruning.entities_after < manifest.pruning.entities_before {
        let pruning = serde_json::to_string(&manifest.pruning)?;
        eprintln!("history pruned: {pruning}");
    }
    // Whatever becomes of the files, the run was not for nothing; nor where nobody reads what is printed.
    let told = output::print(&format!("{}\n", serde_json::to_string(&manifest.metrics)?));
    artifact.write(&args.out)?;
    told?;
    let written = serde_json::json!({
        "artifact": args.out,
        "name": artifact.model_ref().name,
        "version": artifact.model_ref().version,
        "digest": artifact.model_ref().digest,
    });
    output::print(&format!("{written}\n"))
}

/// What is trained with, as configured.
pub(super) fn recipe(config: &ValidConfig) -> anyhow::Result<Recipe> {
    Ok(Recipe {
        spec: feature_spec(&config.train().get().features)?,
        rates: config.rates_config().clone(),
        thresholds: config.thresholds_config(),
        config: config.train().clone(),
    })
}

/// The feature spec of a file, or the built-in one for an empty path.
pub(super) fn feature_spec(path: &str) -> anyhow::Result<FeatureSpec> {
    if path.is_empty() {
        return Ok(FeatureSpec::default());
    }
    let text = fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    toml::from_str(&text).with_context(|| format!("the feature spec {path}"))
}

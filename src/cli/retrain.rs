//! `retrain`: from a ledger to a model that may be staged, in one command.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use minisign::SecretKey;

use super::connection::ConnectionFlags;
use super::model_admin::ServerFlag;
use super::progress::Progress;
use super::settings::{self, ConfigFlag, Flags};
use super::sign::{self, PasswordFlag};
use super::{gate, model_admin, models, output};
use crate::artifact::{Artifact, LedgerExport};
use crate::config::ValidConfig;
use crate::features::FeaturePlan;
use crate::ledger::{Reader, export_until, recorded_keys};
use crate::model::EstimatorKind;
use crate::table::TableReader;
use crate::train::{Dataset, Recipe, TrainError, drafts_at, train};

/// Most parcels that an inspected one stands for, where nothing else is asked for.
pub(super) const MAX_WEIGHT: f64 = 20.0;

/// Flags of `retrain`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The ledger [default: ledger.path].
    #[arg(long, value_name = "FILE")]
    ledger: Option<String>,
    /// Directory of the models, into which the new one goes [default: registry.path].
    #[arg(long, value_name = "DIR")]
    registry: Option<String>,
    /// Directory of the model that decides; without it, the one that the ledger names, in the registry or built in.
    #[arg(long, value_name = "DIR")]
    champion: Option<PathBuf>,
    /// Labeled tables of parcels from before the ledger, in fields of the contract.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    data: Vec<PathBuf>,
    /// Reference set [default: gate.reference].
    #[arg(long, value_name = "FILE")]
    reference: Option<String>,
    /// Number of the last record that is learned from [default: the ledger's last]: with it a run can be repeated.
    #[arg(long, value_name = "NUMBER")]
    until: Option<i64>,
    /// Most parcels that an inspected one stands for: one over its chance of inspection, clipped here.
    #[arg(long, value_name = "WEIGHT", default_value_t = MAX_WEIGHT)]
    max_weight: f64,
    /// Name of the line of models [default: train.name].
    #[arg(long)]
    name: Option<String>,
    /// Secret key to sign the model with.
    #[arg(long, value_name = "FILE")]
    secret_key: Option<PathBuf>,
    #[command(flatten)]
    password: PasswordFlag,
    /// A running server, which is told to stage it.
    #[arg(long, value_name = "URL")]
    server: Option<String>,
    #[command(flatten)]
    connection: ConnectionFlags,
    #[command(flatten)]
    config: ConfigFlag,
}

/// How a run ended without a new model, and without a fault of anything.
#[derive(Debug, thiserror::Error)]
pub(super) enum Ended {
    /// There is too little to learn from.
    #[error("there is too little to learn from yet")]
    TooLittle(#[source] TrainError),
    /// The model is worse.
    #[error("the new model did not pass the check {check}: {why}")]
    Rejected {
        /// Which one.
        check: &'static str,
        /// Why.
        why: String,
    },
}

impl Ended {
    /// The exit code that says so: 3 for too little, 4 for a rejected model.
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::TooLittle(_) => 3,
            Self::Rejected { .. } => 4,
        }
    }
}

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let flags = Flags::default()
        .set("ledger.path", args.ledger.clone())
        .set("registry.path", args.registry.clone())
        .set("gate.reference", args.reference.clone())
        .set("train.name", args.name.clone());
    let config = settings::load(&args.config, flags)?;
    settings::start_log(&config)?;
    anyhow::ensure!(args.max_weight >= 1.0, "--max-weight must be at least 1");
    let ledger = config.ledger().path().context("no ledger is named: give --ledger, or set ledger.path")?;
    let registry = config.registry().path().context("no registry is named: give --registry, or set registry.path")?;
    fs::create_dir_all(registry).with_context(|| format!("making {}", registry.display()))?;
    let champion = models::champion_by("--champion", args.champion.as_deref(), &config)?.artifact;
    // What a run of minutes or hours would fail with at its end is read before it.
    let reference = gate::reference_set(&config)?;
    let recipe = super::train::recipe(&config)?;
    for file in &args.data {
        TableReader::open(file, None).with_context(|| format!("reading {}", file.display()))?;
    }
    let key = args.secret_key.as_deref().map(|path| sign::secret_key(path, &args.password)).transpose()?;

    // Hidden, so that a server which looks into the registry meanwhile does not take it for a model.
    let work = Workplace::new(registry)?;
    let (artifact, seq) = learned(&args, &config, &recipe, ledger, &work)?;
    let report = gate::tried(&champion, &artifact, reference.as_ref(), &config)?;
    eprint!("{}", report.to_text());
    if let Some(finding) = report.failure() {
        return Err(Ended::Rejected { check: finding.check.as_str(), why: finding.why.clone() }.into());
    }
    let place = put(key.as_ref(), registry, artifact.clone())?;
    let model = artifact.model_ref();
    if let Some(server) = &args.server {
        let server = ServerFlag::new(server.clone(), args.connection.clone());
        let staged = model_admin::stage_at(&server, &model.name, &model.version)?;
        eprintln!("{}", model_admin::named("challenger", &staged));
    }
    let done = serde_json::json!({
        "artifact": place,
        "name": model.name,
        "version": model.version,
        "digest": model.digest,
        "ledger_seq": seq,
        "signed": key.is_some(),
        "staged": args.server.is_some(),
    });
    output::print(&format!("{done}\n"))
}

/// A directory that goes with the run.
struct Workplace(PathBuf);

impl Workplace {
    fn new(registry: &Path) -> anyhow::Result<Self> {
        let path = registry.join(format!(".retrain.{}", std::process::id()));
        fs::create_dir_all(&path).with_context(|| format!("making {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Workplace {
    fn drop(&mut self) {
        // Left over, it is hidden, and in nobody's way.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A model of what the ledger holds, and the number of the last record that it knows.
fn learned(
    args: &Args,
    config: &ValidConfig,
    recipe: &Recipe,
    ledger: &Path,
    work: &Workplace,
) -> anyhow::Result<(Artifact, i64)> {
    let mut progress = Progress::new();
    progress.begin("exporting", None);
    let reader = Reader::open(ledger)?;
    let last = reader.head()?.seq;
    let seq = args.until.map_or(last, |until| until.min(last));
    let table = work.0.join("ledger.csv.gz");
    let exported = export_until(&reader, &table, seq)?;
    eprintln!("{} parcels of the ledger up to record {seq}, {} of them labeled", exported.rows, exported.labeled);

    progress.begin("reading", None);
    let table = (exported.rows > 0).then_some(table);
    let tables: Vec<_> = args.data.iter().cloned().chain(table).collect();
    if tables.is_empty() {
        return Err(Ended::TooLittle(TrainError::NoLabels { n_rows: 0 }).into());
    }
    let max_reject_share = config.train().get().max_reject_share;
    let mut dataset = Dataset::read(&tables, None, config.limits(), max_reject_share, || progress.tick())?;
    // Pseudonyms lead to nothing that was known of whom they stand for.
    dataset.know_by(&recorded_keys(&reader, seq, &FeaturePlan::compile(recipe.spec.clone())?)?);
    dataset.reading.ledger = Some(LedgerExport { until_seq: seq, max_weight: args.max_weight });
    // The logistic regression counts every row once, and says so where it is asked for more.
    if config.train().get().estimator == EstimatorKind::Boosting {
        let n_clipped = dataset.weigh_by_selection(args.max_weight);
        eprintln!("{n_clipped} parcels stand for more than {} others, and are counted as that many", args.max_weight);
    }
    let restate = |positions: &[&_]| drafts_at(&tables, None, positions);
    let artifact = train(&dataset, recipe, restate, &mut progress);
    progress.end();
    match artifact {
        Ok(artifact) => Ok((artifact, seq)),
        Err(error) if error.is_for_want_of_data() => Err(Ended::TooLittle(error).into()),
        Err(error) => Err(error.into()),
    }
}

/// Puts the model where servers find it, whole.
fn put(key: Option<&SecretKey>, registry: &Path, artifact: Artifact) -> anyhow::Result<PathBuf> {
    let artifact = match key {
        None => artifact,
        Some(key) => {
            let signature = sign::signature(&artifact, key)?;
            artifact.signed(signature)
        }
    };
    let model = artifact.model_ref();
    let line = registry.join(&model.name);
    fs::create_dir_all(&line).with_context(|| format!("making {}", line.display()))?;
    let place = line.join(&model.version);
    if place.exists() {
        // A version never changes: the same records and settings gave the same model before.
        let there = Artifact::read(&place).with_context(|| format!("the model in {}", place.display()))?;
        anyhow::ensure!(
            there.model_ref() == model,
            "{} holds another artifact of this version, and a version never changes",
            place.display()
        );
        return Ok(place);
    }
    artifact.write(&place)?;
    Ok(place)
}

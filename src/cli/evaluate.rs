//! `evaluate`: a model judged on a labeled table as if it had been live.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::aging;
use super::output::{self, Out};
use super::progress::Progress;
use super::retrain;
use super::rolling::{self, Period};
use super::settings::{self, ConfigFlag, Flags};
use crate::evaluation::{self, CapacityShare, ModelIdentity, Settings, Subject};
use crate::history::Replay;
use crate::train::{Backtest, Dataset, Sampler, Truth, fold, of_evaluation};

/// Flags of `evaluate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Artifact of the model; without it, the built-in one.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Tables that only build history before the first parcel that counts.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    warm_up: Vec<PathBuf>,
    /// Labeled tables.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    data: Vec<PathBuf>,
    /// How the tables' columns become parcels.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// The `truth` table that `simulate` wrote beside the parcels: then recall is told by typology, on actors not found
    /// before and of typologies that appeared after training, false alarms by look-alike, and the generator's own
    /// knowledge stands among the baselines.
    #[arg(long, value_name = "FILE", conflicts_with = "rolling")]
    truth: Option<PathBuf>,
    /// Days until an outcome becomes known, where a row does not say [default: the model's; with
    /// --rolling, train.label_delay_days].
    #[arg(long, value_name = "N")]
    label_delay_days: Option<u32>,
    /// Shares of the parcels that can be opened.
    #[arg(long, value_delimiter = ',', value_name = "SHARE", default_value = "0.01,0.02,0.05,0.1,0.2,0.3")]
    capacity: Vec<CapacityShare>,
    /// Bootstrap replicates behind each interval [default: train.bootstrap_replicates].
    #[arg(long, value_name = "N")]
    bootstrap: Option<u32>,
    /// Seed of the bootstrap [default: train.seed].
    #[arg(long)]
    seed: Option<u32>,
    /// Trains anew at the beginning of each period on what was known by then. `month` judges each month by its own model;
    /// `week`, with `--selective-labels`, judges that beside the model of the beginning, which stays. Features and settings
    /// are those of `train`.
    #[arg(long, value_enum, value_name = "PERIOD", conflicts_with = "model")]
    rolling: Option<Period>,
    /// With `--rolling`: what is learned where this share of each week's parcels is opened and nothing else labeled; by
    /// week, from the first of `--data` on.
    #[arg(long, value_name = "CAPACITY", requires = "rolling", requires = "random_share")]
    selective_labels: Option<CapacityShare>,
    /// Share of these that is drawn at random, 0 to 1.
    #[arg(long, value_name = "SHARE", requires = "selective_labels")]
    random_share: Option<f64>,
    /// With `--rolling week`: most parcels that an opened one stands for, as in `retrain` [default: 20].
    #[arg(long, value_name = "WEIGHT", requires = "rolling")]
    max_weight: Option<f64>,
    /// With `--rolling week`: writes the weeks of both models as a chart, an SVG file.
    #[arg(long, value_name = "FILE", requires = "rolling")]
    plot: Option<PathBuf>,
    /// Writes the report as one HTML file too, with charts and with what the scores are made of.
    #[arg(long, value_name = "FILE", conflicts_with = "rolling")]
    report: Option<PathBuf>,
    /// How to print the report.
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    config: ConfigFlag,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Format {
    Text,
    Json,
}

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    for (flag, out) in [("--report", &args.report), ("--plot", &args.plot)] {
        let others = [&args.truth, &args.mapping, &args.config.config].into_iter().flatten();
        let read = args.warm_up.iter().chain(&args.data).chain(others);
        output::refuse_input_as_output(flag, out.as_deref(), read.map(PathBuf::as_path))?;
    }
    let flags = Flags::default()
        .set("train.label_delay_days", args.label_delay_days.map(i64::from))
        .set("train.bootstrap_replicates", args.bootstrap.map(i64::from))
        .set("train.seed", args.seed.map(i64::from));
    let config = settings::load(&args.config, flags)?;
    settings::start_log(&config)?;
    let train = config.train().get();
    if let Some(period) = args.rolling {
        if matches!(period, Period::Month) {
            let of_weeks = [("--plot", args.plot.is_some()), ("--max-weight", args.max_weight.is_some())];
            for (flag, is_given) in of_weeks {
                anyhow::ensure!(!is_given, "{flag} belongs to --rolling week; --rolling month has no use for it");
            }
        }
        let asked = rolling::Asked {
            data: &args.data,
            warm_up: &args.warm_up,
            mapping: args.mapping.as_deref(),
            settings: Settings { capacity: args.capacity, bootstrap: train.bootstrap_replicates, seed: train.seed },
            selective: args.selective_labels.zip(args.random_share),
            format: args.format,
        };
        return match period {
            Period::Month => rolling::run(asked, &config),
            Period::Week => {
                aging::run(asked, args.max_weight.unwrap_or(retrain::MAX_WEIGHT), page(args.plot.as_deref())?, &config)
            }
        };
    }
    let page = page(args.report.as_deref())?;
    let artifact = settings::artifact(args.model.as_deref())?;
    let engine = settings::engine(&artifact, &config)?;
    // What it learned from is what it is judged by, unless another is asked for.
    let label_delay_days = args.label_delay_days.unwrap_or(artifact.manifest().label_delay_days);
    let mapping = settings::mapping(args.mapping.as_deref())?;

    let mut progress = Progress::new();
    let mut read = |paths: &[PathBuf]| {
        progress.begin("reading", None);
        let dataset =
            Dataset::read(paths, mapping.as_ref(), config.limits(), train.max_reject_share, || progress.tick())?;
        if dataset.rejects.n_rejected() > 0 {
            eprintln!("{}", dataset.rejects.with_examples());
        }
        anyhow::Ok(dataset)
    };
    let warm_up = if args.warm_up.is_empty() { None } else { Some(read(&args.warm_up)?) };
    let dataset = read(&args.data)?;
    let last = warm_up.as_ref().and_then(|warm_up| warm_up.rows.last());
    output::refuse_later_warm_up(last, dataset.rows.first())?;
    let trained_until = artifact.manifest().data.until_seconds;
    let truth = args.truth.as_deref().map(|path| Truth::read(path, trained_until));
    let truth = truth.transpose()?;

    if warm_up.as_ref().is_some_and(|warm_up| warm_up.begins_by(trained_until)) {
        eprintln!(
            "warning: this warm-up begins before the model's own data ended; its history holds these parcels already, \
             and counts them twice"
        );
    }
    if dataset.begins_by(trained_until) {
        eprintln!(
            "warning: this data begins before the model's own data ended; its history knows these parcels' future, \
             and the figures flatter"
        );
    }
    let (history, due) = artifact.history();
    let mut replay = Replay::from(history, due);
    if let Some(warm_up) = &warm_up {
        progress.begin("warming up", Some(warm_up.rows.len() as u64));
        fold(&warm_up.rows, engine.plan(), engine.rates(), label_delay_days, &mut replay, || progress.tick());
    }
    progress.begin("scoring", Some(dataset.rows.len() as u64));
    let n_labeled = dataset.rows.iter().filter(|row| row.outcome.is_some()).count();
    let mut sampler = Sampler::new(n_labeled);
    let mut backtest = Backtest::live_observed(
        &dataset.rows,
        &engine,
        None,
        label_delay_days,
        &mut replay,
        || progress.tick(),
        |values| sampler.observe(values),
    );
    let n_rows = warm_up.as_ref().map_or(0, |warm_up| warm_up.rows.len()) + dataset.rows.len();
    output::warn_of_repeats(replay.n_repeated(), n_rows as u64);
    backtest.place_among(&engine.model().body().reference);
    progress.begin("measuring", None);
    let scored = match &truth {
        Some(truth) => backtest.scored_beside(truth)?,
        None => backtest.scored()?,
    };
    let subject = Subject {
        label_delay_days,
        model: ModelIdentity {
            name: artifact.model_ref().name.clone(),
            version: artifact.model_ref().version.clone(),
            digest: artifact.model_ref().digest.clone(),
        },
        data_digest: dataset.digest.clone(),
    };
    let measured = Settings { capacity: args.capacity, bootstrap: train.bootstrap_replicates, seed: train.seed };
    let report = evaluation::evaluate(&scored, &measured, subject);
    if let Some(mut page) = page {
        progress.begin("explaining", None);
        let profiles = &artifact.manifest().feature_profiles;
        let insight = sampler.insight(engine.model(), backtest.rows(), |_, name| profiles.get(name).cloned());
        let html = of_evaluation(&artifact, &dataset, warm_up.as_ref(), report.clone(), &measured, insight).to_html();
        page.write(&html)?;
        page.finish()?;
    }
    progress.end();
    match args.format {
        Format::Json => output::print(&format!("{}\n", serde_json::to_string(&report)?)),
        Format::Text => output::print(&report.to_text()),
    }
}

/// A file beside the report that is printed, begun before what takes long: a place that can't be written is found first.
fn page(path: Option<&Path>) -> anyhow::Result<Option<Out>> {
    path.map(Out::open).transpose()
}

//! `features`: what a model would have known of each row, as a matrix for any other tool.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::{Path, PathBuf};

use super::output;
use super::progress::Progress;
use super::settings::{self, ConfigFlag, Flags};
use super::train::feature_spec;
use crate::features::{FeatureInfo, FeaturePlan};
use crate::history::{History, Replay};
use crate::parcel::codes::InfringementKind;
use crate::table::{MatrixRow, MatrixWriter, RejectCounts, WriteError};
use crate::train::{Dataset, Descriptions, LabeledParcel, PointInTime, ReplayRoom, RowsReader};

/// Flags of `features`.
///
/// History begins EMPTY, also with `--model`: a row sees the rows of --warm-up and of --data that were advised in earlier
/// buckets, and of their outcomes those that were known by then. Nothing of the history in an artifact is read. That is
/// what `train` learns from.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Artifact whose features, exchange rates and label delay are taken; without it, those of the configuration.
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Feature spec, a TOML file [default: train.features].
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    features: Option<String>,
    /// Tables that only build history before the first row that is written.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    warm_up: Vec<PathBuf>,
    /// Tables, with labels or without.
    #[arg(long, required = true, num_args = 1.., value_name = "FILE")]
    data: Vec<PathBuf>,
    /// How the tables' columns become parcels; without it they are fields of the contract.
    #[arg(long, value_name = "FILE")]
    mapping: Option<PathBuf>,
    /// Days until an outcome becomes known, where a row does not say [default: the model's, else train.label_delay_days].
    #[arg(long, value_name = "N")]
    label_delay_days: Option<u32>,
    /// The matrix: .parquet, .csv or .csv.gz.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    config: ConfigFlag,
}

/// Rows that are written at a time.
const ROWS_AT_ONCE: usize = 4096;

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    let settings = [args.mapping.as_deref(), args.features.as_deref().map(Path::new), args.config.config.as_deref()];
    let tables = args.warm_up.iter().chain(&args.data).map(PathBuf::as_path);
    output::refuse_input_as_output("--out", Some(&args.out), tables.chain(settings.into_iter().flatten()))?;
    let flags = Flags::default()
        .set("train.features", args.features)
        .set("train.label_delay_days", args.label_delay_days.map(i64::from));
    let config = settings::load(&args.config, flags)?;
    settings::start_log(&config)?;
    let train = config.train().get();
    let mapping = settings::mapping(args.mapping.as_deref())?;
    let (plan, rates, model_delay) = match &args.model {
        Some(directory) => {
            let artifact = settings::artifact(Some(directory))?;
            let rates = artifact.model().body().rates.check()?;
            (artifact.model().plan().clone(), rates, Some(artifact.manifest().label_delay_days))
        }
        None => (FeaturePlan::compile(feature_spec(&train.features)?)?, config.rates().clone(), None),
    };
    let label_delay_days = match (args.label_delay_days, model_delay) {
        (None, Some(days)) => days,
        _ => train.label_delay_days,
    };
    let point_in_time = PointInTime { plan: &plan, rates: &rates, label_delay_days };
    let mut run = Run { out: &args.out, point_in_time, warm_up: None };
    // Before what takes long.
    run.writer()?;
    let mut progress = Progress::new();
    let warm_up = if args.warm_up.is_empty() {
        None
    } else {
        progress.begin("reading", None);
        let (mapping, limits) = (mapping.as_ref(), config.limits());
        Some(Dataset::read(&args.warm_up, mapping, limits, train.max_reject_share, || progress.tick())?)
    };
    run.warm_up = warm_up.as_ref();
    progress.begin("writing", None);
    let reader = RowsReader::new(&args.data, mapping.as_ref(), config.limits());
    let (rejects, n_repeated) = match run.in_the_order_of_the_file(reader, train.max_reject_share, &progress)? {
        Some(written) => written,
        None => {
            progress.begin("reading", None);
            let (mapping, limits) = (mapping.as_ref(), config.limits());
            let dataset = Dataset::read(&args.data, mapping, limits, train.max_reject_share, || progress.tick())?;
            progress.begin("writing", Some(dataset.rows.len() as u64));
            let n_repeated = run.in_order_of_time(&dataset, &progress)?;
            (dataset.rejects, n_repeated)
        }
    };
    progress.end();
    let n_before = warm_up.as_ref().map_or(0, |warm_up| warm_up.rows.len() as u64);
    output::warn_of_repeats(n_repeated, n_before + rejects.n_rows() - rejects.n_rejected());
    if let Some(warm_up) = warm_up.filter(|warm_up| warm_up.rejects.n_rejected() > 0) {
        eprintln!("{}", warm_up.rejects.with_examples());
    }
    if rejects.n_rejected() > 0 {
        eprintln!("{}", rejects.with_examples());
    }
    Ok(())
}

/// What is known by now.
struct Past {
    replay: Replay,
    descriptions: Descriptions,
    room: ReplayRoom,
}

/// A matrix to write.
struct Run<'a> {
    out: &'a Path,
    point_in_time: PointInTime<'a>,
    warm_up: Option<&'a Dataset>,
}

impl Run<'_> {
    /// Writes a table whose rows are in order of time while it is read. `None`, and no file, where they are not; else also
    /// how many rows added nothing to history.
    fn in_the_order_of_the_file(
        &self,
        mut reader: RowsReader<'_>,
        max_reject_share: f64,
        progress: &Progress,
    ) -> anyhow::Result<Option<(RejectCounts, u64)>> {
        let mut writer = self.writer()?;
        let mut past = self.past();
        let mut rows = reader.next_rows(|| progress.tick())?;
        let mut latest = None;
        let mut replayed: Option<(Vec<LabeledParcel>, Vec<f32>)> = None;
        // What is written has its room used again.
        let mut room = Vec::new();
        while let [first, .., last] | [first @ last] = rows.as_slice() {
            let at = |row: &LabeledParcel| row.parcel.advised_at;
            if !rows.is_sorted_by_key(at) || latest.is_some_and(|latest| latest > at(first)) {
                return Ok(None);
            }
            if latest.is_none() {
                self.refuse_later_warm_up(first)?;
            }
            latest = Some(at(last));
            // The next rows are read, and those before are written, while these are replayed.
            let before = replayed.take();
            let write =
                || before.map_or(Ok(Vec::new()), |(rows, values)| write(&rows, &values, &mut writer).map(|()| values));
            let read = || reader.next_rows(|| progress.tick());
            let values = std::mem::take(&mut room);
            let replay = || self.replay(&rows, &mut past, values);
            let (values, (written, next)) = rayon::join(replay, || rayon::join(write, read));
            room = written?;
            replayed = Some((std::mem::replace(&mut rows, next?), values));
        }
        if let Some((rows, values)) = replayed {
            write(&rows, &values, &mut writer)?;
        }
        let rejects = reader.finish(max_reject_share)?;
        if latest.is_none() {
            // Read again to be told why there is nothing.
            return Ok(None);
        }
        writer.finish()?;
        Ok(Some((rejects, past.replay.n_repeated())))
    }

    /// Answers how many rows added nothing to history.
    fn in_order_of_time(&self, dataset: &Dataset, progress: &Progress) -> anyhow::Result<u64> {
        if let Some(first) = dataset.rows.first() {
            self.refuse_later_warm_up(first)?;
        }
        let (mut writer, mut past, mut values) = (self.writer()?, self.past(), Vec::new());
        for rows in dataset.rows.chunks(ROWS_AT_ONCE) {
            values = self.replay(rows, &mut past, values);
            write(rows, &values, &mut writer)?;
            rows.iter().for_each(|_| progress.tick());
        }
        writer.finish()?;
        Ok(past.replay.n_repeated())
    }

    fn refuse_later_warm_up(&self, first: &LabeledParcel) -> anyhow::Result<()> {
        output::refuse_later_warm_up(self.warm_up.and_then(|warm_up| warm_up.rows.last()), Some(first))
    }

    fn writer(&self) -> Result<MatrixWriter, WriteError> {
        let PointInTime { plan, label_delay_days, .. } = self.point_in_time;
        let names: Vec<&str> = plan.features().iter().map(|feature| &*feature.name).collect();
        MatrixWriter::create(self.out, &names, &metadata(plan, label_delay_days))
    }

    /// What is known of nothing but what warms it up.
    fn past(&self) -> Past {
        let replay = Replay::from(History::empty(self.point_in_time.plan.spec().decay()), Vec::new());
        let mut past = Past { replay, descriptions: Descriptions::default(), room: ReplayRoom::default() };
        if let Some(warm_up) = self.warm_up {
            let Past { replay, descriptions, room } = &mut past;
            let Ok(()) =
                self.point_in_time.replay(&warm_up.rows, replay, descriptions, room, |_| Ok::<_, Infallible>(()));
        }
        past
    }

    /// Features of rows, row by row, in place of those that are in `values`.
    fn replay(&self, rows: &[LabeledParcel], past: &mut Past, mut values: Vec<f32>) -> Vec<f32> {
        let Past { replay, descriptions, room } = past;
        values.clear();
        let Ok(()) = self.point_in_time.replay(rows, replay, descriptions, room, |some| {
            // Mostly all of them come at once.
            if values.is_empty() {
                std::mem::swap(&mut values, some.values);
            } else {
                values.extend_from_slice(some.values);
            }
            Ok::<_, Infallible>(())
        });
        values
    }
}

/// * `values`: the features of all rows, row by row.
fn write(rows: &[LabeledParcel], values: &[f32], writer: &mut MatrixWriter) -> Result<(), WriteError> {
    let n_features = values.len() / rows.len().max(1);
    let mut rows = rows.iter().enumerate();
    rows.try_for_each(|(idx, row)| writer.write(&matrix_row(row, &values[idx * n_features..][..n_features])))
}

fn matrix_row<'a>(row: &'a LabeledParcel, values: &'a [f32]) -> MatrixRow<'a> {
    MatrixRow {
        item_id: row.parcel.item_id(),
        advised_at: row.parcel.advised_at,
        label: row.outcome.map(|outcome| outcome.infringement),
        kind: row.outcome.and_then(|outcome| outcome.kind).map(InfringementKind::name),
        weight: row.weight,
        selection_probability: row.selection_probability,
        values,
    }
}

/// What a reader of the matrix needs to know of its columns, as JSON.
fn metadata(plan: &FeaturePlan, label_delay_days: u32) -> [(&'static str, String); 3] {
    let of_feature = |feature: &FeatureInfo| {
        let said = serde_json::json!({
            "unit": feature.unit,
            "meaning": feature.meaning,
            "reason": feature.reason.as_str(),
        });
        (feature.name.to_string(), said)
    };
    let features: BTreeMap<_, _> = plan.features().iter().map(of_feature).collect();
    [
        ("parcel_risk.features", serde_json::json!(features).to_string()),
        ("parcel_risk.feature_spec_digest", plan.spec().digest()),
        ("parcel_risk.label_delay_days", label_delay_days.to_string()),
    ]
}

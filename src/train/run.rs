//! A training run: replay, fit, calibrate, judge, prune, prove.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::fit::{Fitted, LabeledBlock};
use super::reporting::of_training;
use super::version::version;
use super::{
    Backtest, Blocks, Dataset, DatasetError, Descriptions, LabeledParcel, LimitTooSmall, Matrix, Sampler,
    ValidTrainConfig, Weight, fold,
};
use crate::artifact::{Artifact, ArtifactError, DataSummary, Manifest, Pruning};
use crate::engine::{Engine, EngineError, ModelRef};
use crate::evaluation::{self, CapacityShare, Evaluation, InvalidScored, ModelIdentity, Profile, Settings, Subject};
use crate::features::{FeaturePlan, FeatureSpec, InvalidRates, InvalidSpec, RatesConfig};
use crate::history::{Bucket, DueOutcome, History, Replay, Snapshot};
use crate::model::boosting::BoostingError;
use crate::model::{
    Calibration, CalibrationError, EstimatorKind, FitError, Head, Model, ModelBody, ModelError, ReferenceScores,
};
use crate::parcel::{Draft, InvalidParcel};
use crate::policy::{InvalidThresholds, ThresholdsConfig};
use crate::table::RowPosition;
use crate::text::TextModel;
use crate::wire;

/// Is told how far a run has come.
pub trait Progress {
    /// A stage begins; `n_rows` are ahead, where that is known.
    fn stage(&mut self, name: &'static str, n_rows: Option<u64>);
    /// One row is done.
    fn row(&mut self);
}

/// Tells nobody.
impl Progress for () {
    fn stage(&mut self, _: &'static str, _: Option<u64>) {}
    fn row(&mut self) {}
}

/// What a run is made with, besides the data.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Which features.
    pub spec: FeatureSpec,
    /// How amounts are converted.
    pub rates: RatesConfig,
    /// What the golden decisions are routed by.
    pub thresholds: ThresholdsConfig,
    /// Everything else.
    pub config: ValidTrainConfig,
}

/// Why there is no model at the end of a run.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The feature spec.
    #[error("the feature spec")]
    Spec(#[from] InvalidSpec),
    /// The rate table.
    #[error(transparent)]
    Rates(#[from] InvalidRates),
    /// The thresholds.
    #[error(transparent)]
    Thresholds(#[from] InvalidThresholds),
    /// The rows.
    #[error(transparent)]
    Data(#[from] DatasetError),
    /// Nothing to learn from.
    #[error("none of the {n_rows} rows has a label; JSON lines carry none")]
    NoLabels {
        /// Rows read.
        n_rows: usize,
    },
    /// linfa's logistic regression ignores weights; to ignore them in silence would be worse.
    #[error("{position}: the row has weight {weight}, but the logistic estimator counts every row once")]
    Weighted {
        /// Where the first such row stands.
        position: RowPosition,
        /// Its weight.
        weight: f64,
    },
    /// The fit.
    #[error("fitting the model on the {n_rows} labeled parcels after warm-up")]
    Fit {
        /// Rows fitted on.
        n_rows: usize,
        /// Why.
        source: FitError,
    },
    /// The fit of the trees.
    #[error("fitting the trees on the {n_rows} labeled parcels after warm-up")]
    Boost {
        /// Rows fitted on.
        n_rows: usize,
        /// Why.
        source: BoostingError,
    },
    /// The calibration.
    #[error("calibrating on the {n_rows} labeled parcels that follow")]
    Calibrate {
        /// Rows calibrated on.
        n_rows: usize,
        /// Why.
        source: CalibrationError,
    },
    /// The numbers that came out.
    #[error("the fitted model")]
    Model(#[from] ModelError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The report.
    #[error("judging the parcels held back")]
    Judge(#[from] InvalidScored),
    /// The limit on the history.
    #[error(transparent)]
    HistoryLimit(#[from] LimitTooSmall),
    /// A golden parcel that cannot be stated in the contract.
    #[error("stating a golden parcel in the contract")]
    Golden(#[from] InvalidParcel),
    /// The artifact does not prove itself.
    #[error("the artifact")]
    Artifact(#[from] ArtifactError),
}

impl TrainError {
    /// Whether more labeled parcels would help: none has a label, or too few of a class.
    pub fn is_for_want_of_data(&self) -> bool {
        matches!(
            self,
            Self::NoLabels { .. }
                | Self::Fit { source: FitError::OneClass { .. }, .. }
                | Self::Boost { source: BoostingError::OneClass { .. } | BoostingError::NoRows(_), .. }
                | Self::Calibrate { source: CalibrationError::TooFew { .. }, .. }
        )
    }
}

/// Trains a model on labeled parcels.
///
/// `restate` gives the rows at some positions as they were stated, for the golden decisions. The
/// same data, recipe and program give the same artifact, to the bit.
///
/// # Errors
/// [`TrainError`] says at which stage the run ended.
pub fn train(
    dataset: &Dataset,
    recipe: &Recipe,
    restate: impl FnOnce(&[&RowPosition]) -> Result<Vec<Draft>, DatasetError>,
    progress: &mut dyn Progress,
) -> Result<Artifact, TrainError> {
    let config = recipe.config.get();
    let rows = &dataset.rows;
    let weighted = rows.iter().find(|row| row.weight != 1.0);
    if let (EstimatorKind::Logistic, Some(row)) = (config.estimator, weighted) {
        return Err(TrainError::Weighted { position: row.position.clone(), weight: row.weight });
    }
    if rows.iter().all(|row| row.outcome.is_none()) {
        return Err(TrainError::NoLabels { n_rows: rows.len() });
    }
    let plan = FeaturePlan::compile(recipe.spec.clone())?;
    let rates = recipe.rates.check()?;
    let thresholds = recipe.thresholds.check()?;

    progress.stage("replaying", Some(rows.len() as u64));
    let mut replay = Replay::from(History::empty(plan.spec().decay()), Vec::new());
    let matrix = Matrix::replay(rows, &plan, &rates, config.label_delay_days, &mut replay, || progress.row());
    let (history, due) = replay.finish();

    let labeled: Vec<bool> = rows.iter().map(|row| row.outcome.is_some()).collect();
    let labels: Vec<_> = rows.iter().map(|row| row.outcome.map(|outcome| outcome.infringement)).collect();
    let weights: Vec<_> = rows.iter().map(|row| row.weight).collect();
    let blocks = Blocks::cut(&matrix.buckets, &labels, &weights, config);
    progress.stage("fitting", None);
    let judged = Fitted::on(rows, &matrix, recipe, blocks.fit.clone(), progress)?;
    let calibrate = LabeledBlock::of(rows, &matrix, blocks.calibrate.clone());
    let block = LabeledBlock::of(rows, &matrix, blocks.report.clone());
    // Of all parcels of that time: where only the opened are labeled, those would be a yardstick of the risky alone.
    let everyone = blocks.report.clone().map(|row| judged.estimator.raw_score(&matrix.values.row(row)));
    let everyone: Vec<_> = everyone.collect();
    let reference = ReferenceScores::of(&everyone);
    let learned_by =
        |at: Bucket, rows: &[LabeledParcel]| Descriptions::learned_by(at, rows, &plan, config.label_delay_days);
    let body = |fitted: &Fitted, descriptions: TextModel, calibration: Calibration, heads: Vec<Head>| ModelBody {
        spec: recipe.spec.clone(),
        rates: recipe.rates.clone(),
        estimator: fitted.estimator.clone(),
        calibration,
        descriptions,
        heads,
        reference: reference.clone(),
    };
    let heads = judged.calibrated_heads(recipe, &calibrate);

    let data = summary(dataset);
    let model_ref = Arc::new(ModelRef {
        name: config.name.clone(),
        version: version(recipe, &data),
        // The artifact's digest is not known yet; nothing that is kept names this one.
        digest: String::new(),
    });
    let report_begins = matrix.buckets.get(blocks.report.start).copied().unwrap_or_default();
    let known_then = learned_by(report_begins, &rows[..blocks.report.start]);
    let model = Arc::new(Model::new(body(&judged, known_then, judged.calibration(recipe, &calibrate)?, Vec::new()))?);
    let engine = Engine::new(model, Arc::clone(&model_ref), rates.clone(), thresholds)?;

    let settings = Settings { bootstrap: config.bootstrap_replicates, seed: config.seed, ..Settings::default() };
    progress.stage("judging", Some(rows.len() as u64));
    let mut replay = Replay::from(History::empty(plan.spec().decay()), Vec::new());
    fold(&rows[..blocks.report.start], &plan, &rates, config.label_delay_days, &mut replay, || progress.row());
    let mut frozen = replay.history().clone();
    let held_back = &rows[blocks.report.clone()];
    let mut sampler = Sampler::new(block.labels.len());
    let backtest = Backtest::live_observed(
        held_back,
        &engine,
        Some(&judged.sibling),
        config.label_delay_days,
        &mut replay,
        || progress.row(),
        |values| sampler.observe(values),
    );
    let metrics = judge(&backtest, config.bootstrap_replicates, config.seed, |settings, scored| {
        evaluation::evaluate(scored, settings, subject(config.label_delay_days, &model_ref, &dataset.digest))
    })?;

    let before = LabeledBlock::of(rows, &matrix, blocks.fit.start..blocks.report.start);
    let mut feature_profiles = BTreeMap::new();
    let mut insight = sampler.insight(engine.model(), backtest.rows(), |idx, name| {
        let profile = Profile::of(&before.column(idx));
        feature_profiles.insert(name.to_owned(), profile.clone());
        Some(profile)
    });
    insight.score_shift = score_shift(&calibrate.raw_scores(&judged.estimator), &block.raw_scores(&judged.estimator));

    let heads = heads.iter().map(|head| block.judge(head, &settings)).collect::<Result<_, _>>()?;

    // What serves is fitted again, on everything that is known. Its calibration is that of the model that was judged, on
    // all that this one was not fitted on. What was reported is how the recipe does on data it has not seen.
    progress.stage("fitting", None);
    let fitted = Fitted::on(rows, &matrix, recipe, blocks.fit.start..blocks.report.end, progress)?;
    let later = LabeledBlock::of(rows, &matrix, blocks.calibrate.start..blocks.report.end);
    let model = Model::new(body(
        &fitted,
        learned_by(Bucket(u32::MAX), rows),
        judged.calibration(recipe, &later)?,
        fitted.heads_calibrated_as(judged.calibrated_heads(recipe, &later)),
    ))?;

    progress.stage("pruning", None);
    // By the logistic regression, whichever estimator serves: what an entry changes is a sum there.
    let after_all = after_all(&due, &matrix.buckets);
    // The largest of what is no longer needed; and what follows is large too.
    drop(matrix);
    let snapshot = Snapshot::of(&history, due);
    let n_entities = snapshot.entries.len();
    let settled = history.settled(&snapshot.due);
    let weight = Weight::measure(rows, &plan, &rates, &fitted.linear, &settled, after_all);
    drop(settled);
    let (pruned, floor) = weight.prune(snapshot, config.history_max_bytes)?;
    let before = Backtest::frozen(held_back, &engine, &frozen);
    weight.leave_above(&mut frozen, floor);
    drop(weight);
    let after = Backtest::frozen(held_back, &engine, &frozen);
    drop(frozen);
    let quick = |backtest: &Backtest| {
        judge(backtest, 0, config.seed, |settings, scored| evaluation::evaluate(scored, settings, Subject::default()))
    };
    let pruning = pruning(n_entities, &pruned, floor, &quick(&before)?, &quick(&after)?);

    progress.stage("proving", None);
    let chosen = golden_positions(held_back, config.n_golden);
    let golden = restate(&chosen)?.iter().map(wire::from_draft).collect::<Result<Vec<_>, _>>()?;
    let manifest = Manifest {
        format: 0,
        name: model_ref.name.clone(),
        version: model_ref.version.clone(),
        notice: config.notice.clone(),
        crate_version: env!("CARGO_PKG_VERSION").to_owned(),
        feature_spec_digest: recipe.spec.digest(),
        estimator: config.estimator,
        seed: config.seed,
        label_delay_days: config.label_delay_days,
        settings: recipe.settings(),
        data,
        blocks: block_sizes(&blocks, &labeled),
        golden_policy: recipe.thresholds,
        pruning,
        metrics,
        heads,
        feature_profiles,
        files: BTreeMap::new(),
    };
    let artifact = Artifact::assemble(manifest, &model, &pruned, golden)?;
    let report = of_training(&artifact, recipe, insight).to_html();
    Ok(artifact.with_report(report))
}

/// How far `later` scores are from `earlier` ones; none of them of rows fitted on.
fn score_shift(earlier: &[f64], later: &[f64]) -> Option<f64> {
    let narrow = |scores: &[f64]| scores.iter().map(|score| *score as f32).collect::<Vec<_>>();
    Profile::of(&narrow(earlier)).shift(&narrow(later))
}

/// The bucket after everything that is known, or will be.
fn after_all(due: &[DueOutcome], buckets: &[Bucket]) -> Bucket {
    let last_due = due.last().map(|due| due.at);
    let last = buckets.last().copied().max(last_due).unwrap_or_default();
    Bucket(last.0.saturating_add(1))
}

/// Figures for scored parcels, at the default capacities.
fn judge(
    backtest: &Backtest,
    bootstrap: u32,
    seed: u64,
    evaluate: impl FnOnce(&Settings, &evaluation::Scored) -> Evaluation,
) -> Result<Evaluation, InvalidScored> {
    let settings = Settings { bootstrap, seed, ..Settings::default() };
    Ok(evaluate(&settings, &backtest.scored()?))
}

fn subject(label_delay_days: u32, model: &ModelRef, data_digest: &str) -> Subject {
    let identity =
        ModelIdentity { name: model.name.clone(), version: model.version.clone(), digest: model.digest.clone() };
    Subject { label_delay_days, model: identity, data_digest: data_digest.to_owned() }
}

fn pruning(entities_before: usize, after: &Snapshot, floor: f32, whole: &Evaluation, pruned: &Evaluation) -> Pruning {
    let tenth = CapacityShare::new(0.1).ok();
    let precision = |evaluation: &Evaluation| {
        let at_tenth = evaluation.capacity.iter().find(|capacity| Some(capacity.share) == tenth)?;
        at_tenth.precision.as_ref().map(|precision| precision.value)
    };
    let average = |evaluation: &Evaluation| evaluation.average_precision.as_ref().map(|average| average.value);
    Pruning {
        entities_before,
        entities_after: after.entries.len(),
        largest_change_log_odds: f64::from(floor),
        average_precision_before: average(whole),
        average_precision_after: average(pruned),
        precision_at_tenth_before: precision(whole),
        precision_at_tenth_after: precision(pruned),
    }
}

/// Evenly spread over the parcels held back; all of them where there are fewer.
fn golden_positions(held_back: &[LabeledParcel], n: usize) -> Vec<&RowPosition> {
    let n = n.min(held_back.len());
    (0..n).map(|idx| &held_back[idx * held_back.len() / n].position).collect()
}

fn block_sizes(blocks: &Blocks, labeled: &[bool]) -> BTreeMap<String, usize> {
    let size = |block: &Range<usize>| labeled[block.clone()].iter().filter(|labeled| **labeled).count();
    let Blocks { warm_up, fit, calibrate, report } = blocks;
    [("warm-up", warm_up), ("fit", fit), ("calibrate", calibrate), ("report", report)]
        .map(|(name, block)| (name.to_owned(), size(block)))
        .into()
}

pub(super) fn summary(dataset: &Dataset) -> DataSummary {
    let seconds = |row: Option<&LabeledParcel>| row.map_or(0, |row| row.parcel.advised_at.seconds());
    let outcomes = || dataset.rows.iter().filter_map(|row| row.outcome);
    DataSummary {
        digest: dataset.digest.clone(),
        parcels: dataset.rows.len(),
        rejected: dataset.rejects.n_rejected(),
        labeled: outcomes().count(),
        infringements: outcomes().filter(|outcome| outcome.infringement).count(),
        from_seconds: seconds(dataset.rows.first()),
        until_seconds: seconds(dataset.rows.last()),
        reading: dataset.reading.clone(),
    }
}

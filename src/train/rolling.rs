//! A model trained again each month on what was known by then, and judged on the month that follows.

use std::sync::Arc;

use super::fit::{Fitted, LabeledBlock};
use super::month::{Month, runs};
use super::{Backtest, Descriptions, LabeledParcel, Matrix, Progress, Recipe, TrainError, fold};
use crate::engine::{Engine, ModelRef};
use crate::features::FeaturePlan;
use crate::history::{History, Replay};
use crate::model::{EstimatorKind, Model};
use crate::text::TextModel;

/// Fewest infringements, and as many clean parcels, that a model is fitted on and calibrated on.
const MIN_PER_CLASS: usize = 20;

/// Months, each judged by the model of its beginning.
#[derive(Debug)]
pub struct Rolled {
    /// The months that a model could be trained for, in order.
    pub months: Vec<RolledMonth>,
    /// The months for which too few outcomes were known, such as `2020-01`.
    pub unscored: Vec<String>,
    /// All scored parcels, ranked by their calibrated probability: margins of two models are of two scales.
    pub pooled: Backtest,
}

/// A month, judged by the model of its beginning.
#[derive(Debug)]
pub struct RolledMonth {
    /// Such as `2021-03`.
    pub month: String,
    /// Parcels that the model was fitted or calibrated on.
    pub trained_on: usize,
    /// The month's scores.
    pub backtest: Backtest,
}

/// Trains on the past and scores the next month, month by month, beginning with that of `rows[from]`, of which the rows from
/// there on are scored.
///
/// The model of a month learns from the outcomes that were known when the month began: of these, in order of time, the
/// first `train.warm_up_share` only build history, the last `train.calibrate_share` calibrate, and the rest is fitted.
/// Within the month it stays, while history goes on. `rows` must be in order of time.
///
/// # Errors
/// [`TrainError`], but for months with fewer than 20 infringements or clean parcels to fit or calibrate on: these are
/// named in [`Rolled::unscored`].
pub fn roll(
    rows: &[LabeledParcel],
    from: usize,
    recipe: &Recipe,
    progress: &mut dyn Progress,
) -> Result<Rolled, TrainError> {
    let config = recipe.config.get();
    let weighted = rows.iter().find(|row| row.weight != 1.0);
    if let (EstimatorKind::Logistic, Some(row)) = (config.estimator, weighted) {
        return Err(TrainError::Weighted { position: row.position.clone(), weight: row.weight });
    }
    let plan = FeaturePlan::compile(recipe.spec.clone())?;
    let (rates, thresholds) = (recipe.rates.check()?, recipe.thresholds.check()?);
    let delay = config.label_delay_days;
    let replay = || Replay::from(History::empty(plan.spec().decay()), Vec::new());

    progress.stage("replaying", Some(rows.len() as u64));
    let matrix = Matrix::replay(rows, &plan, &rates, delay, &mut replay(), || progress.row());
    let mut live = replay();
    let mut rolled = Rolled { months: Vec::new(), unscored: Vec::new(), pooled: Backtest::default() };
    for month in runs(rows, Month::of) {
        let (past, parcels) = rows[month.clone()].split_at(from.clamp(month.start, month.end) - month.start);
        fold(past, &plan, &rates, delay, &mut live, || ());
        let Some(first) = parcels.first() else { continue };
        let name = Month::of(first.parcel.advised_at).to_string();
        let begins = matrix.buckets[month.start];
        let is_known = |row: &LabeledParcel| {
            row.due(plan.spec().bucket_seconds, delay).is_some_and(|(known_at, _)| known_at <= begins)
        };
        let known = (0..month.start).filter(|idx| is_known(&rows[*idx])).collect::<Vec<_>>();
        progress.stage("fitting", None);
        let descriptions = Descriptions::learned_by(begins, &rows[..month.start], &plan, delay);
        let Some((model, trained_on)) = fit(rows, &matrix, &known, recipe, descriptions, progress)? else {
            fold(parcels, &plan, &rates, delay, &mut live, || ());
            rolled.unscored.push(name);
            continue;
        };
        let model_ref = ModelRef { name: config.name.clone(), version: name.clone(), digest: String::new() };
        let engine = Engine::new(Arc::new(model), Arc::new(model_ref), rates.clone(), thresholds.clone())?;
        progress.stage("scoring", Some(parcels.len() as u64));
        let backtest = Backtest::live(parcels, &engine, None, delay, &mut live, || progress.row());
        rolled.pooled.pool(&backtest);
        rolled.months.push(RolledMonth { month: name, trained_on, backtest });
    }
    Ok(rolled)
}

/// The model, and how many rows it was fitted or calibrated on; `None` where too little is known.
///
/// * `known`: rows with a known outcome, in order of time.
fn fit(
    rows: &[LabeledParcel],
    matrix: &Matrix,
    known: &[usize],
    recipe: &Recipe,
    descriptions: TextModel,
    progress: &mut dyn Progress,
) -> Result<Option<(Model, usize)>, TrainError> {
    let config = recipe.config.get();
    let at_share = |share: f64| (known.len() as f64 * share).round() as usize;
    let (warm, fitted) = (at_share(config.warm_up_share), at_share(1.0 - config.calibrate_share));
    let block = |known: &[usize]| LabeledBlock::of_labeled(rows, &matrix.values, known, known);
    let (learn, calibrate) = (block(&known[warm..fitted]), block(&known[fitted..]));
    if !learn.has_both(MIN_PER_CLASS) || !calibrate.has_both(MIN_PER_CLASS) {
        return Ok(None);
    }
    let model = Fitted::serving(recipe, learn, &calibrate, descriptions, progress)?;
    Ok(Some((model, known.len() - warm)))
}

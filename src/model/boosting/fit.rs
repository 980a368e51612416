//! The boosting itself: one tree after another, each on what the ones before left over.

use std::iter::repeat;

use linfa::DatasetBase;
use linfa::dataset::AsSingleTargets;
use linfa::traits::Fit;
use ndarray::{ArrayBase, Data, Ix2};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rayon::prelude::*;

use super::bins::Bins;
use super::grow::{Grower, Grown};
use super::histogram::Gradient;
use super::loss::{Grid, differentiate, log_loss};
use super::sample::sample;
use super::{BoostingError, GradientBoosting, GradientBoostingValidParams, LabeledRows, Tree};
use crate::model::FeatureValues;

/// Fewer rows are not worth a task.
const ROWS_A_TASK: usize = 1024;

/// How a fit stands after a round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RoundMetrics {
    /// Number of the round, from 1.
    pub round: usize,
    /// Weighted mean log loss of the training rows, in nats.
    pub training_log_loss: f64,
    /// The same of the validation rows, where there are any.
    pub validation_log_loss: Option<f64>,
}

/// The fit through linfa's dataset: honors its weights, knows no validation rows.
impl<D, T> Fit<ArrayBase<D, Ix2>, T, BoostingError> for GradientBoostingValidParams
where
    D: Data<Elem = f32>,
    T: AsSingleTargets<Elem = bool>,
{
    type Object = GradientBoosting;

    fn fit(&self, dataset: &DatasetBase<ArrayBase<D, Ix2>, T>) -> Result<Self::Object, BoostingError> {
        let labels = dataset.targets.as_single_targets().to_vec();
        let rows = LabeledRows { values: dataset.records.view().into(), labels: &labels, weights: dataset.weights() };
        self.fit_observed(rows, None, &mut |_| ())
    }
}

impl GradientBoostingValidParams {
    /// Fits on rows, tells how each round went, and stops early where asked to.
    ///
    /// * `training`: rows of both classes.
    /// * `validation`: rows with as many features, not fitted on.
    ///
    /// Ends before `n_trees` where no split gains anything more. With the same settings and rows,
    /// the result is the same to the bit on any number of threads; without subsampling, in any
    /// order of the training rows too.
    ///
    /// # Errors
    /// [`BoostingError`]: no rows, lengths that differ, an infinite value, a weight below zero,
    /// one class only, or early stopping without validation rows.
    pub fn fit_observed(
        &self,
        training: LabeledRows<'_>,
        validation: Option<LabeledRows<'_>>,
        observer: &mut dyn FnMut(RoundMetrics),
    ) -> Result<GradientBoosting, BoostingError> {
        self.fit_by(None, training, validation, observer)
    }

    /// The values of rows as trees are grown from them: made once where several models are fitted on the same rows.
    pub fn bin(&self, values: FeatureValues<'_>) -> Bins {
        Bins::new(values, self.max_bins)
    }

    /// As [`fit_observed`](Self::fit_observed) without validation rows, on values that are binned already.
    ///
    /// * `bins`: of the values of `training`; where they are of another setting of `max_bins`, others are made.
    ///
    /// # Errors
    /// As there.
    pub fn fit_binned(
        &self,
        bins: &Bins,
        training: LabeledRows<'_>,
        observer: &mut dyn FnMut(RoundMetrics),
    ) -> Result<GradientBoosting, BoostingError> {
        self.fit_by(Some(bins), training, None, observer)
    }

    fn fit_by(
        &self,
        bins: Option<&Bins>,
        training: LabeledRows<'_>,
        validation: Option<LabeledRows<'_>>,
        observer: &mut dyn FnMut(RoundMetrics),
    ) -> Result<GradientBoosting, BoostingError> {
        self.check_rows(&training, validation.as_ref())?;
        let grid = Grid::new(&training);
        let weights: Option<Vec<f64>> =
            training.weights.map(|weights| weights.iter().map(|weight| grid.round((*weight).into())).collect());
        let weights = weights.as_deref();
        let base_score = log_odds(training.labels, weights)?;
        let own;
        let bins = match bins.filter(|bins| bins.max_bins == self.max_bins && bins.n_rows() == training.n_rows()) {
            Some(bins) => bins,
            None => {
                own = self.bin(training.values);
                &own
            }
        };
        let usable = bins.usable();
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut margins = vec![base_score; training.n_rows()];
        let mut gradients = vec![Gradient::default(); training.n_rows()];
        let mut held_out = validation.map(|rows| HeldOut::new(rows, base_score));
        let mut trees = Vec::new();
        let mut best = (f64::INFINITY, 0, 0);
        let samples = self.row_fraction < 1.0 || self.feature_fraction < 1.0;
        differentiate(&margins, training.labels, weights, grid, &mut gradients);
        let params = self.with_penalty_at(&gradients);
        let mut grower = Grower::new(&params, bins, weights);
        for round in 1..=self.n_trees {
            let features = sample(usable.iter().copied(), self.feature_fraction, &mut rng);
            let mut rows = sample(0..training.n_rows() as u32, self.row_fraction, &mut rng);
            match grower.grow(&gradients, &mut rows, &features) {
                Some(grown) => {
                    add_grown(&grown, &rows, &training, &mut margins);
                    held_out.iter_mut().for_each(|held_out| add(&grown.tree, &held_out.rows, &mut held_out.margins));
                    trees.push(grown.tree);
                }
                // Every further round would see the same.
                None if !samples => break,
                None => {}
            }
            let training_log_loss = differentiate(&margins, training.labels, weights, grid, &mut gradients);
            let validation_log_loss = held_out.as_ref().map(|held_out| log_loss(&held_out.margins, &held_out.rows));
            observer(RoundMetrics { round, training_log_loss, validation_log_loss });
            if let Some(loss) = validation_log_loss.filter(|_| self.early_stopping_rounds > 0) {
                if loss < best.0 {
                    best = (loss, round, trees.len());
                } else if round - best.1 >= self.early_stopping_rounds {
                    break;
                }
            }
        }
        if self.early_stopping_rounds > 0 {
            trees.truncate(best.2);
        }
        Ok(GradientBoosting { n_features: training.values.n_features(), base_score, trees })
    }

    /// These settings with the penalty in rows as one in hessians. `gradients`: before the first tree.
    fn with_penalty_at(&self, gradients: &[Gradient]) -> Self {
        let hessians: f64 = gradients.iter().map(|gradient| gradient.second).sum();
        Self { l2: self.l2 + self.l2_rows * hessians / gradients.len() as f64, ..self.clone() }
    }

    fn check_rows(
        &self,
        training: &LabeledRows<'_>,
        validation: Option<&LabeledRows<'_>>,
    ) -> Result<(), BoostingError> {
        training.check("training")?;
        let n_features = training.values.n_features();
        let equal = |what, got| match got == n_features {
            true => Ok(()),
            false => Err(BoostingError::Length { what, expected: n_features, got }),
        };
        if !self.monotone.is_empty() {
            equal("monotone constraints", self.monotone.len())?;
        }
        match validation {
            Some(rows) => {
                rows.check("validation")?;
                equal("features of the validation rows", rows.values.n_features())
            }
            None if self.early_stopping_rounds > 0 => Err(BoostingError::NoValidation),
            None => Ok(()),
        }
    }
}

/// Validation rows with their margins so far.
#[derive(Debug)]
struct HeldOut<'a> {
    rows: LabeledRows<'a>,
    margins: Vec<f64>,
}

impl<'a> HeldOut<'a> {
    fn new(rows: LabeledRows<'a>, base_score: f64) -> Self {
        Self { rows, margins: vec![base_score; rows.n_rows()] }
    }
}

fn add(tree: &Tree, rows: &LabeledRows<'_>, margins: &mut [f64]) {
    let with_rows = margins.par_iter_mut().enumerate().with_min_len(ROWS_A_TASK);
    with_rows.for_each(|(row, margin)| *margin += tree.value(|feature| rows.values.value(row, feature)));
}

/// As [`add`] for the training rows, of which most lie in a leaf already.
///
/// * `grown_on`: the rows that it was grown on, in the order of its leaves.
fn add_grown(grown: &Grown, grown_on: &[u32], rows: &LabeledRows<'_>, margins: &mut [f64]) {
    let in_leaves = || grown.leaves.iter().flat_map(|(leaf, value)| grown_on[leaf.clone()].iter().zip(repeat(*value)));
    if grown_on.len() == margins.len() {
        in_leaves().for_each(|(row, value)| margins[*row as usize] += f64::from(value));
        return;
    }
    let mut known = vec![None; margins.len()];
    in_leaves().for_each(|(row, value)| known[*row as usize] = Some(f64::from(value)));
    margins.par_iter_mut().zip(known).enumerate().with_min_len(ROWS_A_TASK).for_each(|(row, (margin, known))| {
        *margin += known.unwrap_or_else(|| grown.tree.value(|feature| rows.values.value(row, feature)));
    });
}

/// Log-odds of the positive class.
///
/// * `weights`: on the grid of the gradients, so that the sums are exact.
fn log_odds(labels: &[bool], weights: Option<&[f64]>) -> Result<f64, BoostingError> {
    let weight = |row: usize| weights.map_or(1.0, |weights| weights[row]);
    let (mut positive, mut negative) = (0.0, 0.0);
    for (row, label) in labels.iter().enumerate() {
        *(if *label { &mut positive } else { &mut negative }) += weight(row);
    }
    if positive > 0.0 && negative > 0.0 {
        return Ok(libm::log(positive / negative));
    }
    let positives = labels.iter().filter(|label| **label).count();
    Err(BoostingError::OneClass { rows: labels.len(), positives })
}

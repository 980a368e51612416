//! Estimators fitted on one block of rows, and calibrated on another.

use std::ops::Range;

use ndarray::{Array2, Axis};

use super::run::{Progress, Recipe, TrainError};
use super::{LabeledParcel, Matrix};
use crate::model::boosting::LabeledRows;
use crate::model::{Calibration, Estimator, EstimatorKind, Linear, Model, ModelBody, ModelError, ReferenceScores};

/// Both estimators fitted on one block of rows, and the chosen one calibrated on another.
pub(super) struct Fitted {
    pub(super) estimator: Estimator,
    pub(super) sibling: Estimator,
    pub(super) linear: Linear,
    pub(super) calibration: Calibration,
}

impl Fitted {
    pub(super) fn on(
        rows: &[LabeledParcel],
        matrix: &Matrix,
        recipe: &Recipe,
        fit: Range<usize>,
        calibrate: Range<usize>,
        progress: &mut dyn Progress,
    ) -> Result<Self, TrainError> {
        let block = LabeledBlock::of(rows, matrix, fit);
        let n_rows = block.labels.len();
        let linear = recipe.config.logistic().fit(block.values.view(), &block.labels);
        let linear = linear.map_err(|source| TrainError::Fit { n_rows, source })?;
        let trees = recipe.config.boosting().fit_observed(block.rows(), None, &mut |_| progress.row());
        let trees = trees.map_err(|source| TrainError::Boost { n_rows, source })?;
        let (logistic, boosting) = (Estimator::Logistic(linear.clone()), Estimator::Boosting(trees.compile()));
        let (estimator, sibling) = match recipe.config.get().estimator {
            EstimatorKind::Boosting => (boosting, logistic),
            EstimatorKind::Logistic => (logistic, boosting),
        };
        let block = LabeledBlock::of(rows, matrix, calibrate);
        let n_rows = block.labels.len();
        let calibration = Calibration::fit(&block.raw_scores(&estimator), &block.labels);
        let calibration = calibration.map_err(|source| TrainError::Calibrate { n_rows, source })?;
        Ok(Self { estimator, sibling, linear, calibration })
    }

    pub(super) fn model(&self, recipe: &Recipe, reference: ReferenceScores) -> Result<Model, ModelError> {
        Model::new(ModelBody {
            spec: recipe.spec.clone(),
            rates: recipe.rates.clone(),
            estimator: self.estimator.clone(),
            calibration: self.calibration,
            reference,
        })
    }
}

/// The labeled rows of a block, with their labels and weights.
pub(super) struct LabeledBlock {
    pub(super) values: Array2<f32>,
    pub(super) labels: Vec<bool>,
    pub(super) weights: Vec<f32>,
}

impl LabeledBlock {
    pub(super) fn of(rows: &[LabeledParcel], matrix: &Matrix, block: Range<usize>) -> Self {
        let labeled: Vec<usize> = block.filter(|idx| rows[*idx].outcome.is_some()).collect();
        let values = matrix.values.select(Axis(0), &labeled);
        let of_rows = labeled.iter().map(|idx| &rows[*idx]);
        let labels = of_rows.clone().map(|row| row.outcome.is_some_and(|outcome| outcome.infringement)).collect();
        let weights = of_rows.map(|row| row.weight as f32).collect();
        Self { values, labels, weights }
    }

    pub(super) fn rows(&self) -> LabeledRows<'_> {
        LabeledRows { values: self.values.view(), labels: &self.labels, weights: Some(&self.weights) }
    }

    pub(super) fn raw_scores(&self, estimator: &Estimator) -> Vec<f64> {
        self.values.outer_iter().map(|row| estimator.raw_score(&row.to_vec())).collect()
    }
}

//! The model: fitted with linfa, compiled to flat arrays that serve, calibrated.
//!
//! Scores are computed row by row by one kernel ([`Estimator::raw_score`]), never as a matrix product:
//! a product over a column-major batch differs from the same rows one by one in the last bits.

pub mod boosting;
mod calibration;
mod estimator;
mod head;
mod linear;
mod logistic;
mod matrix;
mod reference;
mod values;

use serde::{Deserialize, Serialize};

pub use calibration::{BetaCalibration, Calibration, CalibrationError, CalibrationKind, IsotonicCalibration};
pub use estimator::{Estimator, EstimatorKind};
pub use head::Head;
pub use linear::Linear;
pub use logistic::{FitError, LogisticParams, LogisticValidParams};
pub use matrix::PackedMatrix;
pub use reference::ReferenceScores;
pub use values::FeatureValues;

use crate::features::{FeaturePlan, FeatureSpec, InvalidSpec, RatesConfig};
use crate::parcel::codes::InfringementKind;
use crate::text::TextModel;
use boosting::{CompiledTrees, Forest, ShapleyTables};

/// What a model file holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelBody {
    /// Which features it looks at.
    pub spec: FeatureSpec,
    /// The exchange rates that it was trained with.
    pub rates: RatesConfig,
    /// From features to a raw score.
    pub estimator: Estimator,
    /// From raw score to probability.
    pub calibration: Calibration,
    /// What was learned of descriptions, where the spec reads them.
    pub descriptions: TextModel,
    /// One for each kind of infringement that was seen often enough, in the order of their numbers.
    pub heads: Vec<Head>,
    /// Raw scores of the parcels held back in training.
    pub reference: ReferenceScores,
}

/// A model, ready to score.
#[derive(Clone, Debug)]
pub struct Model {
    body: ModelBody,
    plan: FeaturePlan,
    /// The estimator, where it is one of trees that can be laid out so.
    forest: Option<Forest>,
    /// The estimator and then each head, where all are.
    forest_with_heads: Option<Forest>,
    shapley: Option<ShapleyTables>,
}

/// Why bytes are no model.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Another kind of file, or a version that this release does not read.
    #[error("not a model of format {MAGIC:?}")]
    Format,
    /// The bytes end early or do not decode.
    #[error("the model is truncated or damaged")]
    Damaged,
    /// Its feature spec does not compile in this release.
    #[error("the model's feature spec")]
    Spec(#[from] InvalidSpec),
    /// It decodes to something that no training makes.
    #[error("the model is inconsistent: {0}")]
    Inconsistent(&'static str),
}

const MAGIC: &str = "PRMODEL3";

impl Model {
    /// Compiles a body.
    ///
    /// # Errors
    /// [`ModelError`] where the spec does not compile, lengths differ or a number is not finite.
    pub fn new(body: ModelBody) -> Result<Self, ModelError> {
        body.descriptions.check().map_err(|_| ModelError::Inconsistent("a model of descriptions that is none"))?;
        let plan = FeaturePlan::compile(body.spec.clone())?.with_descriptions(&body.descriptions);
        body.estimator.check(plan.features().len()).map_err(ModelError::Inconsistent)?;
        body.calibration.check().map_err(ModelError::Inconsistent)?;
        for head in &body.heads {
            head.check(plan.features().len()).map_err(ModelError::Inconsistent)?;
        }
        if !body.heads.is_sorted_by(|a, b| a.kind < b.kind) {
            return Err(ModelError::Inconsistent("two heads of a kind, or out of order"));
        }
        body.reference.check().map_err(ModelError::Inconsistent)?;
        let shapley = match &body.estimator {
            Estimator::Logistic(_) => None,
            Estimator::Boosting(trees) => Some(ShapleyTables::new(trees)),
        };
        let forest = trees(&body.estimator).and_then(|trees| Forest::new([trees]));
        let estimators = std::iter::once(&body.estimator).chain(body.heads.iter().map(|head| &head.estimator));
        let forest_with_heads = estimators.map(trees).collect::<Option<Vec<_>>>().and_then(Forest::new);
        Ok(Self { body, plan, forest, forest_with_heads, shapley })
    }

    /// Score of one row in log-odds.
    ///
    /// * `values`: shape `(n_features,)`, NaN where missing.
    pub fn raw_score(&self, values: &[f32]) -> f64 {
        let from_forest = self.forest.as_ref().and_then(|forest| forest.margins(values).first().copied());
        from_forest.unwrap_or_else(|| self.body.estimator.raw_score(values))
    }

    /// As [`Model::raw_score`], and with it the probability that inspection would find each kind of infringement that
    /// there is a head for.
    ///
    /// * `values`: shape `(n_features,)`, NaN where missing.
    pub fn raw_score_and_risks(&self, values: &[f32]) -> (f64, Vec<(InfringementKind, f64)>) {
        let risk = |(head, raw_score): (&Head, f64)| (head.kind, head.probability(raw_score));
        if let Some(forest) = &self.forest_with_heads {
            let mut margins = forest.margins(values).into_iter();
            if let Some(raw_score) = margins.next() {
                return (raw_score, self.body.heads.iter().zip(margins).map(risk).collect());
            }
        }
        let heads = self.body.heads.iter().map(|head| (head, head.estimator.raw_score(values)));
        (self.raw_score(values), heads.map(risk).collect())
    }

    /// Exact share of each feature in the raw score, in log-odds. Returns the base; with the sum of
    /// the contributions, it is the raw score, within 1e-9.
    ///
    /// Of the logistic regression, the base is the score of a row with every feature at its mean; of
    /// trees, the mean score, and the contributions are Shapley values.
    ///
    /// * `values`: shape `(n_features,)`, NaN where missing.
    /// * `out`: takes the contributions, shape `(n_features,)`.
    pub fn contributions(&self, values: &[f32], out: &mut Vec<f64>) -> f64 {
        match (&self.body.estimator, &self.shapley) {
            (Estimator::Boosting(_), Some(tables)) => tables.contributions(values, out),
            (Estimator::Boosting(trees), None) => trees.contributions(values, out),
            (Estimator::Logistic(linear), _) => {
                out.clear();
                out.extend(linear.contributions(values));
                linear.base
            }
        }
    }

    /// Unpacks and checks a model file.
    ///
    /// # Errors
    /// [`ModelError`]: another format, damaged, or not consistent.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let body = bytes.strip_prefix(MAGIC.as_bytes()).ok_or(ModelError::Format)?;
        let (body, rest) = postcard::take_from_bytes(body).map_err(|_| ModelError::Damaged)?;
        if rest.is_empty() { Self::new(body) } else { Err(ModelError::Damaged) }
    }

    /// Packs it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.as_bytes().to_vec();
        bytes.extend(postcard::to_stdvec(&self.body).expect("plain numbers and names always encode"));
        bytes
    }

    /// Everything it holds.
    pub fn body(&self) -> &ModelBody {
        &self.body
    }

    /// The code that computes its features.
    pub fn plan(&self) -> &FeaturePlan {
        &self.plan
    }
}

fn trees(estimator: &Estimator) -> Option<&CompiledTrees> {
    match estimator {
        Estimator::Logistic(_) => None,
        Estimator::Boosting(trees) => Some(trees),
    }
}

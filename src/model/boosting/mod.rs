//! Gradient-boosted decision trees for two classes, on linfa's traits.
//!
//! Trees are grown leaf by leaf on histograms, with logistic loss, second-order gains, native
//! missing values, row weights and monotone constraints. A fit is equal to the bit for any number
//! of threads and, without subsampling, for any order of the rows: gradients are rounded to a
//! grid on which every sum of them is exact (see `loss`).
//!
//! ```
//! use linfa::prelude::*;
//! use ndarray::{Array1, Array2};
//! use parcel_risk::model::boosting::GradientBoosting;
//!
//! let values = Array2::from_shape_fn((100, 2), |(row, feature)| (row * (feature + 1) % 10) as f32);
//! let labels = Array1::from_shape_fn(100, |row| row % 10 > 6);
//! let model = GradientBoosting::params().n_trees(20).fit(&Dataset::new(values.clone(), labels))?;
//! let probabilities = model.predict_probabilities(values.view());
//! assert!(probabilities[9] > 0.8 && probabilities[0] < 0.2);
//! # Ok::<(), parcel_risk::model::boosting::BoostingError>(())
//! ```
//!
//! Sources: Friedman (2001), "Greedy function approximation: a gradient boosting machine", Annals
//! of Statistics 29(5); Chen & Guestrin (2016), "XGBoost", KDD (gains, learned direction of
//! missing values); Ke et al. (2017), "LightGBM", NeurIPS (histograms, leaf-wise growth).

mod bins;
mod block;
mod compiled;
mod error;
mod fit;
mod forest;
mod grow;
mod histogram;
mod loss;
mod params;
mod rows;
mod sample;
mod shapley;
mod shapley_tables;
mod split;
mod tree;

#[cfg(test)]
mod tests;

pub use bins::Bins;
pub use compiled::CompiledTrees;
pub use error::BoostingError;
pub use fit::RoundMetrics;
pub use forest::Forest;
pub use params::{GradientBoostingParams, GradientBoostingValidParams, Monotone};
pub use rows::LabeledRows;
pub use shapley_tables::ShapleyTables;
pub use tree::{GradientBoosting, Node, Tree};

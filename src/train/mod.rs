//! From a labeled table to a model, and a model judged on one.

mod backtest;
mod blocks;
mod config;
mod dataset;
mod descriptions;
mod facets;
mod fit;
mod insight;
mod inspector;
mod matrix;
mod month;
mod point_in_time;
mod prune;
mod reporting;
mod rolling;
mod rows;
mod run;
mod selective;
mod truth;

pub use backtest::{Backtest, fold};
pub use blocks::Blocks;
pub use config::{InvalidTrainConfig, TrainConfig, ValidTrainConfig};
pub use dataset::{Dataset, DatasetError, KnownOutcome, LabeledParcel, drafts_at};
pub use descriptions::Descriptions;
pub use insight::Sampler;
pub use matrix::Matrix;
pub use point_in_time::{PointInTime, ReplayedRows};
pub use prune::{LimitTooSmall, Weight};
pub use reporting::of_evaluation;
pub use rolling::{Rolled, RolledMonth, roll};
pub use rows::RowsReader;
pub use run::{Progress, Recipe, TrainError, train};
pub use selective::{Inspections, InvalidSelective, Judged, Selected, SelectedMonth, Selective, select};
pub use truth::Truth;

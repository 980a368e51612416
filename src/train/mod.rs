//! From a labelled table to a model.

mod config;

pub use config::{InvalidTrainConfig, TrainConfig, ValidTrainConfig};

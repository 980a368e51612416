//! What an artifact says of itself.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::evaluation::{Estimate, Evaluation, Profile};
use crate::model::EstimatorKind;
use crate::parcel::ParcelLimits;
use crate::policy::ThresholdsConfig;

/// `manifest.json`. It holds no clock, no path and no machine, so that the same data, seed and
/// binary give the same bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of the artifact's layout.
    pub format: u32,
    /// Name of the line of models.
    pub name: String,
    /// Version within it: the last day of the data, and the beginning of a digest of all that it was made of.
    pub version: String,
    /// What its readers must know first; empty in most.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub notice: String,
    /// Release of the program that trained it.
    pub crate_version: String,
    /// SHA-256 of the feature spec.
    pub feature_spec_digest: String,
    /// Which estimator serves.
    pub estimator: EstimatorKind,
    /// Seed of everything drawn at random.
    pub seed: u64,
    /// Days after which an outcome became known in training, where a row did not say.
    pub label_delay_days: u32,
    /// `[train]` of the configuration that it was trained with, by the names there. The feature spec and the exchange rates
    /// are in `model.bin`. Empty in artifacts of older releases.
    #[serde(default)]
    pub settings: serde_json::Map<String, serde_json::Value>,
    /// What it was trained on.
    pub data: DataSummary,
    /// Labeled parcels per block.
    pub blocks: BTreeMap<String, usize>,
    /// The thresholds that the golden decisions were routed by.
    pub golden_policy: ThresholdsConfig,
    /// What pruning the history cost.
    pub pruning: Pruning,
    /// How the model did on the parcels held back.
    pub metrics: Evaluation,
    /// How its heads did on them, by the name of their kind.
    #[serde(default)]
    pub heads: BTreeMap<String, HeadReport>,
    /// Distribution, in the rows fitted and calibrated on, of the features that say most: what later data are held
    /// against. Empty in artifacts of older releases.
    #[serde(default)]
    pub feature_profiles: BTreeMap<String, Profile>,
    /// SHA-256 and size of each other file.
    pub files: BTreeMap<String, FileDigest>,
}

/// How well one kind of infringement is told from everything else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadReport {
    /// Infringements of the kind among the parcels held back.
    pub infringements: usize,
    /// As in [`Evaluation::auroc`].
    pub auroc: Option<Estimate>,
    /// As in [`Evaluation::average_precision`].
    pub average_precision: Option<Estimate>,
    /// As in [`Evaluation::expected_calibration_error`].
    pub expected_calibration_error: Option<Estimate>,
}

/// The data behind a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSummary {
    /// SHA-256 over the bytes of the tables.
    pub digest: String,
    /// Parcels read.
    pub parcels: usize,
    /// Rows that could not be read.
    pub rejected: u64,
    /// Parcels with a label.
    pub labeled: usize,
    /// Infringements among them.
    pub infringements: usize,
    /// `advised_at` of the first, in seconds since 1970.
    pub from_seconds: i64,
    /// `advised_at` of the last.
    pub until_seconds: i64,
    /// How the tables became parcels; the defaults in artifacts of older releases, which do not say.
    #[serde(default)]
    pub reading: Reading,
}

/// How tables become parcels.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reading {
    /// SHA-256 of the mapping; `None` where the columns are fields of the contract.
    pub mapping_digest: Option<String>,
    /// How much one parcel could state.
    pub limits: ParcelLimits,
    /// What the last of the tables was exported from, in a retraining.
    pub ledger: Option<LedgerExport>,
}

/// A table that is the export of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LedgerExport {
    /// Number of the last record in it.
    pub until_seq: i64,
    /// Most parcels that an inspected one stood for.
    pub max_weight: f64,
}

impl DataSummary {
    /// Day of the first parcel, such as `2020-01-01`.
    pub fn from_day(&self) -> String {
        day(self.from_seconds)
    }

    /// Day of the last.
    pub fn until_day(&self) -> String {
        day(self.until_seconds)
    }
}

fn day(seconds: i64) -> String {
    let time = jiff::Timestamp::from_second(seconds);
    time.map_or_else(|_| "unknown".to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}

/// What was left out of the history, and what that cost on the parcels held back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pruning {
    /// Entities known before.
    pub entities_before: usize,
    /// Entities kept.
    pub entities_after: usize,
    /// Largest change of a score, in log-odds, by one entry left out.
    pub largest_change_log_odds: f64,
    /// Average precision with the whole history, frozen at the beginning of the block held back.
    pub average_precision_before: Option<f64>,
    /// The same with the pruned history.
    pub average_precision_after: Option<f64>,
    /// Precision at a tenth of the parcels with the whole history.
    pub precision_at_tenth_before: Option<f64>,
    /// The same with the pruned history.
    pub precision_at_tenth_after: Option<f64>,
}

/// One file of the artifact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileDigest {
    /// In lower-case hexadecimal.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
}

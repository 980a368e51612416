//! What an evaluation says, in the shape of its JSON.

use serde::{Deserialize, Serialize};

use super::{
    delay::LabelDelayReport, drift::DriftReport, interval::Estimate, novelty::NoveltyReport, opened::OpenedReport,
    reliability::Bin, revenue::RevenueReport, selection::SelectionReport, settings::CapacityShare, slices::SliceReport,
};

/// How good scores were, each figure with its 95 % interval; `null` in JSON where the rows do not define it.
///
/// Every figure is weighted; [`Evaluation::parcels`] and other counts are of rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Rows.
    pub parcels: usize,
    /// Rows with an infringement.
    pub infringements: usize,
    /// Parcels that the rows stand for: the sum of their weights.
    pub weight: f64,
    /// Share of infringements: what opening parcels at random would find. At 0 or 1 its interval is at least Wilson's.
    pub base_rate: Option<Estimate>,
    /// Days from a parcel's advice to its outcome being known to later ones.
    pub label_delay_days: u32,
    /// Area under the precision–recall steps, as in scikit-learn; a tie is one threshold.
    pub average_precision: Option<Estimate>,
    /// The chance that an infringing parcel ranks above a clean one, a tie counting half.
    pub auroc: Option<Estimate>,
    /// Mean of `−ln` of the probability given to what happened, in nats.
    pub log_loss: Option<Estimate>,
    /// Share of the base rate's log loss that the scores save: 1 is perfect, 0 no better than the base rate.
    pub log_loss_skill: Option<Estimate>,
    /// Mean squared distance of the probability to the outcome.
    pub brier: Option<Estimate>,
    /// Share of the base rate's Brier score that the scores save.
    pub brier_skill: Option<Estimate>,
    /// Mean distance of expected to found over twenty bins of equal mass.
    pub expected_calibration_error: Option<Estimate>,
    /// Slope of the outcome's logit on the score's: 1 is right, below 1 the scores are too extreme.
    pub calibration_slope: Option<Estimate>,
    /// Its intercept: 0 is right, below 0 the scores are too high.
    pub calibration_intercept: Option<Estimate>,
    /// What a capacity finds, by ascending share.
    pub capacity: Vec<AtCapacity>,
    /// Parts of the rows, dimension by dimension, the largest first.
    pub slices: Vec<SliceReport>,
    /// Alternative scores on the same rows, as given.
    #[serde(default)]
    pub baselines: Vec<BaselineReport>,
    /// The bins of the calibration error, by ascending probability.
    #[serde(default)]
    pub reliability: Vec<Bin>,
    /// How often each group of a dimension is opened.
    #[serde(default)]
    pub selection: Vec<SelectionReport>,
    /// How much each capacity opens of groups that are known by other means than the outcome, such as a simulation's
    /// truth; left out without such.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub opened: Vec<OpenedReport>,
    /// What is at stake in money; left out where no infringement states an amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revenue: Option<RevenueReport>,
    /// How far the scores are from those that the model was released with; left out where these are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<DriftReport>,
    /// How new the parcels are, by key of the history.
    #[serde(default)]
    pub novelty: Vec<NoveltyReport>,
    /// When outcomes came in; left out where no row says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_label_delay: Option<LabelDelayReport>,
    /// What the intervals rest on.
    pub bootstrap: BootstrapReport,
    /// The model that gave the scores.
    pub model: ModelIdentity,
    /// Digest of the labeled data.
    pub data_digest: String,
}

/// What is found when a share of the parcels is opened, the riskiest first.
///
/// Ties at the cut count by their expected share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AtCapacity {
    /// The share that can be opened.
    pub share: CapacityShare,
    /// Parcels that are opened: the share of the weight, rounded.
    pub parcels: u64,
    /// Share of the opened that infringe. Where it is 0 or 1, its interval is at least Wilson's.
    pub precision: Option<Estimate>,
    /// Share of the infringements that are opened.
    pub recall: Option<Estimate>,
    /// Precision over the base rate.
    pub lift: Option<Estimate>,
    /// Precision over that of a ranking that knew the outcomes: the fair figure where more is opened than infringes.
    #[serde(default)]
    pub normalized_precision: Option<Estimate>,
    /// Precision of a ranking that knew the outcomes.
    pub precision_ceiling: Option<f64>,
    /// Recall of a ranking that knew the outcomes.
    pub recall_ceiling: Option<f64>,
    /// Mean probability of the opened: what precision would be if the scores were calibrated there.
    pub expected_precision: Option<f64>,
    /// Expected less found precision: above 0 throughout, the probabilities of the opened are too high.
    #[serde(default)]
    pub expected_precision_excess: Option<Estimate>,
    /// Mean distance of expected to found over ten bins of equal mass of the opened.
    #[serde(default)]
    pub expected_calibration_error_within: Option<Estimate>,
    /// These bins, by ascending score, where at least 200 parcels are opened.
    #[serde(default)]
    pub reliability_within: Vec<Bin>,
}

/// An alternative score, measured on the same rows and resamples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BaselineReport {
    /// Its name.
    pub name: String,
    /// As in [`Evaluation::average_precision`].
    pub average_precision: Option<Estimate>,
    /// The model's average precision less this one's, paired. Above 0 throughout: the model is better.
    pub average_precision_lead: Option<Estimate>,
    /// What it finds at each capacity.
    pub capacity: Vec<PrecisionAtCapacity>,
}

/// What a baseline finds at a capacity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrecisionAtCapacity {
    /// The share that can be opened.
    pub share: CapacityShare,
    /// As in [`AtCapacity::precision`].
    pub precision: Option<Estimate>,
}

/// What the intervals rest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapReport {
    /// Resamples of rows, and as many of days.
    pub replicates: u32,
    /// Their seed.
    pub seed: u64,
    /// Distinct days: with a handful of them the resamples of days say little.
    pub days: usize,
}

/// What was evaluated, as the caller knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// As in [`Evaluation::label_delay_days`].
    pub label_delay_days: u32,
    /// As in [`Evaluation::model`].
    pub model: ModelIdentity,
    /// As in [`Evaluation::data_digest`].
    pub data_digest: String,
}

/// Which model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelIdentity {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Digest of its artifact.
    pub digest: String,
}

//! What the engine answers about one parcel.

use std::sync::Arc;

use uuid::Uuid;

use crate::history::Counts;
use crate::parcel::Notice;
use crate::parcel::codes::InfringementKind;
use crate::policy::{Route, RouteCause, Rule, Words};
use crate::reasons::ReasonCode;

/// What was decided about one parcel, on what grounds.
///
/// It has no clock in it: equal parcel, history, model and policy give an equal decision, to the
/// bit, its identifier included.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// UUIDv7 of the time the parcel was advised and a digest of the grounds.
    pub decision_id: Uuid,
    /// The parcel's identifier, as stated.
    pub item_id: String,
    /// Calibrated probability that inspection would find an infringement, 0 to 1.
    pub risk_score: f64,
    /// Share of reference parcels with a lower score, 0 to 1.
    pub risk_percentile: f64,
    /// Where the parcel goes.
    pub route: Route,
    /// What chose the route.
    pub route_cause: RouteCause,
    /// Chance, under the policy and before all draws, that the parcel is sent to inspection.
    pub selection_probability: f64,
    /// The rules that matched, in the order of the policy.
    pub matched_rules: Vec<Arc<Rule>>,
    /// Calibrated probability of each kind of infringement that the model has a head for.
    pub infringement_risks: Vec<(InfringementKind, f64)>,
    /// Why, largest contribution first; as many as were asked for.
    pub reasons: Vec<Reason>,
    /// What was odd or not used.
    pub notices: Vec<Notice>,
    /// The model that scored it.
    pub model: Arc<ModelRef>,
    /// The policy that routed it.
    pub policy_version: Arc<str>,
    /// The model's score before calibration, with [`Explanation::Full`].
    pub raw_score: Option<RawScore>,
}

/// The model's own score, before calibration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RawScore {
    /// Base plus all contributions.
    pub log_odds: f64,
    /// Score of a parcel of which nothing speaks for or against.
    pub base_log_odds: f64,
}

/// Which model it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRef {
    /// Name of the line of models.
    pub name: String,
    /// Version within it.
    pub version: String,
    /// SHA-256 of the artifact, in lower-case hexadecimal.
    pub digest: String,
}

/// One ground for the score.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// From the reason catalogue.
    pub code: ReasonCode,
    /// Signed share of the raw score; below zero it is mitigating.
    pub contribution_log_odds: f64,
    /// What is known from before, where the ground is one of history.
    pub known: Option<Counts>,
    /// The policy's own words, where the ground is one of its rules.
    pub words: Option<Words>,
    /// The features behind it, largest contribution first; features without a value are left out.
    pub evidence: Vec<Evidence>,
}

/// One feature and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The feature's name in the catalogue.
    pub feature: Arc<str>,
    /// Its value.
    pub value: f64,
}

/// How much to explain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Explanation {
    /// The five largest reasons where the route is not release, none where it is.
    #[default]
    WhereDue,
    /// No reasons.
    None,
    /// The five largest reasons.
    Reasons,
    /// Every reason with every feature, and the raw score.
    Full,
}

//! What a policy saw of one parcel: all that its route depends on but time, and all that is kept to route it again.

use serde::{Deserialize, Serialize};

/// Where a parcel flows: budgets are for streams made of these.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// Number of the mail class; 0 where none is stated.
    pub mail_class: i32,
    /// Office of exchange it arrives at; empty where none is stated.
    pub destination_office: String,
}

/// A rule whose expression held.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Match {
    /// The rule.
    pub rule: String,
    /// Whether the parcel was among the rule's percentage.
    pub drawn: bool,
}

/// What a policy saw of one parcel. The parcel itself may be kept under pseudonyms, and the key of the draws is not kept at
/// all: with this a route can be found again without either.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen {
    /// Where it flows.
    pub cell: Cell,
    /// Before calibration, in log-odds.
    pub raw_score: f64,
    /// Calibrated probability.
    pub risk_score: f64,
    /// Share of its history keys under which nothing was inspected yet.
    pub novelty: f64,
    /// The rules that matched, in the order of the policy.
    pub matched: Vec<Match>,
    /// Its number in the random control, 0 to below 1; `None` where there is none.
    pub control_draw: Option<f64>,
    /// Its number in the exploration.
    pub exploration_draw: Option<f64>,
}

impl Seen {
    /// How unsure the score is of the outcome, 0 to 1: four times the variance of a draw with its probability.
    pub(super) fn uncertainty(&self) -> f64 {
        4.0 * self.risk_score * (1.0 - self.risk_score)
    }
}

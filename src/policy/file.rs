//! A policy as its file states it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Route, ThresholdsConfig};

/// The whole file, not yet checked. `docs/policy.md` tells what each key does.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct PolicyFile {
    /// Minutes by which the local day runs ahead of UTC: where a day of budgets begins.
    pub(super) utc_offset_minutes: i32,
    /// Key of all draws, beside the policy file; empty: nothing may be drawn.
    pub(super) key_file: String,
    /// Routes by risk score for parcels of no stream; absent: they are released.
    pub(super) thresholds: Option<ThresholdsConfig>,
    pub(super) release_audit: Option<ReleaseAudit>,
    pub(super) random_control: Option<RandomControl>,
    pub(super) exploration: Option<Exploration>,
    #[serde(rename = "stream")]
    pub(super) streams: Vec<StreamSpec>,
    #[serde(rename = "list")]
    pub(super) lists: Vec<ListSpec>,
    #[serde(rename = "rule")]
    pub(super) rules: Vec<RuleSpec>,
}

/// Which released parcels are audited later.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReleaseAudit {
    /// Those from this risk score on. 0 to 1.
    pub(super) from_risk_score: f64,
}

/// The random sample.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RandomControl {
    /// Share of all parcels. 0 to 1.
    #[serde(default)]
    pub(super) share: f64,
    /// Share of the stream's budget for `route`; of the two that which gives more is drawn. 0 to 1.
    #[serde(default)]
    pub(super) share_of_budget: f64,
    #[serde(default = "open")]
    pub(super) route: Route,
}

/// A part of the budget that is spent on learning.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Exploration {
    /// Share of the stream's budget for `route`. 0 to 1.
    pub(super) share_of_budget: f64,
    pub(super) toward: Toward,
    #[serde(default = "open")]
    pub(super) route: Route,
}

/// Which parcels are explored the more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Toward {
    /// Those whose risk score is nearest one half: by the variance of the outcome.
    Uncertain,
    /// Those of whom least is known: by the share of their history keys under which nothing was inspected yet.
    New,
}

fn open() -> Route {
    Route::Open
}

/// Parcels that share budgets.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamSpec {
    pub(super) name: String,
    /// Names of mail classes, such as `EMS`; empty: all.
    #[serde(default)]
    pub(super) mail_class: Vec<String>,
    /// Offices of exchange they arrive at; empty: all.
    #[serde(default)]
    pub(super) destination_office: Vec<String>,
    /// About how many a day, until the ledger tells.
    pub(super) parcels_per_day: f64,
    /// How many a day may be opened; absent: none by score.
    #[serde(default)]
    pub(super) open: Option<u32>,
    #[serde(default)]
    pub(super) scan: Option<u32>,
    #[serde(default)]
    pub(super) documents: Option<u32>,
    /// Below this risk score nothing is inspected for its score, even where budget is left. 0 to 1.
    #[serde(default)]
    pub(super) from_risk_score: f64,
}

impl StreamSpec {
    /// Parcels a day for a route.
    pub(super) fn budget(&self, route: Route) -> u32 {
        match route {
            Route::Open => self.open,
            Route::Scan => self.scan,
            Route::Documents => self.documents,
            Route::Release | Route::ReleaseAudit => None,
        }
        .unwrap_or(0)
    }
}

/// A named list.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListSpec {
    pub(super) name: String,
    pub(super) kind: ListKind,
    /// Its file, beside the policy file: one entry a line.
    pub(super) file: String,
}

/// How entries of a list, and what is looked up in it, are made comparable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ListKind {
    /// As written, but for case and surrounding blanks: countries, offices, identifiers.
    Code,
    /// By the normalized name of a person or a business.
    Name,
    /// By the normalized address: "street; locality; postcode; country".
    Address,
    /// By the normalized telephone number.
    Phone,
    /// Beginnings of HS codes.
    Hs,
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleSpec {
    pub(super) name: String,
    /// A CEL expression.
    pub(super) when: String,
    pub(super) route: Route,
    /// How many in a hundred of those that match. Above 0, at most 100.
    #[serde(default = "all")]
    pub(super) percent: f64,
    pub(super) reason: Words,
}

fn all() -> f64 {
    100.0
}

/// A sentence, in one language or several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Words {
    /// The same for everyone.
    One(String),
    /// By language tag, such as `en`.
    Many(BTreeMap<String, String>),
}

impl Words {
    /// The sentence in a language, else in English, else in any.
    pub fn said_in(&self, tag: &str) -> &str {
        match self {
            Self::One(text) => text,
            Self::Many(texts) => {
                let text = texts.get(tag).or_else(|| texts.get("en")).or_else(|| texts.values().next());
                text.map_or("", String::as_str)
            }
        }
    }
}

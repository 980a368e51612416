//! The policy that routes: of two thresholds, or of a file.

use std::sync::Arc;

use super::compiled::{FilePolicy, Routing};
use super::facts::Facts;
use super::flow::Flow;
use super::rule::{Rule, RuleStatus};
use super::seen::Seen;
use super::stream::BUDGETED;
use super::{Route, Thresholds};
use crate::history::{Bucket, BucketWidth};

/// A policy: one immutable value.
#[derive(Clone, Debug)]
pub enum Policy {
    /// Two thresholds on the risk score.
    Thresholds(Thresholds),
    /// Rules, draws and budgets.
    File(Arc<FilePolicy>),
}

impl From<Thresholds> for Policy {
    fn from(thresholds: Thresholds) -> Self {
        Self::Thresholds(thresholds)
    }
}

impl From<FilePolicy> for Policy {
    fn from(policy: FilePolicy) -> Self {
        Self::File(Arc::new(policy))
    }
}

/// Where a policy stands at a time: what an operator sees, and a reply never tells.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyStatus {
    /// Its version.
    pub version: Arc<str>,
    /// Its streams.
    pub streams: Vec<StreamStatus>,
    /// Its rules.
    pub rules: Vec<RuleStatus>,
}

/// Where a stream stands.
#[derive(Clone, Debug, PartialEq)]
pub struct StreamStatus {
    /// Its name.
    pub name: String,
    /// Parcels that have come today, as of the last closed bucket.
    pub parcels: u64,
    /// Parcels that the day is expected to bring in all.
    pub expected_parcels: f64,
    /// For each route that has budgets: raw score from which it is given now (log-odds, infinite where to none), and parcels
    /// that it was given to today.
    pub routes: Vec<(Route, f64, u64)>,
    /// Chance of each parcel to be in the random control.
    pub control: f64,
}

impl Policy {
    /// A name that changes with everything in it.
    pub fn version(&self) -> &Arc<str> {
        match self {
            Self::Thresholds(thresholds) => thresholds.version(),
            Self::File(policy) => policy.version(),
        }
    }

    /// The text of its file, where it has one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Thresholds(_) => None,
            Self::File(policy) => Some(policy.text()),
        }
    }

    /// Whether it has budgets, which need to know what passed.
    pub fn has_budgets(&self) -> bool {
        matches!(self, Self::File(policy) if policy.has_budgets())
    }

    /// Minutes by which the day of its budgets runs ahead of UTC.
    pub fn utc_offset_minutes(&self) -> i32 {
        match self {
            Self::Thresholds(_) => 0,
            Self::File(policy) => policy.utc_offset_minutes(),
        }
    }

    /// A flow whose days are this policy's, in buckets of this width; nothing has passed yet.
    pub fn flow(&self, width: BucketWidth, reference: &[f64]) -> Flow {
        Flow::new(super::Clock::new(width, self.utc_offset_minutes()), reference)
    }

    /// What it sees of a parcel that is decided in bucket `at`.
    pub fn look(&self, facts: &Facts<'_>, at: Bucket, width: BucketWidth) -> Seen {
        match self {
            Self::Thresholds(_) => Seen {
                cell: facts.cell(),
                raw_score: facts.raw_score,
                risk_score: facts.risk_score,
                novelty: facts.novelty(),
                ..Seen::default()
            },
            Self::File(policy) => {
                let (day, _) = super::Clock::new(width, self.utc_offset_minutes()).day_and_second(at);
                policy.look(facts, day)
            }
        }
    }

    /// Where a parcel goes that is decided in bucket `at`, by what passed before that bucket. Without a flow no budget is
    /// spent: streams are as if there were none.
    pub fn route(&self, seen: &Seen, at: Bucket, flow: Option<&Flow>) -> Routing {
        match self {
            Self::Thresholds(thresholds) => {
                let (route, cause, selection_probability) = thresholds.route(seen.risk_score);
                Routing { route, cause, selection_probability, rules: Vec::new() }
            }
            Self::File(policy) => policy.route(seen, at, flow),
        }
    }

    /// The rule of this name.
    pub fn rule(&self, name: &str) -> Option<&Arc<Rule>> {
        match self {
            Self::Thresholds(_) => None,
            Self::File(policy) => policy.rule(name),
        }
    }

    /// Where it stands in bucket `at`, the last that something was decided in. Where it is another day `now`, nothing has come yet
    /// today.
    pub fn status(&self, at: Bucket, now: Bucket, flow: &Flow) -> PolicyStatus {
        let is_over = flow.clock().day_and_second(at).0 < flow.clock().day_and_second(now).0;
        let of_today = |n: u64| if is_over { 0 } else { n };
        let mut status = PolicyStatus { version: Arc::clone(self.version()), streams: Vec::new(), rules: Vec::new() };
        if let Self::File(policy) = self {
            status.rules = policy.rules().map(|rules| rules.status()).unwrap_or_default();
            let streams = policy.standing(at, flow).into_iter().map(|(name, cutoffs)| StreamStatus {
                name: name.to_owned(),
                parcels: of_today(cutoffs.parcels),
                expected_parcels: cutoffs.expected,
                routes: (0..3)
                    .map(|idx| (BUDGETED[idx], cutoffs.from_raw_score[idx], of_today(cutoffs.spent[idx])))
                    .collect(),
                control: cutoffs.control,
            });
            status.streams = streams.collect();
        }
        status
    }
}

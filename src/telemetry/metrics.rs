//! What is counted while the server runs.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use super::drift::Drift;
use super::histogram::{Distribution, Histogram, SCORES, SECONDS, TENTHS};
use super::latest::{Latest, Shown};
use super::process::unix_seconds;
use super::tally::Tally;
use super::versions::Versions;

/// A method that is not served: where calls of strangers are counted.
pub const UNKNOWN_METHOD: &str = "unknown";

/// Why a call is not let in, as told of before it happens.
const DENIED: [&str; 5] = ["unknown", "expired", "revoked", "token", "role"];
/// Why a handshake comes to nothing.
const HANDSHAKES_FAILED: [&str; 2] = ["timeout", "refused"];
/// What becomes of files that are read anew.
const RELOADS: [&str; 2] = ["taken", "refused"];

/// Why spans are dropped.
const SPANS_DROPPED: [&str; 2] = ["queue_full", "not_taken"];

/// A part of the way from a request to its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// What was stated becomes a parcel, or is refused.
    Check,
    /// Features, model, reasons and route.
    Decide,
    /// The decision becomes a reply.
    Encode,
    /// Until the ledger has the decision.
    Record,
}

impl Stage {
    pub(super) const ALL: [Self; 4] = [Self::Check, Self::Decide, Self::Encode, Self::Record];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Decide => "decide",
            Self::Encode => "encode",
            Self::Record => "record",
        }
    }
}

/// How much a call matters, in the words of its caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Criticality {
    /// As any other.
    #[default]
    Usual,
    /// A share of the server is kept for it.
    Critical,
}

impl Criticality {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Usual, Self::Critical];

    /// As metrics name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Usual => "usual",
            Self::Critical => "critical",
        }
    }
}

/// Everything that is counted, by all calls at once and without a lock on the way of a decision.
#[derive(Debug)]
pub struct Metrics {
    pub(super) started_unix_seconds: u64,
    pub(super) methods: BTreeMap<&'static str, Method>,
    pub(super) panics: AtomicU64,
    pub(super) shed: Tally,
    pub(super) shed_over_share: AtomicU64,
    pub(super) denied: Tally,
    pub(super) handshakes_failed: Tally,
    pub(super) identity_reloads: Tally,
    pub(super) policy_reloads: Tally,
    pub(super) model_changes: Tally,
    pub(super) model_rejections: Tally,
    pub(super) shadow_parcels: Tally,
    pub(super) shadow_shed: AtomicU64,
    pub(super) connections_taken: AtomicU64,
    pub(super) connections_silent: AtomicU64,
    pub(super) connections_stalled: AtomicU64,
    pub(super) accept_pauses: AtomicU64,
    pub(super) spans_exported: AtomicU64,
    pub(super) spans_dropped: Tally,
    pub(super) decisions: Tally,
    pub(super) risk_scores: Histogram,
    pub(super) novelties: Histogram,
    pub(super) drift: Drift,
    latest: Latest,
    pub(super) degraded: Tally,
    pub(super) invalid_fields: Tally,
    pub(super) notices: Tally,
    pub(super) stages: [Histogram; Stage::ALL.len()],
    pub(super) versions: Versions,
}

/// The calls of one method.
#[derive(Debug)]
pub struct Method {
    pub(super) open: AtomicI64,
    pub(super) by_code: Tally,
    pub(super) latency: Histogram,
}

/// What was counted until some time, in numbers that the status page compares.
#[derive(Clone, Debug)]
pub struct Totals {
    /// By method: calls by status code, and how long they took.
    pub methods: BTreeMap<&'static str, (BTreeMap<&'static str, u64>, Distribution)>,
    /// Decisions by route.
    pub decisions: BTreeMap<&'static str, u64>,
    /// Calls refused for want of room.
    pub shed: u64,
    /// Faults of the program.
    pub panics: u64,
}

impl Metrics {
    /// Nothing counted yet, of these methods and routes.
    pub fn new(
        methods: impl IntoIterator<Item = &'static str>,
        routes: impl IntoIterator<Item = &'static str>,
    ) -> Self {
        let method = |name| {
            let (open, by_code) = (AtomicI64::new(0), Tally::of(["OK"]));
            (name, Method { open, by_code, latency: Histogram::of(SECONDS) })
        };
        Self {
            started_unix_seconds: unix_seconds(),
            methods: methods.into_iter().chain([UNKNOWN_METHOD]).map(method).collect(),
            panics: AtomicU64::new(0),
            shed: Tally::of(Criticality::ALL.map(Criticality::name)),
            shed_over_share: AtomicU64::new(0),
            denied: Tally::of(DENIED),
            handshakes_failed: Tally::of(HANDSHAKES_FAILED),
            identity_reloads: Tally::of(RELOADS),
            policy_reloads: Tally::of(RELOADS),
            model_changes: Tally::of([
                "promoted",
                "promoted_by_policy",
                "rolled_back",
                "rolled_back_by_fault",
                "rolled_back_by_latency",
                "canary",
                "canary_ended",
            ]),
            model_rejections: Tally::default(),
            shadow_parcels: Tally::of(["yes", "no"]),
            shadow_shed: AtomicU64::new(0),
            connections_taken: AtomicU64::new(0),
            connections_silent: AtomicU64::new(0),
            connections_stalled: AtomicU64::new(0),
            accept_pauses: AtomicU64::new(0),
            spans_exported: AtomicU64::new(0),
            spans_dropped: Tally::of(SPANS_DROPPED),
            decisions: Tally::of(routes),
            risk_scores: Histogram::of(SCORES),
            novelties: Histogram::of(TENTHS),
            drift: Drift::default(),
            latest: Latest::default(),
            degraded: Tally::of(["ledger"]),
            invalid_fields: Tally::default(),
            notices: Tally::default(),
            stages: Stage::ALL.map(|_| Histogram::of(SECONDS)),
            versions: Versions::default(),
        }
    }

    /// Models may be rejected by these checks: each is told of before, so that an alert sees its first time as a change.
    #[must_use]
    pub fn with_checks(self, checks: impl IntoIterator<Item = &'static str>) -> Self {
        Self { model_rejections: Tally::of(checks), ..self }
    }

    /// A call of this method begins; of one that is not served, as [`UNKNOWN_METHOD`].
    pub fn call_begins(&self, method: &str) {
        if let Some(method) = self.method(method) {
            method.open.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// It ends, with the name of its status code.
    pub fn call_ends(&self, method: &str, code: &'static str, latency: Duration) {
        if let Some(method) = self.method(method) {
            method.open.fetch_sub(1, Ordering::Relaxed);
            method.by_code.add(code);
            method.latency.add(latency.as_secs_f64());
        }
    }

    /// Calls that are open, of all methods.
    pub fn n_calls_open(&self) -> i64 {
        self.methods.values().map(|method| method.open.load(Ordering::Relaxed)).sum()
    }

    fn method(&self, method: &str) -> Option<&Method> {
        self.methods.get(method).or_else(|| self.methods.get(UNKNOWN_METHOD))
    }

    /// A fault of the program was answered.
    pub fn panicked(&self) {
        self.panics.fetch_add(1, Ordering::Relaxed);
    }

    /// A call was refused for want of room.
    pub fn shed(&self, criticality: Criticality) {
        self.shed.add(criticality.name());
    }

    /// It was because its caller held more than its share.
    pub fn shed_over_share(&self) {
        self.shed_over_share.fetch_add(1, Ordering::Relaxed);
    }

    /// A call was not let in.
    pub fn denied(&self, reason: &'static str) {
        self.denied.add(reason);
    }

    /// A TLS handshake came to nothing.
    pub fn handshake_failed(&self, reason: &'static str) {
        self.handshakes_failed.add(reason);
    }

    /// Certificates and keys were read anew, or a file of them was refused.
    pub fn identity_reloaded(&self, was_taken: bool) {
        self.identity_reloads.add(if was_taken { "taken" } else { "refused" });
    }

    /// The policy was read anew, or its file refused.
    pub fn policy_reloaded(&self, was_taken: bool) {
        self.policy_reloads.add(if was_taken { "taken" } else { "refused" });
    }

    /// Another model decides from now on, with a reference of its own.
    pub fn model_changed(&self, how: &'static str) {
        self.model_changes.add(how);
        self.drift.begin_anew();
    }

    /// A model did not pass a check.
    pub fn model_rejected(&self, check: &'static str) {
        self.model_rejections.add(check);
    }

    /// A challenger scored a parcel.
    pub fn shadow_scored(&self, agree: bool) {
        self.shadow_parcels.add(if agree { "yes" } else { "no" });
    }

    /// A challenger did not, for want of time.
    pub fn shadow_shed(&self) {
        self.shadow_shed.fetch_add(1, Ordering::Relaxed);
    }

    /// A connection was taken.
    pub fn connection_taken(&self) {
        self.connections_taken.fetch_add(1, Ordering::Relaxed);
    }

    /// One was hung up on because it said nothing.
    pub fn connection_silent(&self) {
        self.connections_silent.fetch_add(1, Ordering::Relaxed);
    }

    /// One was hung up on because its client did not take an answer.
    pub fn connection_stalled(&self) {
        self.connections_stalled.fetch_add(1, Ordering::Relaxed);
    }

    /// Accepting failed, and rests.
    pub fn accept_paused(&self) {
        self.accept_pauses.fetch_add(1, Ordering::Relaxed);
    }

    /// A collector took so many spans.
    pub fn spans_exported(&self, n: usize) {
        self.spans_exported.fetch_add(n as u64, Ordering::Relaxed);
    }

    /// So many were dropped.
    pub fn spans_dropped(&self, reason: &'static str, n: usize) {
        self.spans_dropped.add_many(reason, n as u64);
    }

    /// A parcel was decided on. `risk_percentile` is the share of the model's reference with a lower score.
    pub fn decided(&self, route: &'static str, risk_score: f64, risk_percentile: f64) {
        self.decisions.add(route);
        self.risk_scores.add(risk_score);
        self.drift.add(risk_percentile);
    }

    /// It may be shown as one of the latest.
    pub fn shows(&self, show: impl FnOnce(u64) -> Shown) {
        self.latest.offer(show);
    }

    /// The latest decisions, the newest first.
    pub fn latest(&self) -> Vec<Shown> {
        self.latest.shown()
    }

    /// Under this share of a parcel's history keys nothing was inspected yet.
    pub fn was_new(&self, novelty: f64) {
        self.novelties.add(novelty);
    }

    /// Population stability index of the latest scores against the model's reference; `None` where there are too few.
    pub fn score_psi(&self) -> Option<f64> {
        self.drift.psi()
    }

    /// A decision was given without a part that should have taken part.
    pub fn degraded(&self, part: &'static str) {
        self.degraded.add(part);
    }

    /// A field of a parcel was malformed.
    pub fn invalid_field(&self, reason: &'static str) {
        self.invalid_fields.add(reason);
    }

    /// Something was odd in a parcel.
    pub fn noticed(&self, code: &'static str) {
        self.notices.add(code);
    }

    /// A parcel took this long in a stage.
    pub fn took(&self, stage: Stage, time: Duration) {
        if let Some(times) = self.stages.get(stage as usize) {
            times.add(time.as_secs_f64());
        }
    }

    /// The model of this version decided on a parcel.
    pub fn decided_by(&self, version: &str, risk_score: f64) {
        self.versions.of(version).decided(risk_score);
    }

    /// It took this long.
    pub fn took_by(&self, version: &str, time: Duration) {
        self.versions.of(version).times.add(time.as_secs_f64());
    }

    /// About the median time of its decisions, in seconds; `None` where there are fewer than `least`.
    pub fn median_seconds_of(&self, version: &str, least: u64) -> Option<f64> {
        let times = self.versions.of(version).times();
        times.quantile(0.5).filter(|_| times.count() >= least)
    }

    /// When counting began, in seconds since 1970.
    pub fn started_unix_seconds(&self) -> u64 {
        self.started_unix_seconds
    }

    /// What is counted so far.
    pub fn totals(&self) -> Totals {
        let method =
            |(name, method): (&&'static str, &Method)| (*name, (method.by_code.counts(), method.latency.read()));
        Totals {
            methods: self.methods.iter().map(method).collect(),
            decisions: self.decisions.counts(),
            shed: self.shed.counts().values().sum(),
            panics: self.panics.load(Ordering::Relaxed),
        }
    }
}

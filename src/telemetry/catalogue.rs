//! Every metric: its name, type, unit, labels and help, in this one table. `docs/metrics.md` is printed from it.

use std::fmt::Write as _;

/// Before every name.
pub(super) const PREFIX: &str = "parcelrisk";

/// A metric as it is told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Metric {
    /// Without prefix, unit and the suffix of its type.
    pub name: &'static str,
    /// What kind of number it is.
    pub kind: Kind,
    /// Its unit, which is a part of its full name; empty for a number of things.
    pub unit: &'static str,
    /// Names of its labels. Their values are always the program's own words, so there are few.
    pub labels: &'static [&'static str],
    /// What it says, in one sentence.
    pub help: &'static str,
}

/// What kind of number a metric is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from zero at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// How many values were at most this large, for several sizes.
    Histogram,
}

impl Metric {
    /// The name by which queries ask for it; that of a histogram goes on with `_bucket`, `_sum` or `_count`.
    pub fn series(&self) -> String {
        let mut series = format!("{PREFIX}_{}", self.name);
        if !self.unit.is_empty() {
            let _ = write!(series, "_{}", self.unit);
        }
        if self.kind == Kind::Counter {
            series += "_total";
        }
        series
    }
}

macro_rules! catalogue {
    ($($id:ident = $kind:ident $name:literal $unit:literal [$($label:literal),*] $help:literal;)+) => {
        $(pub(super) const $id: Metric =
            Metric { name: $name, kind: Kind::$kind, unit: $unit, labels: &[$($label),*], help: $help };)+
        /// All of them, in the order in which they are told.
        pub const METRICS: &[Metric] = &[$($id),+];
    };
}

catalogue! {
    BUILD = Gauge "build_info" "" ["version"] "1, under the version of the program";
    START = Gauge "start_time" "seconds" [] "When the server started, in seconds since 1970";
    READY = Gauge "ready" "" [] "1 where calls should be sent here, as /readyz says; else 0";
    DRAINING = Gauge "draining" "" [] "1 from the signal to stop on; else 0";
    MODEL = Gauge "model_info" "" ["name", "version", "digest"] "1, under the model that decides";

    MODEL_UNSIGNED = Gauge "model_unsigned" "" []
        "1 where the model that decides has nobody's signature and was not given by whoever started the server; else 0";
    MODEL_CHANGES = Counter "model_changes" "" ["how"] "Times that another model began to decide";
    MODEL_REJECTIONS = Counter "model_rejections" "" ["check"] "Models that did not pass a check, by the first they failed";
    SHADOW_PARCELS = Counter "shadow_parcels" "" ["agree"] "Parcels that a challenger scored, by whether it sent them the same way";
    MODEL_DECISIONS = Counter "model_decisions" "" ["version"] "Parcels decided on, by the version of the model that did";
    MODEL_RISK_SCORE = Histogram "model_risk_score" "" ["version"] "Risk scores given, by the version of the model";
    MODEL_LATENCY = Histogram "model_latency" "seconds" ["version"] "How long one decision took, by the version of the model";
    CANARY_SHARE = Gauge "canary_share" "" [] "Share of the items that the challenger decides about";
    SHADOW_SHED = Counter "shadow_shed" "" [] "Parcels that a challenger did not score because the server was busy";
    SHADOW_PSI = Gauge "shadow_score_psi" "" []
        "Population stability index of the challenger's scores against the champion's, of the last parcels that both scored; told where there is a challenger, from 100 on";

    CALLS = Counter "calls" "" ["method", "code"] "Calls that have ended, by the gRPC status code that ended them";
    CALL_LATENCY = Histogram "call_latency" "seconds" ["method"]
        "From the arrival of a call to the last byte of its answer; of a stream, all of its life";
    CALLS_OPEN = Gauge "calls_open" "" ["method"] "Calls that are open";
    PANICS = Counter "panics" "" [] "Calls that ended by a fault of the program and were answered INTERNAL";

    IN_FLIGHT = Gauge "in_flight" "" [] "Parcels and other calls that are being worked on now, all connections together";
    IN_FLIGHT_LIMIT = Gauge "in_flight_limit" "" ["criticality"] "Most that may be, for calls of this criticality";
    SHED = Counter "shed" "" ["criticality"] "Calls refused with RESOURCE_EXHAUSTED because as much as may be is in flight";

    SHED_OVER_SHARE = Counter "shed_over_share" "" []
        "Of the calls refused so, those whose caller held more than its share of the room";

    DENIED = Counter "denied" "" ["reason"]
        "Calls not let in: the caller unknown, its certificate expired or revoked, its token not accepted, its role missing";
    HANDSHAKES = Gauge "tls_handshakes" "" [] "TLS handshakes that are not done yet";
    HANDSHAKES_FAILED = Counter "tls_handshakes_failed" "" ["reason"]
        "TLS handshakes that came to nothing: not done in time, or refused by one of both sides";
    TLS_EXPIRES = Gauge "tls_certificate_expires_time" "seconds" []
        "When the server's certificate expires, in seconds since 1970; told only where there is TLS";
    TLS_LISTS_DUE = Gauge "tls_revocation_lists_due_time" "seconds" []
        "When the first of the revocation lists is due to be replaced, in seconds since 1970; told only where there are any";
    IDENTITY_RELOADS = Counter "identity_reloads" "" ["result"]
        "Readings of the files of [identity] at SIGHUP: taken, or refused, and the old ones go on";

    POLICY_RELOADS = Counter "policy_reloads" "" ["result"]
        "Readings of policy.file at SIGHUP: taken, or refused, and the policy before goes on";

    CONNECTIONS = Gauge "connections" "" [] "Connections that are open";
    CONNECTIONS_LIMIT = Gauge "connections_limit" "" [] "Most connections that are taken; more wait in the system's queue";
    CONNECTIONS_TAKEN = Counter "connections_taken" "" [] "Connections taken since the start";
    CONNECTIONS_SILENT = Counter "connections_silent" "" []
        "Connections hung up on because they did not speak HTTP/2 in time";
    CONNECTIONS_STALLED = Counter "connections_stalled" "" []
        "Connections hung up on because their client took no more of an answer for serve.stream_idle_seconds";
    ACCEPT_PAUSES = Counter "accept_pauses" "" [] "Rests after accepting a connection failed, most often for want of files";

    SPANS_EXPORTED = Counter "spans_exported" "" [] "Spans of calls that a collector took; none where traces.endpoint names none";
    SPANS_DROPPED = Counter "spans_dropped" "" ["reason"]
        "Spans of calls that were dropped: too many waited (traces.max_queued), or the collector did not take them";

    DECISIONS = Counter "decisions" "" ["route"] "Parcels decided on, by the route recommended; with those that are told again to a repeated request";
    RISK_SCORE = Histogram "risk_score" "" [] "Risk scores given, 0 to 1";
    SCORE_PSI = Gauge "score_psi" "" []
        "Population stability index of the last 5,000 to 10,000 scores against the model's reference: above 0.25 is a shift; told from 1,000 on";
    FEATURE_PSI = Gauge "feature_psi" "" ["feature"]
        "The same of a feature, of those that say most, against the data that the model was trained on";
    NOVELTY = Histogram "novelty" "" []
        "Shares of a parcel's history keys under which nothing was inspected yet; counted where there is a ledger";
    POLICY_PARCELS = Gauge "policy_stream_parcels" "" ["stream"] "Parcels of a policy's stream today";
    POLICY_GIVEN = Gauge "policy_given" "" ["stream", "route"] "Parcels of a stream that a budgeted route was given to today";
    DEGRADED = Counter "degraded" "" ["part"] "Decisions given while this part did not work";
    INVALID_FIELDS = Counter "invalid_fields" "" ["reason"] "Malformed fields of refused parcels, by what was wrong";
    NOTICES = Counter "notices" "" ["code"] "Oddities in parcels that were scored all the same";
    STAGE = Histogram "stage" "seconds" ["stage"] "How long one parcel took in each stage of its decision";

    HISTORY_EVICTED = Counter "history_evicted" "" []
        "Entities that history forgot because it knew as many as history.max_entities allows";
    HISTORY = Gauge "history_entities" "" [] "Senders, goods, routes and others that history knows something of";

    LEDGER_WRITABLE = Gauge "ledger_writable" "" [] "1 where the ledger can be written, 0 where it can't";
    LEDGER_RECORDS = Counter "ledger_records" "" [] "Records written to the ledger since the start";
    LEDGER_PENDING = Gauge "ledger_pending" "" [] "Records that wait to be written";
    LEDGER_PENDING_LIMIT = Gauge "ledger_pending_limit" "" [] "Most that may wait, before calls are refused";
    LEDGER_SPILLED = Counter "ledger_spilled" "" [] "Records that were answered for while they waited in memory";
    LEDGER_FAILURES = Counter "ledger_failures" "" [] "Times that writing to the ledger began to fail";

    LOG_LINES_LOST = Counter "log_lines_lost" "" []
        "Log lines that were lost because nobody took them off standard error in time";
    MEMORY = Gauge "resident_memory" "bytes" [] "Memory that the process holds";
}

/// The table as a document.
pub fn metrics_md() -> String {
    let mut text = "# Metrics\n\n\
        `GET /metrics` on the admin port (`admin.listen`), in the OpenMetrics text format. This page is printed from \
        the program's own\ntable by a test. Label values are the program's own words and \
        names of the policy and the model, never a caller's: their number is bounded. Metrics of the ledger are\ntold only where there is one.\n\n\
        | metric | type | labels | what it says |\n|---|---|---|---|\n"
        .to_owned();
    for metric in METRICS {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let _ = writeln!(text, "| `{}` | {kind} | {} | {}. |", metric.series(), labels.join(", "), metric.help);
    }
    text += "\nStages: `check` (what was stated becomes a parcel, or is refused), `decide` (features, model, reasons, \
             route), `encode` (the\nreply), `record` (until the ledger has it).\n";
    text
}

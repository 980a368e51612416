//! Metrics as a scraper reads them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::exemplar::Exemplar;
use prometheus_client::registry::{Registry, Unit};

use super::catalogue::*;
use super::histogram::Distribution;
use super::log::n_lines_lost;
use super::metrics::{Criticality, Metrics, Stage};
use super::process::resident_bytes;
use super::tally::Tally;

/// Media type of what [`Metrics::to_text`] gives.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is not counted but looked up when it is asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Release of the program.
    pub version: &'static str,
    /// Whether calls should be sent here.
    pub ready: bool,
    /// Whether it was told to stop.
    pub draining: bool,
    /// Name of the model that decides, its version and its digest.
    pub model: [String; 3],
    /// Whether nobody vouches for it.
    pub model_unsigned: bool,
    /// Share of the items that a challenger decides about.
    pub canary_share: f64,
    /// How far a challenger's scores are from the champion's.
    pub shadow_score_psi: Option<f64>,
    /// Entities that history knows something of.
    pub history_entities: usize,
    /// Entities that it forgot.
    pub history_evicted: u64,
    /// What is being worked on.
    pub in_flight: usize,
    /// Most that may be, by criticality.
    pub in_flight_limits: [usize; Criticality::ALL.len()],
    /// Connections that are open.
    pub connections: usize,
    /// Most that are taken.
    pub connections_limit: usize,
    /// When the server's certificate expires, where it has one.
    pub tls_expires_unix_seconds: Option<u64>,
    /// Features of the latest parcels against those of training: population stability index by name.
    pub feature_psi: Vec<(String, f64)>,
    /// When the first of the revocation lists is due, in seconds since 1970; `None` where there are none.
    pub tls_lists_due_unix_seconds: Option<u64>,
    /// TLS handshakes that are not done yet.
    pub handshakes: usize,
    /// Streams of the policy that have budgets.
    pub streams: Vec<ObservedStream>,
    /// The ledger, where there is one.
    pub ledger: Option<ObservedLedger>,
}

/// Where a stream of the policy stands today.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ObservedStream {
    /// Its name in the policy.
    pub name: String,
    /// Parcels that have come.
    pub parcels: u64,
    /// Parcels that the day is expected to bring in all.
    pub expected_parcels: f64,
    /// Each route with a budget, and how many parcels it was given to.
    pub given: Vec<(&'static str, u64)>,
}

/// How the ledger is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObservedLedger {
    /// Whether it can be written.
    pub writable: bool,
    /// Records written.
    pub written: u64,
    /// Records that were answered for while they waited.
    pub spilled: u64,
    /// Times that writing began to fail.
    pub failures: u64,
    /// Records that wait.
    pub pending: usize,
    /// Most that may.
    pub pending_limit: usize,
}

impl Metrics {
    /// All metrics in the OpenMetrics text format.
    pub fn to_text(self: &Arc<Self>, observed: Observed) -> String {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(Scrape { metrics: Arc::clone(self), observed }));
        let mut written = String::new();
        // Only what is written to can fail, and a string takes all.
        let _ = text::encode(&mut written, &registry);
        written
    }
}

/// One answer to a scraper.
#[derive(Debug)]
struct Scrape {
    metrics: Arc<Metrics>,
    observed: Observed,
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Self { metrics, observed } = self;
        let mut page = Page(encoder);
        let [model, version, digest] = &observed.model;

        page.labeled(&BUILD, [([observed.version], 1)])?;
        page.one(&START, metrics.started_unix_seconds)?;
        page.one(&READY, observed.ready.into())?;
        page.one(&DRAINING, observed.draining.into())?;
        page.labeled(&MODEL, [([model.as_str(), version.as_str(), digest.as_str()], 1)])?;
        page.one(&MODEL_UNSIGNED, observed.model_unsigned.into())?;
        page.tally(&MODEL_CHANGES, &metrics.model_changes)?;
        page.tally(&MODEL_REJECTIONS, &metrics.model_rejections)?;
        page.tally(&SHADOW_PARCELS, &metrics.shadow_parcels)?;
        let versions = metrics.versions.all();
        let decided = versions.iter().map(|(name, of)| ([name.as_str()], of.decisions.load(Ordering::Relaxed)));
        page.labeled(&MODEL_DECISIONS, decided)?;
        page.distributions(
            &MODEL_RISK_SCORE,
            versions.iter().map(|(name, of)| (name.as_str(), of.risk_scores.read())),
        )?;
        page.distributions(&MODEL_LATENCY, versions.iter().map(|(name, of)| (name.as_str(), of.times())))?;
        page.metric(&CANARY_SHARE, |mut encoder| encoder.encode_gauge(&observed.canary_share))?;
        page.one(&SHADOW_SHED, metrics.shadow_shed.load(Ordering::Relaxed))?;
        if let Some(psi) = observed.shadow_score_psi {
            page.metric(&SHADOW_PSI, |mut encoder| encoder.encode_gauge(&psi))?;
        }

        let calls = metrics.methods.iter().map(|(name, method)| (*name, method.by_code.counts()));
        let calls = calls.flat_map(|(method, codes)| codes.into_iter().map(move |(code, n)| ([method, code], n)));
        page.labeled(&CALLS, calls)?;
        let latencies = metrics.methods.iter().map(|(name, method)| (*name, method.latency.read()));
        // A method that was never called would be two dozen lines of zeros.
        page.distributions(&CALL_LATENCY, latencies.filter(|(_, latency)| latency.count() > 0))?;
        let open = |method: &super::metrics::Method| u64::try_from(method.open.load(Ordering::Relaxed)).unwrap_or(0);
        page.labeled(&CALLS_OPEN, metrics.methods.iter().map(|(name, method)| ([*name], open(method))))?;
        page.one(&PANICS, metrics.panics.load(Ordering::Relaxed))?;

        page.one(&IN_FLIGHT, observed.in_flight as u64)?;
        let limits = Criticality::ALL.iter().zip(observed.in_flight_limits);
        page.labeled(&IN_FLIGHT_LIMIT, limits.map(|(criticality, limit)| ([criticality.name()], limit as u64)))?;
        page.tally(&SHED, &metrics.shed)?;

        page.one(&SHED_OVER_SHARE, metrics.shed_over_share.load(Ordering::Relaxed))?;

        page.tally(&DENIED, &metrics.denied)?;
        page.one(&HANDSHAKES, observed.handshakes as u64)?;
        page.tally(&HANDSHAKES_FAILED, &metrics.handshakes_failed)?;
        if let Some(expires) = observed.tls_expires_unix_seconds {
            page.one(&TLS_EXPIRES, expires)?;
        }
        if let Some(due) = observed.tls_lists_due_unix_seconds {
            page.one(&TLS_LISTS_DUE, due)?;
        }
        page.tally(&IDENTITY_RELOADS, &metrics.identity_reloads)?;
        page.tally(&POLICY_RELOADS, &metrics.policy_reloads)?;

        page.one(&CONNECTIONS, observed.connections as u64)?;
        page.one(&CONNECTIONS_LIMIT, observed.connections_limit as u64)?;
        let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
        page.one(&CONNECTIONS_TAKEN, count(&metrics.connections_taken))?;
        page.one(&CONNECTIONS_SILENT, count(&metrics.connections_silent))?;
        page.one(&CONNECTIONS_STALLED, count(&metrics.connections_stalled))?;
        page.one(&ACCEPT_PAUSES, count(&metrics.accept_pauses))?;

        page.one(&SPANS_EXPORTED, count(&metrics.spans_exported))?;
        page.tally(&SPANS_DROPPED, &metrics.spans_dropped)?;

        page.tally(&DECISIONS, &metrics.decisions)?;
        page.distribution(&RISK_SCORE, &metrics.risk_scores.read())?;
        if let Some(psi) = metrics.score_psi() {
            page.metric(&SCORE_PSI, |mut encoder| encoder.encode_gauge(&psi))?;
        }
        page.metric(&FEATURE_PSI, |mut encoder| {
            for (feature, psi) in &observed.feature_psi {
                encoder.encode_family(&[("feature", feature.as_str())])?.encode_gauge(psi)?;
            }
            Ok(())
        })?;
        page.distribution(&NOVELTY, &metrics.novelties.read())?;
        let streams = &observed.streams;
        page.labeled(&POLICY_PARCELS, streams.iter().map(|stream| ([stream.name.as_str()], stream.parcels)))?;
        let given = |stream: &'_ ObservedStream| -> Vec<_> {
            stream.given.iter().map(|(route, n)| (stream.name.clone(), *route, *n)).collect()
        };
        let given: Vec<_> = streams.iter().flat_map(given).collect();
        page.labeled(&POLICY_GIVEN, given.iter().map(|(stream, route, n)| ([stream.as_str(), route], *n)))?;
        page.tally(&DEGRADED, &metrics.degraded)?;
        page.tally(&INVALID_FIELDS, &metrics.invalid_fields)?;
        page.tally(&NOTICES, &metrics.notices)?;
        let stages = Stage::ALL.iter().zip(&metrics.stages).map(|(stage, times)| (stage.name(), times.read()));
        page.distributions(&STAGE, stages)?;

        page.one(&HISTORY_EVICTED, observed.history_evicted)?;
        page.one(&HISTORY, observed.history_entities as u64)?;
        if let Some(ledger) = &observed.ledger {
            page.one(&LEDGER_WRITABLE, ledger.writable.into())?;
            page.one(&LEDGER_RECORDS, ledger.written)?;
            page.one(&LEDGER_PENDING, ledger.pending as u64)?;
            page.one(&LEDGER_PENDING_LIMIT, ledger.pending_limit as u64)?;
            page.one(&LEDGER_SPILLED, ledger.spilled)?;
            page.one(&LEDGER_FAILURES, ledger.failures)?;
        }
        page.one(&LOG_LINES_LOST, n_lines_lost())?;
        match resident_bytes() {
            Some(bytes) => page.one(&MEMORY, bytes),
            None => Ok(()),
        }
    }
}

/// Writes metrics as the catalogue tells of them.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn metric(&mut self, metric: &Metric, write: impl FnOnce(MetricEncoder<'_>) -> fmt::Result) -> fmt::Result {
        let kind = match metric.kind {
            Kind::Counter => MetricType::Counter,
            Kind::Gauge => MetricType::Gauge,
            Kind::Histogram => MetricType::Histogram,
        };
        let unit = (!metric.unit.is_empty()).then(|| Unit::Other(metric.unit.to_owned()));
        write(self.0.encode_descriptor(metric.name, metric.help, unit.as_ref(), kind)?)
    }

    fn one(&mut self, metric: &Metric, value: u64) -> fmt::Result {
        self.metric(metric, |mut encoder| number(&mut encoder, metric.kind, value))
    }

    fn labeled<'v, const N: usize>(
        &mut self,
        metric: &Metric,
        values: impl IntoIterator<Item = ([&'v str; N], u64)>,
    ) -> fmt::Result {
        self.metric(metric, |mut encoder| {
            for (words, value) in values {
                let labels: Vec<(&str, &str)> = metric.labels.iter().copied().zip(words).collect();
                number(&mut encoder.encode_family(&labels)?, metric.kind, value)?;
            }
            Ok(())
        })
    }

    fn tally(&mut self, metric: &Metric, tally: &Tally) -> fmt::Result {
        let counts: BTreeMap<_, _> = tally.counts();
        self.labeled(metric, counts.into_iter().map(|(word, count)| ([word], count)))
    }

    fn distribution(&mut self, metric: &Metric, values: &Distribution) -> fmt::Result {
        self.metric(metric, |mut encoder| {
            encoder.encode_histogram::<NoLabelSet>(values.sum, values.count(), &values.buckets(), None)
        })
    }

    fn distributions<'v>(
        &mut self,
        metric: &Metric,
        values: impl IntoIterator<Item = (&'v str, Distribution)>,
    ) -> fmt::Result {
        self.metric(metric, |mut encoder| {
            for (word, values) in values {
                let labels: Vec<(&str, &str)> = metric.labels.iter().copied().zip([word]).collect();
                let mut encoder = encoder.encode_family(&labels)?;
                encoder.encode_histogram::<NoLabelSet>(values.sum, values.count(), &values.buckets(), None)?;
            }
            Ok(())
        })
    }
}

fn number(encoder: &mut MetricEncoder<'_>, kind: Kind, value: u64) -> fmt::Result {
    match kind {
        Kind::Counter => encoder.encode_counter(&value, None::<&Exemplar<NoLabelSet, f64>>),
        Kind::Gauge | Kind::Histogram => encoder.encode_gauge(&value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_of_the_catalogue_is_told_and_no_other() {
        let metrics = Arc::new(Metrics::new(["/a.B/C"], ["release"]));
        let observed = Observed {
            ledger: Some(ObservedLedger::default()),
            tls_expires_unix_seconds: Some(0),
            tls_lists_due_unix_seconds: Some(0),
            shadow_score_psi: Some(0.1),
            ..Observed::default()
        };
        (0..2_000).for_each(|_| metrics.decided("release", 0.1, 0.5));
        let text = metrics.to_text(observed);
        let told: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
        let known: Vec<_> =
            METRICS.iter().map(|metric| metric.series().trim_end_matches("_total").to_owned()).collect();
        assert_eq!(told, known);
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn labels_are_those_of_the_catalogue() {
        let metrics = Arc::new(Metrics::new(["/a.B/C"], ["release"]));
        metrics.call_begins("/a.B/C");
        metrics.call_ends("/a.B/C", "OK", std::time::Duration::from_millis(3));
        metrics.call_begins("/stranger");
        metrics.decided("release", 0.02, 0.5);
        metrics.shed(Criticality::Usual);
        let text = metrics.to_text(Observed { in_flight_limits: [8, 10], ..Observed::default() });
        for line in [
            "parcelrisk_calls_total{method=\"/a.B/C\",code=\"OK\"} 1",
            "parcelrisk_call_latency_seconds_bucket{le=\"0.0025\",method=\"/a.B/C\"} 0",
            "parcelrisk_call_latency_seconds_bucket{le=\"0.005\",method=\"/a.B/C\"} 1",
            "parcelrisk_call_latency_seconds_bucket{le=\"+Inf\",method=\"/a.B/C\"} 1",
            "parcelrisk_calls_open{method=\"/a.B/C\"} 0",
            "parcelrisk_calls_open{method=\"unknown\"} 1",
            "parcelrisk_in_flight_limit{criticality=\"critical\"} 10",
            "parcelrisk_shed_total{criticality=\"usual\"} 1",
            "parcelrisk_decisions_total{route=\"release\"} 1",
            "parcelrisk_risk_score_bucket{le=\"0.025\"} 1",
            "parcelrisk_stage_seconds_count{stage=\"record\"} 0",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} in none of\n{text}");
        }
    }
}

//! What a run measured: as numbers, and as text for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use hdrhistogram::Histogram;
use serde::Serialize;
use tonic::Code;

use super::tally::Tally;
use super::{Comparison, Plan, Ratio};
use crate::serve::code_name;

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// Calls a second that were due; `None` in a closed loop.
    pub offered_per_second: Option<f64>,
    /// Calls a second that were answered; refused ones are none.
    pub goodput_per_second: f64,
    /// Parcels a second that were scored.
    pub parcels_per_second: f64,
    /// Calls that do not say how much they matter.
    pub usual: Class,
    /// Those that say they are critical; `None` where none was sent.
    pub critical: Option<Class>,
    /// CPU of the server for each call that was answered, with whatever, in microseconds.
    pub server_cpu_micros_per_call: Option<f64>,
    /// The same for each parcel.
    pub server_cpu_micros_per_parcel: Option<f64>,
    /// CPU of this process for each call, in microseconds.
    pub client_cpu_micros_per_call: Option<f64>,
    /// Cores that the server kept busy.
    pub server_cores: Option<f64>,
    /// Memory of the server in MiB, at the start, at the end and at most.
    pub server_resident_mib: Option<[f64; 3]>,
    /// How late calls were sent, in microseconds, at the 99th percentile: beyond the latency of interest, the client was too slow.
    pub sent_late_p99_micros: Option<f64>,
}

/// Calls of one kind.
#[derive(Clone, Debug, Serialize)]
pub struct Class {
    /// Calls by status; messages in a stream.
    pub calls: BTreeMap<&'static str, u64>,
    /// Parcels by status.
    pub parcels: BTreeMap<&'static str, u64>,
    /// Latency of calls that were answered.
    pub answered_within: Latency,
    /// Latency of those that were refused or failed.
    pub refused_within: Latency,
}

/// Latency from when calls were due, in microseconds; zero where there was no call.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Latency {
    /// Median.
    pub p50_micros: f64,
    /// 90th percentile.
    pub p90_micros: f64,
    /// 99th percentile.
    pub p99_micros: f64,
    /// 99.9th percentile.
    pub p999_micros: f64,
    /// The longest.
    pub max_micros: f64,
}

/// What was used while it was counted.
#[derive(Clone, Debug, Default)]
pub(super) struct Used {
    pub(super) seconds: f64,
    pub(super) n_calls: u64,
    pub(super) n_parcels: u64,
    pub(super) client_cpu_seconds: f64,
    pub(super) server_cpu_seconds: Option<f64>,
    pub(super) server_resident_bytes: Vec<u64>,
}

fn micros(nanos: u64) -> f64 {
    nanos as f64 / 1000.0
}

impl Latency {
    /// `None` where there was no call, of which no latency is short.
    pub(super) fn of_any(self) -> Option<Self> {
        (self.max_micros > 0.0).then_some(self)
    }

    fn of(histogram: &Histogram<u64>) -> Self {
        if histogram.is_empty() {
            return Self::default();
        }
        let at = |quantile| micros(histogram.value_at_quantile(quantile));
        Self {
            p50_micros: at(0.5),
            p90_micros: at(0.9),
            p99_micros: at(0.99),
            p999_micros: at(0.999),
            max_micros: micros(histogram.max()),
        }
    }
}

impl Class {
    fn of(tally: &Tally) -> Self {
        let named = |by_code: &BTreeMap<i32, u64>| {
            by_code.iter().map(|(code, n)| (code_name(Code::from_i32(*code)), *n)).collect::<BTreeMap<_, _>>()
        };
        Self {
            calls: named(&tally.by_code),
            parcels: named(&tally.parcels),
            answered_within: Latency::of(&tally.ok),
            refused_within: Latency::of(&tally.others),
        }
    }

    fn n_ok(of: &BTreeMap<&'static str, u64>) -> u64 {
        of.get(code_name(Code::Ok)).copied().unwrap_or_default()
    }
}

impl Measured {
    pub(super) fn new(
        plan: &Plan,
        offered_per_second: Option<f64>,
        [usual, critical]: &[Tally; 2],
        late: &Histogram<u64>,
        used: Used,
    ) -> Self {
        let usual = Class::of(usual);
        let critical = (plan.critical_share > 0.0).then(|| Class::of(critical));
        let classes = || std::iter::once(&usual).chain(&critical);
        let per_second = |n: u64| n as f64 / plan.measured.as_secs_f64();
        let each = |seconds: f64, n: u64| (n > 0).then(|| seconds * 1e6 / n as f64);
        let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
        let resident = &used.server_resident_bytes;
        let ends = resident.first().zip(resident.last()).zip(resident.iter().max());
        Self {
            offered_per_second,
            goodput_per_second: per_second(classes().map(|class| Class::n_ok(&class.calls)).sum()),
            parcels_per_second: per_second(classes().map(|class| Class::n_ok(&class.parcels)).sum()),
            server_cpu_micros_per_call: used.server_cpu_seconds.and_then(|cpu| each(cpu, used.n_calls)),
            server_cpu_micros_per_parcel: used.server_cpu_seconds.and_then(|cpu| each(cpu, used.n_parcels)),
            client_cpu_micros_per_call: each(used.client_cpu_seconds, used.n_calls),
            server_cores: used.server_cpu_seconds.map(|cpu| cpu / used.seconds),
            server_resident_mib: ends.map(|((first, last), most)| [first, last, most].map(|bytes| mib(*bytes))),
            sent_late_p99_micros: (!late.is_empty()).then(|| micros(late.value_at_quantile(0.99))),
            usual,
            critical,
        }
    }

    /// As text for people, each line after `indent`.
    pub fn to_text(&self, indent: &str) -> String {
        let mut lines = Vec::new();
        let offered = self.offered_per_second.map_or(String::new(), |rate| format!(", of {rate:.0} offered"));
        lines.push(format!(
            "{:.0} calls/s answered{offered}; {:.0} parcels/s scored",
            self.goodput_per_second, self.parcels_per_second
        ));
        let classes = [("usual", Some(&self.usual)), ("critical", self.critical.as_ref())];
        for (name, class) in classes.into_iter().filter_map(|(name, class)| Some((name, class?))) {
            // A name is needed where there are two.
            let name = self.critical.as_ref().map_or(String::new(), |_| format!("{name}: "));
            let counts = |of: &BTreeMap<&str, u64>| {
                of.iter().map(|(code, n)| format!("{code} {n}")).collect::<Vec<_>>().join(", ")
            };
            lines.push(format!("{name}calls {}; parcels {}", counts(&class.calls), counts(&class.parcels)));
            for (what, latency) in [("answered", class.answered_within), ("refused", class.refused_within)] {
                if let Some(latency) = latency.of_any() {
                    lines.push(format!("{name}{what} within, µs: {}", latency.to_text()));
                }
            }
        }
        if let (Some(call), Some(cores)) = (self.server_cpu_micros_per_call, self.server_cores) {
            let parcel = self.server_cpu_micros_per_parcel.unwrap_or_default();
            lines.push(format!("server: {call:.1} µs of CPU a call, {parcel:.2} a parcel, {cores:.2} cores"));
        }
        if let Some([first, last, most]) = self.server_resident_mib {
            lines.push(format!(
                "server: {first:.0} MiB of memory at the start, {last:.0} at the end, {most:.0} at most"
            ));
        }
        if let Some(call) = self.client_cpu_micros_per_call {
            let late =
                self.sent_late_p99_micros.map_or(String::new(), |late| format!(", sent up to {late:.0} µs late (p99)"));
            lines.push(format!("client: {call:.1} µs of CPU a call{late}"));
        }
        lines.iter().map(|line| format!("{indent}{line}\n")).collect()
    }
}

impl Latency {
    fn to_text(self) -> String {
        let Self { p50_micros, p90_micros, p99_micros, p999_micros, max_micros } = self;
        format!(
            "p50 {p50_micros:.0}, p90 {p90_micros:.0}, p99 {p99_micros:.0}, p99.9 {p999_micros:.0}, max {max_micros:.0}"
        )
    }
}

impl Comparison {
    /// As text for people.
    pub fn to_text(&self) -> String {
        let mut text = String::new();
        for (n, pair) in (1..).zip(&self.pairs) {
            let _ = write!(text, "pair {n}\n  first\n{}", pair.first.to_text("    "));
            let _ = write!(text, "  second\n{}", pair.second.to_text("    "));
        }
        let _ = writeln!(text, "first / second, median of pairs (95 % interval)");
        let ratios =
            [("server CPU a call", self.server_cpu), ("p50", self.p50), ("p99", self.p99), ("calls/s", self.goodput)];
        for (name, ratio) in ratios.into_iter().filter_map(|(name, ratio)| Some((name, ratio?))) {
            let _ = writeln!(text, "  {name:<18}{}", ratio.to_text());
        }
        text
    }
}

impl Ratio {
    fn to_text(self) -> String {
        let interval = self.low_95.zip(self.high_95);
        let interval =
            interval.map_or("too few pairs for an interval".to_owned(), |(low, high)| format!("{low:.2}..{high:.2}"));
        format!("{:.2} ({interval})", self.median)
    }
}

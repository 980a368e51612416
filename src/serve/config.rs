//! How the server is set, and the check that stands before it starts.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::admission::Bounds;
use super::scoring::StreamLimits;
use crate::ledger::MAX_RECORD_BYTES;
use crate::parcel::{Problem, Violation};

/// The server's settings as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServeConfig {
    /// Address and port to listen on.
    pub listen: String,
    /// Address and port for `ModelService` and `AuditService` alone; empty: they are at `listen` with the others.
    pub listen_apart: String,
    /// Most parcels in one `ScoreParcels`; the contract promises 1,000 and no more.
    pub max_batch: u32,
    /// Longest message that is read, in bytes: what one call may cost in memory.
    pub max_message_bytes: u32,
    /// Longest message that is sent, in bytes: room for a full batch with every reason.
    pub max_reply_bytes: u32,
    /// Most calls open at once on one connection.
    pub max_concurrent_streams: u32,
    /// Most connections at once, below the system's limit of open files; more wait in its queue.
    pub max_connections: u32,
    /// Most parcels and other calls worked on at once, over all connections; more are refused. Room for the largest batch and
    /// little more: what waits longer than that is better refused, and tried elsewhere.
    pub max_in_flight: u32,
    /// Of these, how many are kept for calls that say `x-criticality: critical`.
    pub kept_for_critical: u32,
    /// How many times the room that is free one caller may hold, where callers are known; 0: all of it.
    pub times_free_room: u32,
    /// Whether the limit in flight follows latency, from `min_in_flight` to `max_in_flight`.
    pub adaptive_in_flight: bool,
    /// The lowest that it then becomes.
    pub min_in_flight: u32,
    /// Longest that a call may take until its answer begins. A shorter deadline of the client stands.
    pub request_timeout_seconds: u32,
    /// Longest that a stream may be open; what is in hand is then answered.
    pub stream_seconds: u32,
    /// Longest that it may be open without a request.
    pub stream_idle_seconds: u32,
    /// How soon a new connection must speak HTTP/2.
    pub preface_timeout_seconds: u32,
    /// How often a connection is asked whether its client is still there.
    pub keepalive_seconds: u32,
    /// How long it may take to answer.
    pub keepalive_timeout_seconds: u32,
    /// Longest wait for open calls after the signal to stop; below the usual 30 s before a kill.
    pub drain_seconds: u32,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:50051".to_owned(),
            listen_apart: String::new(),
            max_batch: 1000,
            max_message_bytes: 8 << 20,
            max_reply_bytes: 16 << 20,
            max_concurrent_streams: 128,
            max_connections: 512,
            max_in_flight: 2000,
            kept_for_critical: 800,
            times_free_room: 4,
            adaptive_in_flight: false,
            min_in_flight: 2000,
            request_timeout_seconds: 10,
            stream_seconds: 3600,
            stream_idle_seconds: 300,
            preface_timeout_seconds: 2,
            keepalive_seconds: 20,
            keepalive_timeout_seconds: 10,
            drain_seconds: 25,
        }
    }
}

/// Most entries of one message by the contract, requests or results.
pub(super) const MOST_IN_A_BATCH: u32 = 1000;

/// What a parcel states is kept in a record of the ledger, with a decision, which is shorter.
const MOST_MESSAGE_BYTES: u32 = MAX_RECORD_BYTES as u32 / 2;

impl ServeConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// [`InvalidServe`] with one [`Violation`] per bad setting, in the order of the fields.
    pub fn check(self) -> Result<ValidServe, InvalidServe> {
        let ranges = [
            ("serve.max_batch", self.max_batch, 1, MOST_IN_A_BATCH),
            ("serve.max_message_bytes", self.max_message_bytes, 1 << 10, MOST_MESSAGE_BYTES),
            ("serve.max_reply_bytes", self.max_reply_bytes, 1 << 10, 64 << 20),
            ("serve.max_concurrent_streams", self.max_concurrent_streams, 1, 65_536),
            ("serve.max_connections", self.max_connections, 1, 1 << 20),
            ("serve.max_in_flight", self.max_in_flight, 1, 1 << 20),
            ("serve.kept_for_critical", self.kept_for_critical, 0, 1 << 20),
            ("serve.times_free_room", self.times_free_room, 0, 64),
            ("serve.min_in_flight", self.min_in_flight, 1, 1 << 20),
            ("serve.stream_seconds", self.stream_seconds, 1, 7 * 24 * 3600),
            ("serve.stream_idle_seconds", self.stream_idle_seconds, 1, 24 * 3600),
            ("serve.request_timeout_seconds", self.request_timeout_seconds, 1, 3600),
            ("serve.preface_timeout_seconds", self.preface_timeout_seconds, 1, 60),
            ("serve.keepalive_seconds", self.keepalive_seconds, 1, 3600),
            ("serve.keepalive_timeout_seconds", self.keepalive_timeout_seconds, 1, 3600),
            ("serve.drain_seconds", self.drain_seconds, 1, 3600),
        ];
        let mut violations = Vec::new();
        if !has_port(&self.listen) {
            let expected = "an address and a port, such as 127.0.0.1:50051";
            violations.push(Violation::new("serve.listen", Problem::Unreadable { expected }));
        }
        if !self.listen_apart.is_empty() && !has_port(&self.listen_apart) {
            let expected = "empty, or an address and a port, such as 127.0.0.1:50052";
            violations.push(Violation::new("serve.listen_apart", Problem::Unreadable { expected }));
        }
        for (field, got, min, max) in ranges {
            if !(min..=max).contains(&got) {
                let problem = Problem::OutOfRange { got: got.into(), min: min.into(), max: max.into() };
                violations.push(Violation::new(field, problem));
            }
        }
        // Else the largest batch could never come in.
        let mut has_room = |field: &str, limit: u32| {
            if limit.saturating_sub(self.kept_for_critical) < self.max_batch {
                let expected = "at least serve.max_batch and serve.kept_for_critical together: it is room for the largest batch \
                                beside what is kept";
                violations.push(Violation::new(field, Problem::Unreadable { expected }));
            }
        };
        has_room("serve.max_in_flight", self.max_in_flight);
        if self.adaptive_in_flight {
            has_room("serve.min_in_flight", self.min_in_flight);
            if self.min_in_flight > self.max_in_flight {
                let (got, max) = (self.min_in_flight.into(), self.max_in_flight.into());
                violations.push(Violation::new("serve.min_in_flight", Problem::OutOfRange { got, min: 1, max }));
            }
        }
        if violations.is_empty() { Ok(ValidServe(self)) } else { Err(InvalidServe(violations)) }
    }
}

fn has_port(listen: &str) -> bool {
    listen.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// Every bad setting; never empty.
#[derive(Clone, Debug, PartialEq)]
pub struct InvalidServe(pub Vec<Violation>);

impl std::error::Error for InvalidServe {}

impl std::fmt::Display for InvalidServe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (idx, violation) in self.0.iter().enumerate() {
            let separator = if idx == 0 { "" } else { "; " };
            write!(f, "{separator}{violation}")?;
        }
        Ok(())
    }
}

/// Settings that a server can start on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidServe(ServeConfig);

impl ValidServe {
    /// Address and port to listen on.
    pub fn listen(&self) -> &str {
        &self.0.listen
    }

    /// Address and port of `ModelService` and `AuditService`, where they are apart.
    pub fn listen_apart(&self) -> Option<&str> {
        Some(self.0.listen_apart.as_str()).filter(|listen| !listen.is_empty())
    }

    /// Longest wait for open calls after the signal to stop.
    pub fn drain_limit(&self) -> Duration {
        seconds(self.0.drain_seconds)
    }

    pub(super) fn max_batch(&self) -> usize {
        count(self.0.max_batch)
    }

    pub(super) fn max_message_bytes(&self) -> usize {
        count(self.0.max_message_bytes)
    }

    pub(super) fn max_reply_bytes(&self) -> usize {
        count(self.0.max_reply_bytes)
    }

    pub(super) fn max_concurrent_streams(&self) -> u32 {
        self.0.max_concurrent_streams
    }

    pub(super) fn max_connections(&self) -> usize {
        count(self.0.max_connections)
    }

    pub(super) fn bounds(&self) -> Bounds {
        Bounds {
            limit: count(self.0.max_in_flight),
            floor: self.0.adaptive_in_flight.then(|| count(self.0.min_in_flight)),
            kept: count(self.0.kept_for_critical),
            times_free: count(self.0.times_free_room),
        }
    }

    pub(super) fn stream_limits(&self) -> StreamLimits {
        StreamLimits { whole: seconds(self.0.stream_seconds), idle: seconds(self.0.stream_idle_seconds) }
    }

    pub(super) fn request_timeout(&self) -> Duration {
        seconds(self.0.request_timeout_seconds)
    }

    pub(super) fn preface_timeout(&self) -> Duration {
        seconds(self.0.preface_timeout_seconds)
    }

    pub(super) fn keepalive(&self) -> Duration {
        seconds(self.0.keepalive_seconds)
    }

    pub(super) fn keepalive_timeout(&self) -> Duration {
        seconds(self.0.keepalive_timeout_seconds)
    }
}

fn seconds(n: u32) -> Duration {
    Duration::from_secs(n.into())
}

/// Checked to be far below the smallest `usize` that tokio runs on.
fn count(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_start_a_server() {
        assert!(ServeConfig::default().check().is_ok());
    }

    #[test]
    fn every_bad_setting_is_named_not_only_the_first() {
        let config =
            ServeConfig { listen: "50051".to_owned(), max_batch: 1001, drain_seconds: 0, ..ServeConfig::default() };
        expect_test::expect![["serve.listen: must be an address and a port, such as 127.0.0.1:50051; \
             serve.max_batch: must be between 1 and 1000, got 1001; \
             serve.drain_seconds: must be between 1 and 3600, got 0"]]
        .assert_eq(&config.check().unwrap_err().to_string());
    }

    #[test]
    fn a_limit_without_room_for_a_batch_is_told_of_what_it_needs() {
        let config = ServeConfig { max_in_flight: 10, ..ServeConfig::default() };
        expect_test::expect![[
            "serve.max_in_flight: must be at least serve.max_batch and serve.kept_for_critical together: it is room for the \
             largest batch beside what is kept"
        ]]
        .assert_eq(&config.check().unwrap_err().to_string());
    }

    #[test]
    fn a_name_or_a_version_6_address_may_be_listened_on() {
        for listen in ["localhost:0", "[::1]:50051", "0.0.0.0:65535"] {
            assert!(has_port(listen), "{listen}");
        }
        for listen in ["", "localhost", ":50051", "localhost:65536", "localhost:port"] {
            assert!(!has_port(listen), "{listen}");
        }
    }

    #[test]
    fn unknown_keys_are_errors() {
        assert!(toml::from_str::<ServeConfig>("max_bach = 10").is_err());
        assert_eq!(toml::from_str::<ServeConfig>("max_batch = 10").unwrap().max_batch, 10);
    }
}

//! Where spans go, and how many.

use serde::{Deserialize, Serialize};

/// The settings of traces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TracesConfig {
    /// Where a collector takes OTLP over gRPC, such as `http://127.0.0.1:4317`; empty for no traces.
    pub endpoint: String,
    /// Share of the calls that become spans, 0 to 1, of those whose caller has not decided it in `traceparent`.
    pub sampled_share: f64,
    /// Most spans that may wait for the collector; more are dropped and counted.
    pub max_queued: u32,
    /// Longest that the collector may take over one delivery.
    pub timeout_seconds: u32,
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self { endpoint: String::new(), sampled_share: 1.0, max_queued: 4096, timeout_seconds: 5 }
    }
}

/// A setting of traces that can't be.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InvalidTraces {
    /// No address of a collector.
    #[error("traces.endpoint: must be empty, or http:// with a host and a port, such as http://127.0.0.1:4317")]
    Endpoint,
    /// No share.
    #[error("traces.sampled_share: must be from 0 to 1, got {0}")]
    Share(f64),
    /// Too few, or too many for memory.
    #[error("traces.max_queued: must be between 1 and 1000000, got {0}")]
    Queue(u32),
    /// Too short or too long.
    #[error("traces.timeout_seconds: must be between 1 and 60, got {0}")]
    Timeout(u32),
}

impl TracesConfig {
    /// # Errors
    /// [`InvalidTraces`] for the first setting that can't be.
    pub fn check(&self) -> Result<(), InvalidTraces> {
        let is_collector = |endpoint: &str| {
            // TLS to a collector is not built: one beside the server takes spans on loopback and sends them on.
            endpoint.parse::<http::Uri>().is_ok_and(|uri| {
                uri.scheme_str() == Some("http")
                    && uri.port_u16().is_some()
                    && uri.path() == "/"
                    && uri.query().is_none()
                    && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            })
        };
        match self {
            Self { endpoint, .. } if !endpoint.is_empty() && !is_collector(endpoint) => Err(InvalidTraces::Endpoint),
            Self { sampled_share, .. } if !(0.0..=1.0).contains(sampled_share) => {
                Err(InvalidTraces::Share(*sampled_share))
            }
            Self { max_queued, .. } if !(1..=1_000_000).contains(max_queued) => Err(InvalidTraces::Queue(*max_queued)),
            Self { timeout_seconds, .. } if !(1..=60).contains(timeout_seconds) => {
                Err(InvalidTraces::Timeout(*timeout_seconds))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_off_unless_a_collector_is_named() {
        assert_eq!(TracesConfig::default().check(), Ok(()));
        let named = |endpoint: &str| TracesConfig { endpoint: endpoint.to_owned(), ..TracesConfig::default() }.check();
        for endpoint in ["http://127.0.0.1:4317", "http://collector.example:4317/", "http://[::1]:4317"] {
            assert_eq!(named(endpoint), Ok(()), "{endpoint}");
        }
        for endpoint in [
            "127.0.0.1:4317",
            "https://a.example:4317",
            "http://a.example",
            "http://a:b@c:4317",
            "http://a:1/v1",
            "http://",
        ] {
            assert_eq!(named(endpoint), Err(InvalidTraces::Endpoint), "{endpoint}");
        }
    }

    #[test]
    fn what_can_not_be_is_named() {
        let share = |sampled_share| TracesConfig { sampled_share, ..TracesConfig::default() }.check();
        assert!(share(0.0).is_ok());
        assert_eq!(share(1.5).unwrap_err().to_string(), "traces.sampled_share: must be from 0 to 1, got 1.5");
        assert!(share(f64::NAN).is_err());
        assert!(TracesConfig { max_queued: 0, ..TracesConfig::default() }.check().is_err());
        assert!(TracesConfig { timeout_seconds: 0, ..TracesConfig::default() }.check().is_err());
        assert!(toml::from_str::<TracesConfig>("endpiont = ''").is_err());
    }
}

//! A build without the feature `otlp`: there are no traces, and whoever configures them is told.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;

use super::{StartTraces, TracesConfig};
use crate::telemetry::Metrics;

/// No spans.
#[derive(Clone, Debug, Default)]
pub struct Traces(());

/// No span.
#[derive(Clone, Debug, Default)]
pub struct CallSpan(());

impl Traces {
    /// # Errors
    /// [`StartTraces::NotBuilt`] where a collector is named.
    pub fn start(config: &TracesConfig, _: Arc<Metrics>) -> Result<Self, StartTraces> {
        if config.endpoint.is_empty() { Ok(Self(())) } else { Err(StartTraces::NotBuilt) }
    }

    /// Never: there is nothing that could fail.
    pub fn is_failing(&self) -> bool {
        false
    }

    /// Nothing begins.
    pub fn begin(&self, _: &'static str, _: &HeaderMap) -> CallSpan {
        CallSpan(())
    }

    /// Nothing waits.
    pub fn finish(&self, _: Duration) {}
}

impl CallSpan {
    /// There is none.
    pub fn current() -> Self {
        Self(())
    }

    /// There is none.
    pub fn is_on(&self) -> bool {
        false
    }

    /// There is none.
    pub fn trace_id(&self) -> Option<String> {
        None
    }

    /// Nobody would see it.
    pub fn says(&self, _: &'static str, _: &str) {}

    /// Nobody would see it.
    pub fn counts(&self, _: &'static str, _: u64) {}

    /// The future as it is.
    pub fn around<F: Future + Send + 'static>(&self, future: F) -> Pin<Box<dyn Future<Output = F::Output> + Send>> {
        Box::pin(future)
    }

    /// Nobody would see it.
    pub fn took(&self, _: &'static str, _: Duration) {}

    /// Nothing ends.
    pub fn ends(&self, _: i32, _: bool) {}
}

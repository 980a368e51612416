//! Calls as spans, handed to a collector by OTLP where one is named: what a caller's own trace goes on with.
//!
//! Nothing here is waited for. A span that finds the queue full is dropped and counted; a collector that is dead or hangs costs
//! spans, and no call. A span holds what the log line of its call holds, and like it nothing of people or goods.

#[cfg(not(feature = "otlp"))]
mod absent;
mod config;
#[cfg(feature = "otlp")]
mod export;
#[cfg(feature = "otlp")]
mod queue;
#[cfg(feature = "otlp")]
mod span;

#[cfg(not(feature = "otlp"))]
pub use absent::{CallSpan, Traces};
pub use config::{InvalidTraces, TracesConfig};
#[cfg(feature = "otlp")]
pub use export::Traces;
#[cfg(feature = "otlp")]
pub use span::CallSpan;

/// Why spans can't be handed over, found at the start.
#[derive(Debug, thiserror::Error)]
pub enum StartTraces {
    /// The program has no part that could.
    #[error("traces.endpoint: this program was built without the feature `otlp`")]
    NotBuilt,
    /// The system gives no thread, or no runtime on it.
    #[error("starting the thread that hands spans over")]
    Thread(#[from] std::io::Error),
    /// The library takes the endpoint for none.
    #[error("traces.endpoint: no exporter can be made for it: {0}")]
    Exporter(String),
}

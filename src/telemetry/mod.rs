//! What the program tells its operator: log lines and metrics, with stable names.
//!
//! Nothing that a parcel states about people or goods is ever a field here.

mod catalogue;
mod causes;
mod drift;
mod exposition;
pub mod fields;
mod histogram;
mod latest;
mod level;
mod log;
mod metrics;
mod process;
mod shift;
mod tally;
mod versions;

pub use catalogue::{Kind, METRICS, Metric, metrics_md};
pub use causes::with_causes;
pub use exposition::{MEDIA_TYPE, Observed, ObservedLedger, ObservedStream};
pub use histogram::Distribution;
pub use latest::Shown;
pub use level::call_level;
pub use log::{InitLog, LEVEL_ENV, LogConfig, LogFormat, LogThread, init, init_apart};
pub use metrics::{Criticality, Method, Metrics, Stage, Totals, UNKNOWN_METHOD};
pub use process::{spare_bytes, unix_seconds};
pub use shift::{Expected, FeatureShift};

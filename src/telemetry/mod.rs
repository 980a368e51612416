//! What the program tells its operator: log lines, with stable names.
//!
//! Nothing that a parcel states about people or goods is ever a field here.

pub mod fields;
mod log;

pub use log::{InitLog, LEVEL_ENV, LogConfig, LogFormat, init};

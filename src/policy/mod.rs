//! From a score to a route.

mod route;
mod thresholds;

pub use route::{Route, RouteCause};
pub use thresholds::{InvalidThresholds, Thresholds, ThresholdsConfig};

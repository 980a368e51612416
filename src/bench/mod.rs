//! Load on a server, and what it takes: latency that hides no wait, goodput by status, CPU a call.
//!
//! An open loop sends when a call is due, whatever became of those before, and counts latency from then: a server that
//! stalls is charged for every call that waited (no coordinated omission, as Gil Tene named it). A closed loop keeps a
//! number of calls in flight, and finds capacity and the cost of a call. Nothing here knows how a server scores.

mod arrivals;
mod closed;
mod compare;
mod cpu;
mod error;
mod messages;
mod open;
mod plan;
mod ratio;
mod raw;
mod report;
mod stream;
mod tally;
mod target;
mod window;

pub use compare::{Comparison, Pair, Side, compare};
pub use cpu::ProcessCpu;
pub use error::BenchError;
pub use messages::{Messages, Method};
pub use plan::{Arrivals, Load, Plan};
pub use ratio::{Ratio, ratio};
pub use report::{Class, Latency, Measured};
pub use target::Target;
pub use window::run;

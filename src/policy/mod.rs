//! From a score to a route: rules, the random control, exploration, and budgets that the score fills.
//!
//! A [`Policy`] is one immutable value. What it [sees](Seen) of a parcel is kept with the decision, and what passed of late
//! is a [`Flow`]: so a route can be found again from the ledger alone.

mod compiled;
mod draw;
mod error;
mod facts;
mod file;
mod flow;
mod kept;
mod list;
#[expect(clippy::module_inception, reason = "the policy of the room")]
mod policy;
mod route;
mod rule;
mod seen;
mod stream;
mod tally;
mod thresholds;
mod vocabulary;

pub use compiled::{FilePolicy, Named, PolicySource, Routing, named_files};
pub use draw::DrawKey;
pub use error::PolicyError;
pub use facts::{Facts, History};
pub use file::Words;
pub use flow::{Clock, Flow};
pub use kept::KeptPolicy;
pub use policy::{Policy, PolicyStatus, StreamStatus};
pub use route::{Route, RouteCause};
pub use rule::{Rule, RuleStatus};
pub use seen::{Cell, Match, Seen};
pub use thresholds::{InvalidThresholds, Thresholds, ThresholdsConfig};

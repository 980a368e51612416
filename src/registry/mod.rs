//! Models at hand, and which of them may decide: where they lie, who vouches for them, and what they must pass.
//!
//! [`Shelf::take`] reads a model once and believes what those bytes prove. [`Trial::run`] holds it beside the one that
//! decides. Neither knows of a server: `model check` and `retrain` ask the same questions.

mod check;
mod comparison;
mod config;
mod contender;
mod drawn;
mod event;
mod gate;
mod gate_config;
mod hostile;
mod live;
mod promote;
mod reference;
mod remembered;
mod shelf;
mod shift;

pub use check::{Check, Figure, Finding, Report, Verdict};
pub use comparison::{Comparison, Disagreement, Found, InspectedAt};
pub use config::{InvalidRegistry, MAX_CANARY_SHARE, RegistryConfig, ValidRegistry};
pub use contender::Contender;
pub use drawn::DrawnRows;
pub use event::{Happened, ModelEvent};
pub use gate::Trial;
pub use gate_config::{GateConfig, InvalidGate};
pub use live::LiveRows;
pub use promote::{Looks, better_by_outcomes};
pub use reference::{ReferenceError, ReferenceLine, ReferenceSet};
pub use remembered::{Remembered, RememberedModel};
pub use shelf::{Believed, Place, Shelf};

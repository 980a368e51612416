//! Simulated post: traffic that behaves like the real one, from published grounds.
//!
//! A [`Scenario`] says what a world is like, a [`Simulation`] makes its parcels in order of time, each
//! with what is true of it and what inspections found. `docs/simulation.md` tells what such a world
//! holds and what it can't tell. Nothing here knows features or models.

mod calendar;
mod campaigns;
mod declare;
mod dice;
mod indicators;
mod inspect;
mod item;
mod kind;
mod label;
mod money;
mod names;
mod oracle;
mod people;
mod persona;
mod run;
mod scenario;
mod shape;
mod signs;
mod style;
mod truth;

pub use declare::MAX_LINES;
pub use indicators::indicators;
pub use inspect::{Inspection, Method};
pub use kind::Kind;
pub use run::{Simulation, Size};
pub use scenario::{SHIPPED, Scenario, ScenarioError};
pub use truth::{Simulated, Truth};

//! Scores postal parcels for customs before they arrive.
//!
//! `ARCHITECTURE.md` is the map. A module imports only modules that stand above it in this list.

pub mod parcel;

pub mod simulate;

pub mod history;

pub mod reasons;

pub mod text;

pub mod features;

pub mod model;

pub mod policy;

pub mod engine;

pub mod evaluation;

pub mod report;

pub mod wire;

pub mod table;

pub mod artifact;

pub mod train;

pub mod telemetry;

pub mod traces;

pub mod identity;

pub mod ledger;

pub mod registry;

pub mod serve;

pub mod admin;

pub mod bench;

pub mod config;

pub mod cli;

//! Behavior of the whole, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod admin;
mod allocations;
mod artifact;
mod bench;
mod cli;
mod config;
mod connection;
mod contract;
#[cfg(feature = "otlp")]
mod degraded;
mod deploy;
mod docs;
mod drain;
mod features;
mod fixture;
mod fold;
mod fuzz;
mod harness;
mod identity;
mod layers;
mod leakage;
mod ledger;
mod lifecycle;
mod log;
mod matrix;
mod model;
mod numbers;
mod overload;
mod parity;
mod policy;
mod python;
mod report;
mod rolling;
mod serve;
mod simulate;
mod streams;
mod table;
mod tidy;
#[cfg(feature = "otlp")]
mod traces;
mod train;

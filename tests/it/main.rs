//! Behavior of the whole, in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs, reason = "a test fails by panicking")]

mod docs;
mod python;
mod connection;
mod drain;
mod harness;
mod log;
mod serve;
mod table;

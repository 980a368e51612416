//! A policy: compiled whole or not at all, routes by its order, and knows the chance of each route.

mod estimates;
mod hangup;
mod recorded;
mod rules;
mod simulated;

use std::collections::BTreeMap;

use parcel_risk::engine::Engine;
use parcel_risk::policy::{DrawKey, FilePolicy, PolicyError, PolicySource};

use crate::harness::engine;

fn key(byte: u8) -> Option<DrawKey> {
    DrawKey::new(&[byte; 32])
}

fn source(text: &str) -> PolicySource {
    PolicySource { text: text.to_owned(), lists: BTreeMap::new(), key: key(7) }
}

fn compile(source: &PolicySource) -> Result<FilePolicy, PolicyError> {
    FilePolicy::compile(source, engine().history_keys())
}

/// The built-in model under a policy.
fn under(text: &str) -> Engine {
    engine().with_policy(compile(&source(text)).unwrap().into())
}

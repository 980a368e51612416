//! The bodies of `fuzz/`, run briefly: on bytes of any kind, and on sound ones with something written into them.

#[path = "../../fuzz/bodies.rs"]
mod bodies;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use prost::Message as _;

use crate::harness::{parcel, request};

/// How many cases each body gets: few in every run, more where the variable says so.
fn cases(few: u32) -> u32 {
    std::env::var("PARCEL_RISK_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(few)
}

fn run(few: u32, bytes: &impl Strategy<Value = Vec<u8>>, body: fn(&[u8])) {
    let config = Config { cases: cases(few), failure_persistence: None, ..Config::default() };
    let tried = TestRunner::new(config).run(bytes, |bytes| {
        body(&bytes);
        Ok::<_, TestCaseError>(())
    });
    if let Err(error) = tried {
        panic!("{error}");
    }
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..300)
}

/// Sound bytes, a piece of them replaced.
fn nearly(sound: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    (any::<prop::sample::Index>(), 0..8usize, vec(any::<u8>(), 0..8)).prop_map(move |(at, cut, piece)| {
        let mut bytes = sound.clone();
        let at = at.index(bytes.len());
        bytes.splice(at..(at + cut).min(sound.len()), piece);
        bytes
    })
}

fn read(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// The policy that the documents show.
fn shown_policy() -> Vec<u8> {
    let text = String::from_utf8(read("docs/policy.md")).unwrap();
    let (_, after) = text.split_once("```toml\n").unwrap();
    after.split_once("```").unwrap().0.as_bytes().to_vec()
}

#[test]
fn bytes_of_a_call_are_read_or_refused() {
    run(2000, &any_bytes(), bodies::wire_decode);
    let batch = parcel_risk::wire::v1::ScoreParcelsRequest { requests: vec![request(parcel()); 2] };
    run(2000, &nearly(batch.encode_to_vec()), bodies::wire_decode);
}

#[test]
fn a_parcel_is_scored_soundly_or_refused_by_name() {
    bodies::check(&parcel().encode_to_vec());
    run(500, &any_bytes(), bodies::check);
    run(3000, &nearly(parcel().encode_to_vec()), bodies::check);
}

#[test]
fn a_mapping_is_read_or_refused() {
    run(500, &any_bytes(), bodies::mapping);
    run(1000, &nearly(read("models/mappings/customs-declarations.toml")), bodies::mapping);
}

#[test]
fn a_policy_is_read_or_refused() {
    run(500, &any_bytes(), bodies::policy);
    run(500, &nearly(shown_policy()), bodies::policy);
}

#[test]
fn a_models_files_are_read_or_refused() {
    run(500, &any_bytes(), bodies::artifact);
}

#[test]
fn a_ledger_is_opened_or_refused() {
    run(60, &any_bytes(), bodies::ledger);
}

#[test]
fn every_body_has_its_target() {
    let targets = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/fuzz_targets")).unwrap();
    let targets: BTreeSet<_> =
        targets.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(targets, bodies::ALL.iter().map(|(name, _)| (*name).to_owned()).collect());
    let manifest = String::from_utf8(read("fuzz/Cargo.toml")).unwrap();
    assert!(targets.iter().all(|name| manifest.contains(&format!("name = \"{name}\""))));
}

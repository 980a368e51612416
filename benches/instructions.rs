//! Instructions of each step of a call, for `callgrind`: a figure that no other load on the machine can blur.
//!
//! `benches/compare-commits` runs it. With `--parcels N` each step is done once for N simulated parcels, in a function of its
//! own, whose inclusive count is the figure; without, as all benches run, it does nothing.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod post;

use std::hint::black_box;

use parcel_risk::artifact::Artifact;
use parcel_risk::engine::{Decision, Engine, Explanation};
use parcel_risk::features::{FeatureRow, ParcelKeys};
use parcel_risk::history::History;
use parcel_risk::parcel::{Draft, Parcel, ParcelLimits};
use parcel_risk::reasons::Language;
use parcel_risk::wire::{from_decision, from_draft, to_draft, v1};
use prost::Message as _;

/// That of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[inline(never)]
fn step_1_decode(bytes: &[u8]) -> Draft {
    to_draft(v1::Parcel::decode(bytes).unwrap())
}

#[inline(never)]
fn step_2_check(draft: Draft, limits: &ParcelLimits) -> Parcel {
    draft.check(limits).unwrap()
}

#[inline(never)]
fn step_3_keys(engine: &Engine, parcel: &Parcel) -> ParcelKeys {
    engine.plan().keys(parcel, engine.rates())
}

#[inline(never)]
fn step_4_history(engine: &Engine, history: &History, parcel: &Parcel, keys: &ParcelKeys, row: &mut FeatureRow) {
    engine.plan().fill(keys, &history.view(), engine.bucket_of(parcel.advised_at), row);
}

#[inline(never)]
fn step_5_model(engine: &Engine, row: &FeatureRow) -> f64 {
    engine.scores(row).risk_score
}

#[inline(never)]
fn step_6_contributions(engine: &Engine, row: &FeatureRow, out: &mut Vec<f64>) -> f64 {
    engine.model().contributions(&row.values, out)
}

#[inline(never)]
fn step_7_assess(engine: &Engine, history: &History, parcel: &Parcel, explanation: Explanation) -> Decision {
    engine.assess(parcel, history, engine.bucket_of(parcel.advised_at), explanation)
}

/// As a batch without reasons asks for it.
#[inline(never)]
fn step_7_without_reasons(engine: &Engine, history: &History, parcel: &Parcel) -> Decision {
    engine.assess(parcel, history, engine.bucket_of(parcel.advised_at), Explanation::None)
}

#[inline(never)]
fn step_8_encode(decision: Decision) -> Vec<u8> {
    from_decision(decision, Language::English).encode_to_vec()
}

/// Steps 1, 2, 7 and 8 again, and dropping what they made.
#[inline(never)]
fn step_9_all(engine: &Engine, history: &History, bytes: &[u8], limits: &ParcelLimits) -> Vec<u8> {
    let parcel = to_draft(v1::Parcel::decode(bytes).unwrap()).check(limits).unwrap();
    let at = engine.bucket_of(parcel.advised_at);
    from_decision(engine.assess(&parcel, history, at, Explanation::WhereDue), Language::English).encode_to_vec()
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let Some(at) = args.iter().position(|arg| arg == "--parcels") else { return };
    let n_parcels: usize = args.get(at + 1).and_then(|n| n.parse().ok()).expect("--parcels takes a number");
    let artifact = Artifact::embedded().unwrap();
    let (engine, history) = (post::engine(&artifact), artifact.settled_history());
    let limits = ParcelLimits::default();
    let sent: Vec<Vec<u8>> =
        post::drafts(n_parcels).iter().map(|draft| from_draft(draft).unwrap().encode_to_vec()).collect();
    let (mut row, mut contributions) = (FeatureRow::default(), Vec::new());
    for bytes in &sent {
        let parcel = step_2_check(step_1_decode(bytes), &limits);
        let keys = step_3_keys(&engine, &parcel);
        step_4_history(&engine, history, &parcel, &keys, &mut row);
        black_box(step_5_model(&engine, &row));
        black_box(step_6_contributions(&engine, &row, &mut contributions));
        let decision = step_7_assess(&engine, history, &parcel, Explanation::WhereDue);
        black_box(step_8_encode(decision));
        black_box(step_7_without_reasons(&engine, history, &parcel));
    }
    for bytes in &sent {
        black_box(step_9_all(&engine, history, bytes, &limits));
    }
}

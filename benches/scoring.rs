//! What one parcel costs, step by step: the groups are the lines of a budget, and the last is their sum.
//!
//! The parcels are 5,000 simulated ones in turn, so that history is looked up where it is cold; the model is the
//! built-in one. Every figure is per parcel. `benches/instructions.rs` counts what a busy machine can't blur.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark fails by panicking")]

mod post;

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use parcel_risk::artifact::Artifact;
use parcel_risk::engine::{Decision, Engine, Explanation};
use parcel_risk::features::FeatureRow;
use parcel_risk::history::History;
use parcel_risk::parcel::{Draft, Parcel, ParcelLimits};
use parcel_risk::reasons::Language;
use parcel_risk::wire::{from_decision, from_draft, to_draft, v1};
use prost::Message as _;

const N_PARCELS: usize = 5_000;

/// Measures one step, over the inputs in turn.
fn step<T, R>(criterion: &mut Criterion, line: &str, name: &str, inputs: &[T], mut run: impl FnMut(&T) -> R) {
    let mut group = criterion.benchmark_group(line);
    group.throughput(Throughput::Elements(1));
    let mut next = inputs.iter().cycle();
    group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
        bencher.iter(|| black_box(run(black_box(next.next().unwrap()))));
    });
    group.finish();
}

fn decide(engine: &Engine, history: &History, parcel: &Parcel, explanation: Explanation) -> Decision {
    engine.assess(parcel, history, engine.bucket_of(parcel.advised_at), explanation)
}

fn budget(criterion: &mut Criterion) {
    let artifact = Artifact::embedded().unwrap();
    let (engine, history) = (post::engine(&artifact), artifact.settled_history());
    let (plan, model) = (engine.plan(), engine.model());
    let limits = ParcelLimits::default();

    let drafts = post::drafts(N_PARCELS);
    let sent: Vec<Vec<u8>> = drafts.iter().map(|draft| from_draft(draft).unwrap().encode_to_vec()).collect();
    let parcels: Vec<Parcel> = drafts.iter().map(|draft| draft.clone().check(&limits).unwrap()).collect();
    let with_keys: Vec<_> = parcels.iter().map(|parcel| (parcel, plan.keys(parcel, engine.rates()))).collect();
    let mut row = FeatureRow::default();

    step(criterion, "1 decode", "bytes to draft", &sent, |bytes| {
        to_draft(v1::Parcel::decode(bytes.as_slice()).unwrap())
    });
    // A check takes the draft, so a copy of it is in the figure: "copy" says how much that is.
    step(criterion, "2 check", "copy", &drafts, Draft::clone);
    step(criterion, "2 check", "copy and check", &drafts, |draft| draft.clone().check(&limits).unwrap());
    step(criterion, "3 keys and own numbers", "all of the spec", &parcels, |parcel| plan.keys(parcel, engine.rates()));
    step(criterion, "4 history", "all of the spec", &with_keys, |(parcel, keys)| {
        plan.fill(keys, &history.view(), engine.bucket_of(parcel.advised_at), &mut row);
    });
    let rows: Vec<Vec<f32>> = with_keys
        .iter()
        .map(|(parcel, keys)| {
            plan.fill(keys, &history.view(), engine.bucket_of(parcel.advised_at), &mut row);
            row.values.clone()
        })
        .collect();
    step(criterion, "5 model", "score", &rows, |values| model.raw_score(values));
    step(criterion, "5 model", "and of each kind of infringement", &rows, |values| model.raw_score_and_risks(values));
    let mut contributions = Vec::new();
    step(criterion, "6 contributions", "exact", &rows, |values| model.contributions(values, &mut contributions));
    for (name, explanation) in [
        ("without reasons", Explanation::None),
        ("where due", Explanation::WhereDue),
        ("reasons", Explanation::Reasons),
        ("full", Explanation::Full),
    ] {
        step(criterion, "7 assess", name, &parcels, |parcel| decide(&engine, history, parcel, explanation));
    }
    for (name, explanation) in [("without reasons", Explanation::None), ("reasons", Explanation::Reasons)] {
        let decisions: Vec<_> = parcels
            .iter()
            .map(|parcel| from_decision(decide(&engine, history, parcel, explanation), Language::English))
            .collect();
        step(criterion, "8 encode", name, &decisions, v1::Decision::encode_to_vec);
    }
    for (name, explanation) in [
        ("bytes to bytes, reasons where due", Explanation::WhereDue),
        ("bytes to bytes, reasons", Explanation::Reasons),
    ] {
        step(criterion, "9 all", name, &sent, |bytes| {
            let parcel = to_draft(v1::Parcel::decode(bytes.as_slice()).unwrap()).check(&limits).unwrap();
            from_decision(decide(&engine, history, &parcel, explanation), Language::English).encode_to_vec()
        });
    }
}

criterion_group! {
    name = scoring;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .without_plots();
    targets = budget
}
criterion_main!(scoring);

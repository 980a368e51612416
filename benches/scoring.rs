//! What one parcel costs, step by step: the groups are the lines of a budget, and `assess` is their sum.
//!
//! The parcels are all 1,955 of the fixture in turn, so that history is looked up where it is cold; the model is the
//! built-in one. Every figure is per parcel.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark fails by panicking")]

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use parcel_risk::artifact::Artifact;
use parcel_risk::engine::{Decision, Engine, Explanation};
use parcel_risk::features::{FeaturePlan, FeatureRow, FeatureSpec, NUMBER_FEATURES, RatesConfig};
use parcel_risk::history::History;
use parcel_risk::parcel::{Draft, DraftParty, Parcel, ParcelLimits};
use parcel_risk::policy::ThresholdsConfig;
use parcel_risk::reasons::Language;
use parcel_risk::table::{Mapping, TableReader};
use parcel_risk::wire::{from_decision, from_draft, to_draft, v1};
use prost::Message as _;

fn drafts() -> Vec<Draft> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mapping = Mapping::read(&root.join("models/mappings/customs-declarations.toml")).unwrap();
    let table = |name: &str| {
        let path = root.join("tests/fixtures/customs-declarations").join(name);
        TableReader::open(&path, Some(&mapping)).unwrap()
    };
    let rows = ["train.csv", "valid.csv"].into_iter().flat_map(table);
    rows.map(|row| row.unwrap().unwrap().draft).collect()
}

/// The built-in model, as it serves.
fn engine(artifact: &Artifact) -> Engine {
    let (rates, policy) = (RatesConfig::default().check().unwrap(), ThresholdsConfig::default().check().unwrap());
    Engine::new(Arc::clone(artifact.model()), Arc::clone(artifact.model_ref()), rates, policy).unwrap()
}

/// The sample with a description and two parties in each parcel.
fn described(drafts: &[Draft]) -> Vec<Parcel> {
    let descriptions =
        ["Mobile phone case, black", "Чехол для телефона силиконовый", "手机壳 2 pcs", "Gift", "women's cotton dress"];
    let party = |name: &str| DraftParty {
        name: name.to_owned(),
        street: "ул. Абая, д. 10, кв. 5".to_owned(),
        country: "KZ".to_owned(),
        phone: "+7 701 234-56-78".to_owned(),
        email: "someone@mail.kz".to_owned(),
        ..DraftParty::default()
    };
    let described = drafts.iter().zip(descriptions.iter().cycle()).map(|(draft, description)| {
        let mut draft = draft.clone();
        draft.contents[0].description = (*description).to_owned();
        (draft.sender, draft.addressee) = (Some(party("Müller, Jürgen")), Some(party("Юлия Хрущева")));
        draft.check(&ParcelLimits::default()).unwrap()
    });
    described.collect()
}

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
    let (engine, history) = (engine(&artifact), artifact.settled_history());
    let (plan, body) = (engine.plan(), engine.model().body());
    let limits = ParcelLimits::default();

    let drafts = drafts();
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
    // The sample states no words and no names, so they are put in.
    let catalogue = FeaturePlan::compile(FeatureSpec {
        numbers: NUMBER_FEATURES.iter().map(|number| number.name.to_owned()).collect(),
        ..plan.spec().clone()
    });
    let (catalogue, described) = (catalogue.unwrap(), described(&drafts));
    for (name, parcels) in [("every number", &parcels), ("every number, words and names stated", &described)] {
        step(criterion, "3 keys and own numbers", name, parcels, |parcel| catalogue.keys(parcel, engine.rates()));
    }
    let rows: Vec<Vec<f32>> = with_keys
        .iter()
        .map(|(parcel, keys)| {
            plan.fill(keys, &history.view(), engine.bucket_of(parcel.advised_at), &mut row);
            row.values.clone()
        })
        .collect();
    step(criterion, "5 model", "score and calibrate", &rows, |values| {
        body.calibration.probability(body.estimator.raw_score(values))
    });
    for (name, explanation) in
        [("without reasons", Explanation::None), ("reasons", Explanation::Reasons), ("full", Explanation::Full)]
    {
        step(criterion, "6 assess", name, &parcels, |parcel| decide(&engine, history, parcel, explanation));
    }
    for (name, explanation) in [("without reasons", Explanation::None), ("reasons", Explanation::Reasons)] {
        let decisions: Vec<_> = parcels
            .iter()
            .map(|parcel| from_decision(decide(&engine, history, parcel, explanation), Language::English))
            .collect();
        step(criterion, "7 encode", name, &decisions, v1::Decision::encode_to_vec);
    }
    step(criterion, "8 all", "bytes to bytes, with reasons", &sent, |bytes| {
        let parcel = to_draft(v1::Parcel::decode(bytes.as_slice()).unwrap()).check(&limits).unwrap();
        from_decision(decide(&engine, history, &parcel, Explanation::Reasons), Language::English).encode_to_vec()
    });
}

criterion_group! {
    name = scoring;
    config = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3))
        .without_plots();
    targets = budget
}
criterion_main!(scoring);

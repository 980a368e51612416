//! How often a call asks for memory, step by step: a number that no machine blurs.

use std::sync::Arc;

use allocation_counter::measure;
use expect_test::expect;
use parcel_risk::artifact::Artifact;
use parcel_risk::engine::{Engine, Explanation};
use parcel_risk::features::{FeatureRow, RatesConfig};
use parcel_risk::parcel::ParcelLimits;
use parcel_risk::policy::ThresholdsConfig;
use parcel_risk::reasons::Language;
use parcel_risk::simulate::{Scenario, Simulation, Size};
use parcel_risk::wire::{from_decision, from_draft, to_draft, v1};
use prost::Message as _;

const N_PARCELS: usize = 200;

#[test]
fn each_step_of_a_call_allocates_as_often_as_is_said_here() {
    let artifact = Artifact::embedded().unwrap();
    let (model, model_ref) = (Arc::clone(artifact.model()), Arc::clone(artifact.model_ref()));
    let (rates, policy) = (RatesConfig::default().check().unwrap(), ThresholdsConfig::default().check().unwrap());
    let engine = Engine::new(model, model_ref, rates, policy).unwrap();
    let (history, limits) = (artifact.settled_history(), ParcelLimits::default());
    let mut simulation = Simulation::new(Scenario::shipped("kazakhstan").unwrap(), Size::default()).unwrap();
    let parcels = std::iter::from_fn(|| simulation.next_batch()).flatten().take(N_PARCELS);
    let sent: Vec<Vec<u8>> = parcels.map(|parcel| from_draft(&parcel.draft).unwrap().encode_to_vec()).collect();

    let mut totals: Vec<(&str, u64)> = Vec::new();
    let mut add = |step: &'static str, n: u64| match totals.iter_mut().find(|(known, _)| *known == step) {
        Some((_, total)) => *total += n,
        None => totals.push((step, n)),
    };
    let mut row = FeatureRow::default();
    let mut contributions = Vec::new();
    for bytes in &sent {
        let mut draft = None;
        add("decode", measure(|| draft = Some(to_draft(v1::Parcel::decode(bytes.as_slice()).unwrap()))).count_total);
        let mut parcel = None;
        add("check", measure(|| parcel = draft.take().unwrap().check(&limits).ok()).count_total);
        let parcel = parcel.unwrap();
        let mut keys = None;
        add("keys and own numbers", measure(|| keys = Some(engine.plan().keys(&parcel, engine.rates()))).count_total);
        let (keys, at) = (keys.unwrap(), engine.bucket_of(parcel.advised_at));
        // The row grows to its size once.
        engine.plan().fill(&keys, &history.view(), at, &mut row);
        add("history", measure(|| engine.plan().fill(&keys, &history.view(), at, &mut row)).count_total);
        add("model", measure(|| drop(engine.model().raw_score_and_risks(&row.values))).count_total);
        engine.model().contributions(&row.values, &mut contributions);
        let explain = measure(|| _ = engine.model().contributions(&row.values, &mut contributions));
        add("contributions", explain.count_total);
        let mut decision = None;
        let assess = measure(|| decision = Some(engine.assess(&parcel, history, at, Explanation::WhereDue)));
        add("all from check to decision", assess.count_total);
        let decision = decision.unwrap();
        let mut reply = None;
        add("reply", measure(|| reply = Some(from_decision(decision, Language::English))).count_total);
        add("encode", measure(|| drop(reply.unwrap().encode_to_vec())).count_total);
    }
    let told: String = totals
        .iter()
        .map(|(step, total)| format!("{step}: {:.1} a parcel\n", *total as f64 / N_PARCELS as f64))
        .collect();
    expect![[r#"
        decode: 24.6 a parcel
        check: 1.8 a parcel
        keys and own numbers: 16.0 a parcel
        history: 0.0 a parcel
        model: 2.0 a parcel
        contributions: 1.0 a parcel
        all from check to decision: 22.3 a parcel
        reply: 5.2 a parcel
        encode: 1.0 a parcel
    "#]]
    .assert_eq(&told);
}

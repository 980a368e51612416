//! What the benches score: simulated post, which is what the built-in model knows.

use std::sync::Arc;

use parcel_risk::artifact::Artifact;
use parcel_risk::engine::Engine;
use parcel_risk::features::RatesConfig;
use parcel_risk::parcel::Draft;
use parcel_risk::policy::ThresholdsConfig;
use parcel_risk::simulate::{Scenario, Simulation, Size};

/// The first parcels of the shipped world; their senders are among the 300,000 entities of the model's history.
pub(crate) fn drafts(n: usize) -> Vec<Draft> {
    let scenario = Scenario::shipped("kazakhstan").expect("it is shipped");
    let mut simulation = Simulation::new(scenario, Size::default()).expect("a shipped scenario is a valid one");
    let mut drafts = Vec::new();
    while drafts.len() < n
        && let Some(batch) = simulation.next_batch()
    {
        drafts.extend(batch.into_iter().map(|parcel| parcel.draft));
    }
    drafts.truncate(n);
    drafts
}

/// A model, as it serves.
pub(crate) fn engine(artifact: &Artifact) -> Engine {
    let rates = RatesConfig::default().check().expect("the defaults are valid");
    let policy = ThresholdsConfig::default().check().expect("the defaults are valid");
    let (model, model_ref) = (Arc::clone(artifact.model()), Arc::clone(artifact.model_ref()));
    Engine::new(model, model_ref, rates, policy).expect("the base currency is the default one")
}

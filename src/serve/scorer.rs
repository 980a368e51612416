//! What one request is scored with.

use std::cell::RefCell;
use std::sync::Arc;

use prost::Message as _;

use crate::artifact::Artifact;
use crate::engine::{Decision, Engine, EngineError, Explanation};
use crate::evaluation::Estimate;
use crate::features::{ExchangeRates, FeatureRow, ParcelKeys};
use crate::history::History;
use crate::ledger::{is_in_canary, item_key};
use crate::parcel::{Draft, InvalidParcel, Parcel, ParcelLimits};
use crate::policy::Policy;
use crate::telemetry::{Expected, FeatureShift};
use crate::wire::{self, v1};

/// Everything that decides: one immutable value, so that a request sees one version of all of it.
#[derive(Clone)]
pub struct Scorer {
    engine: Engine,
    history: Arc<History>,
    limits: ParcelLimits,
    model: v1::ModelInfo,
    shift: Arc<FeatureShift>,
    told: Told,
    /// What decides about a share of the items instead.
    canary: Option<(f64, Arc<Self>)>,
}

/// What every reply tells of what it rests on, as fields of a decision in the contract's encoding.
#[derive(Clone)]
pub(super) struct Told {
    pub(super) policy: Arc<[u8]>,
    pub(super) model: Arc<[u8]>,
}

impl Told {
    fn of(engine: &Engine) -> Self {
        let policy_version = engine.policy().version().to_string();
        let policy = v1::Decision { policy_version, ..v1::Decision::default() };
        let model = v1::Decision { model: Some(wire::from_model_ref(engine.model_ref())), ..v1::Decision::default() };
        Self { policy: policy.encode_to_vec().into(), model: model.encode_to_vec().into() }
    }
}

thread_local! {
    static ROOM: RefCell<(ParcelKeys, FeatureRow)> = RefCell::default();
}

/// Decides with room for what is read of a parcel, which a thread keeps. What it holds is of the parcel before.
pub(super) fn with_room<R>(decide: impl FnOnce(&mut ParcelKeys, &mut FeatureRow) -> R) -> R {
    ROOM.with_borrow_mut(|(keys, row)| decide(keys, row))
}

impl Scorer {
    /// A model with everything it knows, under a rate table, a policy and limits.
    ///
    /// # Errors
    /// [`EngineError`] where the model was trained on another base currency.
    pub fn of(
        artifact: &Artifact,
        rates: ExchangeRates,
        policy: impl Into<Policy>,
        limits: ParcelLimits,
    ) -> Result<Self, EngineError> {
        let (model, model_ref) = (Arc::clone(artifact.model()), Arc::clone(artifact.model_ref()));
        let engine = Engine::new(model, model_ref, rates, policy)?;
        Ok(Self::with_history(artifact, engine, Arc::clone(artifact.settled_history()), limits))
    }

    /// The artifact's model under an engine, with a history that goes on.
    pub fn with_history(artifact: &Artifact, engine: Engine, history: Arc<History>, limits: ParcelLimits) -> Self {
        let shift = Arc::new(expected(artifact));
        Self { shift, ..Self::new(engine, history, limits, model_info(artifact)) }
    }

    /// Puts the parts together.
    ///
    /// `model` is what `ModelService` tells of the model. Its reference and state are set here, so
    /// that they cannot differ from those of the decisions.
    pub fn new(engine: Engine, history: Arc<History>, limits: ParcelLimits, model: v1::ModelInfo) -> Self {
        let model = v1::ModelInfo {
            r#ref: Some(wire::from_model_ref(engine.model_ref())),
            state: v1::ModelState::Champion.into(),
            ..model
        };
        let told = Told::of(&engine);
        Self { engine, history, limits, model, shift: Arc::default(), told, canary: None }
    }

    /// The same under another policy.
    #[must_use]
    pub fn with_policy(&self, policy: Policy) -> Self {
        let canary = self.canary.as_ref().map(|(share, of)| (*share, Arc::new(of.with_policy(policy.clone()))));
        let engine = self.engine.with_policy(policy);
        Self { told: Told::of(&engine), engine, canary, ..self.clone() }
    }

    /// The same, where another decides about a share of the items, or none does.
    #[must_use]
    pub(super) fn with_canary(&self, canary: Option<(f64, Arc<Self>)>) -> Self {
        Self { canary, ..self.clone() }
    }

    /// What decides about this item: always the same, as long as the share is.
    pub(super) fn of_item(&self, item_id: &str) -> &Self {
        match &self.canary {
            Some((share, canary)) if is_in_canary(item_key(item_id).0, *share) => canary,
            _ => self,
        }
    }

    /// Another model with its history, under the same rates, policy and limits.
    ///
    /// # Errors
    /// [`EngineError`] where the model was trained on another base currency.
    pub fn with_model(&self, artifact: &Artifact, history: Arc<History>) -> Result<Self, EngineError> {
        let (model, model_ref) = (Arc::clone(artifact.model()), Arc::clone(artifact.model_ref()));
        let engine = Engine::new(model, model_ref, self.engine.rates().clone(), self.engine.policy().clone())?;
        Ok(Self::with_history(artifact, engine, history, self.limits.clone()))
    }

    /// Checks what was stated, and decides on it.
    ///
    /// # Errors
    /// [`InvalidParcel`] with every malformed field.
    pub fn score(&self, draft: Draft, explanation: Explanation) -> Result<Decision, InvalidParcel> {
        Ok(self.decide(&draft.check(&self.limits)?, explanation))
    }

    /// Decides on a parcel in the bucket in which it was advised.
    pub fn decide(&self, parcel: &Parcel, explanation: Explanation) -> Decision {
        let at = self.engine.bucket_of(parcel.advised_at);
        with_room(|keys, row| {
            self.engine.plan().keys_into(parcel, self.engine.rates(), keys);
            let past = (self.history.as_ref(), None);
            let (decision, _) = self.engine.assess_into(parcel, keys, past, at, explanation, row);
            self.shift.add(&row.values);
            decision
        })
    }

    /// What decides.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What its model knows from before.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// How the features of the latest parcels lie beside those of training.
    pub fn shift(&self) -> &FeatureShift {
        &self.shift
    }

    /// How much one parcel may state.
    pub fn limits(&self) -> &ParcelLimits {
        &self.limits
    }

    /// What every reply tells of its grounds.
    pub(super) fn told(&self) -> &Told {
        &self.told
    }

    /// Number of entities that its history knows something of.
    pub fn n_entities(&self) -> usize {
        self.history.n_entities()
    }

    /// The model that decides.
    pub fn model(&self) -> &v1::ModelInfo {
        &self.model
    }
}

impl std::fmt::Debug for Scorer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scorer").field("model", &self.model.r#ref).finish_non_exhaustive()
    }
}

/// What the artifact keeps of the data that its model was trained on.
fn expected(artifact: &Artifact) -> FeatureShift {
    let profiles = &artifact.manifest().feature_profiles;
    let features = artifact.model().plan().features().iter().enumerate();
    FeatureShift::new(features.filter_map(|(at, feature)| {
        let profile = profiles.get(&*feature.name)?;
        let (edges, rows, missing) = (profile.edges.clone(), profile.rows.clone(), profile.missing);
        Some(Expected { name: feature.name.to_string(), at, edges, rows, missing })
    }))
}

/// What `ModelService` tells of an artifact.
pub(super) fn model_info(artifact: &Artifact) -> v1::ModelInfo {
    let time = |seconds| Some(wire::timestamp(seconds));
    let manifest = artifact.manifest();
    let metric = |name: String, estimate: Option<&Estimate>| {
        let estimate = estimate?;
        // Without an interval, the value stands for both of its ends.
        let low_95 = estimate.low_95.unwrap_or(estimate.value);
        let high_95 = estimate.high_95.unwrap_or(estimate.value);
        Some(v1::Metric { name, value: estimate.value, low_95, high_95 })
    };
    let metrics = &manifest.metrics;
    let named = [
        ("average_precision", &metrics.average_precision),
        ("auroc", &metrics.auroc),
        ("log_loss", &metrics.log_loss),
        ("brier", &metrics.brier),
        ("expected_calibration_error", &metrics.expected_calibration_error),
        ("calibration_slope", &metrics.calibration_slope),
    ];
    let named = named.into_iter().filter_map(|(name, estimate)| metric(name.to_owned(), estimate.as_ref()));
    let at_capacity = metrics
        .capacity
        .iter()
        .filter_map(|capacity| metric(format!("precision_at_{}", capacity.share.get()), capacity.precision.as_ref()));
    v1::ModelInfo {
        data_from: time(manifest.data.from_seconds),
        data_until: time(manifest.data.until_seconds),
        metrics: named.chain(at_capacity).collect(),
        ..v1::ModelInfo::default()
    }
}

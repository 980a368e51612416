//! The models of a server: which one decides, which did before, which would.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use arc_swap::ArcSwap;

use super::discard::discard;
use super::lanes::Lane;
use super::shadow::Shadow;
use super::status::Refusal;
use super::{Recorder, Scorer};
use crate::artifact::KeyRole;
use crate::engine::ModelRef;
use crate::registry::{
    Believed, Check, Finding, GateConfig, Happened, ModelEvent, Place, Report, Shelf, ValidRegistry,
};
use crate::telemetry::{Metrics, fields, unix_seconds};

/// Which model is what, and the only one to change it.
#[derive(Debug)]
pub struct Lifecycle {
    pub(super) scorer: Arc<ArcSwap<Scorer>>,
    /// Not held: a ledger ends when the last who records in it is done.
    recorder: Option<Weak<Recorder>>,
    pub(super) shelf: Shelf,
    pub(super) gate: GateConfig,
    roles: Mutex<Roles>,
    /// One model is staged at a time.
    staging: Mutex<()>,
    pub(super) shadow: Shadow,
    pub(super) metrics: Arc<Metrics>,
}

/// Which model is what.
#[derive(Debug)]
pub(super) struct Roles {
    pub(super) champion: Arc<Held>,
    pub(super) previous: Option<Arc<Held>>,
    pub(super) challenger: Option<Arc<Held>>,
    /// Share of the items that the challenger decides about.
    pub(super) canary_share: f64,
    /// What is on its way to be the challenger.
    pub(super) staging: Option<Place>,
    /// What is known of what lies in the registry.
    pub(super) known: BTreeMap<Place, Known>,
}

/// A model that is held ready.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) believed: Believed,
    /// Whether it is trusted without a signature: the binary's own, or the one that whoever started the server named.
    pub(super) is_given: bool,
    /// Its history, where decisions are recorded.
    pub(super) lane: Option<Arc<Lane>>,
    /// The checks that it passed.
    pub(super) report: Report,
    /// When it became what it is, in seconds since 1970; 0 where that is not told.
    pub(super) since_unix_seconds: i64,
}

/// What is known of one model of the registry.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Its digest when it was first read. A version is one artifact for good.
    pub(super) digest: Option<String>,
    /// Why it may not be used.
    pub(super) rejection: Option<Finding>,
    /// The checks that were made.
    pub(super) report: Report,
}

impl Known {
    /// Whether it was rejected for what a copy that is not complete yet looks like.
    pub(super) fn may_have_been_half(&self) -> bool {
        let check = self.rejection.as_ref().map(|finding| finding.check);
        matches!(check, Some(Check::Files | Check::Signature | Check::Manifest | Check::Digest))
    }
}

impl Roles {
    /// The challenger of this digest.
    pub(super) fn expected_challenger(&self, expected_digest: &str) -> Result<Arc<Held>, Refusal> {
        let Some(challenger) = self.challenger.clone() else {
            return Err(Refusal::ModelState("there is no challenger: StageModel makes one"));
        };
        if challenger.model().digest != expected_digest {
            return Err(Refusal::ModelState("the challenger is another than the one expected: its digest differs"));
        }
        Ok(challenger)
    }

    /// The challenger of this digest, where it may decide about parcels.
    pub(super) fn challenger_to_decide(&self, expected_digest: &str) -> Result<Arc<Held>, Refusal> {
        let challenger = self.expected_challenger(expected_digest)?;
        if challenger.believed.signer.as_ref().is_some_and(|signer| signer.role != KeyRole::Release) {
            return Err(Refusal::ModelState("the challenger is signed by a key that vouches for trials only"));
        }
        Ok(challenger)
    }
}

impl Held {
    /// What it is from now on.
    pub(super) fn new(believed: Believed, is_given: bool, lane: Option<Arc<Lane>>, report: Report) -> Self {
        let since_unix_seconds = i64::try_from(unix_seconds()).unwrap_or(i64::MAX);
        Self { believed, is_given, lane, report, since_unix_seconds }
    }

    pub(super) fn model(&self) -> &ModelRef {
        self.believed.artifact.model_ref()
    }

    /// Whose signature it has; empty where it is nobody's.
    pub(super) fn signer(&self) -> String {
        self.believed.signer_name()
    }

    /// Whether nobody vouches for it.
    pub(super) fn is_unsigned(&self) -> bool {
        self.believed.signer.is_none() && !self.is_given
    }
}

impl Lifecycle {
    /// Begins with `champion`, which decides already. `None` where the configuration names no registry.
    pub(super) fn new(
        scorer: Arc<ArcSwap<Scorer>>,
        recorder: Option<&Arc<Recorder>>,
        champion: Believed,
        (registry, gate): (&ValidRegistry, GateConfig),
        shadow: Shadow,
        metrics: Arc<Metrics>,
    ) -> Option<Self> {
        let shelf = Shelf::of(registry)?;
        let lane = recorder.map(|recorder| recorder.lane());
        let is_given = champion.signer.is_none();
        let champion =
            Arc::new(Held { since_unix_seconds: 0, ..Held::new(champion, is_given, lane, Report::default()) });
        let roles = Roles {
            champion,
            previous: None,
            challenger: None,
            canary_share: 0.0,
            staging: None,
            known: BTreeMap::new(),
        };
        Some(Self {
            scorer,
            recorder: recorder.map(Arc::downgrade),
            shelf,
            gate,
            roles: Mutex::new(roles),
            staging: Mutex::default(),
            shadow,
            metrics,
        })
    }

    pub(super) fn roles(&self) -> MutexGuard<'_, Roles> {
        self.roles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held while a model is staged.
    pub(super) fn one_at_a_time(&self) -> Result<MutexGuard<'_, ()>, Refusal> {
        match self.staging.try_lock() {
            Ok(guard) => Ok(guard),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(Refusal::Staging),
        }
    }

    /// What records decisions; `None` where nothing does.
    pub(super) fn recorder(&self) -> Result<Option<Arc<Recorder>>, Refusal> {
        let Some(recorder) = &self.recorder else { return Ok(None) };
        recorder.upgrade().map(Some).ok_or(Refusal::Draining)
    }

    /// Where the reference set is.
    pub(super) fn reference(&self) -> Option<PathBuf> {
        (!self.gate.reference.is_empty()).then(|| PathBuf::from(&self.gate.reference))
    }

    /// How far the challenger's scores are from the champion's; `None` without one, or where too few parcels were scored.
    pub fn shadow_score_shift(&self) -> Option<f64> {
        self.shadow.watch()?.comparison().score_shift()
    }

    /// Whether the model that decides has nobody's signature.
    pub fn champion_is_unsigned(&self) -> bool {
        self.roles().champion.is_unsigned()
    }

    /// The challenger decides from now on.
    pub(super) fn promote(&self, expected_digest: &str) -> Result<(), Refusal> {
        self.promote_as(expected_digest, Happened::Promoted, Report::default())
    }

    /// `why`: what spoke for it.
    pub(super) fn promote_as(&self, expected_digest: &str, what: Happened, why: Report) -> Result<(), Refusal> {
        let mut roles = self.roles();
        let challenger = roles.challenger_to_decide(expected_digest)?;
        self.put(&mut roles, &challenger, what, why)?;
        roles.challenger = None;
        self.shadow.leave();
        Ok(())
    }

    /// The champion before decides again.
    pub(super) fn roll_back(&self, why: Happened) -> Result<(), Refusal> {
        let mut roles = self.roles();
        let previous = roles.previous.clone();
        let previous = previous.ok_or(Refusal::ModelState("there is no champion before this one"))?;
        self.put(&mut roles, &previous, why, Report::default())?;
        // It was held beside another one, which says nothing of how it does beside this.
        if let Some(challenger) = roles.challenger.take() {
            let anew = Held::new(
                challenger.believed.clone(),
                challenger.is_given,
                challenger.lane.clone(),
                challenger.report.clone(),
            );
            if let Err(refusal) = self.enters(&anew) {
                tracing::error!({ fields::ERROR } = ?refusal, "the challenger scores nothing in the shadow");
                self.shadow.leave();
            }
            roles.challenger = Some(Arc::new(anew));
        }
        Ok(())
    }

    /// A model gave a score that is no number. Returns whether another one decides now: then the parcel is for that one.
    pub(super) fn fault(&self, model: &ModelRef) -> bool {
        let is_other = || self.scorer.load().engine().model_ref().digest != model.digest;
        tracing::error!(
            { fields::MODEL_VERSION } = model.version,
            { fields::MODEL_DIGEST } = model.digest,
            "the model gave a score that is no number"
        );
        if self.roles().challenger.as_ref().is_some_and(|challenger| challenger.model() == model) {
            // It decides about some items: from now on about none.
            return self.end_canary().is_ok();
        }
        // Many calls may see it at once: the first rolls back, the others find it done.
        is_other() || self.roll_back(Happened::RolledBackByFault).is_ok() || is_other()
    }

    /// Puts a model in the place of the one that decides, between two requests, and keeps that one ready but for a fault.
    pub(super) fn put(&self, roles: &mut Roles, next: &Arc<Held>, what: Happened, why: Report) -> Result<(), Refusal> {
        let recorder = self.recorder()?;
        let artifact = &next.believed.artifact;
        let history = match &next.lane {
            Some(lane) => Arc::clone(&lane.history),
            None => Arc::clone(artifact.settled_history()),
        };
        let scorer = self.scorer.load().with_model(artifact, history);
        let scorer = scorer.map_err(|_| Refusal::ModelState("the model was trained on another base currency"))?;
        let store = || {
            // A policy that was read anew meanwhile stays.
            self.scorer.rcu(|now| Arc::new(scorer.with_policy(now.engine().policy().clone())));
            self.scorer.load().engine().policy().clone()
        };
        let event = ModelEvent { signer: next.signer(), report: why, ..ModelEvent::new(what, next.model()) };
        // What gave no number once shall not come back by a call for the one before.
        let stays_ready = !what.is_for_a_fault();
        match (&recorder, &next.lane) {
            (Some(recorder), Some(lane)) => {
                let replaced = roles.previous.iter().filter(|held| !Arc::ptr_eq(held, next));
                let gone = replaced.chain(Some(&roles.champion).filter(|_| !stays_ready));
                let gone: Vec<_> = gone.filter_map(|held| held.lane.clone()).collect();
                let changed = recorder.change_model(lane, &gone, &event, store);
                changed.map_err(|error| Refusal::unreadable(&error))?;
            }
            _ => {
                store();
            }
        }
        // A champion alone decides about all items.
        roles.canary_share = 0.0;
        let before = std::mem::replace(&mut roles.champion, Arc::clone(next));
        let (ready, gone) = if stays_ready { (Some(before), None) } else { (None, Some(before)) };
        let replaced = std::mem::replace(&mut roles.previous, ready);
        replaced.into_iter().chain(gone).filter(|held| !Arc::ptr_eq(held, next)).for_each(discard);
        let how = what.as_str();
        self.metrics.model_changed(how);
        tracing::warn!(
            { fields::MODEL_NAME } = next.model().name,
            { fields::MODEL_VERSION } = next.model().version,
            { fields::MODEL_DIGEST } = next.model().digest,
            "another model decides from now on: {how}"
        );
        Ok(())
    }
}

#[cfg(test)]
pub(super) mod tests {
    use prost::Message as _;

    use super::*;
    use crate::artifact::{Artifact, Manifest};
    use crate::features::{FeatureRow, RatesConfig};
    use crate::model::{Estimator, Linear, Model};
    use crate::parcel::ParcelLimits;
    use crate::policy::ThresholdsConfig;
    use crate::reasons::Language;
    use crate::registry::RegistryConfig;
    use crate::serve::admission::{Admission, Bounds};
    use crate::serve::answered::Reply;
    use crate::serve::door::Door;
    use crate::wire::{self, v1};

    fn scorer(artifact: &Artifact) -> Scorer {
        let (rates, policy) = (RatesConfig::default().check().unwrap(), ThresholdsConfig::default().check().unwrap());
        Scorer::of(artifact, rates, policy, ParcelLimits::default()).unwrap()
    }

    /// A model with weights that are finite, and whose sum over the parcel given with it is no number. Only a test can let
    /// it decide: the gate finds it.
    fn faulty(artifact: &Artifact) -> (Artifact, v1::Parcel) {
        let scorer = scorer(artifact);
        let engine = scorer.engine();
        let parcels: Vec<_> = artifact.golden_parcels().collect();
        let rows: Vec<_> = parcels
            .iter()
            .map(|parcel| {
                let mut row = FeatureRow::default();
                let parcel = wire::to_draft(parcel.clone()).check(scorer.limits()).unwrap();
                let at = engine.bucket_of(parcel.advised_at);
                engine.score(&engine.plan().keys(&parcel, engine.rates()), scorer.history(), at, &mut row);
                row.values
            })
            .collect();
        // Two features that one parcel states and another does not, which is the golden one.
        let n = engine.plan().features().len();
        let pairs = (0..rows.len()).flat_map(|a| (0..rows.len()).map(move |b| (a, b)));
        let both =
            |a: usize, b: usize| (0..n).filter(|i| rows[a][*i] > 1.0 && rows[b][*i].is_nan()).collect::<Vec<_>>();
        let (a, b, features) =
            pairs.map(|(a, b)| (a, b, both(a, b))).find(|(_, _, features)| features.len() >= 2).unwrap();
        let mut slopes = vec![0.0; n];
        (slopes[features[0]], slopes[features[1]]) = (f64::MAX, -f64::MAX);
        let mut body = artifact.model().body().clone();
        body.estimator = Estimator::Logistic(Linear { base: 0.0, means: vec![0.0; n], slopes });
        let manifest = Manifest { version: "faulty".to_owned(), ..artifact.manifest().clone() };
        let golden = vec![parcels[b].clone()];
        let faulty = Artifact::assemble(manifest, &Model::new(body).unwrap(), &artifact.snapshot(), golden).unwrap();
        (faulty, parcels[a].clone())
    }

    /// One without a ledger, where `sound` decides.
    pub(in crate::serve) fn lifecycle(
        sound: &Artifact,
        gate: GateConfig,
    ) -> (Arc<Lifecycle>, Arc<ArcSwap<Scorer>>, Arc<Metrics>) {
        let metrics = Arc::new(Metrics::new([], []));
        let bounds = Bounds { limit: 100, floor: None, kept: 0, times_free: 0 };
        let admission = Arc::new(Admission::new(bounds, Arc::clone(&metrics)));
        let serving = Arc::new(ArcSwap::from_pointee(scorer(sound)));
        let registry = RegistryConfig { path: "nowhere".to_owned(), ..RegistryConfig::default() }.check().unwrap();
        let champion = Believed { artifact: sound.clone(), signer: None };
        let shadow = Shadow::new(1.0, 10, admission, Arc::clone(&metrics));
        let settings = (&registry, gate);
        let lifecycle =
            Lifecycle::new(Arc::clone(&serving), None, champion, settings, shadow, Arc::clone(&metrics)).unwrap();
        (Arc::new(lifecycle), serving, metrics)
    }

    #[tokio::test]
    async fn a_score_that_is_no_number_brings_the_model_before_back_and_the_parcel_is_decided_by_that() {
        let sound = Artifact::embedded().unwrap();
        let (faulty, parcel) = faulty(&sound);
        let (lifecycle, serving, metrics) = lifecycle(&sound, GateConfig::default());
        let held = |artifact: &Artifact| {
            let believed = Believed { artifact: artifact.clone(), signer: None };
            Arc::new(Held::new(believed, true, None, Report::default()))
        };
        let door = Door::new(Arc::clone(&serving), None, Arc::clone(&metrics), Some(Arc::clone(&lifecycle)));
        let request =
            || v1::ScoreParcelRequest { parcel: Some(Box::new(parcel.clone())), ..v1::ScoreParcelRequest::default() };

        lifecycle.put(&mut lifecycle.roles(), &held(&faulty), Happened::Promoted, Report::default()).unwrap();
        assert_eq!(serving.load().engine().model_ref(), faulty.model_ref());
        let Reply(decision) = door.score(request(), Language::default()).await.unwrap();
        let decision = v1::Decision::decode(decision.as_slice()).unwrap();
        assert_eq!(decision.model.unwrap().digest, sound.model_ref().digest);
        assert_eq!(serving.load().engine().model_ref(), sound.model_ref());
        assert!(lifecycle.roles().previous.is_none(), "it does not come back by a rollback");

        // With none to go back to, the caller is told, and nothing that is no number goes out.
        lifecycle.put(&mut lifecycle.roles(), &held(&faulty), Happened::Promoted, Report::default()).unwrap();
        lifecycle.roles().previous = None;
        let refused = door.score(request(), Language::default()).await.unwrap_err();
        assert_eq!(refused, Refusal::ModelFault);
    }
}

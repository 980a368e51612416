//! The models of a server: which one decides, which did before, which would.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError, Weak};

use arc_swap::ArcSwap;

use super::lanes::Lane;
use super::shadow::Shadow;
use super::status::Refusal;
use super::{Recorder, Scorer};
use crate::artifact::KeyRole;
use crate::engine::ModelRef;
use crate::registry::{Believed, Finding, GateConfig, Happened, ModelEvent, Place, Report, Shelf, ValidRegistry};
use crate::telemetry::{Metrics, fields};

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

impl Held {
    pub(super) fn model(&self) -> &ModelRef {
        self.believed.artifact.model_ref()
    }

    /// Whose signature it has; empty where it is nobody's.
    pub(super) fn signer(&self) -> String {
        self.believed.signer.as_ref().map(|signer| signer.name.clone()).unwrap_or_default()
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
        let champion = Arc::new(Held { believed: champion, is_given, lane, report: Report::default() });
        let roles = Roles { champion, previous: None, challenger: None, known: BTreeMap::new() };
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

    /// Whether the model that decides has nobody's signature.
    pub fn champion_is_unsigned(&self) -> bool {
        self.roles().champion.is_unsigned()
    }

    /// The challenger decides from now on.
    pub(super) fn promote(&self, expected_digest: &str) -> Result<(), Refusal> {
        let mut roles = self.roles();
        let Some(challenger) = roles.challenger.clone() else {
            return Err(Refusal::ModelState("there is no challenger: StageModel makes one"));
        };
        if challenger.model().digest != expected_digest {
            return Err(Refusal::ModelState("the challenger is another than the one expected: its digest differs"));
        }
        if challenger.believed.signer.as_ref().is_some_and(|signer| signer.role != KeyRole::Release) {
            return Err(Refusal::ModelState("the challenger is signed by a key that vouches for trials only"));
        }
        self.put(&mut roles, &challenger, Happened::Promoted)?;
        roles.challenger = None;
        self.shadow.leave();
        Ok(())
    }

    /// The champion before decides again.
    pub(super) fn roll_back(&self, why: Happened) -> Result<(), Refusal> {
        let mut roles = self.roles();
        let previous = roles.previous.clone();
        let previous = previous.ok_or(Refusal::ModelState("there is no champion before this one"))?;
        self.put(&mut roles, &previous, why)
    }

    /// A model gave a score that is no number. Returns whether another one decides now: then the parcel is for that one.
    pub(super) fn fault(&self, model: &ModelRef) -> bool {
        let is_other = || self.scorer.load().engine().model_ref().digest != model.digest;
        tracing::error!(
            { fields::MODEL_VERSION } = model.version,
            { fields::MODEL_DIGEST } = model.digest,
            "the model gave a score that is no number"
        );
        // Many calls may see it at once: the first rolls back, the others find it done.
        is_other() || self.roll_back(Happened::RolledBackByFault).is_ok() || is_other()
    }

    /// Puts a model in the place of the one that decides, between two requests, and keeps that one ready.
    fn put(&self, roles: &mut Roles, next: &Arc<Held>, what: Happened) -> Result<(), Refusal> {
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
        let event = ModelEvent { signer: next.signer(), ..ModelEvent::new(what, next.model()) };
        match (&recorder, &next.lane) {
            (Some(recorder), Some(lane)) => {
                let changed = recorder.change_model(lane, roles.champion.lane.as_ref(), &event, store);
                changed.map_err(|error| Refusal::unreadable(&error))?;
            }
            _ => {
                store();
            }
        }
        let before = std::mem::replace(&mut roles.champion, Arc::clone(next));
        roles.previous = Some(before);
        let how = match what {
            Happened::Promoted => "promoted",
            Happened::RolledBackByFault => "rolled_back_by_fault",
            _ => "rolled_back",
        };
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

//! How the server stands: what is shown of it while it runs.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use arc_swap::ArcSwap;

use super::admission::Admission;
use super::counted::{route_name, route_names};
use super::incoming::Room;
use super::methods::Methods;
use super::{Lifecycle, Recorder, Scorer, ServeError, ValidServe};
use crate::identity::{Identity, Tls};
use crate::registry::Check;
use crate::telemetry::{Criticality, Metrics, Observed, ObservedLedger, ObservedStream};
use crate::traces::Traces;
use crate::wire::v1;

/// What can be asked of a server while it runs, and before and after.
#[derive(Debug)]
pub struct Standing {
    phase: AtomicU8,
    scorer: Arc<ArcSwap<Scorer>>,
    /// Not held: a ledger ends when the last who records in it is done, and not when nobody looks at it any more.
    recorder: Option<Weak<Recorder>>,
    metrics: Arc<Metrics>,
    lifecycle: OnceLock<Arc<Lifecycle>>,
    pub(super) admission: Arc<Admission>,
    pub(super) room: Room,
    identity: OnceLock<Arc<Identity>>,
    traces: OnceLock<Traces>,
    /// What was refused when it was last read anew, of these: the policy, certificates and keys.
    refused: [AtomicBool; 2],
}

/// Where a server is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It does not answer yet.
    Starting,
    /// It answers.
    Serving,
    /// It was told to stop, and completes what it has.
    Draining,
}

/// A part that does not do what it is there for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Which part.
    pub part: &'static str,
    /// What that means for who calls.
    pub means: &'static str,
    /// Whether calls had better go elsewhere.
    pub stops_serving: bool,
}

impl Standing {
    pub(super) fn new(
        scorer: Arc<ArcSwap<Scorer>>,
        recorder: Option<&Arc<Recorder>>,
        config: &ValidServe,
    ) -> Result<Self, ServeError> {
        let metrics = Metrics::new(Methods::served()?.names(), route_names());
        let metrics = Arc::new(metrics.with_checks(Check::ALL.iter().map(|check| check.as_str())));
        let admission = Admission::new(config.bounds(), Arc::clone(&metrics));
        Ok(Self {
            phase: AtomicU8::new(Phase::Starting as u8),
            scorer,
            recorder: recorder.map(Arc::downgrade),
            metrics,
            lifecycle: OnceLock::new(),
            admission: Arc::new(admission),
            room: Room::for_connections(config.max_connections()),
            identity: OnceLock::new(),
            traces: OnceLock::new(),
            refused: Default::default(),
        })
    }

    /// Where the server is in its life.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Starting,
            1 => Phase::Serving,
            _ => Phase::Draining,
        }
    }

    pub(super) fn enters(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Who callers are, once it is known.
    pub(super) fn knows(&self, identity: &Arc<Identity>) {
        // Told once, before the server starts.
        let _ = self.identity.set(Arc::clone(identity));
    }

    /// Where spans go, once it is known.
    pub(super) fn shows(&self, traces: &Traces) {
        // As above.
        let _ = self.traces.set(traces.clone());
    }

    /// The policy was read anew, or its file refused.
    pub fn policy_reloaded(&self, was_taken: bool) {
        self.metrics.policy_reloaded(was_taken);
        let [policy, _] = &self.refused;
        policy.store(!was_taken, Ordering::Relaxed);
    }

    /// Certificates and keys were read anew, or a file of them was refused.
    pub fn identity_reloaded(&self, was_taken: bool) {
        self.metrics.identity_reloaded(was_taken);
        let [_, identity] = &self.refused;
        identity.store(!was_taken, Ordering::Relaxed);
    }

    /// What is counted.
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// The model that decides.
    pub fn model(&self) -> v1::ModelInfo {
        self.scorer.load().model().clone()
    }

    /// The models of the server, where it has a registry.
    pub fn lifecycle(&self) -> Option<&Arc<Lifecycle>> {
        self.lifecycle.get()
    }

    pub(super) fn set_lifecycle(&self, lifecycle: Arc<Lifecycle>) {
        // Set once, before anything serves.
        let _ = self.lifecycle.set(lifecycle);
    }

    fn has_unsigned_model(&self) -> bool {
        self.lifecycle().is_some_and(|lifecycle| lifecycle.champion_is_unsigned())
    }

    fn tls(&self) -> Option<&Tls> {
        self.identity.get()?.tls()
    }

    fn recorder(&self) -> Option<Arc<Recorder>> {
        self.recorder.as_ref()?.upgrade()
    }

    /// Everything that does not work as it should; empty where all is well.
    pub fn troubles(&self) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        let mut add = |part, means, stops_serving| troubles.push(Trouble { part, means, stops_serving });
        match self.phase() {
            Phase::Starting => add("server", "it is starting, and answers no call yet", true),
            Phase::Draining => add("server", "it was told to stop, and completes what it has", true),
            Phase::Serving => {}
        }
        if self.has_unsigned_model() {
            add("model", "the one that decides has nobody's signature (registry.allow_unsigned)", false);
        }
        if let Some(recorder) = self.recorder() {
            let ledger = recorder.ledger();
            match (ledger.is_failing(), ledger.takes_records()) {
                (_, false) => add("ledger", "it takes no records, so parcels are refused", true),
                (true, true) => add("ledger", "it can't be written; decisions wait in memory and say so", false),
                (false, true) => {}
            }
        }
        let [policy, identity] = &self.refused;
        if policy.load(Ordering::Relaxed) {
            add("policy", "its file was refused when it was last read anew; the policy before goes on", false);
        }
        if identity.load(Ordering::Relaxed) {
            add("identity", "a file was refused when they were last read anew; the ones before go on", false);
        }
        if self.traces.get().is_some_and(Traces::is_failing) {
            add("traces", "the collector takes no spans; they are dropped, and calls are answered as ever", false);
        }
        troubles
    }

    /// Whether calls should be sent here.
    pub fn is_ready(&self) -> bool {
        self.troubles().iter().all(|trouble| !trouble.stops_serving)
    }

    /// For a thread that has nothing to do, before it waits for more: while calls are refused it rests for 4 ms, so that
    /// they come together. Blocks for as long.
    pub fn rest(&self) {
        self.admission.rest();
    }

    /// What is not counted but looked up.
    pub fn observe(&self) -> Observed {
        let scorer = self.scorer.load();
        let model = scorer.model().r#ref.clone().unwrap_or_default();
        let ledger = self.recorder().map(|recorder| {
            let (ledger, counts) = (recorder.ledger(), recorder.ledger().counts());
            ObservedLedger {
                writable: !ledger.is_failing(),
                written: counts.written,
                spilled: counts.spilled,
                failures: counts.failures,
                pending: counts.pending,
                pending_limit: ledger.pending_limit(),
            }
        });
        let policy = scorer.engine().policy();
        let status = self.recorder().filter(|_| policy.has_budgets()).map(|recorder| recorder.policy_status(policy));
        let streams =
            status.map(|status| status.streams).unwrap_or_default().into_iter().map(|stream| ObservedStream {
                name: stream.name,
                parcels: stream.parcels,
                expected_parcels: stream.expected_parcels,
                given: stream.routes.iter().map(|(route, _, given)| (route_name(*route as i32), *given)).collect(),
            });
        Observed {
            streams: streams.collect(),
            version: env!("CARGO_PKG_VERSION"),
            ready: self.is_ready(),
            draining: self.phase() == Phase::Draining,
            model: [model.name, model.version, model.digest],
            model_unsigned: self.has_unsigned_model(),
            canary_share: self.lifecycle().map_or(0.0, |lifecycle| lifecycle.canary_share()),
            shadow_score_psi: self.lifecycle().and_then(|lifecycle| lifecycle.shadow_score_shift()),
            history_entities: scorer.n_entities(),
            history_evicted: self.recorder().map_or(0, |recorder| recorder.n_evicted()),
            feature_psi: scorer.shift().psi(),
            in_flight: self.admission.in_flight(),
            in_flight_limits: Criticality::ALL.map(|criticality| self.admission.limit(criticality)),
            connections: self.room.n_open(),
            connections_limit: self.room.limit(),
            tls_expires_unix_seconds: self.tls().map(Tls::expires_unix_seconds),
            tls_lists_due_unix_seconds: self.tls().and_then(Tls::lists_due_unix_seconds),
            handshakes: self.room.n_handshakes(),
            ledger,
        }
    }

    /// All metrics, in the OpenMetrics text format.
    pub fn metrics_text(&self) -> String {
        self.metrics.to_text(self.observe())
    }
}

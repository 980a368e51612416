//! The challenger at work: it scores what the champion decided about, on a thread of its own, and nobody waits for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use arc_swap::{ArcSwap, ArcSwapOption};

use super::Scorer;
use super::admission::Admission;
use super::lanes::Lane;
use super::submitted::Made;
use crate::engine::{Explanation, ModelRef};
use crate::features::FeatureRow;
use crate::history::{Bucket, History};
use crate::ledger::item_key;
use crate::parcel::Parcel;
use crate::policy::Route;
use crate::registry::{Comparison, Disagreement, InspectedAt};
use crate::telemetry::{Criticality, Metrics};

/// Who is in the shadow, if anybody.
#[derive(Debug)]
pub(super) struct Shadow {
    watch: ArcSwapOption<Watch>,
    /// Share of the parcels, 0 to 1.
    share: f64,
    most_waiting: usize,
    admission: Arc<Admission>,
    metrics: Arc<Metrics>,
}

/// One challenger's time in the shadow.
#[derive(Debug)]
pub(super) struct Watch {
    model: Arc<ModelRef>,
    jobs: SyncSender<Job>,
    comparison: Arc<Mutex<Comparison>>,
    n_shed: AtomicU64,
}

/// A parcel that was decided about.
#[derive(Debug)]
struct Job {
    parcel: Parcel,
    at: Option<Bucket>,
    decision_id: String,
    risk_score: f64,
    route: Route,
    /// That of an inspection.
    chance: f64,
}

impl Shadow {
    pub(super) fn new(share: f64, most_waiting: usize, admission: Arc<Admission>, metrics: Arc<Metrics>) -> Self {
        Self { watch: ArcSwapOption::empty(), share, most_waiting, admission, metrics }
    }

    /// A challenger enters, in the place of another. `lane` is its history where decisions are recorded.
    pub(super) fn enter(
        &self,
        challenger: Scorer,
        lane: Option<Arc<Lane>>,
        champion: Arc<ArcSwap<Scorer>>,
    ) -> Result<(), std::io::Error> {
        let (jobs, waiting) = sync_channel(self.most_waiting);
        let comparison = Arc::new(Mutex::default());
        let model = Arc::clone(challenger.engine().model_ref());
        let work = Work {
            challenger,
            lane,
            champion,
            comparison: Arc::clone(&comparison),
            metrics: Arc::clone(&self.metrics),
        };
        thread::Builder::new().name("shadow".to_owned()).spawn(move || work.run(&waiting))?;
        self.watch.store(Some(Arc::new(Watch { model, jobs, comparison, n_shed: AtomicU64::new(0) })));
        Ok(())
    }

    /// Nobody is in the shadow any more.
    pub(super) fn leave(&self) {
        self.watch.store(None);
    }

    /// A parcel was decided about, in bucket `at` of a ledger.
    pub(super) fn offer(&self, parcel: &Parcel, Made { decision, id, model }: &Made, at: Option<Bucket>) {
        let watch = self.watch.load();
        let Some(watch) = watch.as_ref() else { return };
        // What it decided about itself says nothing of the other.
        if model.digest == watch.model.digest {
            return;
        }
        // By the item, so that each comes whole or not at all.
        let place = item_key(parcel.item_id.as_str()).0 as f64 / u64::MAX as f64;
        let Some(route) = Route::from_number(decision.route.into()).filter(|_| place < self.share || self.share >= 1.0)
        else {
            return;
        };
        let (risk_score, decision_id) = (decision.risk_score, id.to_string());
        let is_busy = self.admission.in_flight() > self.admission.limit(Criticality::Usual) / 2;
        let sent = !is_busy && {
            watch
                .jobs
                .try_send(Job {
                    parcel: parcel.clone(),
                    at,
                    decision_id,
                    risk_score,
                    route,
                    chance: decision.selection_probability,
                })
                .is_ok()
        };
        if !sent {
            watch.n_shed.fetch_add(1, Ordering::Relaxed);
            self.metrics.shadow_shed();
        }
    }

    /// An inspection found this, or nothing that can be said.
    pub(super) fn outcome(&self, item_id: &str, at: InspectedAt, infringement: Option<bool>) {
        if let Some(watch) = self.watch.load().as_ref() {
            watch.comparison().outcome(item_key(item_id).0, at, infringement);
        }
    }

    /// The challenger's time so far.
    pub(super) fn watch(&self) -> Option<Arc<Watch>> {
        self.watch.load_full()
    }
}

impl Watch {
    pub(super) fn model(&self) -> &ModelRef {
        &self.model
    }

    pub(super) fn comparison(&self) -> MutexGuard<'_, Comparison> {
        self.comparison.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn n_shed(&self) -> u64 {
        self.n_shed.load(Ordering::Relaxed)
    }
}

/// What the thread has. It ends when the watch is over: then nobody can send it anything.
struct Work {
    challenger: Scorer,
    lane: Option<Arc<Lane>>,
    champion: Arc<ArcSwap<Scorer>>,
    comparison: Arc<Mutex<Comparison>>,
    metrics: Arc<Metrics>,
}

impl Work {
    fn run(self, waiting: &Receiver<Job>) {
        let mut row = FeatureRow::default();
        while let Ok(job) = waiting.recv() {
            let (risk_score, route) = self.score(&job, &mut row);
            let agree = route == job.route;
            self.metrics.shadow_scored(agree);
            let disagreement = (!agree).then(|| self.disagreement(&job));
            let mut comparison = self.comparison.lock().unwrap_or_else(PoisonError::into_inner);
            let item = item_key(job.parcel.item_id.as_str()).0;
            comparison.add(item, (job.risk_score, job.route), (risk_score, route), job.chance);
            if let Some(disagreement) = disagreement {
                comparison.disagree(disagreement);
            }
        }
    }

    fn score(&self, job: &Job, row: &mut FeatureRow) -> (f64, Route) {
        // Under the policy that stands now.
        let engine = self.challenger.engine().with_policy(self.champion.load().engine().policy().clone());
        let at = job.at.unwrap_or_else(|| engine.bucket_of(job.parcel.advised_at));
        let history = self.lane.as_ref().map_or_else(|| self.challenger.history(), |lane| &lane.history);
        let flow = self.lane.as_ref().map(|lane| lane.flow.as_ref());
        let keys = engine.plan().keys(&job.parcel, engine.rates());
        let (decision, _) = engine.assess_into(&job.parcel, &keys, (history, flow), at, Explanation::None, row);
        (decision.risk_score, decision.route)
    }

    fn disagreement(&self, job: &Job) -> Disagreement {
        let champion = self.champion.load();
        let explained = |scorer: &Scorer, history: &History| {
            let engine = scorer.engine();
            let at = job.at.unwrap_or_else(|| engine.bucket_of(job.parcel.advised_at));
            engine.assess(&job.parcel, history, at, Explanation::Reasons)
        };
        let history = self.lane.as_ref().map_or_else(|| self.challenger.history(), |lane| &lane.history);
        Disagreement {
            decision_id: job.decision_id.clone(),
            champion: explained(&champion, champion.history()),
            challenger: explained(&self.challenger, history),
        }
    }
}

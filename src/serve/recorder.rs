//! Where serving and the ledger meet: a decision has its place in the ledger before anybody hears of it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use super::Scorer;
use super::counted::took;
use super::lanes::{Lane, Lanes};
use super::requests::{Claim, Requests};
use super::scorer::with_room;
use super::status::Refusal;
use super::submitted::{Made, OnRecord, Submitted};
use super::writing::Writing;
use crate::artifact::Artifact;
use crate::engine::{Engine, Explanation, ModelRef};
use crate::history::{Bucket, History, HistoryConfig};
use crate::ledger::{
    Appended, Clock, Content, Decided, Grounds, Keeping, Kind, Ledger, LedgerConfig, LedgerError, Live, Reader,
    Request, Retention, Slot, Submission, item_key,
};
use crate::parcel::{AdvisedAt, Parcel};
use crate::policy::{Policy, PolicyStatus};
use crate::reasons::Language;
use crate::telemetry::{Metrics, Stage, fields};
use crate::wire::v1;

/// What records decisions and outcomes, and keeps the history that they make.
#[derive(Debug)]
pub struct Recorder {
    /// Before the ledger, which it uses until it is dropped.
    retention: Mutex<Option<Retention>>,
    retention_days: u32,
    ledger: Arc<Ledger>,
    writing: Arc<Writing>,
    live: Live,
    /// Changed only while nobody is at work in a bucket.
    lanes: ArcSwap<Lanes>,
    grounds: ArcSwap<Grounds>,
    /// Grounds change one after the other.
    changing: Mutex<()>,
    keeping: Keeping,
    reader: Reader,
    requests: Requests,
    /// Outcomes are taken in one call after the other: whether one is new depends on those before.
    outcomes: Mutex<()>,
    has_begun: AtomicBool,
}

/// What a record is made of besides the decision; taken once.
struct Taken {
    slot: Slot,
    kept_parcel: Vec<u8>,
    request: Option<(Request, Claim)>,
}

/// A parcel that was checked, and what is asked about it.
pub(super) struct Asked {
    /// As it is kept, encoded.
    pub(super) kept: Vec<u8>,
    pub(super) parcel: Box<Parcel>,
    pub(super) explanation: Explanation,
    pub(super) language: Language,
}

/// As often may another model take over while a parcel is decided about. It happens now and then, and hardly ever twice.
const MOST_TAKEOVERS: usize = 100;

/// Records that a start folds before it saves what came of it, for a start after a kill.
const LONG_FOLD: i64 = 100_000;

impl Recorder {
    /// Opens a ledger for the decisions of `engine`, whose model is that of `artifact`, under `policy`; and makes the
    /// history that the ledger so far gives, on top of the one that the artifact carries. Nothing is recorded yet: [`begin`]
    /// comes first.
    ///
    /// [`begin`]: Self::begin
    ///
    /// # Errors
    /// [`LedgerError`].
    pub fn open(
        path: &Path,
        (config, bounds): (&LedgerConfig, &HistoryConfig),
        clock: Clock,
        artifact: &Artifact,
        engine: &Engine,
    ) -> Result<Self, LedgerError> {
        let ledger = Arc::new(Ledger::open(path, config, clock)?);
        let reader = ledger.reader()?;
        let keeping = Keeping::new(config, Some(&reader))?;
        let until = artifact.manifest().data.until_seconds;
        let grounds = Grounds::new(engine, until, config, bounds);
        let (live, history, flow) = Live::rebuilt(&reader, &grounds, artifact.settled_history(), engine.flow())?;
        if ledger.head().seq - live.n_saved() > LONG_FOLD
            && let Err(error) = live.save(&ledger, &grounds, (&history, &flow))
        {
            tracing::warn!({ fields::ERROR } = %error, "history can't be saved: the next start takes as long as this one");
        }
        let lane = Lane::whole(grounds.clone(), Arc::clone(artifact.settled_history()), history, flow);
        Ok(Self {
            retention: Mutex::default(),
            retention_days: config.retention_days,
            writing: Writing::new(Arc::clone(&ledger))?,
            ledger,
            live,
            lanes: ArcSwap::from_pointee(Lanes::of(Arc::new(lane))),
            grounds: ArcSwap::from_pointee(grounds),
            changing: Mutex::default(),
            keeping,
            reader,
            requests: Requests::default(),
            outcomes: Mutex::default(),
            has_begun: AtomicBool::new(false),
        })
    }

    /// Says in the ledger on which grounds its records rest from here on, unless that was said, and has parcels erased by their
    /// age. Not before all is ready that a start may fail for: which model decides after the next one follows from it.
    ///
    /// # Errors
    /// [`LedgerError`] where that can't be written.
    pub fn begin(&self) -> Result<(), LedgerError> {
        if !self.has_begun.load(Ordering::SeqCst) {
            let grounds = self.grounds();
            self.ledger.stand_on(&grounds, grounds.first_bucket())?;
            if self.retention_days > 0 {
                let retention = Retention::start(Arc::downgrade(&self.ledger), self.retention_days)?;
                *self.retention.lock().unwrap_or_else(PoisonError::into_inner) = Some(retention);
            }
            self.has_begun.store(true, Ordering::SeqCst);
        }
        Ok(())
    }

    /// Decisions rest on another policy from now on, between two parcels: `store` puts it in the place of the other.
    ///
    /// # Errors
    /// [`LedgerError`] where that can't be recorded now; nothing has changed then.
    pub fn change_policy(&self, policy: &Policy, store: impl FnOnce()) -> Result<(), LedgerError> {
        let what = "the change of policy";
        let _one_at_a_time = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = self.room(what)?;
        let grounds = self.grounds.load().under(policy);
        let told = self.live.alone(self.live.open(), |at| {
            store();
            let told = self.put(slot, grounds.to_content(at));
            self.set_grounds(grounds);
            told
        });
        // It holds whether or not the disk goes along: what follows is recorded after this, or not at all.
        let _ = self.written(Some(told), what);
        Ok(())
    }

    /// Where a policy stands now.
    pub fn policy_status(&self, policy: &Policy) -> PolicyStatus {
        let flow = Arc::clone(&self.lanes.load().champion.flow);
        let now = flow.clock().width().bucket_of_second(self.ledger.clock().now_micros().div_euclid(1_000_000));
        policy.status(self.live.open(), now, &flow)
    }

    /// The history that decisions rest on, as long as the same model decides.
    pub fn history(&self) -> Arc<History> {
        Arc::clone(&self.lanes.load().champion.history)
    }

    /// Writes history beside the ledger, for the next start. Decisions wait meanwhile.
    ///
    /// # Errors
    /// [`LedgerError`] where the file can't be written.
    pub fn save_history(&self) -> Result<bool, LedgerError> {
        let lane = self.lane();
        self.live.save(&self.ledger, &self.grounds.load(), (&lane.history, &lane.flow))
    }

    /// Number of the record up to which history is [saved](Self::save_history), or was when it was read at the start.
    pub fn n_saved(&self) -> i64 {
        self.live.n_saved()
    }

    /// Entities that history forgot since the start, to make room for others.
    pub fn n_evicted(&self) -> u64 {
        self.live.n_evicted()
    }

    /// Folds what was advised of late into history, where that is worth it: for a thread that has answered all it has.
    pub(super) fn at_leisure(&self) {
        self.live.at_leisure(|| self.lanes.load().champion.history.fold_waiting());
    }

    /// What makes the parcel that is kept.
    pub(super) fn keeping(&self) -> &Keeping {
        &self.keeping
    }

    /// The ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// To look records up.
    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    pub(super) fn live(&self) -> &Live {
        &self.live
    }

    /// The lane of the model that decides.
    pub(super) fn lane(&self) -> Arc<Lane> {
        Arc::clone(&self.lanes.load().champion)
    }

    /// All that see what happens.
    pub(super) fn lanes(&self) -> arc_swap::Guard<Arc<Lanes>> {
        self.lanes.load()
    }

    /// Held while outcomes are taken in.
    pub(super) fn outcomes(&self) -> &Mutex<()> {
        &self.outcomes
    }

    /// Held while the grounds change.
    pub(super) fn changing(&self) -> &Mutex<()> {
        &self.changing
    }

    pub(super) fn grounds(&self) -> Arc<Grounds> {
        self.grounds.load_full()
    }

    pub(super) fn set_grounds(&self, grounds: Grounds) {
        self.grounds.store(Arc::new(grounds));
    }

    /// Nobody else may be at work in a bucket.
    pub(super) fn change_lanes(&self, change: impl FnOnce(&Lanes) -> Lanes) {
        let lanes = change(&self.lanes.load());
        // One that is behind is not in the bucket that is open.
        let level = std::iter::once(&lanes.champion).chain(lanes.others()).filter(|lane| lane.is_caught_up());
        self.live.hold_within_bounds(level.map(|lane| Arc::clone(&lane.history)).collect());
        self.lanes.store(Arc::new(lanes));
    }

    /// Requests with an identifier of their own that are being answered.
    pub(super) fn requests(&self) -> &Requests {
        &self.requests
    }

    /// What a request was answered before: `None` where it was not.
    pub(super) fn answered(&self, request: &Request) -> Result<Option<v1::Decision>, Refusal> {
        let find = || {
            let Some(answer) = self.reader.answer_to(request)? else { return Ok(None) };
            let of = answer.content.decision_id.filter(|_| answer.content.kind == Kind::Repeat);
            let decision = of.map(|decision_id| self.reader.decision(&decision_id)).transpose()?.flatten();
            let mut replied = self.reader.replied(decision.as_ref().unwrap_or(&answer))?;
            if decision.is_some() && !answer.content.body.is_empty() {
                // The same decision, with the reasons that this request asked for.
                let own = self.reader.replied(&answer)?;
                (replied.raw_score_log_odds, replied.base_log_odds) = (own.raw_score_log_odds, own.base_log_odds);
                replied.reasons = own.reasons;
            }
            Ok(Some((answer.content.request.clone(), replied)))
        };
        match find().map_err(|error: LedgerError| Refusal::unreadable(&error))? {
            None => Ok(None),
            Some((answered, decision)) if answered.as_ref() == Some(request) => Ok(Some(decision)),
            Some(_) => Err(Refusal::OtherRequest),
        }
    }

    /// What became of a decision that was handed over, once that is known.
    pub(super) async fn on_record(
        &self,
        became: oneshot::Receiver<Appended>,
        metrics: &Metrics,
    ) -> Result<OnRecord, Refusal> {
        let started = Instant::now();
        let told = OnRecord::of(self.writing.told(became).await);
        took(Stage::Record, started.elapsed(), metrics);
        told.inspect(|told| {
            if told.is_degraded {
                metrics.degraded("ledger");
            }
        })
    }

    /// Decides about a parcel and hands the decision over to the ledger, in one go: no cancellation comes between. Adds to
    /// `reply` all of it but what its record tells.
    ///
    /// # Errors
    /// [`Refusal::LedgerUnavailable`] where the ledger has no room, [`Refusal::ModelFault`] where the model gives no number
    /// and `another_decides` says that none takes its place; nothing was decided then.
    pub(super) fn submit(
        &self,
        scorer: &ArcSwap<Scorer>,
        asked: &mut Asked,
        request: Option<(Request, Claim)>,
        reply: &mut Vec<u8>,
        metrics: &Metrics,
        another_decides: impl Fn(&ModelRef) -> bool,
    ) -> Result<Submitted, Refusal> {
        let slot = self.ledger.reserve().map_err(Refusal::LedgerUnavailable)?;
        let mut taken = Some(Taken { slot, kept_parcel: std::mem::take(&mut asked.kept), request });
        for _ in 0..MOST_TAKEOVERS {
            // Where another model has taken over since, it is by that one, for what is recorded rests on its grounds.
            let scorer = scorer.load();
            let scorer = scorer.of_item(asked.parcel.item_id.as_str());
            match self.submit_by(scorer, asked, reply, metrics, &mut taken) {
                Ok(None) => {}
                Err(Refusal::ModelFault) if another_decides(scorer.engine().model_ref()) => {}
                Ok(Some(submitted)) => return Ok(submitted),
                Err(refusal) => return Err(refusal),
            }
        }
        tracing::error!("what scores and what is recorded rest on different models");
        Err(Refusal::Internal)
    }

    /// `None` where the engine's model is not the one that decides any more.
    fn submit_by(
        &self,
        scorer: &Scorer,
        Asked { parcel, explanation, language, .. }: &Asked,
        reply: &mut Vec<u8>,
        metrics: &Metrics,
        taken: &mut Option<Taken>,
    ) -> Result<Option<Submitted>, Refusal> {
        let (explanation, language) = (*explanation, *language);
        with_room(|keys, row| {
            let engine = scorer.engine();
            // Before the bucket is held: what needs no history, and what may take longer.
            engine.plan().keys_into(parcel, engine.rates(), keys);
            let item = item_key(parcel.item_id.as_str());
            let submitted = self.live.in_bucket(self.bucket_of(parcel.advised_at), |at| {
                let lanes = self.lanes.load();
                let lane = lanes.of_item(item.0);
                if lane.grounds.model_digest != engine.model_ref().digest {
                    return Ok(None);
                }
                let past = (lane.history.as_ref(), Some(lane.flow.as_ref()));
                let started = Instant::now();
                let (decision, seen) = engine.assess_into(parcel, keys, past, at, explanation, row);
                if !(decision.risk_score.is_finite() && seen.raw_score.is_finite()) {
                    return Err(Refusal::ModelFault);
                }
                metrics.was_new(seen.novelty);
                let Some(Taken { slot, kept_parcel, request }) = taken.take() else { return Err(Refusal::Internal) };
                let (tell, became) = oneshot::channel();
                let (route, cause) = (decision.route, decision.route_cause);
                let (made, kept) = Made::write(decision, scorer, language, started, reply, metrics);
                let counts = self.live.is_first(item);
                let advised_at = (parcel.advised_at.seconds(), parcel.advised_at.nanos());
                let reply = reply.get(kept).unwrap_or_default();
                let kept = Decided { reply, explanation, advised_at, counts, keys, row, seen: &seen, cause };
                let (request, claim) = request.unzip();
                let content = Content {
                    item: Some(item.0),
                    decision_id: Some(made.id.into_bytes()),
                    route: Some(made.decision.route.into()),
                    risk_score: Some(made.decision.risk_score),
                    request,
                    parcel: Some(kept_parcel),
                    ..Content::new(Kind::Decision, at, kept.to_body())
                };
                let done = Box::new(move |appended| {
                    // Nobody listens where the call was cancelled; the record stands.
                    let _ = tell.send(appended);
                });
                let held = claim.map(|claim| Box::new(claim) as Box<_>);
                self.ledger.submit(Submission { content, slot, done, held, is_first: counts });
                if counts {
                    lanes.decided(at, lane, &seen, route, cause);
                    engine.plan().with_seen_at(keys, |seen_at| lanes.advised(at, keys, seen_at));
                }
                Ok(Some(Submitted { made, at, became }))
            })?;
            if submitted.is_some() {
                scorer.shift().add(&row.values);
            }
            Ok(submitted)
        })
    }

    /// The bucket in which something that is said to have happened then is taken in: never after now, so that a date in
    /// the far future does not age all that is known.
    pub(super) fn bucket_of(&self, at: AdvisedAt) -> Bucket {
        let width = self.lanes.load().champion.history.decay().width;
        width.bucket_of(at).min(width.bucket_of_second(self.ledger.clock().now_micros().div_euclid(1_000_000)))
    }
}

//! A history for each model that decides or may: all go on with what happens, so that another one can take over between
//! two parcels.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::features::ParcelKeys;
use crate::history::{Bucket, EntityKey, Event, History, SeenAt};
use crate::ledger::{Grounds, is_in_canary};
use crate::policy::{Flow, Route, RouteCause, Seen};

/// What one model knows, and on what grounds.
#[derive(Debug)]
pub(super) struct Lane {
    /// Model and policy as of its making.
    pub(super) grounds: Grounds,
    /// What the model knows from its training.
    pub(super) genesis: Arc<History>,
    pub(super) history: Arc<History>,
    pub(super) flow: Arc<Flow>,
    /// What happened since it began to be folded and is not folded yet, oldest first.
    missed: Mutex<Vec<Missed>>,
    /// Set while nobody else is at work.
    caught_up: AtomicBool,
}

/// Something that happened while a lane was folded from the ledger.
#[derive(Debug)]
enum Missed {
    Advised(Bucket, ParcelKeys),
    Decided { at: Bucket, seen: Seen, route: Route, cause: RouteCause, of_model: bool },
    Found { at: Bucket, keys: Vec<EntityKey>, infringement: bool },
}

/// A lane beside that of the model that decides.
#[derive(Clone, Debug)]
struct Follower {
    lane: Arc<Lane>,
    /// Whether it reads the keys that decisions are recorded with now.
    same_keys: bool,
    same_buckets: bool,
}

/// All lanes: one immutable value.
#[derive(Clone, Debug)]
pub(super) struct Lanes {
    pub(super) champion: Arc<Lane>,
    followers: Vec<Follower>,
    /// The one of the followers that decides about a share of the items.
    canary: Option<(f64, Arc<Lane>)>,
}

impl Lane {
    /// One that knows everything so far.
    pub(super) fn whole(grounds: Grounds, genesis: Arc<History>, history: Arc<History>, flow: Arc<Flow>) -> Self {
        Self { grounds, genesis, history, flow, missed: Mutex::default(), caught_up: AtomicBool::new(true) }
    }

    /// One that keeps what happens while what was before is still being folded.
    pub(super) fn behind(grounds: Grounds, genesis: Arc<History>, history: Arc<History>, flow: Arc<Flow>) -> Self {
        Self { caught_up: AtomicBool::new(false), ..Self::whole(grounds, genesis, history, flow) }
    }

    /// Folds what was missed so far. Returns how much that was; the caller goes on until that is little.
    pub(super) fn catch_up(&self) -> usize {
        let missed = std::mem::take(&mut *self.missed.lock().unwrap_or_else(PoisonError::into_inner));
        for one in &missed {
            self.fold(one);
        }
        missed.len()
    }

    /// From now on what happens is folded as it does. Nobody else may be at work.
    pub(super) fn is_level(&self) {
        self.catch_up();
        self.caught_up.store(true, Ordering::Release);
    }

    fn happened(&self, one: Missed) {
        if self.caught_up.load(Ordering::Acquire) {
            self.fold(&one);
        } else {
            self.missed.lock().unwrap_or_else(PoisonError::into_inner).push(one);
        }
    }

    fn fold(&self, one: &Missed) {
        match one {
            Missed::Advised(at, keys) => self.history.fold(&Event::Advised { at: *at, footprint: keys.footprint() }),
            Missed::Decided { at, seen, route, cause, of_model } => {
                self.flow.add(*at, seen, *route, *cause, *of_model);
            }
            Missed::Found { at, keys, infringement } => {
                self.history.fold(&Event::Outcome { at: *at, keys, infringement: *infringement });
            }
        }
    }
}

impl Lanes {
    pub(super) fn of(champion: Arc<Lane>) -> Self {
        Self { champion, followers: Vec::new(), canary: None }
    }

    /// These lanes with `champion` first: those of `others` go on beside it, and no other.
    pub(super) fn with(champion: Arc<Lane>, others: impl IntoIterator<Item = Arc<Lane>>) -> Self {
        let now = &champion.grounds;
        let follower = |lane: Arc<Lane>| Follower {
            same_keys: lane.grounds.feature_spec_digest == now.feature_spec_digest,
            same_buckets: lane.grounds.bucket_seconds == now.bucket_seconds,
            lane,
        };
        let others = others.into_iter().filter(|lane| !Arc::ptr_eq(lane, &champion));
        Self { followers: others.map(follower).collect(), champion, canary: None }
    }

    /// These lanes, of which one of the others decides about a share of the items, or none does.
    pub(super) fn with_canary(self, canary: Option<(f64, Arc<Lane>)>) -> Self {
        let canary = canary.filter(|(_, lane)| self.others().any(|other| Arc::ptr_eq(other, lane)));
        Self { canary, ..self }
    }

    /// The one that decides about a share of the items.
    pub(super) fn canary(&self) -> Option<(f64, Arc<Lane>)> {
        self.canary.clone()
    }

    /// The lane of the model that decides about the item of this hash.
    pub(super) fn of_item(&self, item: u64) -> &Arc<Lane> {
        match &self.canary {
            Some((share, lane)) if is_in_canary(item, *share) => lane,
            _ => &self.champion,
        }
    }

    /// Every lane but that of the model that decides.
    pub(super) fn others(&self) -> impl Iterator<Item = &Arc<Lane>> {
        self.followers.iter().map(|follower| &follower.lane)
    }

    /// Every lane but some.
    pub(super) fn all_but(&self, gone: &[Arc<Lane>]) -> Vec<Arc<Lane>> {
        let all = std::iter::once(&self.champion).chain(self.others());
        all.filter(|lane| !gone.iter().any(|gone| Arc::ptr_eq(gone, lane))).cloned().collect()
    }

    /// Adds what was seen. What a restart would fold from the ledger is what is folded here.
    pub(super) fn advised(&self, at: Bucket, keys: &ParcelKeys, seen_at: &SeenAt) {
        for lane in self.of_same_keys(at) {
            lane.happened(Missed::Advised(at, keys.clone()));
        }
        self.champion.history.fold_soon(at, keys.footprint(), seen_at);
    }

    /// Adds what was decided about an item that was never advised before, by the model of `by`.
    pub(super) fn decided(&self, at: Bucket, by: &Lane, seen: &Seen, route: Route, cause: RouteCause) {
        let is_of = |lane: &Lane| lane.grounds.same_scores(&by.grounds);
        self.champion.flow.add(at, seen, route, cause, is_of(&self.champion));
        for Follower { lane, .. } in self.followers.iter().filter(|follower| follower.same_buckets) {
            lane.happened(Missed::Decided { at, seen: seen.clone(), route, cause, of_model: is_of(lane) });
        }
    }

    /// Adds what was found.
    pub(super) fn found(&self, at: Bucket, keys: &[EntityKey], infringement: bool) {
        self.champion.history.fold(&Event::Outcome { at, keys, infringement });
        for lane in self.of_same_keys(at) {
            lane.happened(Missed::Found { at, keys: keys.to_vec(), infringement });
        }
    }

    fn of_same_keys(&self, at: Bucket) -> impl Iterator<Item = &Arc<Lane>> {
        let reads = move |follower: &&Follower| follower.same_keys && at >= follower.lane.grounds.first_bucket();
        self.followers.iter().filter(reads).map(|follower| &follower.lane)
    }
}

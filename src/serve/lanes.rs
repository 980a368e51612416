//! A history for each model that decides or may: all go on with what happens, so that another one can take over between
//! two parcels.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
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
    /// The last bucket that it came to while it was behind.
    reached: AtomicU32,
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
        let (missed, caught_up, reached) = (Mutex::default(), AtomicBool::new(true), AtomicU32::new(0));
        Self { grounds, genesis, history, flow, missed, caught_up, reached }
    }

    /// One that keeps what happens while what was before is still being folded.
    pub(super) fn behind(grounds: Grounds, genesis: Arc<History>, history: Arc<History>, flow: Arc<Flow>) -> Self {
        Self { caught_up: AtomicBool::new(false), ..Self::whole(grounds, genesis, history, flow) }
    }

    /// The ledger is folded into it up to a record of that bucket.
    pub(super) fn is_at(&self, reached: Bucket) {
        self.reached.store(reached.0, Ordering::Relaxed);
    }

    /// Whether what happens is folded into it as it does.
    pub(super) fn is_caught_up(&self) -> bool {
        self.caught_up.load(Ordering::Acquire)
    }

    /// Comes to a bucket: where it is a later one, what is too much is forgotten first, as in a fold of the ledger. Whoever is
    /// level comes there with all others.
    fn reach(&self, at: Bucket) {
        if self.reached.fetch_max(at.0, Ordering::Relaxed) < at.0 {
            self.history.evict_stalest(self.grounds.most_entities());
        }
    }

    /// Folds what was missed so far. Returns how much that was; the caller goes on until that is little.
    pub(super) fn catch_up(&self) -> usize {
        let missed = std::mem::take(&mut *self.missed.lock().unwrap_or_else(PoisonError::into_inner));
        for one in &missed {
            self.reach(one.at());
            self.fold(one);
        }
        missed.len()
    }

    /// From now on what happens is folded as it does. Nobody else may be at work in the bucket that is open.
    pub(super) fn is_level(&self, open: Bucket) {
        self.catch_up();
        self.reach(open);
        self.caught_up.store(true, Ordering::Release);
    }

    fn happened(&self, one: Missed) {
        if self.is_caught_up() {
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

impl Missed {
    fn at(&self) -> Bucket {
        match self {
            Self::Advised(at, _) | Self::Decided { at, .. } | Self::Found { at, .. } => *at,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Engine;
    use crate::features::RatesConfig;
    use crate::history::{HistoryConfig, Snapshot};
    use crate::ledger::LedgerConfig;
    use crate::policy::ThresholdsConfig;

    const FIRST: u32 = 1000;

    fn behind(max_entities: u32) -> Lane {
        let artifact = crate::artifact::Artifact::embedded().unwrap();
        let (rates, policy) = (RatesConfig::default().check().unwrap(), ThresholdsConfig::default().check().unwrap());
        let (model, model_ref) = (Arc::clone(artifact.model()), Arc::clone(artifact.model_ref()));
        let engine = Engine::new(model, model_ref, rates, policy).unwrap();
        let grounds = Grounds::new(&engine, 0, &LedgerConfig::default(), &HistoryConfig { max_entities });
        let history = Arc::new(History::empty(artifact.settled_history().decay()));
        Lane::behind(grounds, Arc::clone(&history), history, Arc::new(engine.flow()))
    }

    /// Fifty parcels a bucket, each of an entity of its own.
    fn found(n: u64) -> (Bucket, Vec<EntityKey>) {
        (Bucket(FIRST + u32::try_from(n / 50).unwrap()), vec![EntityKey(n)])
    }

    #[test]
    fn one_that_is_behind_forgets_in_the_same_buckets_as_a_fold_of_the_ledger() {
        let (lane, most) = (behind(120), 120);
        let fold = History::empty(lane.history.decay());
        let mut reached = Bucket(FIRST);
        for n in 0..500 {
            let (at, keys) = found(n);
            if at > reached {
                reached = at;
                fold.evict_stalest(most);
            }
            fold.fold(&Event::Outcome { at, keys: &keys, infringement: n % 7 == 0 });
        }
        // What is folded from the ledger itself, some that was missed at once, and the rest when it is level.
        for n in 0..75 {
            let (at, keys) = found(n);
            lane.history.fold(&Event::Outcome { at, keys: &keys, infringement: n % 7 == 0 });
        }
        lane.is_at(Bucket(FIRST + 1));
        for n in 75..500 {
            let (at, keys) = found(n);
            lane.happened(Missed::Found { at, keys, infringement: n % 7 == 0 });
            if n == 333 {
                lane.catch_up();
            }
        }
        let open = Bucket(FIRST + 10);
        fold.evict_stalest(most);
        lane.is_level(open);
        assert!(Snapshot::of(&lane.history, Vec::new()) == Snapshot::of(&fold, Vec::new()));
        assert!((1..=most).contains(&fold.n_entities()));
    }
}

//! Another model in the place of the one that decides, where decisions are recorded.

use std::sync::{Arc, PoisonError, mpsc};

use super::Recorder;
use super::lanes::{Lane, Lanes};
use crate::artifact::Artifact;
use crate::engine::Engine;
use crate::history::{History, Workers};
use crate::ledger::{Appended, Content, Fold, LedgerError, Slot, Submission};
use crate::policy::Policy;
use crate::registry::ModelEvent;

/// When fewer events than this are still to be folded, the rest is folded while calls wait: some ten microseconds.
const FEW: usize = 32;

/// What can't be written where that is so.
const CHANGE: &str = "the change of model";

impl Recorder {
    /// Records what became of a model.
    ///
    /// # Errors
    /// [`LedgerError`] where it can't be recorded.
    pub(super) fn note(&self, event: &ModelEvent) -> Result<(), LedgerError> {
        let told = self.live().in_bucket(self.live().open(), |at| self.hand_over(event.to_content(at)));
        self.written(told, CHANGE).map(drop)
    }

    /// Makes the history that a model would decide by, beside that of the one that decides: what it was trained on, all
    /// that the ledger has on top of it, and what happens meanwhile. `event` marks the place from which on it goes along.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger can't be read or written.
    pub(super) fn follow(
        &self,
        artifact: &Artifact,
        engine: &Engine,
        event: &ModelEvent,
    ) -> Result<Arc<Lane>, LedgerError> {
        let now = self.grounds();
        let grounds = now.of_model(engine, artifact.manifest().data.until_seconds);
        let mut fold =
            Fold::new(grounds.clone(), History::clone(artifact.settled_history()), engine.flow(), Workers::Own);
        let (history, flow) = fold.parts();
        let genesis = Arc::clone(artifact.settled_history());
        let lane = Arc::new(Lane::behind(grounds, genesis, history, flow));
        let told = self.live().alone(self.live().open(), |at| {
            self.change_lanes(|lanes| {
                let all = lanes.others().cloned().chain([Arc::clone(&lane)]);
                Lanes::with(Arc::clone(&lanes.champion), all).with_canary(lanes.canary())
            });
            self.hand_over(event.to_content(at))
        });
        let caught_up = self.written(told, CHANGE).and_then(|seq| {
            // Records after this one are already on their way into the lane.
            self.reader().scan::<LedgerError>(0, |record| if record.seq < seq { fold.add(&record) } else { Ok(()) })
        });
        fold.settle();
        lane.is_at(fold.reached());
        if let Err(error) = caught_up {
            self.forget(&lane);
            return Err(error);
        }
        while lane.catch_up() > FEW {}
        self.live().alone(self.live().open(), |open| {
            lane.is_level(open);
            self.change_lanes(Lanes::clone);
        });
        Ok(lane)
    }

    /// Lets a lane go.
    pub(super) fn forget(&self, lane: &Arc<Lane>) {
        self.live().alone(self.live().open(), |_| {
            self.change_lanes(|lanes| {
                let all = lanes.all_but(std::slice::from_ref(lane));
                Lanes::with(Arc::clone(&lanes.champion), all).with_canary(lanes.canary())
            });
        });
    }

    /// The model of `lane` decides from now on, between two parcels: `store` puts it in the place of the other while
    /// nobody is at work. Lanes that are `gone` are let go; all others go on, also one that is being made.
    ///
    /// # Errors
    /// [`LedgerError`] where that can't be recorded now; nothing has changed then.
    pub(super) fn change_model(
        &self,
        lane: &Arc<Lane>,
        gone: &[Arc<Lane>],
        event: &ModelEvent,
        store: impl FnOnce() -> Policy,
    ) -> Result<(), LedgerError> {
        let _one_at_a_time = self.changing().lock().unwrap_or_else(PoisonError::into_inner);
        let (for_grounds, for_event) = (self.room(CHANGE)?, self.room(CHANGE)?);
        let told = self.live().alone(lane.grounds.first_bucket(), |at| {
            let policy = store();
            let grounds = lane.grounds.under(&policy);
            let told = self.put(for_grounds, grounds.to_content(at));
            self.put(for_event, event.to_content(at));
            self.set_grounds(grounds);
            self.change_lanes(|lanes| Lanes::with(Arc::clone(lane), lanes.all_but(gone)));
            told
        });
        // It decides whether or not the disk goes along: what follows is recorded after this, or not at all.
        let _ = self.written(Some(told), CHANGE);
        Ok(())
    }

    /// The model of `canary` decides about a share of the items from now on, or none does but the champion's.
    ///
    /// # Errors
    /// [`LedgerError`] where that can't be recorded now; nothing has changed then.
    pub(super) fn change_canary(
        &self,
        canary: Option<(f64, Arc<Lane>)>,
        event: &ModelEvent,
        store: impl FnOnce(),
    ) -> Result<(), LedgerError> {
        let _one_at_a_time = self.changing().lock().unwrap_or_else(PoisonError::into_inner);
        let (for_grounds, for_event) = (self.room(CHANGE)?, self.room(CHANGE)?);
        let told = self.live().alone(self.live().open(), |at| {
            store();
            let grounds = self.grounds().with_canary(canary.as_ref().map(|(share, lane)| (*share, &lane.grounds)));
            let told = self.put(for_grounds, grounds.to_content(at));
            self.put(for_event, event.to_content(at));
            self.set_grounds(grounds);
            self.change_lanes(|lanes| lanes.clone().with_canary(canary));
            told
        });
        let _ = self.written(Some(told), CHANGE);
        Ok(())
    }

    /// Room for what must be on record once it holds: taken before, for later there may be none.
    pub(super) fn room(&self, what: &str) -> Result<Slot, LedgerError> {
        let slot = if self.ledger().is_failing() { None } else { self.ledger().reserve().ok() };
        slot.ok_or_else(|| self.unwritten(what))
    }

    /// Hands a record over without waiting. `None` where there is no room.
    fn hand_over(&self, content: Content) -> Option<mpsc::Receiver<Appended>> {
        Some(self.put(self.ledger().reserve().ok()?, content))
    }

    /// Hands a record over that has its room.
    pub(super) fn put(&self, slot: Slot, content: Content) -> mpsc::Receiver<Appended> {
        let (told, tell) = mpsc::channel();
        let done = Box::new(move |appended| {
            let _ = told.send(appended);
        });
        self.ledger().submit(Submission { content, slot, done, held: None, is_first: false });
        tell
    }

    /// Its number, once it is written. `what` it is where it can't be, or the disk hangs.
    pub(super) fn written(&self, told: Option<mpsc::Receiver<Appended>>, what: &str) -> Result<i64, LedgerError> {
        self.ledger().write_out();
        match told.and_then(|told| self.ledger().told(&told)) {
            Some(Appended::Recorded { seq, .. } | Appended::Known { seq, .. }) => Ok(seq),
            _ => Err(self.unwritten(what)),
        }
    }

    pub(super) fn unwritten(&self, what: &str) -> LedgerError {
        LedgerError::Record { seq: self.ledger().head().seq + 1, what: format!("{what} can't be written") }
    }
}

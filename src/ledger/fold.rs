//! A fold of records: history, and what passed of late, as they follow from a ledger alone.

use std::sync::Arc;

use super::LedgerError;
use super::grounds::Grounds;
use super::imported::KeptImport;
use super::kept::KeptDecision;
use super::outcome::KeptOutcome;
use super::record::{self, Kind, Record};
use crate::features::ParcelKeys;
use crate::history::{Bucket, Event, History, Sequence, Workers};
use crate::policy::{Flow, Route, RouteCause};

/// Records folded in their order.
#[derive(Debug)]
pub struct Fold {
    /// Whose history it is.
    grounds: Grounds,
    /// Those of the records that come.
    pub(super) recorded_on: Option<Grounds>,
    pub(super) history: Arc<History>,
    /// What is yet to be folded: some at a time, most of them far away in memory, are there sooner than one by one.
    waiting: Sequence,
    pub(super) flow: Arc<Flow>,
    /// The bucket of the last record.
    pub(super) reached: Bucket,
}

impl Fold {
    /// Nothing but what the model knows from its training.
    pub fn new(grounds: Grounds, genesis: History, flow: Flow, workers: Workers) -> Self {
        let (history, flow, waiting) = (Arc::new(genesis), Arc::new(flow), Sequence::of(workers));
        Self { grounds, recorded_on: None, history, waiting, flow, reached: Bucket::default() }
    }

    /// Comes to a bucket: where it is a later one, what is too much is forgotten first, as while serving.
    pub fn reach(&mut self, at: Bucket) {
        if at > self.reached {
            self.reached = at;
            let most = self.grounds.most_entities();
            if self.history.n_entities() + self.waiting.n_counts() > most {
                self.settle();
                self.history.evict_stalest(most);
            }
        }
    }

    /// Adds a record.
    ///
    /// # Errors
    /// [`LedgerError::Record`] where it can't be unpacked.
    pub fn add(&mut self, record: &Record) -> Result<(), LedgerError> {
        let unreadable = |what| LedgerError::Record { seq: record.seq, what };
        let record::Content { kind, bucket, body, .. } = &record.content;
        self.reach(*bucket);
        let included = |fold: &Self| fold.recorded_on.as_ref().is_some_and(|on| fold.grounds.include(on, *bucket));
        match kind {
            Kind::Grounds => self.recorded_on = Some(Grounds::from_body(body).map_err(unreadable)?),
            Kind::Decision => {
                let kept = KeptDecision::from_body(body).map_err(unreadable)?;
                if !kept.counts {
                    return Ok(());
                }
                if let Some(on) =
                    self.recorded_on.as_ref().filter(|on| on.bucket_seconds == self.grounds.bucket_seconds)
                    && let Some(route) = record.content.route.and_then(Route::from_number)
                    && let Some(cause) = RouteCause::from_number(kept.route_cause)
                {
                    let decided_by = on.decides(record.content.item.unwrap_or_default());
                    self.flow.add(*bucket, &kept.seen, route, cause, self.grounds.model_digest == decided_by);
                }
                if included(self) {
                    let keys = ParcelKeys::from(kept.keys);
                    self.wait(&Event::Advised { at: *bucket, footprint: keys.footprint() });
                }
            }
            Kind::Imported if included(self) => {
                let kept = KeptImport::from_body(body).map_err(unreadable)?;
                let keys = ParcelKeys::from(kept.keys);
                self.wait(&Event::Advised { at: *bucket, footprint: keys.footprint() });
            }
            Kind::Outcome if included(self) => {
                let kept = KeptOutcome::of(&record.content).map_err(unreadable)?;
                if let Some((infringement, keys)) = kept.label() {
                    self.wait(&Event::Outcome { at: *bucket, keys: &keys, infringement });
                }
            }
            Kind::Imported | Kind::Outcome | Kind::Repeat | Kind::Model | Kind::Erasure => {}
        }
        Ok(())
    }

    fn wait(&mut self, event: &Event<'_>) {
        self.history.fold_in_turn(event, &mut self.waiting);
    }

    /// Folds what waits: from here on whoever has the [history](Self::parts) sees all that was added.
    pub fn settle(&mut self) {
        self.history.fold_sequence(&mut self.waiting);
    }

    /// As it stands.
    pub fn history(&mut self) -> &History {
        self.settle();
        &self.history
    }

    /// What passed of late, as it stands.
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// Both, to go on with; more records may still be added, and are seen once it is [settled](Self::settle).
    pub fn parts(&mut self) -> (Arc<History>, Arc<Flow>) {
        self.settle();
        (Arc::clone(&self.history), Arc::clone(&self.flow))
    }

    /// The bucket of the last record.
    pub fn reached(&self) -> Bucket {
        self.reached
    }

    /// The grounds of the records that come now.
    pub fn recorded_on(&self) -> Option<&Grounds> {
        self.recorded_on.as_ref()
    }
}

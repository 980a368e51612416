//! A decision between being made and being on record.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::sync::oneshot::error::TryRecvError;

use super::Recorder;
use super::status::Refusal;
use crate::history::Bucket;
use crate::ledger::{Appended, LOOK_EVERY, Ledger, Unavailable};
use crate::parcel::Parcel;
use crate::wire::{self, v1};

/// A decision on its way into the ledger.
pub(super) struct Submitted {
    pub(super) decision: v1::Decision,
    pub(super) at: Bucket,
    pub(super) became: oneshot::Receiver<Appended>,
    pub(super) parcel: Parcel,
    pub(super) recorder: Arc<Recorder>,
}

impl Submitted {
    /// The parcel, what was decided about it, and in which bucket.
    pub(super) fn decided(&self) -> (&Parcel, &v1::Decision, Bucket) {
        (&self.parcel, &self.decision, self.at)
    }

    /// The decision once the ledger has it.
    pub(super) async fn recorded(self) -> Result<v1::Decision, Refusal> {
        let Self { mut decision, mut became, recorder, .. } = self;
        let appended = match became.try_recv() {
            Err(TryRecvError::Empty) => {
                if !recorder.ledger().hangs() {
                    tokio::spawn(write_out(Arc::clone(&recorder)));
                }
                told(&mut became, recorder.ledger()).await
            }
            known => known.ok(),
        };
        drop(recorder);
        match appended {
            Some(Appended::Recorded { recorded_at_micros, .. } | Appended::Known { recorded_at_micros, .. }) => {
                decision.decided_at = Some(wire::timestamp_micros(recorded_at_micros));
            }
            Some(Appended::Spilled { recorded_at_micros }) => {
                decision.decided_at = recorded_at_micros.map(wire::timestamp_micros);
                decision.degraded.push("ledger".to_owned());
            }
            Some(Appended::Refused) => {
                return Err(Refusal::LedgerUnavailable(Unavailable::Failing));
            }
            None => return Err(Refusal::Internal),
        }
        Ok(decision)
    }
}

/// Writes what was handed over, on a task of its own: where the disk hangs, it hangs with one thread and no call.
async fn write_out(recorder: Arc<Recorder>) {
    loop {
        // Calls that came together are written together: those that can go on now decide first. And no answer that was
        // told of meanwhile waits behind the next write, on a thread that may hang.
        tokio::task::yield_now().await;
        if !recorder.ledger().write_once() {
            return;
        }
    }
}

/// What became of a record. One that waits for a write that hangs is answered as one that can't be written.
async fn told(became: &mut oneshot::Receiver<Appended>, ledger: &Ledger) -> Option<Appended> {
    loop {
        if ledger.hangs() {
            return Some(ledger.unwritten());
        }
        if let Ok(told) = tokio::time::timeout(LOOK_EVERY, &mut *became).await {
            return told.ok();
        }
    }
}

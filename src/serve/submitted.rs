//! A decision between being made and being on record.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::Recorder;
use super::status::Refusal;
use crate::ledger::{Appended, Unavailable};
use crate::wire::{self, v1};

/// A decision on its way into the ledger.
pub(super) struct Submitted {
    pub(super) decision: v1::Decision,
    pub(super) became: oneshot::Receiver<Appended>,
    pub(super) recorder: Arc<Recorder>,
}

impl Submitted {
    /// The decision once the ledger has it.
    pub(super) async fn recorded(self: Box<Self>) -> Result<v1::Decision, Refusal> {
        let Self { mut decision, became, recorder } = *self;
        match recorder.writing().told(became).await {
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

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
        let of_record = answer_of(recorder.writing().told(became).await)?;
        (decision.decided_at, decision.degraded) = (of_record.decided_at, of_record.degraded);
        Ok(decision)
    }
}

/// What a record tells of its decision, and no other field.
pub(super) fn answer_of(became: Option<Appended>) -> Result<v1::Decision, Refusal> {
    let (decided_at_micros, degraded) = match became {
        Some(Appended::Recorded { recorded_at_micros, .. } | Appended::Known { recorded_at_micros, .. }) => {
            (Some(recorded_at_micros), Vec::new())
        }
        Some(Appended::Spilled { recorded_at_micros }) => (recorded_at_micros, vec!["ledger".to_owned()]),
        Some(Appended::Refused) => return Err(Refusal::LedgerUnavailable(Unavailable::Failing)),
        None => return Err(Refusal::Internal),
    };
    let decided_at = decided_at_micros.map(wire::timestamp_micros);
    Ok(v1::Decision { decided_at, degraded, ..v1::Decision::default() })
}

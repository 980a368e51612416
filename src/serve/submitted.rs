//! A decision between being made and being on record.

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use prost::Message as _;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::Scorer;
use super::answered::{Reply, put_id};
use super::counted::took;
use super::status::Refusal;
use crate::engine::{Decision, ModelRef};
use crate::history::Bucket;
use crate::ledger::{Appended, Unavailable};
use crate::reasons::Language;
use crate::telemetry::{Metrics, Stage};
use crate::wire::{self, v1};

/// A decision that was made.
pub(super) struct Made {
    /// Without its identifier and its grounds.
    pub(super) decision: v1::Decision,
    pub(super) id: Uuid,
    pub(super) model: Arc<ModelRef>,
}

impl Made {
    /// Writes a decision of `scorer` behind what is in `reply`; what of that its record keeps: not its identifier and its model,
    /// which the record and its grounds tell.
    ///
    /// * `started`: when it was begun to decide.
    pub(super) fn write(
        decision: Decision,
        scorer: &Scorer,
        language: Language,
        started: Instant,
        reply: &mut Vec<u8>,
        metrics: &Metrics,
    ) -> (Self, Range<usize>) {
        let decided = Instant::now();
        let (id, model) = (decision.decision_id, Arc::clone(&decision.model));
        let decision = wire::from_decision_alone(decision, language);
        let (told, begin) = (scorer.told(), reply.len());
        decision.encode(reply).expect("a vector grows");
        reply.extend_from_slice(&told.policy);
        let kept = begin..reply.len();
        reply.extend_from_slice(&told.model);
        put_id(id, reply);
        took(Stage::Decide, decided - started, metrics);
        metrics.took_by(&model.version, decided - started);
        took(Stage::Encode, decided.elapsed(), metrics);
        (Self { decision, id, model }, kept)
    }
}

/// A decision on its way into the ledger.
pub(super) struct Submitted {
    pub(super) made: Made,
    pub(super) at: Bucket,
    pub(super) became: oneshot::Receiver<Appended>,
}

/// What a record tells of its decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OnRecord {
    decided_at_micros: Option<i64>,
    /// Whether it waits in memory still.
    pub(super) is_degraded: bool,
}

impl OnRecord {
    /// From what became of the record; `None` where that will never be known.
    pub(super) fn of(became: Option<Appended>) -> Result<Self, Refusal> {
        match became {
            Some(Appended::Recorded { recorded_at_micros, .. } | Appended::Known { recorded_at_micros, .. }) => {
                Ok(Self { decided_at_micros: Some(recorded_at_micros), is_degraded: false })
            }
            Some(Appended::Spilled { recorded_at_micros }) => {
                Ok(Self { decided_at_micros: recorded_at_micros, is_degraded: true })
            }
            Some(Appended::Refused) => Err(Refusal::LedgerUnavailable(Unavailable::Failing)),
            None => Err(Refusal::Internal),
        }
    }

    /// The decision, of which `reply` is all that its record does not tell.
    pub(super) fn completes(self, mut reply: Vec<u8>) -> Reply {
        self.fields().encode(&mut reply).expect("a vector grows");
        Reply(reply)
    }

    /// The fields of the decision that tell it.
    pub(super) fn fields(self) -> v1::Decision {
        let decided_at = self.decided_at_micros.map(wire::timestamp_micros);
        let degraded = if self.is_degraded { vec!["ledger".to_owned()] } else { Vec::new() };
        v1::Decision { decided_at, degraded, ..v1::Decision::default() }
    }
}

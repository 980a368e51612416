//! Some requests of a batch, when all was done with them that can be without waiting.

use std::sync::Arc;

use prost::Message as _;
use tokio::sync::oneshot;

use super::Recorder;
use super::answered::{Reply, Results};
use super::door::Answering;
use super::status::Refusal;
use crate::ledger::Appended;
use crate::telemetry::Metrics;

/// The results of some requests, of which some may wait for the ledger.
pub(super) enum Begun {
    Answered(Results),
    Recording(Recording),
}

/// Decisions that wait for their records. They are encoded by the thread that made them: the pieces that each consists of
/// would be given back by another, long after they have left its caches.
pub(super) struct Recording {
    recorder: Arc<Recorder>,
    /// Each but for what its record tells of it, one after the other.
    pub(super) decisions: Vec<u8>,
    parcels: Vec<One>,
}

enum One {
    Refused(Box<Refusal>),
    /// Its decision ends there.
    Submitted {
        end: usize,
        became: oneshot::Receiver<Appended>,
    },
    /// A request with an identifier of its own may wait for another one.
    Apart(Answering),
}

impl Recording {
    /// Room for so many that `recorder` records.
    pub(super) fn with_capacity(recorder: Arc<Recorder>, n: usize) -> Self {
        Self { recorder, decisions: Reply::room(n), parcels: Vec::with_capacity(n) }
    }

    /// Adds one whose decision was added to the others, or that was refused.
    pub(super) fn add(&mut self, submitted: Result<oneshot::Receiver<Appended>, Refusal>) {
        self.parcels.push(match submitted {
            Ok(became) => One::Submitted { end: self.decisions.len(), became },
            Err(refusal) => One::Refused(Box::new(refusal)),
        });
    }

    pub(super) fn add_apart(&mut self, answer: Answering) {
        self.parcels.push(One::Apart(answer));
    }

    /// The results, once the ledger has each decision.
    pub(super) async fn recorded(self, metrics: &Metrics) -> Results {
        let mut results = Results::with_capacity(self.parcels.len());
        let (mut begin, mut of_record) = (0, Vec::new());
        for one in self.parcels {
            match one {
                One::Refused(refusal) => results.add(Err(*refusal)),
                One::Apart(answer) => results.add(answer.await),
                One::Submitted { end, became } => {
                    match self.recorder.on_record(became, metrics).await {
                        Ok(told) => {
                            of_record.clear();
                            told.fields().encode(&mut of_record).expect("a vector grows");
                            results.add_decision([self.decisions.get(begin..end).unwrap_or_default(), &of_record]);
                        }
                        Err(refusal) => results.add(Err(refusal)),
                    }
                    begin = end;
                }
            }
        }
        results
    }
}

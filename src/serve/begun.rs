//! Some requests of a batch, when all was done with them that can be without waiting.

use std::sync::Arc;
use std::time::Instant;

use prost::Message as _;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Recorder;
use super::batches::Written;
use super::counted::{degraded, took};
use super::door::result;
use super::status::Refusal;
use super::submitted::{Submitted, answer_of};
use crate::ledger::Appended;
use crate::telemetry::{Metrics, Stage};
use crate::wire::v1;

/// The results of some requests, of which some may wait for the ledger.
pub(super) enum Begun {
    Answered(Written),
    Recording(Recording),
}

/// Decisions that wait for their records. They are encoded by the thread that made them: the pieces that each consists of
/// would be given back by another, long after they have left its caches.
pub(super) struct Recording {
    recorder: Arc<Recorder>,
    /// Each but for what its record tells of it, one after the other.
    decisions: Vec<u8>,
    parcels: Vec<One>,
}

enum One {
    Answered(Box<v1::ScoreResult>),
    /// Its decision ends there.
    Submitted {
        end: usize,
        became: oneshot::Receiver<Appended>,
    },
    /// A request with an identifier of its own may wait for another one.
    Apart(JoinHandle<Result<v1::Decision, Refusal>>),
}

/// What most decisions take, without reasons.
const DECISION_BYTES: usize = 320;

impl Recording {
    /// Room for so many that `recorder` records.
    pub(super) fn with_capacity(recorder: Arc<Recorder>, n: usize) -> Self {
        Self { recorder, decisions: Vec::with_capacity(DECISION_BYTES * n), parcels: Vec::with_capacity(n) }
    }

    pub(super) fn add(&mut self, submitted: Submitted) {
        submitted.decision.encode(&mut self.decisions).expect("a vector grows");
        self.parcels.push(One::Submitted { end: self.decisions.len(), became: submitted.became });
    }

    pub(super) fn add_refused(&mut self, refusal: Refusal) {
        self.parcels.push(One::Answered(Box::new(result(Err(refusal)))));
    }

    pub(super) fn add_apart(&mut self, answer: JoinHandle<Result<v1::Decision, Refusal>>) {
        self.parcels.push(One::Apart(answer));
    }

    /// The results, once the ledger has each decision.
    pub(super) async fn recorded(self, metrics: &Metrics) -> Written {
        let mut written = Written::with_capacity(self.parcels.len());
        let mut begin = 0;
        for one in self.parcels {
            match one {
                One::Answered(answer) => written.add(&answer),
                One::Apart(answer) => written.add(&result(answer.await.unwrap_or(Err(Refusal::Internal)))),
                One::Submitted { end, became } => {
                    let started = Instant::now();
                    let told = answer_of(self.recorder.writing().told(became).await);
                    took(Stage::Record, started.elapsed(), metrics);
                    match told {
                        Ok(of_record) => {
                            degraded(&of_record, metrics);
                            written.add_decision(self.decisions.get(begin..end).unwrap_or_default(), &of_record);
                        }
                        Err(refusal) => written.add(&result(Err(refusal))),
                    }
                    begin = end;
                }
            }
        }
        written
    }
}

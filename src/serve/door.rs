//! The door by which every method scores: with a ledger behind it, or none.

use std::future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::future::Either;
use prost::Message as _;
use rayon::iter::ParallelIterator as _;
use rayon::slice::ParallelSlice as _;
use tokio::sync::oneshot;
use tonic::metadata::MetadataMap;
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use super::access::permit;
use super::admission::Permit;
use super::answered::{Reply, Results};
use super::begun::{Begun, Recording};
use super::codec::names_one_twice;
use super::counted::{decided, refused, took};
use super::lists::Lists;
use super::recorder::{Asked, Recorder};
use super::requests::{Claim, Told, Turn};
use super::status::Refusal;
use super::submitted::{Made, Submitted};
use super::{Lifecycle, Scorer};
use crate::engine::{Explanation, ModelRef};
use crate::history::Bucket;
use crate::ledger::{self, Appended};
use crate::parcel::{InvalidParcel, Parcel, Problem, Violation};
use crate::reasons::Language;
use crate::telemetry::{Metrics, Stage};
use crate::wire::{self, v1};

/// Scores requests, and records what was decided where there is a ledger.
#[derive(Clone, Debug)]
pub(super) struct Door {
    scorer: Arc<ArcSwap<Scorer>>,
    recorder: Option<Arc<Recorder>>,
    metrics: Arc<Metrics>,
    lifecycle: Option<Arc<Lifecycle>>,
}

/// An answer that may wait for the ledger.
pub(super) type Answering =
    Either<future::Ready<Result<Reply, Refusal>>, Pin<Box<dyn Future<Output = Result<Reply, Refusal>> + Send>>>;

/// One that waits for nothing.
pub(super) fn at_once(answer: Result<Reply, Refusal>) -> Answering {
    Either::Left(future::ready(answer))
}

/// Most parcels of a batch that a thread takes together: to share a batch then costs nothing.
const AT_ONCE: usize = 16;

/// Pieces of a batch for each thread, so that all are at work to its end.
const PIECES: usize = 4;

/// Longest `request_id`, in bytes.
const MAX_REQUEST_ID_BYTES: usize = 256;

impl Door {
    pub(super) fn new(
        scorer: Arc<ArcSwap<Scorer>>,
        recorder: Option<Arc<Recorder>>,
        metrics: Arc<Metrics>,
        lifecycle: Option<Arc<Lifecycle>>,
    ) -> Self {
        Self { scorer, recorder, metrics, lifecycle }
    }

    /// Whether an answer waits for nothing.
    pub(super) fn answers_at_once(&self) -> bool {
        self.recorder.is_none()
    }

    /// Scores one request. What can be done without waiting is done when this returns: on the async worker, for it takes
    /// microseconds, less than a hop to another thread. What is left to wait for is small, and is handed on by many.
    pub(super) fn score(&self, request: v1::ScoreParcelRequest, language: Language) -> Answering {
        let Some(recorder) = &self.recorder else {
            return at_once(self.counted(self.decided_now(request, language)));
        };
        if !request.request_id.is_empty() {
            let (door, recorder) = (self.clone(), Arc::clone(recorder));
            // In the order of the requests: the first of those with one name is the one that counts.
            let turn = recorder.requests().turn_now(&request.request_id);
            // It may wait for another of the same name, and goes on by itself: whoever asks again is to be told.
            let answer = tokio::spawn(async move {
                let answer = door.score_once(&recorder, request, language, turn).await;
                door.counted(answer)
            });
            return Either::Right(Box::pin(async move { answer.await.unwrap_or(Err(Refusal::Internal)) }));
        }
        let mut reply = Reply::room(1);
        match self.submit(recorder, request, language, None, &mut reply) {
            Ok(became) => {
                let (recorder, metrics) = (Arc::clone(recorder), Arc::clone(&self.metrics));
                Either::Right(Box::pin(
                    async move { counted(recorded(&recorder, became, reply, &metrics).await, &metrics) },
                ))
            }
            Err(refusal) => at_once(self.counted(Err(refusal))),
        }
    }

    /// Scores a batch; one bad request fails alone. `room` comes with the results; where the call was cancelled before, it is
    /// given back when the work is done.
    ///
    /// # Errors
    /// [`Refusal::NoExplanation`] where a request asks for what the caller may not see.
    pub(super) async fn score_all(
        &self,
        requests: Vec<Bytes>,
        may_explain: bool,
        language: Language,
        room: Permit,
    ) -> Result<(Vec<Results>, Permit), Refusal> {
        let door = self.clone();
        let handle = tokio::runtime::Handle::current();
        // A batch takes milliseconds, in which its worker would answer nobody else.
        let begun = tokio::task::spawn_blocking(move || {
            if !may_explain {
                // Refused as a whole, before any of it is scored.
                requests.iter().try_for_each(|request| read(request, may_explain).map(drop))?;
            }
            let begin = |requests: &[Bytes]| {
                let _entered = handle.enter();
                door.start_some(requests, may_explain, language)
            };
            let at_once = (requests.len() / (PIECES * rayon::current_num_threads())).clamp(1, AT_ONCE);
            let begun: Result<Vec<_>, Refusal> = if door.recorder.is_some() && names_one_twice(&requests) {
                requests.chunks(at_once).map(begin).collect()
            } else {
                requests.par_chunks(at_once).map(begin).collect()
            };
            room.is_worked_off();
            Ok::<_, Refusal>((begun?, room))
        });
        let (begun, room) = begun.await.map_err(|_| Refusal::Internal)??;
        let mut results = Vec::with_capacity(begun.len());
        for some in begun {
            results.push(match some {
                Begun::Answered(results) => results,
                Begun::Recording(recording) => recording.recorded(&self.metrics).await,
            });
        }
        Ok((results, room))
    }

    /// Begins to answer some requests of a batch.
    fn start_some(&self, requests: &[Bytes], may_explain: bool, language: Language) -> Result<Begun, Refusal> {
        let requests = requests.iter().map(|request| read(request, may_explain));
        let Some(recorder) = &self.recorder else {
            let (mut results, mut reply) = (Results::with_capacity(requests.len()), Reply::room(1));
            for request in requests {
                reply.clear();
                let decided = request?.and_then(|request| self.decide(request, language, &mut reply));
                match self.counted(decided) {
                    Ok(()) => results.add_decision([&reply, &[]]),
                    Err(refusal) => results.add(Err(refusal)),
                }
            }
            return Ok(Begun::Answered(results));
        };
        let mut recording = Recording::with_capacity(Arc::clone(recorder), requests.len());
        for request in requests {
            let submitted = match request? {
                Ok(request) if !request.request_id.is_empty() => {
                    recording.add_apart(self.score(request, language));
                    continue;
                }
                request => {
                    request.and_then(|request| self.submit(recorder, request, language, None, &mut recording.decisions))
                }
            };
            recording.add(self.counted(submitted));
        }
        recorder.at_leisure();
        Ok(Begun::Recording(recording))
    }

    /// Counts why a request was refused, where it was.
    fn counted<T>(&self, answer: Result<T, Refusal>) -> Result<T, Refusal> {
        counted(answer, &self.metrics)
    }

    /// Decides about one request and hands it over to the ledger; adds to `reply` all but what its record tells. `once`: where
    /// the request has an identifier of its own.
    fn submit(
        &self,
        recorder: &Arc<Recorder>,
        request: v1::ScoreParcelRequest,
        language: Language,
        once: Option<(ledger::Request, Claim)>,
        reply: &mut Vec<u8>,
    ) -> Result<oneshot::Receiver<Appended>, Refusal> {
        let mut asked = self.asked(recorder, &self.scorer.load(), request, language)?;
        let another_decides = |faulty: &ModelRef| self.another_decides(faulty);
        let Submitted { made, at, became } =
            recorder.submit(&self.scorer, &mut asked, once, reply, &self.metrics, another_decides)?;
        self.was_made(&asked.parcel, &made, Some(at));
        Ok(became)
    }

    /// A decision was made, in bucket `at` of a ledger.
    fn was_made(&self, parcel: &Parcel, made: &Made, at: Option<Bucket>) {
        decided(&made.decision, made.id, &made.model.version, &self.metrics);
        if let Some(lifecycle) = &self.lifecycle {
            lifecycle.shadow.offer(parcel, made, at);
        }
    }

    /// Where a model gives no number, the one before decides, if there is one.
    fn another_decides(&self, faulty: &ModelRef) -> bool {
        self.lifecycle.as_ref().is_some_and(|lifecycle| lifecycle.fault(faulty))
    }

    /// Scores a request that may have been made before. `turn`: whose it is to answer, where that is known.
    async fn score_once(
        &self,
        recorder: &Arc<Recorder>,
        request: v1::ScoreParcelRequest,
        language: Language,
        turn: Option<Turn>,
    ) -> Result<Reply, Refusal> {
        let (got, max) = (request.request_id.len(), MAX_REQUEST_ID_BYTES);
        let too_long = (got > max).then(|| Violation::new("request_id", Problem::TooLong { got, max }));
        let explanation = match wire::explanation_of(request.explanation) {
            Ok(explanation) if too_long.is_none() => explanation,
            _ => {
                let others = self.check(&self.scorer.load(), request, |_| ()).err();
                let others = others.into_iter().flat_map(|InvalidParcel(others)| others);
                return Err(InvalidParcel(too_long.into_iter().chain(others).collect()).into());
            }
        };
        let parcel = request.parcel.as_deref().map(v1::Parcel::encode_to_vec).unwrap_or_default();
        let asked = ledger::Request { id: request.request_id.clone(), digest: xxh3_128(&parcel).to_le_bytes() };
        let turn = match turn {
            Some(turn) => turn,
            None => recorder.requests().turn(&asked.id).await,
        };
        let claim = match turn {
            Turn::Own(claim) => claim,
            Turn::Told(told) if told.request == asked => {
                return told.answer.clone().map(|decision| self.told_again(decision, explanation, language));
            }
            Turn::Told(_) => return Err(Refusal::OtherRequest),
        };
        let looks = Arc::clone(recorder);
        let looked = tokio::task::spawn_blocking(move || {
            let answered = looks.answered(&asked);
            (asked, answered)
        });
        let (asked, answered) = looked.await.map_err(|_| Refusal::Internal)?;
        if let Some(decision) = answered? {
            return Ok(self.told_again(decision, explanation, language));
        }
        let mut reply = Reply::room(1);
        let became = self.submit(recorder, request, language, Some((asked.clone(), claim)), &mut reply)?;
        let on_record = recorder.on_record(became, &self.metrics).await;
        let waits = on_record.as_ref().map_or(true, |told| told.is_degraded);
        let answer = on_record.map(|told| told.completes(reply));
        if waits {
            // Perhaps for long.
            let decision = answer
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|Reply(decision)| v1::Decision::decode(decision.as_slice()).map_err(|_| Refusal::Internal));
            recorder.requests().tell(Told { request: asked, answer: decision });
        }
        answer
    }

    /// A decision that was told before, without what this caller does not ask for, or may not see.
    fn told_again(&self, mut decision: v1::Decision, explanation: Explanation, language: Language) -> Reply {
        let id = Uuid::try_parse(&decision.decision_id).unwrap_or_default();
        let version = decision.model.as_ref().map_or("", |model| &model.version);
        decided(&decision, id, version, &self.metrics);
        if !decision.degraded.is_empty() {
            self.metrics.degraded("ledger");
        }
        wire::retell_notices(&mut decision.notices, language);
        if explanation == Explanation::None {
            decision.reasons.clear();
            (decision.raw_score_log_odds, decision.base_log_odds) = (None, None);
        }
        Reply::from(&decision)
    }

    /// Scores one request by the history that the scorer has.
    fn decided_now(&self, request: v1::ScoreParcelRequest, language: Language) -> Result<Reply, Refusal> {
        let mut reply = Reply::room(1);
        self.decide(request, language, &mut reply)?;
        Ok(Reply(reply))
    }

    /// As [`Self::decided_now`], added to `reply`.
    fn decide(&self, request: v1::ScoreParcelRequest, language: Language, reply: &mut Vec<u8>) -> Result<(), Refusal> {
        let mut scorer = self.scorer.load();
        let ((), parcel, explanation) = self.check(&scorer, request, |_| ())?;
        let started = Instant::now();
        let item_id = parcel.item_id.as_str();
        let mut decision = scorer.of_item(item_id).decide(&parcel, explanation);
        while !decision.risk_score.is_finite() {
            if !self.another_decides(&decision.model) {
                return Err(Refusal::ModelFault);
            }
            scorer = self.scorer.load();
            decision = scorer.of_item(item_id).decide(&parcel, explanation);
        }
        let (made, _) = Made::write(decision, scorer.of_item(item_id), language, started, reply, &self.metrics);
        self.was_made(&parcel, &made, None);
        Ok(())
    }

    /// Checks a request, and keeps of what was stated what its record is to hold.
    fn asked(
        &self,
        recorder: &Recorder,
        scorer: &Scorer,
        request: v1::ScoreParcelRequest,
        language: Language,
    ) -> Result<Asked, InvalidParcel> {
        let (kept, parcel, explanation) = self.check(scorer, request, |stated| recorder.keeping().keep(stated))?;
        Ok(Asked { kept, parcel, explanation, language })
    }

    fn check<T>(
        &self,
        scorer: &Scorer,
        request: v1::ScoreParcelRequest,
        keep: impl FnOnce(&mut v1::Parcel) -> T,
    ) -> Result<(T, Box<Parcel>, Explanation), InvalidParcel> {
        let started = Instant::now();
        let checked = check(scorer, request, keep);
        took(Stage::Check, started.elapsed(), &self.metrics);
        checked
    }
}

/// As [`Door::counted`].
fn counted<T>(answer: Result<T, Refusal>, metrics: &Metrics) -> Result<T, Refusal> {
    answer.inspect_err(|refusal| refused(refusal, metrics))
}

/// The decision once the ledger has it.
async fn recorded(
    recorder: &Recorder,
    became: oneshot::Receiver<Appended>,
    reply: Vec<u8>,
    metrics: &Metrics,
) -> Result<Reply, Refusal> {
    recorder.on_record(became, metrics).await.map(|told| told.completes(reply))
}

/// Reads one request of a batch or a stream, which alone fails where it does not read as one; an error where the caller may not ask it.
pub(super) fn read(request: &Bytes, may_explain: bool) -> Result<Result<v1::ScoreParcelRequest, Refusal>, Refusal> {
    let read = || v1::ScoreParcelRequest::decode(request.as_ref()).map_err(Refusal::NotAMessage);
    match Lists::OF_PARCEL.check(request).and_then(|()| read()) {
        Ok(mut request) => permit(&mut request, may_explain).map(|()| Ok(request)),
        Err(refusal) => Ok(Err(refusal)),
    }
}

/// The language that the caller likes best, of those that reasons are told in.
pub(super) fn language(metadata: &MetadataMap) -> Language {
    let header = metadata.get("accept-language").and_then(|value| value.to_str().ok());
    header.map_or_else(Language::default, Language::accepted)
}

/// Checks one request, with what `keep` takes of the parcel as stated; what is wrong with it is said all at once, in the
/// order of its fields.
fn check<T>(
    scorer: &Scorer,
    request: v1::ScoreParcelRequest,
    keep: impl FnOnce(&mut v1::Parcel) -> T,
) -> Result<(T, Box<Parcel>, Explanation), InvalidParcel> {
    let explanation = wire::explanation_of(request.explanation);
    let checked = match request.parcel {
        Some(mut stated) => {
            let kept = keep(&mut stated);
            wire::to_draft(*stated).check(scorer.limits()).map(|parcel| (kept, Box::new(parcel)))
        }
        None => Err(InvalidParcel(vec![Violation::new("parcel", Problem::Required)])),
    };
    match (checked, explanation) {
        (Ok((kept, parcel)), Ok(explanation)) => Ok((kept, parcel, explanation)),
        (Err(invalid), Ok(_)) => Err(invalid),
        (Ok(_), Err(violation)) => Err(InvalidParcel(vec![violation])),
        (Err(InvalidParcel(mut violations)), Err(violation)) => {
            violations.push(violation);
            Err(InvalidParcel(violations))
        }
    }
}

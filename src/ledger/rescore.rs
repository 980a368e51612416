//! Every decision made again from the start of the ledger, and held against the one that was recorded.

use std::collections::HashMap;
use std::sync::Arc;

use super::fold::Fold;
use super::grounds::Grounds;
use super::kept::{KeptDecision, replied};
use super::record::{Kind, Record};
use super::verify::Fault;
use super::{LedgerError, Reader};
use crate::artifact::Artifact;
use crate::engine::{Engine, Explanation};
use crate::features::ParcelKeys;
use crate::history::{History, Workers};
use crate::parcel::{AdvisedAt, DraftTime};
use crate::policy::{Policy, Route, RouteCause, Routing, Rule, Seen, Words};
use crate::reasons::Language;
use crate::wire::{self, v1};

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rescored {
    /// Decisions that came out again, to the bit.
    pub equal: u64,
    /// Decisions of models that are not at hand.
    pub unknown_model: u64,
    /// Decisions that came out another way.
    pub different: u64,
    /// The first of those.
    pub first: Option<Fault>,
}

/// Makes every decision again whose model is among `artifacts`.
///
/// History is folded from the ledger alone, on top of what the model carries, and each decision is made as of its bucket.
/// What the parcel itself stated is read from the record, for the parcel may have been kept under pseudonyms.
///
/// # Errors
/// [`LedgerError`] where a record can't be read.
pub fn rescore(reader: &Reader, artifacts: &[Artifact]) -> Result<Rescored, LedgerError> {
    let mut rescored = Rescored::default();
    // A decision may be written just after a change of policy that it does not know of yet.
    let mut policies: HashMap<String, Policy> = HashMap::new();
    let mut at_work: [Option<AtWork>; 2] = [None, None];
    let mut recorded_on: Option<Grounds> = None;
    reader.scan::<LedgerError>(0, |record| {
        if record.content.kind == Kind::Grounds {
            let unreadable = |what| LedgerError::Record { seq: record.seq, what };
            let grounds = Grounds::from_body(&record.content.body).map_err(unreadable)?;
            let canary = grounds.of_canary().map(|canary| begin(reader, record.seq, canary, artifacts));
            at_work = [begin(reader, record.seq, grounds.clone(), artifacts)?, canary.transpose()?.flatten()];
            recorded_on = Some(grounds);
            for AtWork { engine, .. } in at_work.iter().flatten() {
                policies.insert(engine.policy().version().to_string(), engine.policy().clone());
            }
        }
        for AtWork { fold, .. } in at_work.iter_mut().flatten() {
            fold.reach(record.content.bucket);
        }
        if record.content.kind == Kind::Decision {
            let item = record.content.item.unwrap_or_default();
            let by = recorded_on.as_ref().map_or("", |on| on.decides(item));
            match at_work.iter_mut().flatten().find(|at_work| at_work.engine.model_ref().digest == by) {
                None => rescored.unknown_model += 1,
                Some(AtWork { engine, fold }) => match difference(engine, &policies, fold, &record)? {
                    None => rescored.equal += 1,
                    Some(what) => {
                        rescored.different += 1;
                        rescored.first.get_or_insert(Fault { seq: record.seq, what: what.to_owned() });
                    }
                },
            }
        }
        at_work.iter_mut().flatten().try_for_each(|AtWork { fold, .. }| fold.add(&record))
    })?;
    Ok(rescored)
}

/// A model that decides, and what it knows.
struct AtWork {
    engine: Engine,
    fold: Fold,
}

/// The engine of the grounds of record `seq`, and the history that a server had when it started on them.
fn begin(reader: &Reader, seq: i64, grounds: Grounds, artifacts: &[Artifact]) -> Result<Option<AtWork>, LedgerError> {
    let unreadable = |what: String| LedgerError::Record { seq, what };
    let Some(artifact) = artifacts.iter().find(|artifact| artifact.model_ref().digest == grounds.model_digest) else {
        return Ok(None);
    };
    let rates = artifact.model().body().rates.check().map_err(|error| unreadable(error.to_string()))?;
    let policy = grounds.policy().map_err(|error| unreadable(error.to_string()))?;
    let engine = Engine::new(Arc::clone(artifact.model()), Arc::clone(artifact.model_ref()), rates, policy);
    let engine = engine.map_err(|error| unreadable(error.to_string()))?;
    let mut fold = Fold::new(grounds, History::clone(artifact.settled_history()), engine.flow(), Workers::All);
    // Once for each change of grounds, of which there are few.
    reader.scan::<LedgerError>(0, |earlier| if earlier.seq < seq { fold.add(&earlier) } else { Ok(()) })?;
    Ok(Some(AtWork { engine, fold }))
}

/// The first part of a decision that does not come out again.
fn difference(
    engine: &Engine,
    policies: &HashMap<String, Policy>,
    fold: &mut Fold,
    record: &Record,
) -> Result<Option<&'static str>, LedgerError> {
    let unreadable = |what: String| LedgerError::Record { seq: record.seq, what };
    let kept = KeptDecision::from_body(&record.content.body).map_err(unreadable)?;
    let reply = replied(record, engine.model_ref())?;
    let (seconds, nanos) = kept.advised_at;
    let stated = DraftTime { seconds, nanos: i32::try_from(nanos).unwrap_or(i32::MAX) };
    let advised_at = AdvisedAt::new(stated).map_err(|problem| unreadable(problem.to_string()))?;
    let explanation = wire::explanation_of(kept.explanation).map_err(|problem| unreadable(problem.to_string()))?;
    if kept.row.values.len() != engine.plan().features().len() {
        return Ok(Some("its features are not those of its model"));
    }
    let Some(policy) = policies.get(&reply.policy_version) else {
        return Ok(Some("its policy is none that the ledger tells of"));
    };
    let engine =
        if *policy.version() == *engine.policy().version() { engine } else { &engine.with_policy(policy.clone()) };
    let mut row = kept.row.clone();
    let keys = ParcelKeys::from(kept.keys);
    engine.plan().refill(&keys, &fold.history().view(), record.content.bucket, &mut row);
    let bits = |values: &[f32]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
    let scores = engine.scores(&row);
    let seen = Seen { raw_score: scores.raw_score, risk_score: scores.risk_score, ..kept.seen };
    let routing = engine.policy().route(&seen, record.content.bucket, Some(fold.flow()));
    let again = engine.decide(&reply.item_id, advised_at, &row, explanation, routing);
    let mut again = wire::from_decision(again, Language::default());
    // Notices are about the parcel as stated, and its time is the record's. Words may improve from release to release.
    let mut reply = v1::Decision { notices: Vec::new(), decided_at: None, ..reply };
    for decision in [&mut again, &mut reply] {
        decision.reasons.iter_mut().for_each(|reason| reason.text.clear());
    }
    let missing_alike =
        |values: &[f32]| values.iter().map(|value| if value.is_nan() { f32::NAN } else { *value }).collect::<Vec<_>>();
    Ok(if bits(&missing_alike(&row.values)) != bits(&missing_alike(&kept.row.values)) {
        Some("what history knew is not what the ledger gives")
    } else if again.risk_score.to_bits() != reply.risk_score.to_bits() {
        Some("its score is another")
    } else if again.route != reply.route {
        Some("its route is another")
    } else if again != reply {
        Some("a part of it is another")
    } else {
        None
    })
}

/// A decision with every reason in words of `language`, made again of what its record holds. `reply` is it as it was replied.
///
/// # Errors
/// [`LedgerError::Record`] where it can't be unpacked.
pub fn explained(
    engine: &Engine,
    record: &Record,
    reply: &v1::Decision,
    language: Language,
) -> Result<Option<v1::Decision>, LedgerError> {
    let unreadable = |what: String| LedgerError::Record { seq: record.seq, what };
    let kept = KeptDecision::from_body(&record.content.body).map_err(unreadable)?;
    let (seconds, nanos) = kept.advised_at;
    let stated = DraftTime { seconds, nanos: i32::try_from(nanos).unwrap_or(i32::MAX) };
    let advised_at = AdvisedAt::new(stated).map_err(|problem| unreadable(problem.to_string()))?;
    let is_of_model = reply.model.as_ref().is_some_and(|model| model.digest == engine.model_ref().digest);
    if !is_of_model || kept.row.values.len() != engine.plan().features().len() {
        return Ok(None);
    }
    let Some(routing) = recorded_routing(engine, reply) else { return Ok(None) };
    let decision = engine.decide(&reply.item_id, advised_at, &kept.row, Explanation::Full, routing);
    Ok(Some(wire::from_decision(decision, language)))
}

/// How a decision was routed, as it was recorded. A rule of another policy says no more than its name.
fn recorded_routing(engine: &Engine, reply: &v1::Decision) -> Option<Routing> {
    let route = Route::from_number(reply.route.into())?;
    let is_same = *reply.policy_version == **engine.policy().version();
    let rule = |name: &String| {
        let known = engine.policy().rule(name).filter(|_| is_same).cloned();
        known.unwrap_or_else(|| {
            Arc::new(Rule { name: name.as_str().into(), route, chance: 1.0, reason: Words::One(name.clone()) })
        })
    };
    Some(Routing {
        route,
        cause: RouteCause::from_number(reply.route_cause.into())?,
        selection_probability: reply.selection_probability,
        rules: reply.matched_rules.iter().map(rule).collect(),
    })
}

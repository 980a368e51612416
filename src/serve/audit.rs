//! `AuditService`: looking decisions up.

use std::sync::Arc;

use arc_swap::ArcSwap;
use prost::Message as _;
use tonic::{Request, Response, Status};
use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_64;

use super::door::language;
use super::status::Refusal;
use super::{Recorder, Scorer};
use crate::engine::Engine;
use crate::ledger::{Kind, LedgerError, Listing, Reader, Record, explained, kept_parcel, outcomes_of};
use crate::parcel::{Problem, Violation};
use crate::policy::Route;
use crate::reasons::Language;
use crate::wire::{self, v1};

/// Reads the ledger where there is one, and says what it lacks where there is none.
#[derive(Debug)]
pub(super) struct Audit {
    scorer: Arc<ArcSwap<Scorer>>,
    recorder: Option<Arc<Recorder>>,
    max_reply_bytes: usize,
}

/// Decisions of a page where the request does not say.
const PAGE: usize = 50;
/// Most decisions of a page.
const MOST_A_PAGE: usize = 500;
/// Most bytes of a page of more than one decision: gRPC's clients take 4 MiB where nobody says otherwise.
const MAX_PAGE_BYTES: usize = 3 << 20;
/// What a reply has besides its records, at most: a page's token, and what says how long a record is.
const FRAMING_BYTES: usize = 128;

impl Audit {
    pub(super) fn new(scorer: Arc<ArcSwap<Scorer>>, recorder: Option<Arc<Recorder>>, max_reply_bytes: usize) -> Self {
        Self { scorer, recorder, max_reply_bytes }
    }

    /// Reads the ledger, on a thread that may wait for the disk.
    async fn read<R: Send + 'static>(
        &self,
        method: &'static str,
        work: impl FnOnce(&Reader, &Engine) -> Result<R, LedgerError> + Send + 'static,
    ) -> Result<R, Refusal> {
        let Some(recorder) = &self.recorder else { return Err(Refusal::NoLedger { method }) };
        let (recorder, scorer) = (Arc::clone(recorder), self.scorer.load_full());
        let read = tokio::task::spawn_blocking(move || {
            work(recorder.reader(), scorer.engine()).map_err(|error| Refusal::unreadable(&error))
        });
        read.await.map_err(|_| Refusal::Internal)?
    }
}

#[tonic::async_trait]
impl v1::audit_service_server::AuditService for Audit {
    async fn get_decision(
        &self,
        request: Request<v1::GetDecisionRequest>,
    ) -> Result<Response<v1::GetDecisionResponse>, Status> {
        use v1::get_decision_request::Key;
        self.recorder.as_ref().ok_or(Refusal::NoLedger { method: "GetDecision" })?;
        let language = language(request.metadata());
        let key = request.into_inner().key;
        let id = match &key {
            None => return Err(Refusal::InvalidRequest(Violation::new("key", Problem::Required)).into()),
            Some(Key::DecisionId(text)) => Some(Uuid::try_parse(text).map_err(|_| {
                let expected = "a decision's identifier, a UUID";
                Refusal::InvalidRequest(Violation::new("decision_id", Problem::Unreadable { expected }))
            })?),
            Some(Key::ItemId(_)) => None,
        };
        let record = self.read("GetDecision", move |reader, engine| {
            let record = match (id, key) {
                (Some(id), _) => reader.decision(id.as_bytes())?,
                (None, Some(Key::ItemId(item_id))) => newest(reader, &item_id)?,
                (None, _) => None,
            };
            record.map(|record| whole(reader, engine, &record, language)).transpose()
        });
        let record = record.await?.ok_or(Refusal::NoSuchDecision)?;
        Ok(Response::new(v1::GetDecisionResponse { record: Some(record) }))
    }

    async fn list_decisions(
        &self,
        request: Request<v1::ListDecisionsRequest>,
    ) -> Result<Response<v1::ListDecisionsResponse>, Status> {
        self.recorder.as_ref().ok_or(Refusal::NoLedger { method: "ListDecisions" })?;
        let language = language(request.metadata());
        let request = request.into_inner();
        let asked = Asked::of(request).map_err(Refusal::InvalidRequest)?;
        let Asked { listing, before, most, conditions } = asked;
        let (max_reply, max_page) = (self.max_reply_bytes, self.max_reply_bytes.min(MAX_PAGE_BYTES));
        let read = self.read("ListDecisions", move |reader, engine| {
            let page = listing.page(reader, before, most)?;
            let (mut records, mut n_bytes, mut last, mut next) = (Vec::new(), 0, None, page.before);
            for seq in page.seqs {
                let Some(record) = reader.record(seq)? else { continue };
                let mut record = whole(reader, engine, &record, language)?;
                if record.encoded_len() + FRAMING_BYTES > max_reply {
                    // Nobody could read on behind it.
                    record.parcel = None;
                }
                n_bytes += record.encoded_len() + FRAMING_BYTES;
                if n_bytes > max_page && last.is_some() {
                    next = last;
                    break;
                }
                records.push(record);
                last = Some(seq);
            }
            let next_page_token = next.map(|before| format!("{before}.{conditions:016x}")).unwrap_or_default();
            Ok(v1::ListDecisionsResponse { records, next_page_token })
        });
        Ok(Response::new(read.await?))
    }
}

/// What a list was asked for.
struct Asked {
    listing: Listing,
    before: Option<i64>,
    most: usize,
    /// Hash of all conditions: a token is for the same ones only.
    conditions: u64,
}

impl Asked {
    fn of(request: v1::ListDecisionsRequest) -> Result<Self, Violation> {
        let unreadable = |field: &str, expected| Violation::new(field, Problem::Unreadable { expected });
        let page_size =
            usize::try_from(request.page_size).map_err(|_| Violation::new("page_size", Problem::Negative))?;
        let most = if page_size == 0 { PAGE } else { page_size.min(MOST_A_PAGE) };
        if !(0.0..=1.0).contains(&request.min_risk_score) {
            return Err(unreadable("min_risk_score", "from 0 to 1"));
        }
        let listing = Listing {
            from_micros: request.from.as_ref().map(wire::micros),
            until_micros: request.until.as_ref().map(wire::micros),
            routes: if request.routes.is_empty() {
                Route::ALL.iter().map(|route| *route as i64).collect()
            } else {
                let mut routes: Vec<_> = request.routes.iter().map(|route| i64::from(*route)).collect();
                routes.sort_unstable();
                routes.dedup();
                // Of a route that nobody gives there is no decision.
                routes.retain(|route| Route::ALL.iter().any(|known| *known as i64 == *route));
                routes
            },
            min_risk_score: request.min_risk_score,
        };
        let same = v1::ListDecisionsRequest { page_size: 0, page_token: String::new(), ..request.clone() };
        let conditions = xxh3_64(&same.encode_to_vec());
        let before = (!request.page_token.is_empty()).then(|| {
            let (before, of) = request.page_token.split_once('.')?;
            let before = before.parse::<i64>().ok()?;
            (u64::from_str_radix(of, 16).ok()? == conditions).then_some(before)
        });
        match before {
            None => Ok(Self { listing, before: None, most, conditions }),
            Some(Some(before)) => Ok(Self { listing, before: Some(before), most, conditions }),
            Some(None) => Err(unreadable("page_token", "one that a page of the same conditions gave")),
        }
    }
}

/// The newest decision on an item.
fn newest(reader: &Reader, item_id: &str) -> Result<Option<Record>, LedgerError> {
    for record in reader.about(item_id)?.into_iter().rev() {
        if record.content.kind == Kind::Decision && reader.replied(&record)?.item_id == item_id {
            return Ok(Some(record));
        }
    }
    Ok(None)
}

/// A decision with all that belongs to it, and every reason where its model is the one that serves.
fn whole(
    reader: &Reader,
    engine: &Engine,
    record: &Record,
    language: Language,
) -> Result<v1::DecisionRecord, LedgerError> {
    let unreadable = |error: prost::DecodeError| LedgerError::Record { seq: record.seq, what: error.to_string() };
    let mut decision = reader.replied(record)?;
    wire::retell_notices(&mut decision.notices, language);
    if let Some(full) = explained(engine, record, &decision, language)? {
        decision.reasons = full.reasons;
        (decision.raw_score_log_odds, decision.base_log_odds) = (full.raw_score_log_odds, full.base_log_odds);
    }
    let parcel = record.content.parcel.as_deref().map(kept_parcel).transpose().map_err(unreadable)?;
    let outcomes = outcomes_of(reader, record, &decision.item_id)?;
    let outcomes = outcomes.iter().map(|stated| v1::Outcome::decode(stated.as_slice()));
    let outcomes = outcomes.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
    Ok(v1::DecisionRecord { decision: Some(decision), parcel, outcomes })
}

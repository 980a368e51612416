//! A decision as it is kept: with all that is needed to make it again, whatever was kept of its parcel.

use prost::Message as _;
use uuid::Uuid;

use super::LedgerError;
use super::record::Record;
use crate::engine::{Explanation, ModelRef};
use crate::features::{FeatureRow, KeptKeys, ParcelKeys};
use crate::history::{EntityKey, KeyHasher};
use crate::policy::{RouteCause, Seen};
use crate::wire::{from_model_ref, timestamp_micros, v1};

/// A decision with its grounds, to be kept.
///
/// Names and addresses are in the parcel beside it. Here are the keys under which history counts, the features, and the
/// reply.
#[derive(Clone, Copy, Debug)]
pub struct Decided<'a> {
    /// As replied, in the contract's encoding; without its identifier and its time, which are the record's, and its model,
    /// which is that of the grounds.
    pub reply: &'a [u8],
    /// How much was explained.
    pub explanation: Explanation,
    /// When the parcel was advised: seconds since 1970, and nanoseconds.
    pub advised_at: (i64, u32),
    /// Whether it counts in history: an item that is advised twice counts once.
    pub counts: bool,
    /// The keys of its history.
    pub keys: &'a ParcelKeys,
    /// The features that it rests on, with what was known under each of its keys.
    pub row: &'a FeatureRow,
    /// What the policy saw.
    pub seen: &'a Seen,
    /// What chose the route.
    pub cause: RouteCause,
}

/// A decision as it is read from its record.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptDecision {
    /// The decision as replied, in the contract's encoding; without its time, and but in old records without its identifier
    /// and its model: [`Reader::replied`](super::Reader::replied) has all of it.
    pub reply: Vec<u8>,
    /// How much was explained, by the contract's number.
    pub explanation: i32,
    /// When the parcel was advised: seconds since 1970, and nanoseconds.
    pub advised_at: (i64, u32),
    /// Whether it counts in history.
    pub counts: bool,
    /// The keys of its history.
    pub keys: KeptKeys,
    /// Its features; of what was known, whole numbers, which is how reasons tell of it.
    pub row: FeatureRow,
    /// What the policy saw.
    pub seen: Seen,
    /// What chose the route, by the contract's number.
    pub route_cause: i64,
}

/// The number by which the contract calls an explanation.
fn explanation_number(explanation: Explanation) -> i32 {
    match explanation {
        Explanation::WhereDue => 0,
        Explanation::None => 1,
        Explanation::Reasons => 2,
        Explanation::Full => 3,
    }
}

/// What stands between the reply and the keys.
type Between<S> = (i32, (i64, u32), bool, i64, S);

/// Most bodies without reasons are no longer.
const USUAL_BYTES: usize = 1024;

impl Decided<'_> {
    /// As the body of a record: the reply with its length before it, what is said about it, keys and features.
    pub fn to_body(&self) -> Vec<u8> {
        let Self { reply, explanation, advised_at, counts, keys, row, seen, cause } = *self;
        let mut body = Vec::with_capacity(USUAL_BYTES.max(2 * reply.len()));
        body = postcard::to_extend(reply, body).expect("numbers and texts always encode");
        let between: Between<&Seen> = (explanation_number(explanation), advised_at, counts, cause as i64, seen);
        body = postcard::to_extend(&between, body).expect("numbers and texts always encode");
        keys.pack(&mut body);
        row.pack(&mut body);
        body
    }
}

impl KeptDecision {
    /// From a record's body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_body(body: &[u8]) -> Result<Self, String> {
        let wrong = |error: postcard::Error| error.to_string();
        let (reply, rest) = postcard::take_from_bytes::<&[u8]>(body).map_err(wrong)?;
        let (between, mut rest) = postcard::take_from_bytes::<Between<Seen>>(rest).map_err(wrong)?;
        let (explanation, advised_at, counts, route_cause, seen) = between;
        let keys = KeptKeys::unpack(&mut rest).ok_or("its keys can't be read")?;
        let row = FeatureRow::unpack(&mut rest).ok_or("its features can't be read")?;
        if !rest.is_empty() {
            return Err("bytes are left over".to_owned());
        }
        Ok(Self { reply: reply.to_vec(), explanation, advised_at, counts, keys, row, seen, route_cause })
    }

    /// The decision as it was replied, without what [`KeptDecision::reply`] leaves out.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn decision(&self) -> Result<v1::Decision, String> {
        v1::Decision::decode(self.reply.as_slice()).map_err(|error| error.to_string())
    }
}

/// Names an item, so that one advised twice counts once, and its records are found.
pub fn item_key(item_id: &str) -> EntityKey {
    let mut hasher = KeyHasher::new("item");
    hasher.part(item_id.as_bytes());
    hasher.finish()
}

/// The decision of a record as it was replied, by the model that made it.
pub(super) fn replied(record: &Record, model: &ModelRef) -> Result<v1::Decision, LedgerError> {
    let mut decision = without_grounds(record)?;
    decision.model.get_or_insert_with(|| from_model_ref(model));
    if let Some(id) = record.content.decision_id {
        decision.decision_id = Uuid::from_bytes(id).to_string();
    }
    decision.decided_at = Some(timestamp_micros(record.recorded_at_micros));
    Ok(decision)
}

/// The decision of a record, without what [`KeptDecision::reply`] leaves out.
pub(super) fn without_grounds(record: &Record) -> Result<v1::Decision, LedgerError> {
    let decision = KeptDecision::from_body(&record.content.body).and_then(|kept| kept.decision());
    decision.map_err(|what| LedgerError::Record { seq: record.seq, what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Bucket;
    use crate::ledger::{Content, Kind};

    fn model(name: &str) -> ModelRef {
        ModelRef { name: name.to_owned(), version: "1".to_owned(), digest: "ab".to_owned() }
    }

    fn record(reply: &v1::Decision) -> Record {
        let (keys, row, seen) = (ParcelKeys::default(), FeatureRow::default(), Seen::default());
        let decided = Decided {
            reply: &reply.encode_to_vec(),
            explanation: Explanation::None,
            advised_at: (1_700_000_000, 5),
            counts: true,
            keys: &keys,
            row: &row,
            seen: &seen,
            cause: RouteCause::Score,
        };
        let content = Content::new(Kind::Decision, Bucket(7), decided.to_body());
        let content = Content { decision_id: Some([7; 16]), ..content };
        Record { seq: 2, recorded_at_micros: 1_700_000_000_000_005, content, parcel_digest: None, digest: [0; 32] }
    }

    #[test]
    fn a_decision_comes_back_with_what_its_record_and_its_grounds_tell() {
        let reply = v1::Decision { item_id: "RB1".to_owned(), risk_score: 0.25, ..v1::Decision::default() };
        let whole = v1::Decision {
            decision_id: Uuid::from_bytes([7; 16]).to_string(),
            decided_at: Some(timestamp_micros(1_700_000_000_000_005)),
            model: Some(from_model_ref(&model("of the grounds"))),
            ..reply.clone()
        };
        assert_eq!(replied(&record(&reply), &model("of the grounds")).unwrap(), whole);
        assert_eq!(without_grounds(&record(&reply)).unwrap(), reply);

        // Records of old hold all of it.
        let old = v1::Decision { model: Some(from_model_ref(&model("its own"))), decided_at: None, ..whole.clone() };
        let own = v1::Decision { model: old.model.clone(), ..whole };
        assert_eq!(replied(&record(&old), &model("of the grounds")).unwrap(), own);
    }
}

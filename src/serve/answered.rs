//! Answers in the contract's encoding: a decision is written once, for its record and for whoever asked.

use bytes::BufMut;
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len, message};
use uuid::Uuid;

use super::status::Refusal;
use crate::wire::v1;

/// A [`v1::Decision`], some fields after the others. In parts it is one message still.
#[derive(Debug, Default)]
pub(super) struct Reply(pub(super) Vec<u8>);

/// Results of some parcels, as a `ScoreParcelsResponse` has them, and a `StreamParcelsResponse` one alone.
#[derive(Debug, Default)]
pub(super) struct Results(Vec<u8>);

/// Number of [`v1::Decision`]'s `decision_id`.
const DECISION_ID: u32 = 1;
/// Number of a `ScoreParcelResponse`'s and of a [`v1::ScoreResult`]'s `decision`.
const DECISION: u32 = 1;
/// Number of a `ScoreParcelsResponse`'s `results`, and of a `StreamParcelsResponse`'s `result`.
const RESULTS: u32 = 1;

/// What most decisions take, without reasons.
const DECISION_BYTES: usize = 384;

/// Bytes that are sent as a message.
pub(super) trait Encoded: Send + 'static {
    fn n_bytes(&self) -> usize;
    fn put(&self, out: &mut impl BufMut);
}

impl Reply {
    /// Room for what most decisions take, `n` times.
    pub(super) fn room(n: usize) -> Vec<u8> {
        Vec::with_capacity(DECISION_BYTES * n)
    }
}

impl From<&v1::Decision> for Reply {
    fn from(decision: &v1::Decision) -> Self {
        Self(decision.encode_to_vec())
    }
}

/// Adds what names a decision to the rest of it.
pub(super) fn put_id(id: Uuid, out: &mut Vec<u8>) {
    let mut text = [0; uuid::fmt::Hyphenated::LENGTH];
    let text = id.hyphenated().encode_lower(&mut text);
    put_header(DECISION_ID, text.len(), out);
    out.put_slice(text.as_bytes());
}

impl Encoded for Reply {
    fn n_bytes(&self) -> usize {
        n_field_bytes(DECISION, self.0.len())
    }

    /// As a `ScoreParcelResponse`.
    fn put(&self, out: &mut impl BufMut) {
        put_header(DECISION, self.0.len(), out);
        out.put_slice(&self.0);
    }
}

impl Results {
    /// Room for so many.
    pub(super) fn with_capacity(n_results: usize) -> Self {
        Self(Vec::with_capacity((DECISION_BYTES + 16) * n_results))
    }

    /// The one of an answer.
    pub(super) fn of(answer: Result<Reply, Refusal>) -> Self {
        let mut results = Self::with_capacity(1);
        results.add(answer);
        results
    }

    pub(super) fn add(&mut self, answer: Result<Reply, Refusal>) {
        match answer {
            Ok(Reply(decision)) => self.add_decision([&decision, &[]]),
            Err(refusal) => {
                let result = Some(v1::score_result::Result::Error(refusal.into()));
                message::encode(RESULTS, &v1::ScoreResult { result }, &mut self.0);
            }
        }
    }

    /// Adds the result of a decision whose fields come in two parts.
    pub(super) fn add_decision(&mut self, parts: [&[u8]; 2]) {
        let Self(out) = self;
        let n_decision = parts.iter().map(|part| part.len()).sum();
        put_header(RESULTS, n_field_bytes(DECISION, n_decision), out);
        put_header(DECISION, n_decision, out);
        parts.iter().for_each(|part| out.extend_from_slice(part));
    }
}

impl Encoded for Results {
    fn n_bytes(&self) -> usize {
        self.0.len()
    }

    fn put(&self, out: &mut impl BufMut) {
        out.put_slice(&self.0);
    }
}

impl Encoded for Vec<Results> {
    fn n_bytes(&self) -> usize {
        self.iter().map(Encoded::n_bytes).sum()
    }

    fn put(&self, out: &mut impl BufMut) {
        self.iter().for_each(|results| results.put(out));
    }
}

/// Begins a field of so many bytes.
fn put_header(field: u32, n_bytes: usize, out: &mut impl BufMut) {
    encode_key(field, WireType::LengthDelimited, out);
    encode_varint(n_bytes as u64, out);
}

fn n_field_bytes(field: u32, n_bytes: usize) -> usize {
    key_len(field) + encoded_len_varint(n_bytes as u64) + n_bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decision(n: usize) -> v1::Decision {
        v1::Decision { item_id: "d".repeat(n), risk_score: 0.5, ..Default::default() }
    }

    fn sent(message: &impl Encoded) -> Vec<u8> {
        let mut out = Vec::new();
        message.put(&mut out);
        assert_eq!(out.len(), message.n_bytes());
        out
    }

    #[test]
    fn a_reply_comes_as_the_contract_has_it() {
        for n in [0, 100, 300] {
            let mut reply = Reply::from(&decision(n));
            let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n as u128);
            put_id(id, &mut reply.0);
            let whole = v1::Decision { decision_id: id.to_string(), ..decision(n) };
            let read = v1::ScoreParcelResponse::decode(sent(&reply).as_slice()).unwrap();
            assert_eq!(read, v1::ScoreParcelResponse { decision: Some(whole) });
        }
    }

    #[test]
    fn results_come_as_the_contract_has_them_whatever_their_parts() {
        let of_record = v1::Decision { degraded: vec!["ledger".to_owned()], ..Default::default() };
        let (mut expected, mut pieces) = (Vec::new(), Vec::new());
        for n in [0, 100, 300] {
            let mut results = Results::default();
            results.add_decision([&decision(n).encode_to_vec(), &of_record.encode_to_vec()]);
            results.add(Err(Refusal::ModelFault));
            results.add(Ok(Reply::from(&decision(n))));
            pieces.push(results);
            let whole = v1::Decision { degraded: of_record.degraded.clone(), ..decision(n) };
            let error = v1::score_result::Result::Error(Refusal::ModelFault.into());
            let decided = |decision| v1::score_result::Result::Decision(decision);
            let three = [decided(whole), error, decided(decision(n))];
            expected.extend(three.map(|result| v1::ScoreResult { result: Some(result) }));
        }
        let read = v1::ScoreParcelsResponse::decode(sent(&pieces).as_slice()).unwrap();
        assert_eq!(read.results, expected);

        let one = v1::StreamParcelsResponse::decode(sent(&Results::of(Ok(Reply::from(&decision(7))))).as_slice());
        let result = Some(v1::score_result::Result::Decision(decision(7)));
        assert_eq!(one.unwrap().result, Some(v1::ScoreResult { result }));
    }
}

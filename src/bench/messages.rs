//! What is sent: parcels under identifiers of their own, encoded beforehand, or one message for any other service.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{BufMut as _, Bytes, BytesMut};
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint, int32, string};
use tonic::Code;

use super::BenchError;
use crate::parcel::Draft;
use crate::parcel::codes::{ItemIdScheme, S10};
use crate::wire::{self, v1};

/// By which method parcels are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `ScoreParcel`: one a call.
    Unary,
    /// `ScoreParcels`.
    Batch {
        /// Parcels a call.
        n_parcels: usize,
    },
    /// `StreamParcels`: one a message, over one stream a connection.
    Stream,
}

/// What calls carry, in turn.
#[derive(Debug)]
pub struct Messages(Kind);

#[derive(Debug)]
enum Kind {
    Parcels(Parcels),
    /// The same for every call, of a service that is not ours.
    One {
        path: String,
        message: Bytes,
    },
}

#[derive(Debug)]
struct Parcels {
    method: Method,
    bodies: Vec<Body>,
    explanation: i32,
    /// Serial number of the first.
    first: u64,
    /// How many were made, in whichever run: one that was sent before is on record where there is a ledger.
    n_made: AtomicU64,
}

#[derive(Clone, Debug)]
struct Body {
    /// The parcel without its identifier.
    bytes: Vec<u8>,
    /// `None` where it is a carrier's own.
    id: Option<S10>,
}

/// What an answer holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) n_ok: u64,
    /// Codes of the parcels that were refused.
    pub(super) refused: Vec<Code>,
}

// Numbers of the contract's fields.
const ITEM_ID: u32 = 1;
const PARCEL: u32 = 1;
const EXPLANATION: u32 = 3;
const REQUEST: u32 = 1;

impl Messages {
    /// Parcels for `method`. Each call sends new ones: the drafts in turn, with serial numbers from `first` on in place of
    /// their own. So a server that knows parcels again has no less to do than with real ones.
    ///
    /// # Errors
    /// [`BenchError::NoParcels`] where the contract has room for none of the drafts.
    pub fn parcels(
        drafts: &[Draft],
        method: Method,
        explanation: v1::ExplanationLevel,
        first: u64,
    ) -> Result<Self, BenchError> {
        let stated = drafts.iter().filter_map(|draft| wire::from_draft(draft).ok());
        let bodies: Vec<_> = stated.map(Body::new).collect();
        if bodies.is_empty() {
            return Err(BenchError::NoParcels);
        }
        Ok(Self(Kind::Parcels(Parcels {
            method,
            bodies,
            explanation: explanation.into(),
            first,
            n_made: AtomicU64::new(0),
        })))
    }

    /// One message for the unary method at `path`.
    pub fn one(path: &str, message: Vec<u8>) -> Self {
        Self(Kind::One { path: path.to_owned(), message: message.into() })
    }

    pub(super) fn path(&self) -> &str {
        match &self.0 {
            Kind::One { path, .. } => path,
            Kind::Parcels(parcels) => match parcels.method {
                Method::Unary => "/parcelrisk.v1.RiskScoringService/ScoreParcel",
                Method::Batch { .. } => "/parcelrisk.v1.RiskScoringService/ScoreParcels",
                Method::Stream => "/parcelrisk.v1.RiskScoringService/StreamParcels",
            },
        }
    }

    pub(super) fn is_stream(&self) -> bool {
        matches!(&self.0, Kind::Parcels(Parcels { method: Method::Stream, .. }))
    }

    /// Parcels that each call carries.
    pub(super) fn n_per_call(&self) -> u64 {
        match &self.0 {
            Kind::Parcels(Parcels { method: Method::Batch { n_parcels }, .. }) => *n_parcels as u64,
            _ => 1,
        }
    }

    /// The message of the next call.
    pub(super) fn next(&self) -> Bytes {
        let parcels = match &self.0 {
            Kind::One { message, .. } => return message.clone(),
            Kind::Parcels(parcels) => parcels,
        };
        let mut out = BytesMut::new();
        let of_call = self.n_per_call();
        let n = parcels.n_made.fetch_add(of_call, Ordering::Relaxed);
        match parcels.method {
            Method::Unary => parcels.put(n, &mut out),
            Method::Batch { .. } => (n..n + of_call).for_each(|n| parcels.put_inner(n, &mut out)),
            Method::Stream => parcels.put_inner(n, &mut out),
        }
        out.freeze()
    }

    /// What an answer holds; `None` where it does not read as one.
    pub(super) fn contents(&self, answer: Bytes) -> Option<Contents> {
        let one = Contents { n_ok: 1, refused: Vec::new() };
        let Kind::Parcels(parcels) = &self.0 else { return Some(one) };
        let results = match parcels.method {
            Method::Unary => return Some(one),
            Method::Batch { .. } => v1::ScoreParcelsResponse::decode(answer).ok()?.results,
            Method::Stream => vec![v1::StreamParcelsResponse::decode(answer).ok()?.result?],
        };
        let mut contents = Contents::default();
        for result in results {
            match result.result? {
                v1::score_result::Result::Decision(_) => contents.n_ok += 1,
                v1::score_result::Result::Error(error) => contents.refused.push(Code::from_i32(error.code)),
            }
        }
        Some(contents)
    }
}

impl Body {
    fn new(mut parcel: v1::Parcel) -> Self {
        let id = match ItemIdScheme::from_number(parcel.id_scheme) {
            Some(ItemIdScheme::Carrier) => None,
            _ => S10::parse(&parcel.item_id).ok(),
        };
        parcel.item_id.clear();
        if id.is_none() {
            parcel.id_scheme = ItemIdScheme::Carrier as i32;
        }
        Self { bytes: parcel.encode_to_vec(), id }
    }

    fn item_id(&self, serial: u64) -> String {
        self.id.map_or_else(|| serial.to_string(), |id| id.renumbered(serial).as_str().to_owned())
    }
}

impl Parcels {
    /// The next parcel, with its identifier.
    fn parcel(&self, n: u64) -> (String, &[u8]) {
        // Below the number of bodies.
        let body = &self.bodies[(n % self.bodies.len() as u64) as usize];
        (body.item_id(self.first + n), &body.bytes)
    }

    /// Writes a `ScoreParcelRequest`.
    fn put(&self, n: u64, out: &mut BytesMut) {
        let (item_id, rest) = self.parcel(n);
        encode_key(PARCEL, WireType::LengthDelimited, out);
        encode_varint((string::encoded_len(ITEM_ID, &item_id) + rest.len()) as u64, out);
        string::encode(ITEM_ID, &item_id, out);
        out.put_slice(rest);
        int32::encode(EXPLANATION, &self.explanation, out);
    }

    /// Writes one as field 1 of a message that holds it.
    fn put_inner(&self, n: u64, out: &mut BytesMut) {
        let mut request = BytesMut::new();
        self.put(n, &mut request);
        encode_key(REQUEST, WireType::LengthDelimited, out);
        encode_varint(request.len() as u64, out);
        out.put_slice(&request);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parcel::{DraftTime, ParcelLimits};

    fn drafts() -> Vec<Draft> {
        let draft = |item_id: &str, scheme: ItemIdScheme| Draft {
            item_id: item_id.to_owned(),
            id_scheme: scheme as i32,
            advised_at: Some(DraftTime { seconds: 1_700_000_000, nanos: 0 }),
            ..Draft::default()
        };
        vec![draft("RB999999995CN", ItemIdScheme::S10), draft("their own", ItemIdScheme::Carrier)]
    }

    fn messages(method: Method) -> Messages {
        Messages::parcels(&drafts(), method, v1::ExplanationLevel::Full, 12_345_678).unwrap()
    }

    fn expected(n: usize) -> v1::ScoreParcelRequest {
        let parcel = wire::from_draft(&drafts()[n % 2]).unwrap();
        let item_ids = ["RB123456785CN", "12345679", "RB123456808CN", "12345681", "RB123456825CN", "12345683"];
        v1::ScoreParcelRequest {
            parcel: Some(Box::new(v1::Parcel { item_id: item_ids[n].to_owned(), ..parcel })),
            request_id: String::new(),
            explanation: v1::ExplanationLevel::Full.into(),
        }
    }

    #[test]
    fn what_is_sent_is_what_the_contract_would_make_of_it() {
        let unary = messages(Method::Unary);
        for n in 0..4 {
            let sent = v1::ScoreParcelRequest::decode(unary.next()).unwrap();
            assert_eq!(sent, expected(n));
            assert!(wire::to_draft(*sent.parcel.unwrap()).check(&ParcelLimits::default()).is_ok());
        }
        let batches = messages(Method::Batch { n_parcels: 3 });
        for ns in [[0, 1, 2], [3, 4, 5]] {
            let batch = v1::ScoreParcelsRequest::decode(batches.next()).unwrap();
            assert_eq!(batch.requests, ns.map(expected));
        }
        let streamed = v1::StreamParcelsRequest::decode(messages(Method::Stream).next()).unwrap();
        assert_eq!(streamed.request, Some(expected(0)));
    }

    #[test]
    fn a_parcel_that_was_refused_within_an_answer_is_told_from_one_that_was_scored() {
        let ok = v1::ScoreResult { result: Some(v1::score_result::Result::Decision(v1::Decision::default())) };
        let error = v1::ItemError { code: Code::InvalidArgument.into(), ..v1::ItemError::default() };
        let bad = v1::ScoreResult { result: Some(v1::score_result::Result::Error(error)) };
        let answer = v1::ScoreParcelsResponse { results: vec![ok.clone(), bad, ok] }.encode_to_vec();
        let contents = messages(Method::Batch { n_parcels: 3 }).contents(answer.into()).unwrap();
        assert_eq!(contents, Contents { n_ok: 2, refused: vec![Code::InvalidArgument] });
        assert_eq!(messages(Method::Stream).contents(Bytes::from_static(b"\xff")), None);
    }

    #[test]
    fn no_parcels_are_an_error() {
        let none = Messages::parcels(&[], Method::Unary, v1::ExplanationLevel::None, 0);
        assert!(matches!(none, Err(BenchError::NoParcels)));
    }
}

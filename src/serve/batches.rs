//! `ScoreParcels`, whose parcels are read, and their results written, by the threads that score them.
//!
//! Read at once by the thread that has the connection, a batch would be some thirty thousand small pieces of memory that
//! another thread uses and gives back, long after they have left every cache.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{BufMut as _, Bytes};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len, message};
use tonic::body::Body;
use tonic::codec::{Codec, EncodeBuf, Encoder};
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower_service::Service;

use super::scoring::Scoring;
use crate::wire::v1;
use crate::wire::v1::risk_scoring_service_server::{RiskScoringServiceServer, SERVICE_NAME};

/// A `ScoreParcelsRequest` whose requests are not read yet.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Batch {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub(super) requests: Vec<Bytes>,
}

/// Some results of a `ScoreParcelsResponse`, as they are sent.
#[derive(Debug, Default)]
pub(super) struct Written(Vec<u8>);

/// Number of the field of a `ScoreParcelsResponse`.
const RESULTS: u32 = 1;
/// Number of the field of a `ScoreResult`.
const DECISION: u32 = 1;

/// What most results fit into, without reasons.
const RESULT_BYTES: usize = 512;

impl Written {
    /// Room for so many.
    pub(super) fn with_capacity(n_results: usize) -> Self {
        Self(Vec::with_capacity(RESULT_BYTES * n_results))
    }

    pub(super) fn add(&mut self, result: &v1::ScoreResult) {
        message::encode(RESULTS, result, &mut self.0);
    }

    /// Adds the result of a decision that was encoded before, with more of its fields: one after the other they are one
    /// message.
    pub(super) fn add_decision(&mut self, encoded: &[u8], rest: &v1::Decision) {
        let Self(out) = self;
        let n_decision = (encoded.len() + rest.encoded_len()) as u64;
        let n_result = key_len(DECISION) as u64 + encoded_len_varint(n_decision) as u64 + n_decision;
        encode_key(RESULTS, WireType::LengthDelimited, out);
        encode_varint(n_result, out);
        encode_key(DECISION, WireType::LengthDelimited, out);
        encode_varint(n_decision, out);
        out.extend_from_slice(encoded);
        rest.encode(out).expect("a vector grows");
    }
}

/// The service of the contract.
#[derive(Clone, Debug)]
pub(super) struct ScoringServer {
    /// Answers all methods but `ScoreParcels`.
    others: RiskScoringServiceServer<Scoring>,
    scoring: Arc<Scoring>,
    max_in: usize,
    max_out: usize,
}

impl ScoringServer {
    /// * `max_in`, `max_out`: most bytes of a message that is read, and written.
    pub(super) fn new(scoring: Scoring, max_in: usize, max_out: usize) -> Self {
        let scoring = Arc::new(scoring);
        let others = RiskScoringServiceServer::from_arc(Arc::clone(&scoring));
        let others = others.max_decoding_message_size(max_in).max_encoding_message_size(max_out);
        Self { others, scoring, max_in, max_out }
    }
}

impl NamedService for ScoringServer {
    const NAME: &'static str = SERVICE_NAME;
}

type Later<T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

impl Service<http::Request<Body>> for ScoringServer {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Later<Self::Response, Infallible>;

    fn poll_ready(&mut self, ctx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<http::Request<Body>>::poll_ready(&mut self.others, ctx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let method = request.uri().path().strip_prefix('/').and_then(|path| path.strip_prefix(SERVICE_NAME));
        if method != Some("/ScoreParcels") {
            return self.others.call(request);
        }
        let method = ScoreParcels(Arc::clone(&self.scoring));
        let (max_in, max_out) = (self.max_in, self.max_out);
        Box::pin(async move {
            let mut grpc = Grpc::new(BatchCodec).apply_max_message_size_config(Some(max_in), Some(max_out));
            Ok(grpc.unary(method, request).await)
        })
    }
}

struct ScoreParcels(Arc<Scoring>);

impl UnaryService<Batch> for ScoreParcels {
    type Response = Vec<Written>;
    type Future = Later<Response<Vec<Written>>, Status>;

    fn call(&mut self, request: Request<Batch>) -> Self::Future {
        let scoring = Arc::clone(&self.0);
        Box::pin(async move { scoring.score_batch(request).await })
    }
}

/// Reads [`Batch`], writes [`Written`].
struct BatchCodec;

impl Codec for BatchCodec {
    type Encode = Vec<Written>;
    type Decode = Batch;
    type Encoder = Self;
    type Decoder = <ProstCodec<Batch, Batch> as Codec>::Decoder;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstCodec::<Batch, Batch>::default().decoder()
    }
}

impl Encoder for BatchCodec {
    type Item = Vec<Written>;
    type Error = Status;

    fn encode(&mut self, item: Vec<Written>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.reserve(item.iter().map(|Written(results)| results.len()).sum());
        item.iter().for_each(|Written(results)| out.put_slice(results));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_cut_into_its_requests_and_results_come_together_as_the_contract_has_them() {
        let request = |id: &str| v1::ScoreParcelRequest { request_id: id.to_owned(), ..Default::default() };
        let batch = v1::ScoreParcelsRequest { requests: vec![request("a"), request(""), request("b")] };
        let Batch { requests } = Batch::decode(batch.encode_to_vec().as_slice()).unwrap();
        let read = requests.into_iter().map(|bytes| v1::ScoreParcelRequest::decode(bytes).unwrap());
        assert_eq!(read.collect::<Vec<_>>(), batch.requests);

        let result = |id: &str| {
            let decision = v1::Decision { decision_id: id.to_owned(), ..Default::default() };
            v1::ScoreResult { result: Some(v1::score_result::Result::Decision(decision)) }
        };
        let results = [result("a"), result("b"), v1::ScoreResult::default()];
        let bytes = results.chunks(2).flat_map(|some| {
            let mut written = Written::with_capacity(some.len());
            some.iter().for_each(|result| written.add(result));
            written.0
        });
        let whole = v1::ScoreParcelsResponse::decode(bytes.collect::<Vec<_>>().as_slice()).unwrap();
        assert_eq!(whole.results, results);
    }

    #[test]
    fn a_decision_in_two_parts_comes_as_one() {
        let of_record = v1::Decision {
            decided_at: Some(crate::wire::timestamp_micros(1_700_000_000_000_005)),
            degraded: vec!["ledger".to_owned()],
            ..Default::default()
        };
        let mut written = Written::default();
        let mut results = Vec::new();
        for (n, rest) in [0, 100, 300].into_iter().zip([&of_record, &v1::Decision::default(), &of_record]) {
            let decision = v1::Decision { decision_id: "d".repeat(n), risk_score: 0.5, ..Default::default() };
            written.add_decision(&decision.encode_to_vec(), rest);
            let whole = v1::Decision { decided_at: rest.decided_at, degraded: rest.degraded.clone(), ..decision };
            results.push(v1::ScoreResult { result: Some(v1::score_result::Result::Decision(whole)) });
        }
        assert_eq!(v1::ScoreParcelsResponse::decode(written.0.as_slice()).unwrap().results, results);
    }
}

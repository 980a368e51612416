//! What does not read as a message, since a text of it is not in UTF-8: the caller is told so, and nobody else has to suffer.

use parcel_risk::wire::v1;
use parcel_risk::wire::v1::score_result::Result::{Decision, Error};
use prost::Message;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt as _;

use crate::harness::{parcel, request, start_default, within};

/// Any message of the contract whose first field holds others.
#[derive(Clone, PartialEq, Message)]
struct Outer {
    #[prost(bytes = "vec", repeated, tag = "1")]
    inner: Vec<Vec<u8>>,
}

/// A parcel or an outcome whose `item_id` is not in UTF-8.
const BAD: &[u8] = &[0x0a, 2, 0xff, 0xfe];

fn outer(inner: &[&[u8]]) -> Outer {
    Outer { inner: inner.iter().map(|bytes| bytes.to_vec()).collect() }
}

fn bad_request() -> Vec<u8> {
    outer(&[BAD]).encode_to_vec()
}

fn good_request() -> Vec<u8> {
    request(parcel()).encode_to_vec()
}

async fn call<R: Message + Default + 'static>(channel: &Channel, path: &'static str, sent: Outer) -> Result<R, Status> {
    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let codec = ProstCodec::default();
    within(client.unary(Request::new(sent), PathAndQuery::from_static(path), codec))
        .await
        .map(|reply| reply.into_inner())
}

fn codes(results: Vec<v1::ScoreResult>) -> Vec<Code> {
    let code = |result: v1::ScoreResult| match result.result.unwrap() {
        Decision(_) => Code::Ok,
        Error(error) => Code::from_i32(error.code),
    };
    results.into_iter().map(code).collect()
}

#[tokio::test]
async fn a_text_that_is_not_in_utf_8_is_the_callers_fault_and_named() {
    let (channel, _server) = start_default().await;
    for (path, sent) in [
        ("/parcelrisk.v1.RiskScoringService/ScoreParcel", outer(&[BAD])),
        ("/parcelrisk.v1.OutcomeService/RecordOutcomes", outer(&[BAD])),
    ] {
        let status = call::<v1::Decision>(&channel, path, sent).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{path}");
        assert!(status.message().contains("item_id"), "{status}");
        assert_eq!(status.get_error_details().error_info().unwrap().reason, "NOT_A_MESSAGE");
    }
}

#[tokio::test]
async fn in_a_batch_and_in_a_stream_it_fails_alone() {
    let (channel, _server) = start_default().await;
    let three = [good_request(), bad_request(), good_request()];
    let sent = outer(&[&three[0], &three[1], &three[2]]);
    let path = "/parcelrisk.v1.RiskScoringService/ScoreParcels";
    let reply: v1::ScoreParcelsResponse = call(&channel, path, sent).await.unwrap();
    assert_eq!(codes(reply.results), [Code::Ok, Code::InvalidArgument, Code::Ok]);

    let mut client = Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let sent = three.map(|request| outer(&[&request]));
    let path = PathAndQuery::from_static("/parcelrisk.v1.RiskScoringService/StreamParcels");
    let codec = ProstCodec::<Outer, v1::StreamParcelsResponse>::default();
    let replies = within(client.streaming(Request::new(tokio_stream::iter(sent)), path, codec)).await.unwrap();
    let mut replies = replies.into_inner();
    let mut results = Vec::new();
    while let Some(reply) = within(replies.message()).await.unwrap() {
        results.extend(reply.result);
    }
    assert_eq!(codes(results), [Code::Ok, Code::InvalidArgument, Code::Ok]);
}

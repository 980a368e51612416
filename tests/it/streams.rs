//! How long a stream or a call may take, and what the client is told then.

use std::time::Duration;

use parcel_risk::serve::{ServeConfig, Standing};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::harness::{ByHand, HalfSent, Server, one_at_a_time, parcel, parts, request, start, within};

type Replies = Streaming<v1::StreamParcelsResponse>;

async fn stream(config: ServeConfig) -> (mpsc::Sender<v1::StreamParcelsRequest>, Replies, Server) {
    let (endpoint, server) = start(parts(config)).await;
    let (send, sent) = mpsc::channel(1);
    let mut client = RiskScoringServiceClient::new(endpoint.connect().await.unwrap());
    let replies = client.stream_parcels(ReceiverStream::new(sent)).await.unwrap().into_inner();
    (send, replies, server)
}

fn asked() -> v1::StreamParcelsRequest {
    v1::StreamParcelsRequest { request: Some(request(parcel())) }
}

fn reason(status: &Status) -> (Code, String) {
    (status.code(), status.get_error_details().error_info().unwrap().reason.clone())
}

#[tokio::test]
async fn a_stream_without_requests_ends() {
    let config = ServeConfig { stream_idle_seconds: 1, ..ServeConfig::default() };
    let (send, mut replies, _server) = stream(config).await;
    send.send(asked()).await.unwrap();
    assert!(within(replies.message()).await.unwrap().is_some());
    let status = within(replies.message()).await.unwrap_err();
    assert_eq!(reason(&status), (Code::Unavailable, "STREAM_IDLE".to_owned()));
    assert!(status.metadata().get("x-request-id").is_some());
}

/// What waits is no pause of the client's, whose other requests are there meanwhile.
#[tokio::test]
async fn a_stream_that_waits_for_room_is_not_idle() {
    let (endpoint, server) = start(parts(ServeConfig { stream_idle_seconds: 1, ..one_at_a_time() })).await;
    let has_the_room = HalfSent::new(server.address).await;
    let mut client = RiskScoringServiceClient::new(endpoint.connect().await.unwrap());
    let (send, sent) = mpsc::channel(4);
    let mut replies = client.stream_parcels(ReceiverStream::new(sent)).await.unwrap().into_inner();
    for _ in 0..4 {
        send.send(asked()).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(has_the_room.complete().await, "0");
    for _ in 0..4 {
        assert!(within(replies.message()).await.unwrap().is_some());
    }
    let status = within(replies.message()).await.unwrap_err();
    assert_eq!(reason(&status), (Code::Unavailable, "STREAM_IDLE".to_owned()));
}

#[tokio::test]
async fn a_stream_that_goes_on_and_on_ends_after_the_reply_in_hand() {
    let config = ServeConfig { stream_seconds: 1, ..ServeConfig::default() };
    let (send, mut replies, _server) = stream(config).await;
    let (mut n_sent, mut n_answered) = (0, 0);
    let status = within(async {
        loop {
            n_sent += usize::from(send.send(asked()).await.is_ok());
            match replies.message().await {
                Ok(reply) => n_answered += usize::from(reply.is_some()),
                Err(status) => return status,
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    assert_eq!(reason(&status), (Code::Unavailable, "STREAM_ENDS".to_owned()));
    // At most the one on its way when the time was over.
    assert!(n_answered >= 1 && n_sent - n_answered <= 1, "{n_answered} of {n_sent}");
}

#[tokio::test]
async fn a_question_to_reflection_ends_too() {
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    let config = ServeConfig { stream_seconds: 1, ..ServeConfig::default() };
    let (endpoint, _server) = start(parts(config)).await;
    let (_send, sent) = mpsc::channel(1);
    let mut client = ServerReflectionClient::new(endpoint.connect().await.unwrap());
    let mut replies = client.server_reflection_info(ReceiverStream::new(sent)).await.unwrap().into_inner();
    assert!(within(replies.message()).await.unwrap().is_none());
}

/// A call that is never sent whole takes as long as it may; by tonic's own guard it would end as CANCELLED.
#[tokio::test]
async fn a_deadline_of_the_server_is_told_by_its_own_code() {
    let config = ServeConfig { request_timeout_seconds: 1, ..ServeConfig::default() };
    let (_, server) = start(parts(config)).await;
    let call = HalfSent::new(server.address).await;
    assert_eq!(within(call.ended()).await, (Code::DeadlineExceeded as i32).to_string());
}

#[tokio::test]
async fn a_deadline_of_the_client_is_kept_by_the_server() {
    let (_, server) = start(parts(ServeConfig { request_timeout_seconds: 3600, ..ServeConfig::default() })).await;
    let call = HalfSent::with_timeout(server.address, "50m").await;
    assert_eq!(within(call.ended()).await, (Code::DeadlineExceeded as i32).to_string());
}

#[tokio::test]
async fn an_answer_and_an_error_name_their_call() {
    let (endpoint, _server) = start(parts(ServeConfig::default())).await;
    let mut client = RiskScoringServiceClient::new(endpoint.connect().await.unwrap());
    let named = |parcel| {
        let mut request = Request::new(request(parcel));
        request.metadata_mut().insert("x-request-id", "mine-1".parse().unwrap());
        request
    };
    let answer = client.score_parcel(named(parcel())).await.unwrap();
    assert_eq!(answer.metadata().get("x-request-id").unwrap(), "mine-1");
    let error = client.score_parcel(named(v1::Parcel::default())).await.unwrap_err();
    assert_eq!(error.metadata().get("x-request-id").unwrap(), "mine-1");
    let details = error.get_error_details();
    assert_eq!(details.request_info().unwrap().request_id, "mine-1");
    assert!(!details.bad_request().unwrap().field_violations.is_empty());
    let mut other = Vec::new();
    for _ in 0..2 {
        let answer = client.score_parcel(request(parcel())).await.unwrap();
        other.push(answer.metadata().get("x-request-id").unwrap().to_str().unwrap().to_owned());
    }
    assert_ne!(other[0], other[1]);
}

async fn room_is_given_back(standing: &Standing) {
    within(async {
        while standing.observe().in_flight > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// A client that has its answers held back, by a window that it never opens, is hung up on: nothing of HTTP/2 ends that.
#[tokio::test]
async fn a_client_that_takes_no_answers_is_hung_up_on() {
    let parts = parts(ServeConfig { stream_idle_seconds: 1, ..ServeConfig::default() });
    let standing = std::sync::Arc::clone(&parts.standing);
    let (_, server) = start(parts).await;
    let call = ByHand::new(server.address, "StreamParcels", &asked(), 0).await;
    // With an error or without: it ends.
    let _ = within(call.connection).await.unwrap();
    assert!(standing.metrics_text().contains("parcelrisk_connections_stalled_total 1"));
    room_is_given_back(&standing).await;
}

/// One that takes a beginning is no other: its answer waits, and is not over.
#[tokio::test]
async fn a_client_that_takes_the_beginning_of_an_answer_alone_is_hung_up_on() {
    const N_PARCELS: usize = 1000;
    for window in [1, 65_535] {
        let parts = parts(ServeConfig { stream_idle_seconds: 1, ..ServeConfig::default() });
        let standing = std::sync::Arc::clone(&parts.standing);
        let (_, server) = start(parts).await;
        let batch = v1::ScoreParcelsRequest { requests: vec![request(parcel()); N_PARCELS] };
        let mut call = ByHand::new(server.address, "ScoreParcels", &batch, window).await;
        call.body.send_data(bytes::Bytes::new(), true).unwrap();
        let mut body = within(call.response).await.unwrap().into_body();
        assert!(!within(body.data()).await.unwrap().unwrap().is_empty());
        assert_eq!(standing.observe().in_flight, N_PARCELS, "its room is held with a window of {window}");
        let _ = within(call.connection).await.unwrap();
        assert!(standing.metrics_text().contains("parcelrisk_connections_stalled_total 1"));
        room_is_given_back(&standing).await;
    }
}

//! What a stop waits for, and what it does not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parcel_risk::serve::{Drained, ServeConfig};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Streaming};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};
use tonic_types::StatusExt as _;

use crate::harness::{ByHand, HalfSent, parcel, parts, request, start, start_default, within};

const WHOLE: Drained = Drained { cut: false };

async fn watch(channel: tonic::transport::Channel, service: &str) -> Streaming<HealthCheckResponse> {
    let request = HealthCheckRequest { service: service.to_owned() };
    let mut states = HealthClient::new(channel).watch(request).await.unwrap().into_inner();
    assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    states
}

#[tokio::test]
async fn an_idle_server_stops_at_once() {
    let (channel, server) = start_default().await;
    RiskScoringServiceClient::new(channel).score_parcel(request(parcel())).await.unwrap();
    assert_eq!(server.stopped().await, WHOLE);
}

#[tokio::test]
async fn whoever_watches_health_hears_of_the_stop_and_does_not_hold_it_up() {
    let (channel, server) = start_default().await;
    let mut whole = watch(channel.clone(), "").await;
    let mut scoring = watch(channel, v1::risk_scoring_service_server::SERVICE_NAME).await;
    assert_eq!(server.stopped().await, WHOLE);
    for states in [&mut whole, &mut scoring] {
        assert_eq!(states.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
        assert!(!matches!(states.message().await, Ok(Some(_))));
    }
}

#[tokio::test]
async fn an_open_stream_ends_after_the_reply_in_hand_and_does_not_hold_up_the_stop() {
    let (channel, server) = start_default().await;
    let (send, sent) = mpsc::channel(1);
    let mut client = RiskScoringServiceClient::new(channel);
    let mut replies = client.stream_parcels(ReceiverStream::new(sent)).await.unwrap().into_inner();
    send.send(v1::StreamParcelsRequest { request: Some(request(parcel())) }).await.unwrap();
    assert!(replies.message().await.unwrap().is_some());

    assert_eq!(server.stopped().await, WHOLE);
    let status = replies.message().await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::Unavailable, "the server is draining"));
    assert!(status.get_error_details().retry_info().is_some());
}

#[tokio::test]
async fn a_stream_that_never_pauses_does_not_hold_up_the_stop() {
    let (channel, server) = start_default().await;
    let endless = v1::StreamParcelsRequest { request: Some(request(parcel())) };
    let endless = tokio_stream::iter(std::iter::repeat(endless));
    let mut client = RiskScoringServiceClient::new(channel);
    let mut replies = client.stream_parcels(endless).await.unwrap().into_inner();
    assert!(replies.message().await.unwrap().is_some());
    let reader = tokio::spawn(async move {
        loop {
            match replies.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("ends without a word"),
                Err(status) => return status.code(),
            }
        }
    });
    assert_eq!(server.stopped().await, WHOLE);
    assert_eq!(within(reader).await.unwrap(), Code::Unavailable);
}

#[tokio::test]
async fn open_reflection_does_not_hold_up_the_stop() {
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    let (channel, server) = start_default().await;
    let (_send, sent) = mpsc::channel(1);
    let mut client = ServerReflectionClient::new(channel);
    let mut replies = client.server_reflection_info(ReceiverStream::new(sent)).await.unwrap().into_inner();
    assert_eq!(server.stopped().await, WHOLE);
    assert!(!matches!(replies.message().await, Ok(Some(_))));
}

#[tokio::test]
async fn a_client_that_says_nothing_does_not_hold_up_the_stop() {
    let (_channel, server) = start_default().await;
    let _silent = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(server.stopped().await, WHOLE);
}

/// It has begun as HTTP/2 does, so that no deadline for that is left, and never answers that it knows of the end.
#[tokio::test]
async fn a_client_that_says_only_that_it_speaks_http_2_does_not_hold_up_the_stop() {
    use tokio::io::AsyncWriteExt as _;
    let (_channel, server) = start_default().await;
    let mut mute = TcpStream::connect(server.address).await.unwrap();
    mute.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
    // Its frame of settings is of no length: what the server needs to take it for a client.
    mute.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.unwrap();
    assert_eq!(server.stopped().await, WHOLE);
}

#[tokio::test]
async fn a_call_in_flight_completes() {
    let (channel, mut server) = start_default().await;
    let mut states = watch(channel, "").await;
    let call = within(HalfSent::new(server.address)).await;
    server.tell_to_stop();
    // The watch ends when the drain has begun.
    while let Ok(Some(_)) = states.message().await {}
    assert_eq!(within(call.complete()).await, "0");
    assert_eq!(server.stopped().await, WHOLE);
}

/// Most of its answer has yet to leave when the drain begins, and leaves slowly.
#[tokio::test]
async fn an_answer_that_is_taken_slowly_is_waited_for() {
    const AT_ONCE: usize = 64 << 10;
    let (_channel, mut server) = start_default().await;
    let asked = v1::ScoreParcelRequest { explanation: v1::ExplanationLevel::Full.into(), ..request(parcel()) };
    let batch = v1::ScoreParcelsRequest { requests: vec![asked; 500] };
    let mut call = ByHand::new(server.address, "ScoreParcels", &batch, u32::try_from(AT_ONCE).unwrap()).await;
    call.body.send_data(bytes::Bytes::new(), true).unwrap();
    let mut body = within(call.response).await.unwrap().into_body();
    server.tell_to_stop();
    let n_taken = Arc::new(AtomicUsize::new(0));
    let takes = Arc::clone(&n_taken);
    let reader = tokio::spawn(async move {
        let mut not_given_back = 0;
        while let Some(data) = body.data().await {
            takes.fetch_add(data.as_ref().unwrap().len(), Ordering::Relaxed);
            not_given_back += data.unwrap().len();
            if not_given_back >= AT_ONCE / 2 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                body.flow_control().release_capacity(std::mem::take(&mut not_given_back)).unwrap();
            }
        }
        body.trailers().await.unwrap().unwrap()
    });
    assert_eq!(server.stopped().await, WHOLE);
    // The connection of a test goes on where that of a process would end.
    let n_when_stopped = n_taken.load(Ordering::Relaxed);
    assert_eq!(within(reader).await.unwrap().get("grpc-status").unwrap(), "0");
    let n_whole = n_taken.load(Ordering::Relaxed);
    assert!(n_whole > 6 * AT_ONCE && n_whole - n_when_stopped <= AT_ONCE, "{n_when_stopped} of {n_whole}");
}

#[tokio::test]
async fn a_call_that_never_completes_is_cut() {
    let config = ServeConfig { drain_seconds: 1, request_timeout_seconds: 60, ..ServeConfig::default() };
    let (_, server) = start(parts(config)).await;
    let _call = within(HalfSent::new(server.address)).await;
    assert_eq!(server.stopped().await, Drained { cut: true });
}

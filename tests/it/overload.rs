//! What happens when more comes than the server takes on.

use std::sync::Arc;
use std::time::Duration;

use parcel_risk::serve::{ServeConfig, Standing};
use parcel_risk::telemetry::Criticality;
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::StatusExt as _;

use crate::harness::{HalfSent, Server, one_at_a_time, parcel, parts, request, start, within};

/// A server that takes on `max_in_flight` parcels at once, and keeps `kept` of them for critical calls.
async fn small(max_in_flight: u32, kept: u32) -> (Channel, Server, Arc<Standing>) {
    let max_batch = max_in_flight - kept;
    let config = ServeConfig { max_batch, max_in_flight, kept_for_critical: kept, ..ServeConfig::default() };
    let parts = parts(config);
    let standing = Arc::clone(&parts.standing);
    let (endpoint, server) = start(parts).await;
    (endpoint.connect().await.unwrap(), server, standing)
}

/// Calls that have begun and do not end: each takes room for one.
async fn half_sent(n: usize, server: &Server, standing: &Standing) -> Vec<HalfSent> {
    let mut open = Vec::new();
    for _ in 0..n {
        open.push(HalfSent::new(server.address).await);
    }
    until_in_flight(n, standing).await;
    open
}

async fn until_in_flight(n: usize, standing: &Standing) {
    within(async {
        while standing.observe().in_flight != n {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
    .await;
}

fn critical<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("x-criticality", "critical".parse().unwrap());
    request
}

#[tokio::test]
async fn what_is_too_much_is_refused_at_once_and_critical_calls_and_health_are_answered() {
    let (channel, server, standing) = small(3, 1).await;
    let open = half_sent(2, &server, &standing).await;

    let mut client = RiskScoringServiceClient::new(channel.clone());
    let status = client.score_parcel(request(parcel())).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.get_error_details().retry_info().is_some());
    client.score_parcel(critical(request(parcel()))).await.unwrap();
    HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap();
    let text = standing.metrics_text();
    for line in ["parcelrisk_shed_total{criticality=\"usual\"} 1", "parcelrisk_shed_total{criticality=\"critical\"} 0"]
    {
        assert!(text.contains(line), "{line} not in\n{text}");
    }

    for call in open {
        assert_eq!(call.complete().await, "0");
    }
    client.score_parcel(request(parcel())).await.unwrap();
    until_in_flight(0, &standing).await;
}

/// A connection whose calls are refused by the thousand is that of a client that tries again, and no attack.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_refused_over_and_over_is_not_hung_up_on() {
    let parts = parts(one_at_a_time());
    let standing = Arc::clone(&parts.standing);
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let open = half_sent(1, &server, &standing).await;
    let mut large = parcel();
    large.contents[0].description = "phone case ".repeat(3000);
    for _ in 0..25 {
        let calls: Vec<_> = (0..100)
            .map(|_| {
                let (channel, large) = (channel.clone(), request(large.clone()));
                tokio::spawn(async move { RiskScoringServiceClient::new(channel).score_parcel(large).await })
            })
            .collect();
        for call in calls {
            let status = within(call).await.unwrap().unwrap_err();
            assert_eq!(status.code(), Code::ResourceExhausted, "{status:?}");
        }
    }
    for call in open {
        call.complete().await;
    }
    until_in_flight(0, &standing).await;
    RiskScoringServiceClient::new(channel).score_parcel(request(parcel())).await.unwrap();
    assert_eq!(standing.metrics().totals().shed, 2500);
    assert!(standing.metrics_text().contains("parcelrisk_connections_taken_total 2"), "no connection was made anew");
}

#[tokio::test]
async fn a_batch_takes_room_for_each_of_its_parcels() {
    let (channel, server, standing) = small(3, 0).await;
    let _open = half_sent(1, &server, &standing).await;
    let mut client = RiskScoringServiceClient::new(channel);
    let batch = |n| v1::ScoreParcelsRequest { requests: vec![request(parcel()); n] };
    assert_eq!(client.score_parcels(batch(3)).await.unwrap_err().code(), Code::ResourceExhausted);
    assert_eq!(client.score_parcels(batch(2)).await.unwrap().into_inner().results.len(), 2);
    until_in_flight(1, &standing).await;
}

#[tokio::test]
async fn a_stream_waits_for_room_and_loses_nothing() {
    let (channel, server, standing) = small(1, 0).await;
    let open = half_sent(1, &server, &standing).await;
    let sent = vec![v1::StreamParcelsRequest { request: Some(request(parcel())) }; 3];
    let mut client = RiskScoringServiceClient::new(channel);
    let mut replies = client.stream_parcels(tokio_stream::iter(sent)).await.unwrap().into_inner();
    // Of a server without the limit the answer is a matter of microseconds.
    assert!(tokio::time::timeout(Duration::from_millis(300), replies.message()).await.is_err());
    for call in open {
        call.complete().await;
    }
    for _ in 0..3 {
        let reply = within(replies.message()).await.unwrap().unwrap();
        assert!(matches!(reply.result.unwrap().result, Some(v1::score_result::Result::Decision(_))));
    }
    assert_eq!(standing.metrics().totals().shed, 0);
    until_in_flight(0, &standing).await;
}

#[tokio::test]
async fn an_open_stream_without_parcels_takes_no_room() {
    let (channel, _server, standing) = small(1, 0).await;
    let mut client = RiskScoringServiceClient::new(channel);
    let _replies = client.stream_parcels(tokio_stream::pending()).await.unwrap();
    client.score_parcel(request(parcel())).await.unwrap();
    assert_eq!(standing.observe().in_flight_limits, Criticality::ALL.map(|_| 1));
}

/// One whose limit follows latency shows the limit that holds.
#[tokio::test]
async fn a_limit_that_follows_latency_begins_at_its_ceiling() {
    let config = ServeConfig {
        adaptive_in_flight: true,
        max_batch: 10,
        min_in_flight: 20,
        max_in_flight: 100,
        kept_for_critical: 10,
        ..ServeConfig::default()
    };
    let parts = parts(config);
    assert_eq!(parts.standing.observe().in_flight_limits, [90, 100]);
    let low = ServeConfig { adaptive_in_flight: true, min_in_flight: 900, ..ServeConfig::default() };
    let wrong = low.check().unwrap_err().to_string();
    assert!(
        wrong.contains("serve.min_in_flight: must be at least serve.max_batch and serve.kept_for_critical together"),
        "{wrong}"
    );
}

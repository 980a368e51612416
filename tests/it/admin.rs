//! The admin port: probes, metrics and the status page.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use parcel_risk::admin;
use parcel_risk::ledger::{Clock, LedgerConfig};
use parcel_risk::serve::{Parts, ServeConfig, Standing};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::harness::{HalfSent, bad_request, parcel, parts, recording_parts, request, start, within};

/// An admin port for a server that is, or is not yet.
async fn admin_of(standing: &Arc<Standing>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(admin::serve(listener, Arc::clone(standing)));
    address
}

/// Status and body of an answer, and its head.
pub(crate) async fn ask(admin: SocketAddr, method: &str, path: &str) -> (u16, String, String) {
    let mut stream = TcpStream::connect(admin).await.unwrap();
    stream.write_all(format!("{method} {path} HTTP/1.1\r\nhost: admin\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    within(stream.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned(), head.to_lowercase())
}

fn default() -> Parts {
    parts(ServeConfig::default())
}

#[tokio::test]
async fn the_probes_tell_a_start_from_serving_and_serving_from_a_drain() {
    let parts = default();
    let standing = Arc::clone(&parts.standing);
    let admin = admin_of(&standing).await;
    let ready = async || {
        let (code, text, _) = ask(admin, "GET", "/readyz").await;
        format!("{code} {text}")
    };
    assert_eq!(ready().await, "503 not ready\nserver: it is starting, and answers no call yet\n");

    let (endpoint, mut server) = start(parts).await;
    endpoint.connect().await.unwrap();
    assert_eq!(ready().await, "200 ready\n");

    let open = HalfSent::new(server.address).await;
    server.tell_to_stop();
    within(async {
        while standing.is_ready() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(ready().await, "503 not ready\nserver: it was told to stop, and completes what it has\n");
    assert_eq!(ask(admin, "GET", "/livez").await.0, 200);
    assert!(standing.metrics_text().contains("parcelrisk_draining 1\n"));
    open.complete().await;
    server.stopped().await;
}

#[tokio::test]
async fn every_call_and_every_parcel_is_counted() {
    let parts = default();
    let standing = Arc::clone(&parts.standing);
    let (endpoint, server) = start(parts).await;
    let mut client = RiskScoringServiceClient::new(endpoint.connect().await.unwrap());
    let decision = client.score_parcel(request(parcel())).await.unwrap().into_inner().decision.unwrap();
    client.score_parcel(bad_request()).await.unwrap_err();
    let requests = vec![request(parcel()), bad_request(), request(parcel())];
    client.score_parcels(v1::ScoreParcelsRequest { requests }).await.unwrap();
    let sent = vec![v1::StreamParcelsRequest { request: Some(request(parcel())) }; 2];
    let mut replies = client.stream_parcels(tokio_stream::iter(sent)).await.unwrap().into_inner();
    while replies.message().await.unwrap().is_some() {}
    drop((client, replies, endpoint));
    server.stopped().await;

    let (code, text, head) = ask(admin_of(&standing).await, "GET", "/metrics").await;
    assert_eq!(code, 200);
    assert!(head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8"), "{head}");
    let route = decision.route().as_str_name().trim_start_matches("ROUTE_").to_owned();
    let method = |name: &str| format!("method=\"/parcelrisk.v1.RiskScoringService/{name}\"");
    for line in [
        format!("parcelrisk_calls_total{{{},code=\"OK\"}} 1", method("ScoreParcel")),
        format!("parcelrisk_calls_total{{{},code=\"INVALID_ARGUMENT\"}} 1", method("ScoreParcel")),
        format!("parcelrisk_calls_total{{{},code=\"OK\"}} 1", method("ScoreParcels")),
        format!("parcelrisk_calls_total{{{},code=\"OK\"}} 1", method("StreamParcels")),
        format!("parcelrisk_call_latency_seconds_count{{{}}} 2", method("ScoreParcel")),
        format!("parcelrisk_calls_open{{{}}} 0", method("StreamParcels")),
        format!("parcelrisk_decisions_total{{route=\"{route}\"}} 5"),
        "parcelrisk_risk_score_count 5".to_owned(),
        "parcelrisk_invalid_fields_total{reason=\"NOT_AN_HS_CODE\"} 2".to_owned(),
        "parcelrisk_stage_seconds_count{stage=\"check\"} 7".to_owned(),
        "parcelrisk_stage_seconds_count{stage=\"decide\"} 5".to_owned(),
        "parcelrisk_stage_seconds_count{stage=\"record\"} 0".to_owned(),
        // Before its first time, which an alert must see as a change.
        "parcelrisk_model_rejections_total{check=\"signature\"} 0".to_owned(),
        "parcelrisk_connections_taken_total 1".to_owned(),
        "parcelrisk_connections 0".to_owned(),
        "parcelrisk_in_flight 0".to_owned(),
        "# EOF".to_owned(),
    ] {
        assert!(text.lines().any(|told| told == line), "{line} in none of\n{text}");
    }
    assert!(!text.contains("parcelrisk_ledger"), "there is none");
}

#[tokio::test]
async fn a_ledger_that_takes_no_records_is_no_place_to_send_calls_to() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let config = LedgerConfig { path: path.to_str().unwrap().to_owned(), max_pending: 1000, ..LedgerConfig::default() };
    let (parts, recorder) = recording_parts(&path, &config, Clock::system());
    let standing = Arc::clone(&parts.standing);
    let (_, server) = start(parts).await;
    let admin = admin_of(&standing).await;
    within(async {
        while !standing.is_ready() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let slots: Vec<_> = (0..1000).map(|_| recorder.ledger().reserve().unwrap()).collect();
    let (code, text, _) = ask(admin, "GET", "/readyz").await;
    assert_eq!((code, text.as_str()), (503, "not ready\nledger: it takes no records, so parcels are refused\n"));
    let page = ask(admin, "GET", "/").await.1;
    assert!(page.contains("not ready</h1>") && page.contains("it takes no records"), "{page}");
    drop(slots);
    assert_eq!(ask(admin, "GET", "/readyz").await.0, 200);
    drop(recorder);
    server.stopped().await;
}

/// A server with a ledger in `path`, to which one parcel was sent.
async fn recorded(path: &Path, parcel: v1::Parcel) -> Arc<Standing> {
    let config = LedgerConfig { path: path.to_str().unwrap().to_owned(), ..LedgerConfig::default() };
    let (parts, recorder) = recording_parts(path, &config, Clock::system());
    let standing = Arc::clone(&parts.standing);
    let (endpoint, server) = start(parts).await;
    let mut client = RiskScoringServiceClient::new(endpoint.connect().await.unwrap());
    client.score_parcel(request(parcel)).await.unwrap();
    // One of the ledger's records says on what grounds it decides.
    assert_eq!(standing.observe().ledger.unwrap().written, 2);
    drop((client, endpoint));
    // Kept for as long as the test looks at it.
    tokio::spawn(async move {
        let _kept = (recorder, server);
        std::future::pending::<()>().await;
    });
    standing
}

#[tokio::test]
async fn the_page_tells_what_someone_on_call_asks_and_nothing_of_people_or_goods() {
    let dir = tempfile::tempdir().unwrap();
    let party =
        v1::Party { name: "Quetzal Doe".to_owned(), street: "7 Cage Street".to_owned(), ..v1::Party::default() };
    let mut parcel = v1::Parcel { sender: Some(party), ..parcel() };
    parcel.contents[0].description = "quetzal seed".to_owned();
    let standing = recorded(&dir.path().join("ledger.db"), parcel).await;

    let admin = admin_of(&standing).await;
    let (code, page, head) = ask(admin, "GET", "/").await;
    assert_eq!(code, 200);
    assert!(head.contains("content-security-policy: default-src 'none';"), "{head}");
    assert!(page.starts_with("<!DOCTYPE html>"));
    let model = standing.observe().model;
    for part in ["serving</h1>", "Nothing.", "since the start of the server", "it can be written", &model[2]] {
        assert!(page.contains(part), "{part:?} is not in\n{page}");
    }
    let metrics = ask(admin, "GET", "/metrics").await.1;
    for text in [&page, &metrics] {
        for secret in ["Quetzal", "quetzal", "Cage", "RB123456785CN"] {
            assert!(!text.contains(secret), "{secret}");
        }
    }
    for forbidden in ["<script", "http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[tokio::test]
async fn only_what_is_there_is_answered_and_nothing_can_be_changed() {
    let admin = admin_of(&default().standing).await;
    assert_eq!(ask(admin, "GET", "/../etc/passwd").await.0, 404);
    let (code, _, head) = ask(admin, "POST", "/metrics").await;
    assert!(code == 405 && head.contains("allow: get, head"), "{code} {head}");
    let (code, body, head) = ask(admin, "HEAD", "/livez").await;
    assert!(code == 200 && body.is_empty() && head.contains("cache-control: no-store"), "{head}");
}

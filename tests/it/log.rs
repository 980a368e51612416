//! What the log may say.

use std::io;
use std::sync::{Arc, Mutex};

use parcel_risk::wire::v1;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tracing_subscriber::filter::LevelFilter;

use crate::harness::{canary_parcels, request, start_default};

/// Keeps the lines that name the canary, and those of answered calls.
#[derive(Clone, Default)]
struct Watcher(Arc<Mutex<(Vec<String>, Vec<String>)>>);

impl io::Write for Watcher {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        let mut kept = self.0.lock().unwrap();
        if text.contains("Canary") || text.contains("Cage Street") {
            kept.0.push(text.to_string());
        }
        if text.contains("\"answered\"") {
            kept.1.push(text.to_string());
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn nothing_that_a_parcel_states_of_people_or_goods_is_logged_at_any_level() {
    let watcher = Watcher::default();
    let writer = watcher.clone();
    // For the whole process, since batches are scored on other threads.
    tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .try_init()
        .expect("no other test starts a log");

    let [good, bad] = canary_parcels();
    let (channel, server) = start_default().await;
    let mut client = RiskScoringServiceClient::new(channel);
    client.score_parcel(request(good.clone())).await.unwrap();
    client.score_parcel(request(bad.clone())).await.unwrap_err();
    let requests = vec![request(good.clone()), request(bad.clone()), request(good.clone())];
    client.score_parcels(v1::ScoreParcelsRequest { requests }).await.unwrap();
    let sent = [good, bad].map(|parcel| v1::StreamParcelsRequest { request: Some(request(parcel)) });
    let mut replies = client.stream_parcels(tokio_stream::iter(sent)).await.unwrap().into_inner();
    while replies.message().await.unwrap().is_some() {}
    drop(client);
    server.stopped().await;

    let (leaks, answered) = &*watcher.0.lock().unwrap();
    assert_eq!(leaks, &Vec::<String>::new());
    // That nothing leaks would be easy to say of a log that says nothing.
    let told = |parts: &[&str]| answered.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    for parts in [
        &["RiskScoringService/ScoreParcel\"", "\"grpc.code\":\"OK\"", "\"n_items\":1", "latency_seconds"],
        &["RiskScoringService/ScoreParcel\"", "\"grpc.code\":\"INVALID_ARGUMENT\"", "\"n_items\":1", "latency_seconds"],
        &["RiskScoringService/ScoreParcels\"", "\"grpc.code\":\"OK\"", "\"n_items\":3", "latency_seconds"],
        &["RiskScoringService/StreamParcels\"", "\"grpc.code\":\"OK\"", "\"n_items\":2", "latency_seconds"],
    ] {
        assert!(told(parts), "{parts:?} in none of {answered:#?}");
    }
}

//! One model in the place of another while calls come in: none fails, and none is answered by two.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parcel_risk::wire::v1;
use parcel_risk::wire::v1::model_service_client::ModelServiceClient;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tonic::transport::Channel;

use super::{Place, first, promote, roll_back, second, stage, times};
use crate::harness::{parcel, request, start, within};

pub(super) async fn score(channel: Channel) -> v1::Decision {
    let reply = within(RiskScoringServiceClient::new(channel).score_parcel(request(parcel()))).await.unwrap();
    reply.into_inner().decision.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn swaps_under_load_fail_no_call_and_mix_no_versions() {
    let place = Place::new();
    place.put(second());
    let (endpoint, server) = start(place.parts(first())).await;
    let channel = endpoint.connect().await.unwrap();
    let mut models = ModelServiceClient::new(channel.clone());
    let one = score(channel.clone()).await;
    stage(&mut models, second()).await.unwrap();
    promote(&mut models, second()).await.unwrap();
    let other = score(channel.clone()).await;
    assert_ne!(one.risk_score, other.risk_score);
    let expected: HashMap<_, _> =
        [one, other].into_iter().map(|decision| (decision.model.clone().unwrap().version, decision)).collect();
    let expected = Arc::new(expected);

    let n_swaps = u32::try_from(times(50, 1000)).unwrap();
    let quiet = under_load(&channel, &expected, async { tokio::time::sleep(PACE * n_swaps).await }).await;
    let kib_before = resident_kib();
    let started = Instant::now();
    let swapped = under_load(&channel, &expected, async {
        for _ in 0..n_swaps {
            roll_back(&mut models).await.unwrap();
            tokio::time::sleep(PACE).await;
        }
    });
    let swapped = swapped.await;
    eprintln!(
        "{n_swaps} swaps in {:.2} s beside {} calls: none failed, no decision of both",
        started.elapsed().as_secs_f64(),
        swapped.len()
    );
    let p99 = |latencies: &[Duration]| latencies[latencies.len() * 99 / 100].as_secs_f64() * 1e3;
    eprintln!("99 % of calls within {:.3} ms without swaps, {:.3} ms with", p99(&quiet), p99(&swapped));
    eprintln!("resident memory {kib_before} KiB before, {} KiB after", resident_kib());
    drop((channel, models));
    server.stopped().await;
}

/// Between two swaps: long enough for calls to see one model, short enough to see many swaps.
const PACE: Duration = Duration::from_millis(5);

/// How long each call took, in rising order, while `work` is done.
async fn under_load(
    channel: &Channel,
    expected: &Arc<HashMap<String, v1::Decision>>,
    work: impl Future<Output = ()>,
) -> Vec<Duration> {
    let done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..4)
        .map(|caller| tokio::spawn(call(caller == 0, channel.clone(), Arc::clone(&done), Arc::clone(expected))))
        .collect();
    work.await;
    done.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for caller in callers {
        latencies.extend(within(caller).await.unwrap());
    }
    latencies.sort();
    assert!(!latencies.is_empty());
    latencies
}

/// Calls until it is done; every decision is one of those expected, whole.
async fn call(
    in_batches: bool,
    channel: Channel,
    done: Arc<AtomicBool>,
    expected: Arc<HashMap<String, v1::Decision>>,
) -> Vec<Duration> {
    let mut client = RiskScoringServiceClient::new(channel);
    let mut latencies = Vec::new();
    while !done.load(Ordering::Relaxed) {
        let started = Instant::now();
        let decisions = if in_batches {
            let requests = vec![request(parcel()); 20];
            let reply = client.score_parcels(v1::ScoreParcelsRequest { requests }).await.unwrap();
            let decision = |result: v1::ScoreResult| match result.result.unwrap() {
                v1::score_result::Result::Decision(decision) => decision,
                v1::score_result::Result::Error(error) => panic!("{error:?}"),
            };
            reply.into_inner().results.into_iter().map(decision).collect()
        } else {
            vec![client.score_parcel(request(parcel())).await.unwrap().into_inner().decision.unwrap()]
        };
        latencies.push(started.elapsed());
        for decision in decisions {
            let version = &decision.model.as_ref().unwrap().version;
            assert_eq!(Some(&decision), expected.get(version), "a decision of both");
        }
    }
    latencies
}

/// Memory that the process holds; 0 where the system does not say.
pub(super) fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or(0)
}

//! One model in the place of another beside a ledger, at four fifths of what the server can: periods with and without swaps
//! in turns, so that what else the machine does falls on both.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parcel_risk::ledger::{Reader, Rescored, rescore, verify};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::model_service_client::ModelServiceClient;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tonic::transport::Channel;

use super::swaps::resident_kib;
use super::{Place, first, promote, roll_back, second, stage, times};
use crate::harness::{parcel, request, start, within};

const CALLERS: u32 = 4;
/// Share of what it can that is asked of it.
const LOAD: f64 = 0.8;
/// Between two swaps.
const PACE: Duration = Duration::from_millis(10);
const MOST_ROUNDS: usize = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn swaps_beside_a_ledger_fail_no_call_mix_no_versions_and_keep_no_memory() {
    let place = Place::new();
    place.put(second());
    let (parts, recorder) = place.recording_parts(first());
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut models = ModelServiceClient::new(channel.clone());
    stage(&mut models, second()).await.unwrap();
    promote(&mut models, second()).await.unwrap();
    let period = Duration::from_millis(times(200, 3000) as u64);
    let (wanted, mut n_swaps) = (times(10, 1000), 0);
    let (mut quiet, mut swapped, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    while n_swaps < wanted && ratios.len() < MOST_ROUNDS {
        // What it can differs from time to time, where others use the machine too.
        let free = load(&channel, None, tokio::time::sleep(period)).await;
        let rate = free.len() as f64 / period.as_secs_f64() * LOAD;
        let every = Duration::from_secs_f64(f64::from(CALLERS) / rate);
        let one = load(&channel, Some(every), tokio::time::sleep(period)).await;
        let ends = Instant::now() + period;
        let other = load(&channel, Some(every), async {
            while Instant::now() < ends {
                roll_back(&mut models).await.unwrap();
                n_swaps += 1;
                tokio::time::sleep(PACE).await;
            }
        });
        let other = other.await;
        ratios.push(p99(&other) / p99(&one));
        eprintln!(
            "{rate:.0} calls a second: 99 % of {} within {:.2} ms without swaps, of {} within {:.2} ms with; \
             {n_swaps} swaps, {} KiB resident",
            one.len(),
            p99(&one) * 1e3,
            other.len(),
            p99(&other) * 1e3,
            resident_kib()
        );
        quiet.extend(one);
        swapped.extend(other);
    }
    for all in [&mut quiet, &mut swapped] {
        all.sort();
    }
    ratios.sort_by(f64::total_cmp);
    eprintln!(
        "{n_swaps} swaps; all rounds: 99 % within {:.2} ms without, {:.2} ms with, ratio {:.3}; median ratio of the rounds {:.3}",
        p99(&quiet) * 1e3,
        p99(&swapped) * 1e3,
        p99(&swapped) / p99(&quiet),
        ratios[ratios.len() / 2]
    );
    drop((channel, models));
    server.stopped().await;
    drop(recorder);
    verify(&place.ledger(), None).unwrap();
    // Each change of grounds folds the ledger anew, so that a thousand of them take hours to make again.
    if n_swaps <= 100 {
        let rescored = rescore(&Reader::open(&place.ledger()).unwrap(), &[first().clone(), second().clone()]).unwrap();
        assert_eq!((rescored.different, rescored.unknown_model), (0, 0), "{rescored:?}");
        assert!(rescored != Rescored::default());
    }
}

fn p99(latencies: &[Duration]) -> f64 {
    let mut sorted = latencies.to_vec();
    sorted.sort();
    sorted[sorted.len() * 99 / 100].as_secs_f64()
}

/// How long each call took while `work` is done; from when it was due, where one is due `every` so often.
async fn load(channel: &Channel, every: Option<Duration>, work: impl Future<Output = ()>) -> Vec<Duration> {
    let done = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> =
        (0..CALLERS).map(|caller| tokio::spawn(call(channel.clone(), Arc::clone(&done), every, caller))).collect();
    work.await;
    done.store(true, Ordering::Relaxed);
    let mut latencies = Vec::new();
    for caller in callers {
        latencies.extend(within(caller).await.unwrap());
    }
    assert!(!latencies.is_empty());
    latencies
}

async fn call(channel: Channel, done: Arc<AtomicBool>, every: Option<Duration>, caller: u32) -> Vec<Duration> {
    let mut client = RiskScoringServiceClient::new(channel);
    let mut latencies = Vec::new();
    let mut due = Instant::now() + every.unwrap_or_default() * caller / CALLERS;
    let mut scores: [Option<f64>; 2] = [None, None];
    while !done.load(Ordering::Relaxed) {
        match every {
            None => due = Instant::now(),
            Some(every) => {
                tokio::time::sleep_until(due.into()).await;
                due += every;
            }
        }
        let from = every.map_or(due, |every| due - every);
        // Each caller has an item of its own, and advises it again and again: its history stands still.
        let parcel = v1::Parcel { item_id: format!("RB{:09}CN", 100_000_000 + caller), ..parcel() };
        let reply = client.score_parcel(request(parcel)).await.unwrap().into_inner().decision.unwrap();
        latencies.push(from.elapsed());
        whole(&reply, &mut scores);
    }
    latencies
}

/// A decision of one version has the score of that version, and the digest.
fn whole(decision: &v1::Decision, scores: &mut [Option<f64>; 2]) {
    let model = decision.model.as_ref().unwrap();
    let (which, artifact) = if model.version == "1" { (0, first()) } else { (1, second()) };
    assert_eq!(model.digest, artifact.model_ref().digest);
    let known = scores[which].get_or_insert(decision.risk_score);
    assert_eq!(*known, decision.risk_score, "a score of another version");
    assert_ne!(scores[0], scores[1]);
}

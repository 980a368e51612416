//! What a ledger costs: CPU of a call with and without, in one run, 16 calls in flight over loopback.
//!
//! `cargo bench --bench ledger`. The client runs in the same process, so what counts is the difference.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and fails by panicking"
)]

mod post;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use parcel_risk::artifact::Artifact;
use parcel_risk::bench::ProcessCpu;
use parcel_risk::history::HistoryConfig;
use parcel_risk::ledger::{Clock, LedgerConfig};
use parcel_risk::parcel::ParcelLimits;
use parcel_risk::serve::{Parts, Recorder, Scorer, ServeConfig, serve};
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use parcel_risk::wire::{from_draft, v1};
use tokio::net::TcpListener;
use tonic::transport::Endpoint;

const N_CALLS: usize = 10_000;
const N_PARCELS: usize = 2_000;
const IN_FLIGHT: usize = 16;
const ROUNDS: usize = 5;

/// CPU of this process so far, in microseconds.
fn cpu_micros() -> f64 {
    ProcessCpu::own().seconds().unwrap() * 1e6
}

fn parts(artifact: &Artifact, ledger: Option<&Path>) -> Parts {
    let engine = post::engine(artifact);
    let recorder = ledger.map(|path| {
        let config = LedgerConfig { path: path.to_str().unwrap().to_owned(), ..LedgerConfig::default() };
        Arc::new(
            Recorder::open(path, (&config, &HistoryConfig::default()), Clock::system(), artifact, &engine).unwrap(),
        )
    });
    let history =
        recorder.as_ref().map_or_else(|| Arc::clone(artifact.settled_history()), |recorder| recorder.history());
    let scorer = Scorer::with_history(artifact, engine, history, ParcelLimits::default());
    let scorer = Arc::new(ArcSwap::from_pointee(scorer));
    Parts::new(scorer, recorder, ServeConfig::default().check().unwrap()).unwrap()
}

/// CPU and time of a call, in microseconds.
async fn measure(parts: Parts, parcels: &Arc<Vec<v1::Parcel>>, round: usize) -> (f64, f64) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = Endpoint::from_shared(format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = tokio::spawn(serve(listener, parts, async {
        let _ = stopped.await;
    }));
    let channel = endpoint.connect().await.unwrap();
    let (cpu, since) = (cpu_micros(), Instant::now());
    let clients: Vec<_> = (0..IN_FLIGHT)
        .map(|client| {
            let (mut scoring, parcels) = (RiskScoringServiceClient::new(channel.clone()), Arc::clone(parcels));
            tokio::spawn(async move {
                for n in 0..N_CALLS / IN_FLIGHT {
                    let mut parcel = parcels[(n * IN_FLIGHT + client) % parcels.len()].clone();
                    (parcel.item_id, parcel.id_scheme) =
                        (format!("R{round}-{client}-{n}"), v1::ItemIdScheme::Carrier.into());
                    let request = v1::ScoreParcelRequest { parcel: Some(parcel), ..v1::ScoreParcelRequest::default() };
                    scoring.score_parcel(request).await.unwrap();
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let n = N_CALLS as f64;
    let measured = ((cpu_micros() - cpu) / n, since.elapsed().as_secs_f64() * 1e6 / n);
    drop(channel);
    let _ = stop.send(());
    server.await.unwrap().unwrap();
    measured
}

fn main() {
    let artifact = Artifact::embedded().unwrap();
    let parcels: Vec<_> = post::drafts(N_PARCELS).iter().map(|draft| from_draft(draft).unwrap()).collect();
    let parcels = Arc::new(parcels);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let ledger = dir.path().join("ledger.db");
    println!("{N_CALLS} calls a round, {IN_FLIGHT} in flight; microseconds a call, client included");
    let mut added = Vec::new();
    for round in 0..ROUNDS {
        let (without, time_without) = runtime.block_on(measure(parts(&artifact, None), &parcels, round));
        let (with, time_with) = runtime.block_on(measure(parts(&artifact, Some(&ledger)), &parcels, round));
        println!(
            "CPU without {without:.1}, with {with:.1}, added {:.1}; time without {time_without:.1}, with {time_with:.1}",
            with - without
        );
        added.push(with - without);
    }
    added.sort_by(f64::total_cmp);
    let n_bytes = fs::metadata(&ledger).unwrap().len();
    println!("added, median of {ROUNDS}: {:.1} microseconds of CPU a call", added[ROUNDS / 2]);
    println!("{} bytes a decision in the ledger", n_bytes / (ROUNDS * N_CALLS) as u64);
}

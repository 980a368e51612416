//! A disk that does not take what was written: what was acknowledged stands, what was not says so, and recording goes on.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use parcel_risk::artifact::Artifact;
use parcel_risk::ledger::{Reader, Sync, rescore, verify};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tonic::transport::Channel;

use super::{Place, parcels, stop};
use crate::harness::{listening_on, request, within};

/// Where a server says what goes wrong.
fn log(place: &Place) -> PathBuf {
    place.path().with_extension("log")
}

/// A server and what became of its requests to the disk, as `strace` says it; `None` where nobody may trace a process here.
fn serve_on_bad_disk(place: &Place, sync: &str, became: &str) -> Option<(Child, String)> {
    let inject = format!("inject=fdatasync:{became}");
    // The tracer stands aside, so that the child is the server.
    let child = Command::new("strace")
        .args(["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync", "-e", &inject])
        .arg(env!("CARGO_BIN_EXE_parcel-risk"))
        .args(["serve", "--listen", "127.0.0.1:0", "--ledger", place.path().to_str().unwrap()])
        .env("PARCEL_RISK_LEDGER_SYNC", sync)
        .stdout(Stdio::piped())
        .stderr(Stdio::from(File::create(log(place)).unwrap()))
        .spawn();
    let address = child.ok().and_then(|mut child| {
        let address = listening_on(&mut child).ok()?;
        Some((child, address))
    });
    if address.is_none() {
        eprintln!("skipped: a process can't be traced here");
    }
    address.map(|(child, address)| (child, format!("http://{address}")))
}

/// The server's own requests to the disk are told apart by their order, so each decision is asked for alone.
async fn goes_on_after(sync: &str, became: &str) {
    let place = Place::new();
    let Some((child, endpoint)) = serve_on_bad_disk(&place, sync, became) else { return };
    let channel = Channel::from_shared(endpoint).unwrap().connect().await.unwrap();
    let mut client = RiskScoringServiceClient::new(channel);
    let (mut acknowledged, mut degraded) = (Vec::new(), Vec::new());
    let since = Instant::now();
    let mut sent = parcels(300).into_iter();
    // Until the ledger has failed and come back.
    let mut came_back = false;
    while !came_back {
        assert!(since.elapsed() < Duration::from_secs(60), "{} {}", acknowledged.len(), degraded.len());
        let decided = within(client.score_parcel(request(sent.next().unwrap()))).await.unwrap().into_inner();
        let decision = decided.decision.unwrap();
        if decision.degraded.is_empty() {
            acknowledged.push(decision.decision_id);
            came_back = !degraded.is_empty();
        } else {
            assert_eq!(decision.degraded, ["ledger"]);
            degraded.push(decision.decision_id);
        }
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    drop(client);
    terminate(child).await;

    let verified = verify(&place.path(), None).unwrap();
    let told: Vec<_> = acknowledged.into_iter().chain(degraded).collect();
    assert_eq!(verified.decisions, told.len() as u64);
    let reader = Reader::open(&place.path()).unwrap();
    for id in &told {
        let bytes = *uuid::Uuid::parse_str(id).unwrap().as_bytes();
        assert!(reader.decision(&bytes).unwrap().is_some(), "decision {id} is lost");
    }
    let rescored = rescore(&reader, &[Artifact::embedded().unwrap()]).unwrap();
    assert_eq!((rescored.equal, rescored.first), (verified.decisions, None));
}

/// Has the server stop, and awaits its end.
async fn terminate(mut child: Child) {
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(tokio::task::spawn_blocking(move || child.wait()).await.unwrap().unwrap().success());
}

#[tokio::test]
async fn a_decision_is_not_acknowledged_before_the_disk_has_it_where_that_is_asked_for() {
    // The first is for the grounds, the second for the first decision; then it fails, and so do the first tries to write
    // anew.
    goes_on_after("always", "error=EIO:when=3..5").await;
}

#[tokio::test]
async fn a_disk_that_refuses_later_shows_in_the_replies_from_then_on() {
    goes_on_after("batch", "error=EIO:when=3..5").await;
}

#[tokio::test]
async fn a_disk_that_does_not_answer_holds_up_neither_replies_nor_the_end() {
    let place = Place::new();
    // Longer than an end waits for it. The tracer itself has to see it out.
    let Some((child, endpoint)) = serve_on_bad_disk(&place, "batch", "delay_enter=5s:when=3+") else { return };
    let channel = Channel::from_shared(endpoint).unwrap().connect().await.unwrap();
    let mut client = RiskScoringServiceClient::new(channel);
    for parcel in parcels(20) {
        let decided = within(client.score_parcel(request(parcel))).await.unwrap().into_inner().decision.unwrap();
        assert!(decided.degraded.is_empty());
        tokio::time::sleep(Duration::from_millis(15)).await;
    }
    drop(client);
    terminate(child).await;

    let said = fs::read_to_string(log(&place)).unwrap();
    assert!(said.contains("the disk does not answer"), "{said}");
    assert_eq!(verify(&place.path(), None).unwrap().decisions, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_come_together_share_requests_to_the_disk_and_all_are_recorded() {
    let place = Place::new().with(|config| config.sync = Sync::Always);
    let (client, server, recorder) = place.serve().await;
    let calls: Vec<_> = parcels(200)
        .into_iter()
        .map(|parcel| {
            let mut client = client.clone();
            tokio::spawn(async move { client.score_parcel(request(parcel)).await.unwrap().into_inner().decision })
        })
        .collect();
    let mut decided: Vec<v1::Decision> = Vec::new();
    for call in calls {
        decided.extend(within(call).await.unwrap());
    }
    assert!(decided.iter().all(|decision| decision.degraded.is_empty()));
    stop(client, server, recorder).await;
    assert_eq!(verify(&place.path(), None).unwrap().decisions, 200);
}

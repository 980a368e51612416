//! A disk that hangs: it takes a write and says nothing. Every call is answered in time and says what it lacks, and all of it
//! is recorded when the disk goes on.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use parcel_risk::history::Bucket;
use parcel_risk::ledger::{Content, Kind, Ledger, OnFailure, Submission, Unavailable, verify};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::outcome_service_client::OutcomeServiceClient;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::{Place, is_recorded, outcome, parcels, requests};
use crate::admin::ask;
use crate::harness::{Running, request, start, within};

/// What clients wait for an answer, as they say in each call.
const DEADLINE: Duration = Duration::from_secs(5);

fn in_time<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(DEADLINE);
    request
}

/// Calls of every kind that scores, many at once.
async fn calls(channel: &Channel, sent: &[v1::Parcel]) -> Vec<v1::Decision> {
    let (one_by_one, batch) = sent.split_at(sent.len() / 2);
    let mut asked = Vec::new();
    for parcel in one_by_one {
        let (mut client, parcel) = (RiskScoringServiceClient::new(channel.clone()), request(parcel.clone()));
        asked.push(tokio::spawn(async move { client.score_parcel(in_time(parcel)).await }));
    }
    let batch = requests(batch);
    let mut client = RiskScoringServiceClient::new(channel.clone());
    let reply = client.score_parcels(in_time(batch)).await.unwrap().into_inner();
    let mut decisions: Vec<_> = super::decisions(reply);
    for one in asked {
        decisions.extend(one.await.unwrap().unwrap().into_inner().decision);
    }
    assert_eq!(decisions.len(), sent.len());
    decisions
}

async fn record_outcome(channel: &Channel, sent: &v1::Parcel) -> Result<(), Status> {
    let outcomes = vec![outcome(&sent.item_id, 1_600_000_000, v1::Finding::Clean)];
    let mut client = OutcomeServiceClient::new(channel.clone());
    client.record_outcomes(in_time(v1::RecordOutcomesRequest { outcomes })).await.map(drop)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_are_answered_while_a_write_hangs_and_recorded_when_it_ends() {
    let place = Place::new();
    let (parts, recorder) = place.parts();
    let standing = Arc::clone(&parts.standing);
    let (endpoint, _server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let sent = parcels(40);
    let before = calls(&channel, &sent[..10]).await;
    assert!(before.iter().all(|decision| decision.degraded.is_empty() && decision.decided_at.is_some()));

    let (end, ends) = mpsc::channel();
    let hanging = recorder.ledger().hangs_until(ends);
    let during = calls(&channel, &sent[10..30]).await;
    for decision in &during {
        assert_eq!(decision.degraded, ["ledger"]);
        assert!(decision.decided_at.is_none(), "when is not known yet");
    }
    // A result is on record or it is not acknowledged.
    let refused = record_outcome(&channel, &sent[0]).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    let metrics = standing.metrics_text();
    for line in ["parcelrisk_ledger_writable 0", "parcelrisk_ledger_failures_total 1"] {
        assert!(metrics.contains(line), "{line} is in none of {metrics}");
    }
    assert!(standing.is_ready() && standing.troubles().iter().any(|trouble| trouble.part == "ledger"));

    drop(end);
    hanging.join().unwrap();
    let after = calls(&channel, &sent[30..]).await;
    assert!(after.iter().all(|decision| decision.degraded.is_empty() && decision.decided_at.is_some()));
    record_outcome(&channel, &sent[0]).await.unwrap();
    assert!(standing.metrics_text().contains("parcelrisk_ledger_writable 1"));
    assert!(before.iter().chain(&during).chain(&after).all(|decision| is_recorded(&place.path(), decision)));
    verify(&place.path(), None).unwrap();
}

/// A request of this name, alone.
async fn named(channel: &Channel, name: &str, parcel: &v1::Parcel) -> Result<v1::Decision, Status> {
    let asked = v1::ScoreParcelRequest { request_id: name.to_owned(), ..request(parcel.clone()) };
    let mut client = RiskScoringServiceClient::new(channel.clone());
    client.score_parcel(in_time(asked)).await.map(|reply| reply.into_inner().decision.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_made_again_while_its_record_waits_is_told_the_same() {
    let place = Place::new();
    let (parts, recorder) = place.parts();
    let (endpoint, _server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let sent = parcels(3);
    let (end, ends) = mpsc::channel();
    let hanging = recorder.ledger().hangs_until(ends);
    let first = named(&channel, "one", &sent[0]).await.unwrap();
    assert_eq!(first.degraded, ["ledger"]);
    assert_eq!(named(&channel, "one", &sent[0]).await.unwrap(), first);
    assert_eq!(named(&channel, "one", &sent[1]).await.unwrap_err().code(), Code::AlreadyExists);
    // Nor do others wait for it.
    let mut batch = requests(&sent);
    batch.requests[0].request_id = "one".to_owned();
    let reply = RiskScoringServiceClient::new(channel.clone()).score_parcels(in_time(batch)).await.unwrap();
    let decided = super::decisions(reply.into_inner());
    assert_eq!((decided.len(), &decided[0]), (3, &first));

    drop(end);
    hanging.join().unwrap();
    let written = named(&channel, "one", &sent[0]).await.unwrap();
    assert!(written.degraded.is_empty() && written.decided_at.is_some());
    assert_eq!(v1::Decision { degraded: first.degraded.clone(), decided_at: None, ..written }, first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_may_go_unrecorded_calls_are_refused_while_a_write_hangs() {
    let place = Place::new().with(|config| config.on_failure = OnFailure::Refuse);
    let (mut client, _server, recorder) = place.serve().await;
    let (end, ends) = mpsc::channel();
    let hanging = recorder.ledger().hangs_until(ends);
    let sent = parcels(3);
    for parcel in &sent {
        let status = client.score_parcel(in_time(request(parcel.clone()))).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        let asked = v1::ScoreParcelRequest { request_id: "one".to_owned(), ..request(sent[0].clone()) };
        let status = client.score_parcel(in_time(asked)).await.unwrap_err();
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    }
    drop(end);
    hanging.join().unwrap();
    client.score_parcel(in_time(request(sent[0].clone()))).await.unwrap();
}

/// Whoever was told that a result is not on record sends it again, and the first is to be found then.
#[test]
fn a_hang_is_over_when_all_is_written_that_waited_behind_it() {
    const N_BEHIND: i64 = 15_000;
    let place = Place::new();
    let ledger = Ledger::open(&place.path(), &place.config, place.clock.clone()).unwrap();
    let (end, ends) = mpsc::channel();
    let hanging = ledger.hangs_until(ends);
    for _ in 0..N_BEHIND {
        let (content, slot) = (Content::new(Kind::Model, Bucket(1), vec![7; 500]), ledger.reserve().unwrap());
        ledger.submit(Submission { content, slot, done: Box::new(|_| ()), held: None, is_first: false });
    }
    let since = Instant::now();
    while !ledger.is_failing() {
        assert!(since.elapsed() < Duration::from_secs(30));
        std::thread::sleep(Duration::from_millis(10));
    }
    drop(end);
    while ledger.is_failing() {
        assert!(since.elapsed() < Duration::from_secs(60));
        std::hint::spin_loop();
    }
    assert_eq!(ledger.head().seq, N_BEHIND);
    hanging.join().unwrap();
    assert!(!ledger.is_failing());
}

/// Parcels may be a hundred times as large as most are, and a disk that is full does not become a memory that is.
#[test]
fn fewer_records_wait_where_they_are_large() {
    let place = Place::new().with(|config| config.max_pending = 1000);
    let ledger = Ledger::open(&place.path(), &place.config, place.clock.clone()).unwrap();
    let submit = |n_bytes| {
        let slot = ledger.reserve()?;
        let content = Content { parcel: Some(vec![7; n_bytes]), ..Content::new(Kind::Model, Bucket(1), Vec::new()) };
        ledger.submit(Submission { content, slot, done: Box::new(|_| ()), held: None, is_first: false });
        Ok(())
    };
    let (end, ends) = mpsc::channel();
    let hanging = ledger.hangs_until(ends);
    let mut n_taken = 0;
    let refused = loop {
        match submit(1 << 20) {
            Ok(()) => n_taken += 1,
            Err(refused) => break refused,
        }
    };
    assert_eq!((n_taken, refused), (16, Unavailable::Full));
    drop(end);
    hanging.join().unwrap();
    let since = Instant::now();
    while ledger.counts().pending > 0 {
        assert!(since.elapsed() < Duration::from_secs(60));
        ledger.write_out();
    }
    submit(1).unwrap();
    ledger.write_out();
    assert_eq!((ledger.head().seq, ledger.counts().written), (17, 17));
}

/// Whoever is refused sends all of it again, and what was begun of it must be found then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_that_find_no_room_for_all_are_refused_when_those_before_are_on_record() {
    let place = Place::new().with(|config| config.max_pending = 1000);
    let (parts, recorder) = place.parts();
    let (endpoint, _server) = start(parts).await;
    let mut client = OutcomeServiceClient::new(endpoint.connect().await.unwrap());
    let sent = parcels(300);
    let outcomes: Vec<_> =
        sent.iter().map(|parcel| outcome(&parcel.item_id, 1_600_000_000, v1::Finding::Clean)).collect();
    let (end, ends) = mpsc::channel();
    let hanging = recorder.ledger().hangs_until(ends);
    for _ in 0..900 {
        let content = Content::new(Kind::Model, recorder.ledger().head().bucket, Vec::new());
        let slot = recorder.ledger().reserve().unwrap();
        recorder.ledger().submit(Submission { content, slot, done: Box::new(|_| ()), held: None, is_first: false });
    }
    let recording = Arc::clone(&recorder);
    let goes_on = std::thread::spawn(move || {
        while recording.ledger().counts().pending < 1000 {
            std::thread::yield_now();
        }
        drop((end, recording));
    });
    let ask = v1::RecordOutcomesRequest { outcomes };
    let refused = within(client.record_outcomes(ask.clone())).await.unwrap_err();
    assert_eq!((refused.code(), recorder.ledger().counts().pending), (Code::Unavailable, 0));
    within(client.record_outcomes(ask)).await.unwrap();
    hanging.join().unwrap();
    goes_on.join().unwrap();
    assert_eq!(verify(&place.path(), None).unwrap().outcomes, 300);
}

/// A small file system of its own that can be frozen; `None` where this machine lets nobody make one.
struct Freezer {
    dir: tempfile::TempDir,
}

impl Freezer {
    fn new() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let (image, mounted) = (dir.path().join("image"), dir.path().join("mounted"));
        std::fs::create_dir(&mounted).unwrap();
        std::fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        let done = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
        let is_made = done(Command::new("mkfs.ext4").arg("-q").arg(&image))
            && done(Command::new("mount").args(["-o", "loop"]).arg(&image).arg(&mounted));
        if !is_made {
            eprintln!("skipped: a disk that can be frozen can't be mounted here");
        }
        is_made.then_some(Self { dir })
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("mounted")
    }

    fn set(&self, how: &str) -> bool {
        Command::new("fsfreeze").arg(how).arg(self.path()).output().is_ok_and(|output| output.status.success())
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        self.set("-u");
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

/// Thaws it before a server on it is waited for, whichever way a test ends.
struct Thaws<'a>(&'a Freezer);

impl Drop for Thaws<'_> {
    fn drop(&mut self) {
        self.0.set("-u");
    }
}

/// A server with its ledger there, where calls go to, and its admin port.
async fn serve_with(ledger: &Path) -> (Running, Channel, SocketAddr) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parcel-risk"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--ledger"]).arg(ledger);
    Running::start(&mut command).await
}

/// Its writes wait in the kernel, where no signal reaches them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_while_its_file_system_is_frozen_loses_nothing_where_it_goes_on_in_time() {
    let Some(disk) = Freezer::new() else { return };
    let ledger = disk.path().join("ledger.db");
    let (child, channel, _) = serve_with(&ledger).await;
    let _thaws = Thaws(&disk);
    let sent = parcels(60);
    let mut answered = calls(&channel, &sent[..20]).await;
    assert!(disk.set("-f"));
    answered.extend(calls(&channel, &sent[20..]).await);
    let thaw = async {
        // The drain is over by then.
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(disk.set("-u"));
    };
    let (stopped, ()) = tokio::join!(child.stop(), thaw);
    assert_eq!(stopped.code(), Some(0));
    assert!(answered.iter().all(|decision| is_recorded(&ledger, decision)));
    verify(&ledger, None).unwrap();
}

/// The same of a whole server, on a file system that is frozen: its writes wait in the kernel, each thread with its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_answers_while_its_file_system_is_frozen() {
    let Some(disk) = Freezer::new() else { return };
    let ledger = disk.path().join("ledger.db");
    let (child, channel, admin) = serve_with(&ledger).await;
    let _thaws = Thaws(&disk);
    let sent = parcels(300);
    let mut answered = calls(&channel, &sent[..20]).await;
    let says = async |line: &str| {
        within(async {
            while !ask(admin, "GET", "/metrics").await.1.contains(line) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    };

    assert!(disk.set("-f"));
    for n in 1..13 {
        let during = calls(&channel, &sent[20 * n..20 * n + 20]).await;
        assert!(during.iter().all(|decision| decision.degraded == ["ledger"]), "round {n}: {during:?}");
        answered.extend(during);
    }
    says("parcelrisk_ledger_writable 0").await;
    assert!(ask(admin, "GET", "/readyz").await.1.contains("\nledger: "));

    assert!(disk.set("-u"));
    says("parcelrisk_ledger_writable 1").await;
    // On a busy machine a write may take its time once more: the disk has much to catch up with.
    within(async {
        loop {
            let again = calls(&channel, &sent[260..]).await;
            let is_whole = again.iter().all(|decision| decision.degraded.is_empty());
            answered.extend(again);
            if is_whole {
                return;
            }
        }
    })
    .await;
    assert_eq!(child.stop().await.code(), Some(0));
    assert!(answered.iter().all(|decision| is_recorded(&ledger, decision)));
    verify(&ledger, None).unwrap();
}

/// The thread that writes is the one that looked after the network: another does so before anybody knows that the write hangs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_takes_long_holds_up_no_other_call() {
    let Some(disk) = Freezer::new() else { return };
    let (child, channel, _) = serve_with(&disk.path().join("ledger.db")).await;
    let _thaws = Thaws(&disk);
    let ask = |parcel: &v1::Parcel| {
        let (mut client, parcel) = (RiskScoringServiceClient::new(channel.clone()), request(parcel.clone()));
        async move { client.score_parcel(in_time(parcel)).await.unwrap().into_inner().decision.unwrap() }
    };
    let sent = parcels(6);
    // One after the other: then each is written at once, and no other thread is woken for the sake of more.
    for parcel in &sent[..5] {
        assert!(ask(parcel).await.degraded.is_empty());
    }
    assert!(disk.set("-f"));
    let mut hangs = tokio::spawn(ask(&sent[5]));
    // So that it hangs before the next call comes.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut health = HealthClient::new(channel.clone());
    tokio::select! {
        biased;
        decision = &mut hangs => panic!("the other call waited for the write: {decision:?}"),
        answer = health.check(HealthCheckRequest::default()) => drop(answer.unwrap()),
    }
    assert_eq!(hangs.await.unwrap().degraded, ["ledger"]);
    assert!(disk.set("-u"));
    assert_eq!(child.stop().await.code(), Some(0));
}

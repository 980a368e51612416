//! Servers that are told to stop under load, one after the other, each beside the one that takes over: with clients that say
//! nothing, that only watch, and that stream. Nobody is left without an answer, and no answer without its record.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use parcel_risk::ledger::{LedgerError, Reader, verify};
use parcel_risk::serve::code_name;
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::{parcels, requests, times};
use crate::harness::{Running, listening_on, request, within};

/// Calls at once of each kind.
const N_CALLERS: usize = 6;
/// How long a server is under load before it is told to stop.
const PACE: Duration = Duration::from_millis(300);
/// How long each kind of caller rests between calls: some thousand decisions a second in all. As many as can be made would fill
/// a disk where servers are stopped often, and stop none of them better.
const ONE_EVERY: Duration = Duration::from_millis(3);
const BATCH_EVERY: Duration = Duration::from_millis(30);
const STREAMED_EVERY: Duration = Duration::from_millis(5);
/// Parcels that are streamed together.
const STREAMED: usize = 5;
/// Longest that one stop may take, with the start of the next server: far more than it does.
const STOP_LIMIT: Duration = Duration::from_secs(60);

struct Serving {
    child: Running,
    address: String,
    /// What it has to say.
    log: PathBuf,
}

impl Serving {
    fn start(ledger: &Path) -> Self {
        let log = ledger.with_extension("log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_parcel-risk"))
            .args(["serve", "--listen", "127.0.0.1:0", "--ledger", ledger.to_str().unwrap()])
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let address = listening_on(&mut child).unwrap();
        Self { child: Running(child), address, log }
    }

    /// How long it takes to end, once it is told to. Code 1 would say that calls were cut at the end of the drain.
    async fn stop(self) -> Duration {
        let started = Instant::now();
        let status = self.child.stop().await;
        assert_eq!(status.code(), Some(0), "{}", fs::read_to_string(&self.log).unwrap());
        started.elapsed()
    }
}

/// What all clients share.
struct Load {
    /// The server that calls go to, as a name service would tell.
    now: Mutex<String>,
    is_over: AtomicBool,
    told: Mutex<Told>,
}

/// What clients were told.
#[derive(Default)]
struct Told {
    decisions: Vec<String>,
    n_calls: usize,
    /// First tries that came to nothing, by how.
    retried: BTreeMap<&'static str, usize>,
    failed: Vec<Status>,
    n_stream_replies: usize,
    /// Streams that servers ended, by how.
    streams_ended: BTreeMap<&'static str, usize>,
    watched: usize,
}

impl Load {
    fn told(&self, tell: impl FnOnce(&mut Told)) {
        tell(&mut self.told.lock().unwrap());
    }

    fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// A connection to the server that is there now.
    async fn connect(&self) -> Result<Channel, Status> {
        let address = self.now.lock().unwrap().clone();
        let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
        endpoint.connect().await.map_err(|error| Status::unavailable(format!("{error:?}")))
    }

    /// What was decided, once it is told.
    fn decided(&self, decisions: impl IntoIterator<Item = v1::Decision>) {
        self.told(|told| {
            for decision in decisions {
                assert!(decision.degraded.is_empty(), "{decision:?}");
                told.decisions.push(decision.decision_id);
            }
        });
    }
}

/// Makes calls until all is over, one more time where one fails, on a new connection.
async fn call<F, R>(load: Arc<Load>, every: Duration, mut ask: impl FnMut(Channel, usize) -> F, take: impl Fn(&Load, R))
where
    F: Future<Output = Result<R, Status>>,
{
    let mut channel = load.connect().await.unwrap();
    for n in 0.. {
        if load.is_over() {
            return;
        }
        load.told(|told| told.n_calls += 1);
        let first = within(ask(channel.clone(), n)).await;
        let answer = match first {
            Ok(answer) => Ok(answer),
            Err(status) => {
                load.told(|told| *told.retried.entry(code_name(status.code())).or_default() += 1);
                match load.connect().await {
                    Ok(fresh) => {
                        channel = fresh;
                        within(ask(channel.clone(), n)).await
                    }
                    Err(status) => Err(status),
                }
            }
        };
        match answer {
            Ok(answer) => take(&load, answer),
            Err(status) => load.told(|told| told.failed.push(status)),
        }
        tokio::time::sleep(every).await;
    }
}

async fn call_one(load: Arc<Load>, caller: usize, sent: Arc<Vec<v1::Parcel>>) {
    let ask = |channel, n: usize| {
        let mut parcel = sent[(caller + n * N_CALLERS) % sent.len()].clone();
        parcel.item_id = format!("ONE-{caller}-{n}");
        parcel.id_scheme = v1::ItemIdScheme::Carrier.into();
        let mut asked = request(parcel);
        // Every other call may be asked twice and is decided once by each server.
        asked.request_id = if n.is_multiple_of(2) { format!("one-{caller}-{n}") } else { String::new() };
        async move { RiskScoringServiceClient::new(channel).score_parcel(asked).await }
    };
    call(load, ONE_EVERY, ask, |load, answer| load.decided(answer.into_inner().decision)).await;
}

async fn call_batch(load: Arc<Load>, sent: Arc<Vec<v1::Parcel>>) {
    let ask = |channel, n: usize| {
        let at = n * 50 % (sent.len() - 50);
        let mut parcels = sent[at..at + 50].to_vec();
        for (idx, parcel) in parcels.iter_mut().enumerate() {
            parcel.item_id = format!("BATCH-{n}-{idx}");
            parcel.id_scheme = v1::ItemIdScheme::Carrier.into();
        }
        let batch = requests(&parcels);
        async move {
            let client = RiskScoringServiceClient::new(channel);
            client.max_decoding_message_size(usize::MAX).score_parcels(batch).await
        }
    };
    call(load, BATCH_EVERY, ask, |load, answer| load.decided(super::decisions(answer.into_inner()))).await;
}

/// Streams until all is over; where a server ends the stream, what was replied stands, and another is opened.
async fn stream(load: Arc<Load>, sent: Arc<Vec<v1::Parcel>>) {
    let mut n_rounds = 0_usize;
    while !load.is_over() {
        let Ok(channel) = load.connect().await else { continue };
        let mut client = RiskScoringServiceClient::new(channel);
        let (sent, round) = (Arc::clone(&sent), n_rounds);
        let endless = move |n: usize| {
            let mut parcel = sent[n % sent.len()].clone();
            parcel.item_id = format!("STREAM-{round}-{n}");
            parcel.id_scheme = v1::ItemIdScheme::Carrier.into();
            v1::StreamParcelsRequest { request: Some(request(parcel)) }
        };
        let (send, sent_on) = mpsc::channel(STREAMED);
        tokio::spawn(async move {
            for n in 0.. {
                if send.send(endless(n)).await.is_err() {
                    return;
                }
                if n % STREAMED == 0 {
                    tokio::time::sleep(STREAMED_EVERY).await;
                }
            }
        });
        n_rounds += 1;
        let Ok(replies) = client.stream_parcels(ReceiverStream::new(sent_on)).await else { continue };
        let mut replies = replies.into_inner();
        while !load.is_over() {
            match within(replies.message()).await {
                Ok(Some(reply)) => match reply.result.and_then(|result| result.result) {
                    Some(v1::score_result::Result::Decision(decision)) => {
                        load.decided([decision]);
                        load.told(|told| told.n_stream_replies += 1);
                    }
                    other => panic!("{other:?}"),
                },
                Ok(None) => panic!("a stream ends without a word"),
                // Another is opened. What was replied stands.
                Err(status) => {
                    load.told(|told| *told.streams_ended.entry(code_name(status.code())).or_default() += 1);
                    break;
                }
            }
        }
    }
}

/// Watches health, and leaves a stream open without a word, until the server ends both.
async fn watch(load: Arc<Load>) {
    while !load.is_over() {
        let Ok(channel) = load.connect().await else { continue };
        let mut client = RiskScoringServiceClient::new(channel.clone());
        let idle = client.stream_parcels(tokio_stream::pending()).await;
        let watched = HealthClient::new(channel).watch(HealthCheckRequest::default()).await;
        let (Ok(_idle), Ok(states)) = (idle, watched) else { continue };
        let mut states = states.into_inner();
        while let Ok(Some(_)) = within_cycle(&load, states.message()).await {
            load.told(|told| told.watched += 1);
        }
    }
}

/// As it ends, or as nothing where all is over before.
async fn within_cycle<T>(
    load: &Load,
    future: impl Future<Output = Result<Option<T>, Status>>,
) -> Result<Option<T>, Status> {
    let over = async {
        while !load.is_over() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        done = future => done,
        () = over => Ok(None),
    }
}

/// Connections of clients that say nothing at all, or no more than that they speak HTTP/2.
async fn silent(address: &str) -> Vec<TcpStream> {
    let mut open = Vec::new();
    for n in 0..10 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        if n % 2 == 0 {
            stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.unwrap();
        }
        open.push(stream);
    }
    open
}

/// `STOP_TEST_TIMES` says how often; 50 is the long form.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stops_under_load_fail_no_call_after_a_retry_and_leave_no_answer_unrecorded() {
    let n_stops = times("STOP_TEST_TIMES", 3);
    let dir = tempfile::tempdir().unwrap();
    // Two that take turns, since a server holds its ledger until it has ended.
    let ledgers = [0, 1].map(|n| dir.path().join(format!("ledger-{n}.db")));
    let sent = Arc::new(parcels(500));
    let mut serving = Serving::start(&ledgers[0]);
    let load = Arc::new(Load {
        now: Mutex::new(serving.address.clone()),
        is_over: AtomicBool::new(false),
        told: Mutex::default(),
    });
    let mut clients: Vec<_> =
        (0..N_CALLERS).map(|caller| tokio::spawn(call_one(Arc::clone(&load), caller, Arc::clone(&sent)))).collect();
    clients.push(tokio::spawn(call_batch(Arc::clone(&load), Arc::clone(&sent))));
    clients.push(tokio::spawn(stream(Arc::clone(&load), Arc::clone(&sent))));
    clients.push(tokio::spawn(watch(Arc::clone(&load))));

    let mut longest = Duration::ZERO;
    for n in 0..n_stops {
        let stop = async {
            let _silent = silent(&serving.address).await;
            let next = ledgers[(n + 1) % 2].clone();
            let next = tokio::task::spawn_blocking(move || Serving::start(&next)).await.unwrap();
            tokio::time::sleep(PACE).await;
            load.now.lock().unwrap().clone_from(&next.address);
            std::mem::replace(&mut serving, next).stop().await
        };
        let took = tokio::time::timeout(STOP_LIMIT, stop).await;
        longest = longest.max(took.unwrap_or_else(|_| panic!("stop {n} hangs")));
        eprintln!("stop {n}: {} calls so far", load.told.lock().unwrap().n_calls);
    }
    load.is_over.store(true, Ordering::Relaxed);
    for client in clients {
        within(client).await.unwrap();
    }
    serving.stop().await;

    let told = load.told.lock().unwrap();
    assert!(told.failed.is_empty(), "{:?}", told.failed);
    assert!(told.n_calls > 0 && told.n_stream_replies > 0 && told.watched >= n_stops);
    let n_recorded: u64 = ledgers.iter().map(|ledger| verify(ledger, None).unwrap().decisions).sum();
    let mut lost: HashSet<_> = told.decisions.iter().map(|id| *uuid::Uuid::parse_str(id).unwrap().as_bytes()).collect();
    for ledger in &ledgers {
        let scanned = Reader::open(ledger).unwrap().scan::<LedgerError>(0, |record| {
            if let Some(id) = record.content.decision_id {
                lost.remove(&id);
            }
            Ok(())
        });
        scanned.unwrap();
    }
    assert!(lost.is_empty(), "{} decisions are lost", lost.len());
    eprintln!(
        "{n_stops} stops: {} calls, none failed; tried again {:?}; {} replies to streams, which ended {:?}; {} decisions told, {n_recorded} \
         recorded, none lost; the longest stop took {:.0} ms of 25 s",
        told.n_calls,
        told.retried,
        told.n_stream_replies,
        told.streams_ended,
        told.decisions.len(),
        longest.as_secs_f64() * 1e3,
    );
}

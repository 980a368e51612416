//! Every part that calls can do without, broken alone and together: each call is answered, those that lack something say so,
//! and metrics and probes show it.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parcel_risk::ledger::verify;
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tonic::transport::Channel;

use crate::admin::ask;
use crate::harness::{Running, listening_on, parcel, request, within};
use crate::ledger::is_recorded;
use crate::traces::Collector;

/// The parts, in the order of the bits of a combination.
const PARTS: [&str; 4] = ["traces", "admin", "policy", "ledger"];

/// As many silent clients as the admin port takes at once.
const N_SILENT: usize = 16;

fn rule(reason: &str) -> String {
    format!("[[rule]]\nname = \"all\"\nwhen = \"true\"\nroute = \"scan\"\nreason = \"{reason}\"\n")
}

/// A server with all that it can do without, each of which can be broken and mended.
struct Place {
    child: Running,
    dir: tempfile::TempDir,
    channel: Channel,
    admin: SocketAddr,
    collector: SocketAddr,
    /// The collector, where it works.
    collecting: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    /// One in its place that never answers.
    hanging: Option<TcpListener>,
    silent: Vec<TcpStream>,
    n_reloads: u64,
    /// Each parcel is another: the same decision would be known from before, and is not recorded twice.
    n_parcels: AtomicU64,
}

impl Place {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("policy.toml"), rule("first")).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let collector = listener.local_addr().unwrap();
        let collecting = Some(Collector::default().serve(listener));
        // A write beyond the limit is an error, and not the end, where the signal for it is ignored.
        let mut command = Command::new("sh");
        command
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_parcel-risk")])
            .args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--ledger"])
            .arg(at("ledger.db"))
            .env("PARCEL_RISK_POLICY_FILE", at("policy.toml"))
            .env("PARCEL_RISK_TRACES_ENDPOINT", format!("http://{collector}"))
            .env("PARCEL_RISK_TRACES_MAX_QUEUED", "5")
            .env("PARCEL_RISK_TRACES_TIMEOUT_SECONDS", "1");
        let (child, channel, admin) = Running::start(&mut command).await;
        Self {
            child,
            dir,
            channel,
            admin,
            collector,
            collecting,
            hanging: None,
            silent: Vec::new(),
            n_reloads: 0,
            n_parcels: AtomicU64::new(0),
        }
    }

    fn pid(&self) -> u32 {
        self.child.0.id()
    }

    fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn limits_files(&self, bytes: &str) {
        // The soft limit alone: it can be lifted again.
        let limited = Command::new("prlimit")
            .args(["--pid", &self.pid().to_string(), &format!("--fsize={bytes}:unlimited")])
            .status();
        assert!(limited.unwrap().success());
    }

    /// Tells it to read the policy anew, and waits until it has.
    async fn hang_up(&mut self) {
        assert!(Command::new("kill").args(["-HUP", &self.pid().to_string()]).status().unwrap().success());
        self.n_reloads += 1;
        let n_reloads = self.n_reloads;
        self.until(|metrics| {
            let read =
                ["taken", "refused"].map(|how| value(metrics, &format!("policy_reloads_total{{result=\"{how}\"}}")));
            read.iter().sum::<u64>() == n_reloads
        })
        .await;
    }

    async fn metrics(&self) -> String {
        ask(self.admin, "GET", "/metrics").await.1
    }

    /// Waits until metrics say so.
    async fn until(&self, say: impl Fn(&str) -> bool) {
        within(async {
            while !say(&self.metrics().await) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
    }

    /// Breaks the parts of this combination. `n` decides how, where there are two ways.
    async fn breaks(&mut self, broken: [bool; 4], n: usize) {
        let [traces, admin, policy, ledger] = broken;
        if policy {
            if n % 8 != 5 {
                fs::write(self.at("policy.toml"), "[[rule]]\nname = 1\n").unwrap();
            } else {
                // One that hangs: nobody ever writes into it.
                fs::remove_file(self.at("policy.toml")).unwrap();
                assert!(Command::new("mkfifo").arg(self.at("policy.toml")).status().unwrap().success());
            }
            self.hang_up().await;
        }
        if ledger {
            self.limits_files("1");
        }
        if traces {
            let (stop, stopped) = self.collecting.take().unwrap();
            drop(stop);
            within(stopped).await.unwrap();
            // Dead, or there and without an answer.
            if n / 2 % 2 == 1 {
                self.hanging = Some(TcpListener::bind(self.collector).await.unwrap());
            }
        }
        if admin {
            for _ in 0..N_SILENT {
                self.silent.push(TcpStream::connect(self.admin).await.unwrap());
            }
        }
    }

    async fn mends(&mut self, broken: [bool; 4]) {
        self.silent.clear();
        if broken[0] {
            self.hanging = None;
            self.collecting = Some(Collector::default().serve(TcpListener::bind(self.collector).await.unwrap()));
        }
        if broken[3] {
            self.limits_files("unlimited");
            self.until(|metrics| value(metrics, "ledger_writable") == 1 && value(metrics, "ledger_pending") == 0).await;
        }
        if broken[2] {
            let _ = fs::remove_file(self.at("policy.toml"));
            fs::write(self.at("policy.toml"), rule("again")).unwrap();
            self.hang_up().await;
        }
    }

    fn another(&self) -> v1::ScoreParcelRequest {
        let item_id = format!("ITEM-{}", self.n_parcels.fetch_add(1, Ordering::Relaxed));
        request(v1::Parcel { item_id, id_scheme: v1::ItemIdScheme::Carrier.into(), ..parcel() })
    }

    /// Calls of every kind; the decisions that they were answered with.
    async fn calls(&self) -> Vec<v1::Decision> {
        let mut client = RiskScoringServiceClient::new(self.channel.clone());
        let mut decisions = Vec::new();
        for _ in 0..8 {
            let reply = within(client.score_parcel(self.another())).await.unwrap();
            decisions.extend(reply.into_inner().decision);
        }
        let requests = (0..3).map(|_| self.another()).collect();
        let reply = within(client.score_parcels(v1::ScoreParcelsRequest { requests })).await.unwrap();
        let mut results = reply.into_inner().results;
        let sent: Vec<_> = (0..3).map(|_| v1::StreamParcelsRequest { request: Some(self.another()) }).collect();
        let mut replies = within(client.stream_parcels(tokio_stream::iter(sent))).await.unwrap().into_inner();
        while let Some(reply) = within(replies.message()).await.unwrap() {
            results.extend(reply.result);
        }
        for result in results {
            match result.result {
                Some(v1::score_result::Result::Decision(decision)) => decisions.push(decision),
                other => panic!("{other:?}"),
            }
        }
        decisions
    }
}

fn value(metrics: &str, name: &str) -> u64 {
    let told = metrics.lines().find_map(|line| line.strip_prefix(&format!("parcelrisk_{name} ")));
    told.unwrap_or_else(|| panic!("{name} is in none of {metrics}")).parse().unwrap()
}

#[tokio::test]
async fn whatever_a_call_can_do_without_may_break_alone_and_together() {
    let mut place = Place::new().await;
    let mut answered = Vec::new();
    for n in 0..1 << PARTS.len() {
        let broken: [bool; 4] = std::array::from_fn(|part| n >> part & 1 == 1);
        let named: Vec<_> = PARTS.iter().zip(broken).filter(|(_, broken)| *broken).map(|(part, _)| *part).collect();
        let before = place.metrics().await;
        place.breaks(broken, n).await;
        let decisions = place.calls().await;
        assert_eq!(decisions.len(), 14, "{named:?}");
        for decision in &decisions {
            let says: &[String] = if broken[3] { &["ledger".to_owned()] } else { &[] };
            assert_eq!(decision.degraded, says, "{named:?}: {decision:?}");
        }
        // Now the admin port must answer again: nobody hangs there any more.
        place.silent.clear();
        let grew = |metrics: &str, name: &str| value(metrics, name) > value(&before, name);
        if broken[3] {
            place.until(|metrics| value(metrics, "ledger_writable") == 0).await;
        }
        let metrics = place.metrics().await;
        assert_eq!(grew(&metrics, "degraded_total{part=\"ledger\"}"), broken[3], "{named:?}");
        assert_eq!(grew(&metrics, "ledger_failures_total"), broken[3], "{named:?}");
        assert_eq!(grew(&metrics, "policy_reloads_total{result=\"refused\"}"), broken[2], "{named:?}");
        let spans = if broken[0] { "spans_dropped_total{reason=\"not_taken\"}" } else { "spans_exported_total" };
        place.until(|metrics| grew(metrics, spans)).await;
        let (code, said, _) = ask(place.admin, "GET", "/readyz").await;
        assert_eq!(code, 200, "{named:?}: {said}");
        for part in ["traces", "policy", "ledger"] {
            assert_eq!(said.contains(&format!("\n{part}: ")), named.contains(&part), "{named:?}: {said}");
        }
        place.mends(broken).await;
        answered.extend(decisions);
    }

    let ledger = place.at("ledger.db");
    assert_eq!(place.child.stop().await.code(), Some(0));
    verify(&ledger, None).unwrap();
    assert!(answered.iter().all(|decision| is_recorded(&ledger, decision)), "what waited was written");
}

#[tokio::test]
async fn a_log_that_can_not_be_written_costs_no_call() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_parcel-risk"));
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("PARCEL_RISK_LOG_LEVEL", "trace");
    let mut child = command.stdout(Stdio::piped()).stderr(full).spawn().unwrap();
    let address = listening_on(&mut child).unwrap();
    let child = Running(child);
    let mut client = RiskScoringServiceClient::connect(format!("http://{address}")).await.unwrap();
    within(client.score_parcel(request(parcel()))).await.unwrap();
    within(client.score_parcel(request(v1::Parcel::default()))).await.unwrap_err();
    drop(client);
    assert!(child.stop().await.success());
}

#[tokio::test]
async fn a_log_that_nobody_reads_holds_up_no_call_and_no_stop() {
    let (unread, stderr) = std::io::pipe().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_parcel-risk"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
    command.env("PARCEL_RISK_LOG_LEVEL", "h2=trace");
    let (child, channel, admin) = Running::start_logging_to(stderr, &mut command).await;
    let mut client = RiskScoringServiceClient::new(channel);
    let lost = async || {
        let (_, metrics, _) = ask(admin, "GET", "/metrics").await;
        let line = metrics.lines().find_map(|line| line.strip_prefix("parcelrisk_log_lines_lost_total "));
        line.unwrap().parse::<u64>().unwrap()
    };
    while lost().await == 0 {
        for _ in 0..20 {
            within(client.score_parcel(request(parcel()))).await.unwrap();
        }
    }
    drop(client);
    assert!(child.stop().await.success());
    drop(unread);
}

#[test]
fn a_command_that_fails_says_so_by_its_code_where_nobody_can_be_told() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_parcel-risk"));
    let ended = command.args(["score", "nowhere.csv"]).stdout(Stdio::null()).stderr(full).status().unwrap();
    assert_eq!(ended.code(), Some(1));
}

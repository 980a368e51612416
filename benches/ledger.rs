//! What a ledger costs: CPU of the server a call, with and without, 16 calls in flight over loopback.
//!
//! `cargo bench --bench ledger`. Two servers of the binary run at once and are called in turns, so what slows the machine
//! down slows both. `LEDGER_BENCH_PAIRS` is how many turns each has. `LEDGER_BENCH_BINARY` is another binary to measure.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and fails by panicking"
)]

#[allow(dead_code, reason = "what scores in process is for other benches")]
mod post;

use std::env;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use parcel_risk::bench::{Load, Messages, Method, Pair, Plan, ProcessCpu, Target, compare};
use parcel_risk::wire::v1::ExplanationLevel;

const N_PARCELS: usize = 20_000;
const IN_FLIGHT: usize = 16;
const PAIRS: usize = 12;
/// Time of a turn before it counts, and that counts, in seconds.
const TURN_SECONDS: (f64, f64) = (0.3, 2.0);

/// A server, until it is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn start(arguments: &[&str]) -> (Server, String) {
    let binary = env::var("LEDGER_BENCH_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_parcel-risk").to_owned());
    let mut child = Command::new(binary)
        .args(["serve", "--listen", "127.0.0.1:0"])
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let address = told.filter_map(|line| Some(line.strip_prefix("listening on ")?.to_owned())).next();
    (Server(child), format!("http://{}", address.unwrap()))
}

fn measure(ledger: &Path, n_pairs: usize) -> Vec<Pair> {
    let drafts = post::drafts(N_PARCELS);
    let plan = Plan {
        load: Load::Closed { in_flight: IN_FLIGHT },
        warmup: Duration::from_secs_f64(TURN_SECONDS.0),
        measured: Duration::from_secs_f64(TURN_SECONDS.1),
        timeout: Duration::from_secs(10),
        critical_share: 0.0,
    };
    let servers = [start(&["--ledger", ledger.to_str().unwrap()]), start(&[])];
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let compared = runtime.block_on(async {
        let mut sides = Vec::new();
        for (server, endpoint) in &servers {
            let messages = Messages::parcels(&drafts, Method::Unary, ExplanationLevel::Unspecified, 0).unwrap();
            let target = Target::connect(endpoint, 1, messages).await.unwrap();
            sides.push((target, ProcessCpu::of(server.0.id())));
        }
        let [with, without] = [0, 1].map(|arm| (&sides[arm].0, Some(&sides[arm].1)));
        compare(with, without, &plan, n_pairs).await.unwrap()
    });
    compared.pairs
}

fn main() {
    let n_pairs = env::var("LEDGER_BENCH_PAIRS").map_or(PAIRS, |n| n.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let ledger = dir.path().join("ledger.db");
    println!("{IN_FLIGHT} in flight, turns of {} s; microseconds of the server's CPU a call", TURN_SECONDS.1);
    let mut added = Vec::new();
    for Pair { first, second } in measure(&ledger, n_pairs) {
        let cpu = [&first, &second].map(|turn| turn.server_cpu_micros_per_call.unwrap());
        let [with, without] = cpu;
        let per_second = [&first, &second].map(|turn| turn.goodput_per_second);
        println!(
            "without {without:.1}, with {with:.1}, added {:.1}; calls a second without {:.0}, with {:.0}",
            with - without,
            per_second[1],
            per_second[0]
        );
        added.push(with - without);
    }
    added.sort_by(f64::total_cmp);
    let (low, middle, high) = (added[added.len() / 4], added[added.len() / 2], added[added.len() * 3 / 4]);
    println!("added: {middle:.1} microseconds of CPU a call, median of {n_pairs}; quartiles {low:.1} and {high:.1}");
    println!("load average: {}", fs::read_to_string("/proc/loadavg").unwrap().trim_end());
}

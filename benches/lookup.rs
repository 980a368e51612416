//! How fast decisions are found in a large ledger: by identifier, by item, in pages.
//!
//! `cargo bench --bench lookup`; `LEDGER_BENCH_RECORDS` says how many records, a million where it does not. Records are of
//! random bytes, as long as those of the built-in model; `LEDGER_BENCH_BODY_BYTES` makes them shorter, for more of them on a
//! disk: what is looked up by is as large as before.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and fails by panicking"
)]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use parcel_risk::history::Bucket;
use parcel_risk::ledger::{Clock, Content, Kind, Ledger, LedgerConfig, Listing, Reader, Submission, item_key};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

const BODY_BYTES: usize = 1000;
const PARCEL_BYTES: usize = 350;
const N_LOOKUPS: usize = 1000;
/// Routes by the contract's number, and of how many decisions one is of it.
const ROUTES: [(i64, u64); 2] = [(5, 1000), (3, 50)];

fn decision(n: u64, body_bytes: usize, random: &mut ChaCha8Rng) -> Content {
    let mut bytes = |n: usize| {
        let mut bytes = vec![0; n];
        random.fill_bytes(&mut bytes);
        bytes
    };
    let (body, parcel) = (bytes(body_bytes), bytes(PARCEL_BYTES));
    let route = ROUTES.iter().find(|(_, one_of)| n.is_multiple_of(*one_of)).map_or(1, |(route, _)| *route);
    Content {
        item: Some(item_key(&format!("ITEM-{n}")).0),
        decision_id: Some(u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes()),
        route: Some(route),
        risk_score: Some((n % 1000) as f64 / 1000.0),
        parcel: Some(parcel),
        ..Content::new(Kind::Decision, Bucket(1), body)
    }
}

/// Median and the slowest of a hundred, in microseconds.
fn timed(what: &str, n: usize, mut look: impl FnMut(usize)) {
    let mut times: Vec<Duration> = (0..n)
        .map(|idx| {
            let since = Instant::now();
            look(idx);
            since.elapsed()
        })
        .collect();
    times.sort_unstable();
    let micros = |share: usize| times[(n * share / 100).min(n - 1)].as_secs_f64() * 1e6;
    println!("{what}: median {:.0} microseconds, 99th percentile {:.0}", micros(50), micros(99));
}

/// Waits until runs have become one where they are too many; how many there are then.
fn settled(index: &Path) -> usize {
    let names = || fs::read_dir(index).map_or(0, Iterator::count);
    let (mut n, mut since) = (names(), Instant::now());
    while since.elapsed() < Duration::from_secs(15) {
        std::thread::sleep(Duration::from_millis(100));
        if names() != n {
            (n, since) = (names(), Instant::now());
        }
    }
    n
}

fn main() {
    let n_records: u64 = std::env::var("LEDGER_BENCH_RECORDS").map_or(1_000_000, |n| n.parse().unwrap());
    let dir = tempfile::tempdir_in(std::env::var("LEDGER_BENCH_DIR").unwrap_or_else(|_| ".".to_owned())).unwrap();
    let path = dir.path().join("ledger.db");
    let config = LedgerConfig { path: path.to_str().unwrap().to_owned(), ..LedgerConfig::default() };
    let body_bytes = std::env::var("LEDGER_BENCH_BODY_BYTES").map_or(BODY_BYTES, |n| n.parse().unwrap());
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let since = Instant::now();
    let ledger = Ledger::open(&path, &config, Clock::system()).unwrap();
    for n in 0..n_records {
        // A disk that is slower than this holds it up.
        let slot = loop {
            if let Ok(slot) = ledger.reserve() {
                break slot;
            }
            ledger.flush(Duration::from_millis(10));
        };
        let content = decision(n, body_bytes, &mut random);
        ledger.submit(Submission { content, slot, done: Box::new(|_| ()), held: None, is_first: true });
        if n % 16 == 0 {
            ledger.write_out();
        }
    }
    drop(ledger);
    let n_bytes = fs::metadata(&path).unwrap().len();
    println!("{n_records} records of {} bytes in {:.1} s", n_bytes / n_records, since.elapsed().as_secs_f64());
    let since = Instant::now();
    let ledger = Ledger::open(&path, &config, Clock::system()).unwrap();
    println!("opened to write in {:.2} s", since.elapsed().as_secs_f64());
    let since = Instant::now();
    let n_runs = settled(&path.with_extension("db.index"));
    println!("{n_runs} runs, {:.0} s later", since.elapsed().as_secs_f64());
    let reader: Reader = ledger.reader().unwrap();
    let mut drawn = || random.next_u64() % n_records;
    let numbers: Vec<u64> = (0..N_LOOKUPS).map(|_| drawn()).collect();
    timed("a decision by its identifier", N_LOOKUPS, |idx| {
        let id = decision(numbers[idx], 0, &mut ChaCha8Rng::seed_from_u64(2)).decision_id.unwrap();
        assert!(reader.decision(&id).unwrap().is_some());
    });
    timed("an identifier that there is none of", N_LOOKUPS, |idx| {
        assert!(reader.decision(&(idx as u128).to_le_bytes()).unwrap().is_none_or(|_| idx == 0));
    });
    timed("all records on an item", N_LOOKUPS, |idx| {
        assert_eq!(reader.about(&format!("ITEM-{}", numbers[idx])).unwrap().len(), 1);
    });
    let pages = [
        ("the newest 50 decisions", vec![1, 2, 3, 4, 5], 0.0),
        ("the newest 50 of a route of one in 1000", vec![5], 0.0),
        ("the newest 50 of that route with a score of 0.9 or more: there are none", vec![5], 0.9),
    ];
    for (what, routes, min_risk_score) in pages {
        let listing = Listing { from_micros: None, until_micros: None, routes, min_risk_score };
        timed(what, 100, |_| _ = listing.page(&reader, None, 50).unwrap());
        let listing = Listing { from_micros: Some(0), until_micros: Some(i64::MAX), ..listing };
        timed("  the same from a number in the middle, between two times", 100, |idx| {
            let before = i64::try_from(numbers[idx]).unwrap() + 1;
            _ = listing.page(&reader, Some(before), 50).unwrap();
        });
    }
}

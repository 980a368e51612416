//! What a history takes in memory, and how long it takes from a file: bytes an entity, and seconds.
//!
//! `cargo bench --bench history`; `HISTORY_BENCH_ENTITIES` says of how many entities, ten million where it does not, and
//! `HISTORY_BENCH_DIR` where their file is, for as long as it runs. First
//! the history of the built-in model, then one that is made: of each ten entities seven were seen once, as most senders,
//! addressees and consignments are, and for each three there is a kind of parcels with what is usual for it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark prints, and fails by panicking"
)]

use std::time::Instant;

use parcel_risk::artifact::Artifact;
use parcel_risk::bench::ProcessCpu;
use parcel_risk::history::{
    Bucket, BucketWidth, Decay, EntityKey, Event, Footprint, History, HistorySize, Sequence, Snapshot, Stored, Workers,
};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// Keys of a parcel that are folded at once.
const A_FOOTPRINT: usize = 40;
const N_LOOKUPS: usize = 1_000_000;

fn print_size(what: &str, HistorySize { counts, activity, norms }: HistorySize) {
    println!("{what}: counts {counts}; activity {activity}; norms {norms}");
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let cpu_seconds = || ProcessCpu::own().seconds().unwrap();
    let (since, before) = (Instant::now(), cpu_seconds());
    let made = work();
    println!("{what}: {:.2} s, {:.2} s of CPU", since.elapsed().as_secs_f64(), cpu_seconds() - before);
    made
}

fn made(n_entities: usize) -> History {
    let mut history = History::empty(Decay { width: BucketWidth::MINUTE, half_life_days: 365.0 });
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let keys: Vec<EntityKey> = (0..n_entities).map(|_| EntityKey(random.next_u64())).collect();
    for (time, first_of_ten) in [(1, 0), (2, 7), (3, 8)] {
        for (bucket, keys) in keys.chunks(A_FOOTPRINT).enumerate() {
            let at = Bucket(time * 1_000_000 + bucket as u32);
            let keys: Vec<_> =
                keys.iter().enumerate().filter(|(n, _)| n % 10 >= first_of_ten).map(|(_, key)| *key).collect();
            let numbers = keys.iter().step_by(3).map(|key| (*key, (key.0 % 64) as f64 / 8.0)).collect();
            let footprint = Footprint { keys, activity: Vec::new(), numbers };
            history.fold_alone(&Event::Advised { at, footprint: &footprint });
            if first_of_ten > 0 {
                history.fold_alone(&Event::Outcome { at, keys: &footprint.keys, infringement: bucket % 20 == 0 });
            }
        }
    }
    history
}

fn main() {
    let artifact = Artifact::embedded().unwrap();
    print_size("built-in model", artifact.settled_history().size());
    let n_entities: usize = std::env::var("HISTORY_BENCH_ENTITIES").map_or(10_000_000, |n| n.parse().unwrap());
    let history = timed("made and folded", || made(n_entities));
    print_size("folded", history.size());
    let bytes = timed("written", || history.to_bytes());
    drop(history);
    let dir = tempfile::tempdir_in(std::env::var("HISTORY_BENCH_DIR").unwrap_or_else(|_| ".".to_owned())).unwrap();
    let path = dir.path().join("history");
    std::fs::write(&path, &bytes).unwrap();
    println!("{} MiB", bytes.len() >> 20);
    drop(bytes);
    let read = || Stored::read(std::fs::read(&path).unwrap().into()).unwrap().settled();
    let history = timed("from a file to a history that can be read", || read().owned());
    print_size("read", history.size());
    drop(history);
    let history = timed("the same, left where it lies until it changes", read);
    let keys: Vec<EntityKey> = Snapshot::of(&history, Vec::new()).entries.iter().map(|(key, _)| *key).collect();
    let mut random = ChaCha8Rng::seed_from_u64(2);
    let drawn: Vec<_> = (0..N_LOOKUPS).map(|_| keys[(random.next_u64() % keys.len() as u64) as usize]).collect();
    let (view, at) = (history.view(), Bucket(9_000_000));
    let known = timed("a million look-ups of what is known", || {
        drawn.iter().filter(|key| view.read(**key, at).seen > 0.0).count()
    });
    let unknown = timed("a million look-ups of what is not", || {
        drawn.iter().filter(|key| view.read(EntityKey(key.0 ^ 1), at).seen > 0.0).count()
    });
    assert_eq!((known, unknown), (N_LOOKUPS, 0));
    drop(view);
    let parcels: Vec<_> = drawn.chunks(A_FOOTPRINT).map(Footprint::from).collect();
    let advised = |footprint| Event::Advised { at, footprint };
    let fold_each = || parcels.iter().for_each(|parcel| history.fold(&advised(parcel)));
    // What changes for the first time leaves the file's bytes, and its smallest form.
    fold_each();
    timed("a million changes, entity by entity", fold_each);
    for (whose, workers) in [("its own thread", Workers::Own), ("all threads", Workers::All)] {
        timed(&format!("as many, some at a time, by {whose}"), || {
            let mut sequence = Sequence::of(workers);
            parcels.iter().for_each(|parcel| history.fold_in_turn(&advised(parcel), &mut sequence));
            history.fold_sequence(&mut sequence);
        });
    }
    let n_gone = timed("the stalest go", || history.evict_stalest(keys.len() - 1));
    println!("{n_gone} of {} are gone", keys.len());
}

//! What a training costs, part by part: CPU seconds of one of them, in one line of JSON.
//!
//! ```text
//! training fit VALUES LABELS THREADS       one fit of 100 trees of 31 leaves on a matrix from a file
//! training replay TABLE MAPPING THREADS    the replay of a table and its features, apart from reading the table
//! ```
//!
//! `benches/training.py` makes the files, and runs the fit beside LightGBM. VALUES holds `f32` row by row, LABELS a byte a
//! row, both in the byte order of the machine. Without arguments, as all benches run, it does nothing.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::PathBuf;
use std::time::Instant;

use linfa::ParamGuard;
use parcel_risk::bench::ProcessCpu;
use parcel_risk::features::{FeaturePlan, FeatureSpec, RatesConfig};
use parcel_risk::history::{History, Replay};
use parcel_risk::model::boosting::{GradientBoosting, LabeledRows};
use parcel_risk::model::{FeatureValues, PackedMatrix};
use parcel_risk::parcel::ParcelLimits;
use parcel_risk::table::Mapping;
use parcel_risk::train::{Descriptions, PointInTime, ReplayRoom, RowsReader, TrainConfig};

/// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let [what, one, other, threads] = args.as_slice() else { return };
    let n_threads = threads.parse().expect("THREADS is a number");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().expect("threads can be had");
    let figures = pool.install(|| match *what {
        "fit" => fit(one, other),
        "replay" => replay(one, other),
        _ => panic!("{what} is neither fit nor replay"),
    });
    writeln!(io::stdout(), "{figures}").expect("standard output is open");
}

/// What a part has taken since it began.
struct Clock {
    cpu_seconds: f64,
    began: Instant,
}

impl Clock {
    fn start() -> Self {
        Self { cpu_seconds: cpu_seconds(), began: Instant::now() }
    }

    fn add_to(&self, part: &mut [f64; 2]) {
        part[0] += cpu_seconds() - self.cpu_seconds;
        part[1] += self.began.elapsed().as_secs_f64();
    }
}

fn cpu_seconds() -> f64 {
    ProcessCpu::own().seconds().expect("Linux tells of its processes")
}

fn fit(values: &str, labels: &str) -> serde_json::Value {
    let labels: Vec<bool> = fs::read(labels).expect("the labels can be read").iter().map(|label| *label != 0).collect();
    let (reading, mut read) = (Clock::start(), [0.0; 2]);
    let matrix = matrix(values, labels.len());
    reading.add_to(&mut read);
    let params = GradientBoosting::params().n_trees(100).max_leaves(31).check().expect("settings in range");
    let rows: Vec<u32> = (0..labels.len() as u32).collect();
    let rows =
        LabeledRows { values: FeatureValues::Packed { matrix: &matrix, rows: &rows }, labels: &labels, weights: None };
    let (clock, mut fit) = (Clock::start(), [0.0; 2]);
    params.fit_observed(rows, None, &mut |_| ()).expect("rows of both classes");
    clock.add_to(&mut fit);
    serde_json::json!({ "cpu_s": fit[0], "elapsed_s": fit[1], "reading_cpu_s": read[0] })
}

/// As a training keeps it, and so read some rows at a time.
fn matrix(path: &str, n_rows: usize) -> PackedMatrix {
    let mut file = File::open(path).expect("the values can be read");
    let row_bytes = file.metadata().expect("the file has a length").len() as usize / n_rows;
    let mut matrix = PackedMatrix::new(row_bytes / 4);
    let mut bytes = vec![0; 4096 * row_bytes];
    while matrix.n_rows() < n_rows {
        let n = (n_rows - matrix.n_rows()).min(4096) * row_bytes;
        file.read_exact(&mut bytes[..n]).expect("the values can be read");
        let values: Vec<f32> = bytes[..n].as_chunks().0.iter().map(|bytes| f32::from_ne_bytes(*bytes)).collect();
        matrix.extend(&values);
    }
    matrix
}

fn replay(table: &str, mapping: &str) -> serde_json::Value {
    let plan = FeaturePlan::compile(FeatureSpec::default()).expect("the built-in spec compiles");
    let rates = RatesConfig::default().check().expect("the built-in rates are rates");
    let label_delay_days = TrainConfig::default().label_delay_days;
    let point_in_time = PointInTime { plan: &plan, rates: &rates, label_delay_days };
    let mapping = Mapping::read(mapping.as_ref()).expect("the mapping can be read");
    let (paths, limits) = ([PathBuf::from(table)], ParcelLimits::default());
    let mut reader = RowsReader::new(&paths, Some(&mapping), &limits);
    let mut past = Replay::from(History::empty(plan.spec().decay()), Vec::new());
    let (mut descriptions, mut room) = (Descriptions::default(), ReplayRoom::default());
    let (mut reading, mut replaying, mut n_rows) = ([0.0; 2], [0.0; 2], 0);
    loop {
        let clock = Clock::start();
        let rows = reader.next_rows(|| ()).expect("the table can be read");
        clock.add_to(&mut reading);
        if rows.is_empty() {
            break;
        }
        n_rows += rows.len();
        let clock = Clock::start();
        let Ok(()) = point_in_time.replay(&rows, &mut past, &mut descriptions, &mut room, |_| Ok::<_, Infallible>(()));
        clock.add_to(&mut replaying);
    }
    serde_json::json!({
        "rows": n_rows,
        "reading_cpu_s": reading[0],
        "replay_and_features_cpu_s": replaying[0],
        "replay_and_features_elapsed_s": replaying[1],
    })
}

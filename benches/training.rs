//! Time of one fit of 100 trees of 31 leaves on a matrix from a file: `training VALUES LABELS THREADS`.
//!
//! `benches/training.py` makes the files and runs it beside LightGBM. VALUES holds `f32` row by row, LABELS a byte a row,
//! both in the byte order of the machine. Prints one line of JSON. Without arguments, as all benches run, it does nothing.

use std::fs;
use std::io::{self, Write as _};
use std::time::Instant;

use linfa::ParamGuard;
use ndarray::Array2;
use parcel_risk::bench::ProcessCpu;
use parcel_risk::model::boosting::{GradientBoosting, LabeledRows};

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [values, labels, threads] = args.as_slice() else { return };
    let labels: Vec<bool> = fs::read(labels).expect("the labels can be read").iter().map(|label| *label != 0).collect();
    let bytes = fs::read(values).expect("the values can be read");
    let values: Vec<f32> = bytes.as_chunks().0.iter().map(|bytes| f32::from_ne_bytes(*bytes)).collect();
    drop(bytes);
    let n_features = values.len() / labels.len();
    let values = Array2::from_shape_vec((labels.len(), n_features), values).expect("as many values in every row");

    let n_threads = threads.parse().expect("THREADS is a number");
    let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().expect("threads can be had");
    let params = GradientBoosting::params().n_trees(100).max_leaves(31).check().expect("settings in range");
    let rows = LabeledRows { values: values.view(), labels: &labels, weights: None };
    let cpu = || ProcessCpu::own().seconds().expect("Linux tells of its processes");
    let (cpu_before, began) = (cpu(), Instant::now());
    pool.install(|| params.fit_observed(rows, None, &mut |_| ())).expect("rows of both classes");
    let fit = serde_json::json!({
        "cpu_s": cpu() - cpu_before,
        "elapsed_s": began.elapsed().as_secs_f64(),
    });
    writeln!(io::stdout(), "{fit}").expect("standard output is open");
}

//! Time of a fit, a margin and its contributions, on rows like those of a year of one office.
//!
//! `cargo bench --bench boosting`. Nothing is asserted: compare two runs on one machine.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use linfa::ParamGuard;
use ndarray::Array2;
use parcel_risk::model::boosting::{GradientBoosting, LabeledRows, ShapleyTables};

const N_ROWS: usize = 37_000;
const N_FEATURES: usize = 90;

/// A third of the features take few values, some are missing, eight carry the signal.
fn synthetic_rows() -> (Array2<f32>, Vec<bool>) {
    let mut state = 1_u32;
    let mut next = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let mut labels = Vec::with_capacity(N_ROWS);
    let mut values = Array2::zeros((N_ROWS, N_FEATURES));
    for mut row in values.rows_mut() {
        row.iter_mut().for_each(|value| *value = next());
        let signal = row[0] * row[1] + row[2] * row[3] - row[4] * row[5] + (row[6] - 0.5).abs() - row[7] / 2.0;
        labels.push(next() < 0.1 + 0.5 * signal);
        for (feature, value) in row.iter_mut().enumerate() {
            match feature % 6 {
                4 => *value = (*value * 12.0).floor(),
                5 if *value < 0.3 => *value = f32::NAN,
                _ => {}
            }
        }
    }
    (values, labels)
}

fn main() {
    let one_thread = rayon::ThreadPoolBuilder::new().num_threads(1).build().expect("one thread can be had");
    let mut criterion =
        Criterion::default().configure_from_args().sample_size(10).measurement_time(Duration::from_secs(5));
    let (values, labels) = synthetic_rows();
    let rows = LabeledRows { values: values.view().into(), labels: &labels, weights: None };
    let fit = |max_leaves| {
        let params = GradientBoosting::params().max_leaves(max_leaves).check().expect("settings in range");
        one_thread.install(|| params.fit_observed(rows, None, &mut |_| ())).expect("rows of both classes")
    };
    for max_leaves in [15, 31] {
        let name = format!("fit 100 trees x {max_leaves} leaves, 37k x 90, one thread");
        criterion.bench_function(&name, |bencher| bencher.iter(|| fit(max_leaves)));
    }
    let trees = fit(31).compile();
    let tables = ShapleyTables::new(&trees);
    // Each call takes the next row: the same one again would have every branch predicted.
    let mut at = 0;
    let mut next_row = || {
        at = (at + 1) % 1000;
        values.row(at).to_slice().expect("a row of a matrix in standard layout is one slice")
    };
    let mut contributions = Vec::new();
    criterion.bench_function("margin of a row, 100 x 31", |bencher| {
        bencher.iter(|| trees.margin(next_row()));
    });
    criterion.bench_function("contributions of a row from tables, 100 x 31", |bencher| {
        bencher.iter(|| tables.contributions(next_row(), black_box(&mut contributions)));
    });
    criterion.bench_function("contributions of a row, published algorithm, 100 x 31", |bencher| {
        bencher.iter(|| trees.contributions(next_row(), black_box(&mut contributions)));
    });
    criterion.bench_function("making the tables, 100 x 31", |bencher| bencher.iter(|| ShapleyTables::new(&trees)));
    criterion.final_summary();
}

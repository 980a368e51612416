//! What holds for any rows.

use linfa::prelude::{Dataset, Fit, Predict};
use ndarray::{Array1, Axis, concatenate};
use proptest::prelude::*;

use super::*;

/// Rows of three features with few values, some missing, and labels of both classes.
fn any_rows() -> impl Strategy<Value = (Array2<f32>, Vec<bool>)> {
    let value = prop_oneof![8 => (-5..5i8).prop_map(f32::from), 1 => Just(f32::NAN)];
    let row = (value.clone(), value.clone(), value, any::<bool>());
    proptest::collection::vec(row, 6..60).prop_map(|rows| {
        let values =
            Array2::from_shape_fn((rows.len(), 3), |(row, feature)| [rows[row].0, rows[row].1, rows[row].2][feature]);
        let mut labels: Vec<bool> = rows.iter().map(|row| row.3).collect();
        (labels[0], labels[1]) = (true, false);
        (values, labels)
    })
}

/// Labels of which every other one is positive, for an even number of rows.
fn labels_of_half(values: &Array2<f32>) -> Vec<bool> {
    (0..values.nrows() / 2 * 2).map(|row| row % 2 == 0).collect()
}

fn small() -> GradientBoostingParams {
    GradientBoosting::params().n_trees(8).max_leaves(6).min_child_rows(1).learning_rate(0.3)
}

proptest! {
    #[test]
    fn the_order_of_the_rows_changes_no_bit((values, labels) in any_rows(), seed in any::<u32>()) {
        let mut lcg = Lcg(seed);
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.sort_by_cached_key(|_| (lcg.next() * 1e6) as u64);
        let weights: Vec<f32> = labels.iter().map(|_| lcg.next() as f32 + 0.1).collect();
        let before = fit(small(), rows(&values, &labels, Some(&weights)));
        let labels: Vec<bool> = order.iter().map(|row| labels[*row]).collect();
        let weights: Vec<f32> = order.iter().map(|row| weights[*row]).collect();
        let after = fit(small(), rows(&values.select(Axis(0), &order), &labels, Some(&weights)));
        prop_assert_eq!(before, after);
    }

    #[test]
    fn the_mean_of_models_has_the_mean_of_their_margins((values, labels) in any_rows(), n in 1..6u64) {
        let fitted = |seed| fit(small().row_fraction(0.7).seed(seed), rows(&values, &labels, None));
        let models: Vec<GradientBoosting> = (0..n).map(fitted).collect();
        let mean = GradientBoosting::mean(models.clone());
        for row in values.outer_iter() {
            let margins = models.iter().map(|model| model.margin(row)).sum::<f64>();
            let (mean, of_all) = (mean.margin(row), margins / n as f64);
            prop_assert!((mean - of_all).abs() < 1e-5, "{mean} is not the mean {of_all}");
        }
    }

    #[test]
    fn a_row_twice_is_a_row_of_weight_two((values, labels) in any_rows(), twice in 1..6usize) {
        let weights: Vec<f32> = (0..labels.len()).map(|row| if row < twice { 2.0 } else { 1.0 }).collect();
        let weighted = fit(small(), rows(&values, &labels, Some(&weights)));
        let head: Vec<usize> = (0..twice).collect();
        let repeated = concatenate![Axis(0), values, values.select(Axis(0), &head)];
        let labels: Vec<bool> = labels.iter().chain(&labels[..twice]).copied().collect();
        prop_assert_eq!(weighted, fit(small(), rows(&repeated, &labels, None)));
    }

    #[test]
    fn a_penalty_in_rows_is_so_many_hessians_of_the_base_rate((values, _) in any_rows(), weight in 1..4u8) {
        let n = labels_of_half(&values).len();
        let (values, labels) = (values.select(Axis(0), &(0..n).collect::<Vec<_>>()), labels_of_half(&values));
        let weights = vec![f32::from(weight); n];
        let in_rows = fit(small().l2(0.0).l2_rows(4.0), rows(&values, &labels, Some(&weights)));
        // At one half, p (1 − p) is a quarter.
        let in_hessians = fit(small().l2(f64::from(weight)), rows(&values, &labels, Some(&weights)));
        prop_assert_eq!(in_rows, in_hessians);
    }

    #[test]
    fn features_that_never_change_are_never_asked((values, labels) in any_rows()) {
        let n = labels.len();
        let wider = concatenate![Axis(1), Array2::from_elem((n, 1), 7.0), values, Array2::from_elem((n, 1), f32::NAN)];
        let (model, alone) = (fit(small(), rows(&wider, &labels, None)), fit(small(), rows(&values, &labels, None)));
        let gains = model.feature_gains();
        prop_assert_eq!(gains[0] + gains[4], 0.0);
        prop_assert_eq!(&gains[1..4], &alone.feature_gains()[..]);
        prop_assert_eq!(margins(&model, wider.view()), margins(&alone, values.view()));
    }

    #[test]
    fn constraints_hold_for_any_pair(
        (values, labels) in any_rows(), low in -7.0..7.0f32, step in 0.0..9.0f32, others in (-6..6i8, -6..6i8),
    ) {
        let constraints = vec![Monotone::Rising, Monotone::Falling, Monotone::Free];
        let model = fit(small().max_leaves(12).n_trees(20).monotone(constraints), rows(&values, &labels, None));
        let (a, b) = (f32::from(others.0), f32::from(others.1));
        let at = |values: [f32; 3]| model.margin(ndarray::aview1(&values));
        for other in [b, f32::NAN] {
            prop_assert!(at([low, a, other]) <= at([low + step, a, other]));
            prop_assert!(at([a, low, other]) >= at([a, low + step, other]));
        }
    }

    #[test]
    fn more_trees_never_fit_the_training_rows_worse((values, labels) in any_rows()) {
        let mut losses = Vec::new();
        let params = small().check().unwrap();
        params.fit_observed(rows(&values, &labels, None), None, &mut |m| losses.push(m.training_log_loss)).unwrap();
        prop_assert!(losses.windows(2).all(|pair| pair[1] <= pair[0]), "{:?}", losses);
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let (values, labels) = sample_rows(5000, 5);
    let on = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        let params = GradientBoosting::params().n_trees(15).row_fraction(0.7).feature_fraction(0.6).seed(11);
        let mut metrics = Vec::new();
        let params = params.check().unwrap();
        let model = pool.install(|| params.fit_observed(rows(&values, &labels, None), None, &mut |m| metrics.push(m)));
        (model.unwrap(), metrics)
    };
    assert_eq!(on(1), on(4));
}

#[test]
fn a_seed_decides_what_is_sampled() {
    let (values, labels) = sample_rows(2000, 5);
    let with =
        |seed| fit(GradientBoosting::params().n_trees(3).row_fraction(0.5).seed(seed), rows(&values, &labels, None));
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

#[test]
fn linfa_fits_and_predicts_the_same_model() {
    let (values, labels) = sample_rows(1000, 5);
    let weights: Vec<f32> = (0..1000).map(|row| (row % 3) as f32).collect();
    let dataset = Dataset::new(values.clone(), Array1::from(labels.clone())).with_weights(weights.clone().into());
    let fitted = small().fit(&dataset).unwrap();
    assert_eq!(fitted, fit(small(), rows(&values, &labels, Some(&weights))));
    let predicted: Array1<f64> = fitted.predict(&values);
    assert_eq!(predicted.to_vec(), margins(&fitted, values.view()));
    let probabilities = fitted.predict_probabilities(values.view());
    assert!(predicted.iter().zip(probabilities).all(|(m, p)| (p / (1.0 - p) - m.exp()).abs() < 1e-9));
}

#[test]
fn early_stopping_keeps_the_best_round() {
    let (values, labels) = sample_rows(600, 5);
    let (held_out, held_out_labels) = sample_rows(600, 6);
    let params = GradientBoosting::params().n_trees(400).learning_rate(0.3).early_stopping_rounds(5).check().unwrap();
    let mut losses = Vec::new();
    let validation = Some(rows(&held_out, &held_out_labels, None));
    let model = params
        .fit_observed(rows(&values, &labels, None), validation, &mut |m| losses.push(m.validation_log_loss.unwrap()))
        .unwrap();
    let best = losses.iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1)).unwrap().0 + 1;
    assert_eq!((model.trees().len(), losses.len()), (best, best + 5));
}

#[test]
fn a_model_survives_serde() {
    let (values, labels) = sample_rows(500, 5);
    let model = fit(small(), rows(&values, &labels, None));
    assert_eq!(postcard::from_bytes::<GradientBoosting>(&postcard::to_stdvec(&model).unwrap()).unwrap(), model);
    assert_eq!(serde_json::from_str::<GradientBoosting>(&serde_json::to_string(&model).unwrap()).unwrap(), model);
}

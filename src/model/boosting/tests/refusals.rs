//! What is refused, and in which words.

use expect_test::{Expect, expect};

use super::*;

#[track_caller]
fn check(params: GradientBoostingParams, rows: LabeledRows<'_>, expect: Expect) {
    let refused = params.check().and_then(|params| params.fit_observed(rows, None, &mut |_| ()));
    expect.assert_eq(&refused.unwrap_err().to_string());
}

#[test]
fn settings_out_of_range_are_named() {
    let (values, labels) = sample_rows(10, 5);
    let rows = rows(&values, &labels, None);
    let p = GradientBoosting::params;
    check(p().n_trees(0), rows, expect!["n_trees: must be at least 1"]);
    check(p().max_leaves(1), rows, expect!["max_leaves: must be between 2 and 1024"]);
    check(p().max_depth(65), rows, expect!["max_depth: must be at most 64"]);
    check(p().learning_rate(f64::NAN), rows, expect!["learning_rate: must be above 0 and at most 1"]);
    check(p().l2(-1.0), rows, expect!["l2: must be a number of at least zero"]);
    check(p().l2_rows(f64::INFINITY), rows, expect!["l2_rows: must be a number of at least zero"]);
    check(p().row_fraction(0.0), rows, expect!["row_fraction: must be above 0 and at most 1"]);
    check(p().max_bins(256), rows, expect!["max_bins: must be between 2 and 255"]);
    check(p().monotone(vec![Monotone::Rising]), rows, expect!["monotone constraints: 12 are needed, there are 1"]);
    check(p().early_stopping_rounds(3), rows, expect!["early stopping needs validation rows"]);
}

#[test]
fn rows_that_cannot_be_fitted_are_named() {
    let p = GradientBoosting::params;
    let values = ndarray::arr2(&[[1.0, f32::NAN], [2.0, 3.0]]);
    let none = Array2::zeros((0, 2));
    check(p(), rows(&none, &[], None), expect!["there are no training rows with a weight above zero"]);
    check(p(), rows(&values, &[true], None), expect!["labels: 2 are needed, there are 1"]);
    check(p(), rows(&values, &[true, false], Some(&[1.0])), expect!["weights: 2 are needed, there are 1"]);
    let negative = Some([1.0, -1.0].as_slice());
    check(p(), rows(&values, &[true, false], negative), expect!["row 1: a weight must be a number of at least zero"]);
    let one_class = "fitting needs rows of both classes with a weight above zero; 2 of 2 rows are positive";
    let refused = p().check().unwrap().fit_observed(rows(&values, &[true, true], None), None, &mut |_| ());
    assert_eq!(refused.unwrap_err().to_string(), one_class);
    let weightless = Some([0.0, 1.0].as_slice());
    check(
        p(),
        rows(&values, &[true, false], weightless),
        expect!["fitting needs rows of both classes with a weight above zero; 1 of 2 rows are positive"],
    );
    let infinite = ndarray::arr2(&[[1.0, 0.0], [2.0, f32::INFINITY]]);
    check(p(), rows(&infinite, &[true, false], None), expect!["row 1, feature 1: an infinite value"]);
}

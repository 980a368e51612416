//! Trees small enough to compute on paper.

use super::*;

fn stump(values: &[f32], labels: &[bool], weights: Option<&[f32]>) -> GradientBoosting {
    let params = GradientBoosting::params().n_trees(1).max_leaves(2).min_child_rows(1);
    fit(params, rows(&Array2::from_shape_vec((values.len(), 1), values.to_vec()).unwrap(), labels, weights))
}

fn split(model: &GradientBoosting) -> (f32, bool, f64, [f32; 2], [f64; 3]) {
    match model.trees()[0].nodes() {
        &[
            Node::Split { feature: 0, threshold, missing_left, left: 1, right: 2, gain, cover },
            Node::Leaf { value: left, cover: cover_left },
            Node::Leaf { value: right, cover: cover_right },
        ] => (threshold, missing_left, gain, [left, right], [cover, cover_left, cover_right]),
        other => panic!("not a stump: {other:?}"),
    }
}

#[test]
fn a_stump_has_the_gain_and_values_of_the_formula() {
    let model = stump(&[1.0, 2.0, 3.0, 4.0], &[false, false, true, true], None);
    let (threshold, missing_left, gain, values, covers) = split(&model);
    // p = 1/2 everywhere: gradients ±1/2, hessians 1/4. Left: G = 1, H = 1/2, so with λ = 1 the
    // value is −1 / 1.5, a tenth of it taken; gain is 1 / 1.5 + 1 / 1.5 − 0.
    assert_eq!(model.base_score(), 0.0);
    assert_eq!((threshold, missing_left), (2.5, true));
    assert!((gain - 4.0 / 3.0).abs() < 1e-12, "{gain}");
    assert_eq!(values, [-1.0 / 15.0, 1.0 / 15.0]);
    assert_eq!(covers, [4.0, 2.0, 2.0]);
    assert_eq!(model.feature_gains(), [gain]);
}

#[test]
fn weights_move_the_base_score_the_gain_and_the_covers() {
    let model = stump(&[1.0, 2.0, 3.0], &[false, true, true], Some(&[2.0, 0.5, 0.5]));
    let (threshold, _, gain, values, covers) = split(&model);
    // Weighted odds are 1 / 2, so p = 1/3: g = 2/3, −1/3, −1/3, and h = 4/9, 1/9, 1/9. Left holds
    // row 0: G = 2/3, H = 4/9. Right: G = −2/3, H = 2/9.
    assert!((model.base_score() - (0.5_f64).ln()).abs() < 1e-15);
    assert_eq!(threshold, 1.5);
    assert!((gain - (4.0 / 9.0) / (13.0 / 9.0) - (4.0 / 9.0) / (11.0 / 9.0)).abs() < 1e-12, "{gain}");
    assert!((f64::from(values[0]) + 0.1 * (2.0 / 3.0) / (13.0 / 9.0)).abs() < 1e-8);
    assert!((f64::from(values[1]) - 0.1 * (2.0 / 3.0) / (11.0 / 9.0)).abs() < 1e-8);
    assert_eq!(covers, [3.0, 2.0, 1.0]);
}

#[test]
fn missing_values_go_where_rows_like_them_went() {
    let nan = f32::NAN;
    for (label, goes_left) in [(false, true), (true, false)] {
        let model = stump(&[1.0, 1.0, 2.0, 2.0, nan], &[false, false, true, true, label], None);
        let (threshold, missing_left, _, values, _) = split(&model);
        assert_eq!((threshold, missing_left), (1.5, goes_left));
        let of_missing = margins(&model, ndarray::aview2(&[[nan]]))[0] - model.base_score();
        assert!((of_missing - f64::from(values[usize::from(!goes_left)])).abs() < 1e-15);
    }
}

#[test]
fn presence_alone_can_be_split_on() {
    let nan = f32::NAN;
    let model = stump(&[1.0, 1.0, nan, nan], &[false, false, true, true], None);
    let (threshold, missing_left, ..) = split(&model);
    assert_eq!((threshold, missing_left), (f32::MAX, false));
}

#[test]
fn missing_values_never_seen_go_with_most_of_the_evidence() {
    let model = stump(&[1.0, 2.0, 2.0, 2.0], &[false, true, true, true], None);
    assert!(!split(&model).1);
    let model = stump(&[1.0, 1.0, 1.0, 2.0], &[false, false, false, true], None);
    assert!(split(&model).1);
}

#[test]
fn the_leaf_that_gains_most_is_split_first() {
    // Feature 0 parts the classes but for two rows that feature 1 parts; a third split is not
    // allowed, so the two leaves that are left alone are those with less to gain.
    let values = ndarray::arr2(&[[0.0, 0.0], [0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]);
    let labels = [false, false, true, true, true, true];
    let model =
        fit(GradientBoosting::params().n_trees(1).max_leaves(3).min_child_rows(1), rows(&values, &labels, None));
    let splits = model.trees()[0].nodes().iter().filter_map(|node| match node {
        Node::Split { feature, left, .. } => Some((*feature, *left)),
        Node::Leaf { .. } => None,
    });
    assert_eq!(splits.collect::<Vec<_>>(), [(0, 1), (1, 3)]);
}

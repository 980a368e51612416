//! Contributions against their definition, against each other, and against the margin.

use proptest::prelude::*;

use super::*;
use crate::model::boosting::compiled::CompiledNode;

/// Expected value below a node where only the features in `known` are known.
fn value(trees: &CompiledTrees, node: &CompiledNode, row: &[f32], known: usize) -> f64 {
    if node.is_leaf() {
        return node.number.into();
    }
    let children = trees.children(node);
    if (known >> node.feature) & 1 == 1 {
        return value(trees, &children[usize::from(node.goes_right(row))], row, known);
    }
    let [left, right] =
        [&children[0], &children[1]].map(|child| (f64::from(child.cover), value(trees, child, row, known)));
    (left.0 * left.1 + right.0 * right.1) / (left.0 + right.0)
}

/// The definition: the mean over all orders in which features can become known.
fn brute_force(trees: &CompiledTrees, row: &[f32]) -> Vec<f64> {
    let n = trees.n_features();
    let value = |known| trees.roots.iter().map(|root| value(trees, root, row, known)).sum::<f64>();
    let values: Vec<f64> = (0..1 << n).map(value).collect();
    let factorial = |n: usize| (1..=n).map(|k| k as f64).product::<f64>();
    let share = |feature: usize| {
        let without = (0..values.len()).filter(|set| (set >> feature) & 1 == 0);
        let terms = without.map(|set| {
            let k = set.count_ones() as usize;
            factorial(k) * factorial(n - k - 1) / factorial(n) * (values[set | (1 << feature)] - values[set])
        });
        terms.sum()
    };
    (0..n).map(share).collect()
}

#[track_caller]
fn close(a: &[f64], b: &[f64]) {
    assert_eq!(a.len(), b.len());
    assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-9), "{a:?}\n{b:?}");
}

#[track_caller]
fn check(trees: &CompiledTrees, row: &[f32]) -> Vec<f64> {
    let (mut plain, mut fast, mut narrow) = (Vec::new(), Vec::new(), Vec::new());
    let expected = trees.contributions(row, &mut plain);
    assert_eq!(ShapleyTables::new(trees).contributions(row, &mut fast), expected);
    ShapleyTables::with_limit(trees, 2).contributions(row, &mut narrow);
    close(&plain, &fast);
    close(&plain, &narrow);
    close(&[expected + fast.iter().sum::<f64>()], &[trees.margin(row)]);
    fast
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn contributions_are_those_of_the_definition(
        seed in any::<u32>(), row in proptest::collection::vec(prop_oneof![6 => 0.0..4.0f32, 1 => Just(f32::NAN)], 6),
    ) {
        let mut lcg = Lcg(seed);
        let values = Array2::from_shape_simple_fn((80, 6), || (lcg.next() * 5.0).floor() as f32);
        let labels: Vec<bool> = values.rows().into_iter().map(|row| lcg.next() * 9.0 < f64::from(row[0] * row[1] - row[2])).collect();
        prop_assume!(labels.contains(&true));
        let weights: Vec<f32> = labels.iter().map(|_| 0.5 + lcg.next() as f32).collect();
        let params = GradientBoosting::params().n_trees(4).max_leaves(12).min_child_rows(1).learning_rate(1.0);
        let trees = fit(params, rows(&values, &labels, Some(&weights))).compile();
        close(&check(&trees, &row), &brute_force(&trees, &row));
    }
}

#[test]
fn a_stump_moves_by_how_far_its_leaf_is_from_the_mean() {
    let values = ndarray::arr2(&[[1.0], [2.0], [2.0], [2.0]]);
    let model =
        fit(GradientBoosting::params().n_trees(1).min_child_rows(1), rows(&values, &[false, true, true, true], None));
    let mean = margins(&model, values.view()).iter().sum::<f64>() / 4.0;
    let trees = model.compile();
    assert!((trees.expected_margin() - mean).abs() < 1e-12);
    close(&check(&trees, &[1.0]), &[trees.margin(&[1.0]) - mean]);
}

#[test]
fn many_features_on_the_way_to_a_leaf_are_exact_too() {
    let (values, labels) = sample_rows(3000, 5);
    let params = GradientBoosting::params().n_trees(10).max_leaves(200).min_child_rows(1);
    let trees = fit(params, rows(&values, &labels, None)).compile();
    for row in values.rows().into_iter().take(20) {
        check(&trees, &row.to_vec());
    }
}

#[test]
fn a_feature_that_is_never_asked_contributes_nothing() {
    let (values, labels) = sample_rows(500, 5);
    let model = fit(GradientBoosting::params().n_trees(2).max_leaves(4), rows(&values, &labels, None));
    let contributions = check(&model.compile(), &values.row(0).to_vec());
    for (gain, contribution) in model.feature_gains().iter().zip(contributions) {
        assert!(*gain > 0.0 || contribution == 0.0);
    }
}

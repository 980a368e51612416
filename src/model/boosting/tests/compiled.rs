//! The serving form against the fitted one.

use ndarray::aview1;
use proptest::prelude::*;

use super::*;
use crate::model::boosting::compiled::{CompiledNode, Pair};

fn fitted() -> GradientBoosting {
    let (values, labels) = sample_rows(2000, 5);
    fit(GradientBoosting::params().n_trees(20), rows(&values, &labels, None))
}

#[test]
fn compiling_changes_no_bit_of_a_margin() {
    let model = fitted();
    let compiled = model.compile();
    assert_eq!(compiled.check(12), Ok(()));
    let forest = Forest::new([&compiled]).unwrap();
    let from_forest = |row: &[f32]| forest.margins(row)[0];
    let (values, _) = sample_rows(500, 6);
    for row in values.rows() {
        assert_eq!(compiled.margin(&row.to_vec()), model.margin(row));
        assert_eq!(from_forest(&row.to_vec()), model.margin(row));
    }
    let any = prop_oneof![any::<f32>(), Just(f32::NAN), Just(f32::INFINITY), (-2.0..11.0f32), Just(0.8)];
    proptest!(|(row in proptest::collection::vec(any, 12))| {
        prop_assert_eq!(compiled.margin(&row).to_bits(), model.margin(aview1(&row)).to_bits());
        prop_assert_eq!(from_forest(&row).to_bits(), model.margin(aview1(&row)).to_bits());
    });
}

#[test]
fn models_are_scored_together_as_each_alone() {
    let (values, labels) = sample_rows(2000, 5);
    let of = |n_trees: usize, max_leaves: usize| {
        let params = GradientBoosting::params().n_trees(n_trees).max_leaves(max_leaves);
        fit(params, rows(&values, &labels, None)).compile()
    };
    let all = [of(7, 32), of(20, 2), of(30, 8), of(1, 15), of(2, 200)];
    // The second and the third have trees of one block only.
    for models in [&all[..], &all[1..3]] {
        let forest = Forest::new(models).unwrap();
        for row in values.rows().into_iter().take(200) {
            let row = row.to_vec();
            let alone: Vec<_> = models.iter().map(|model| model.margin(&row).to_bits()).collect();
            assert_eq!(forest.margins(&row).into_iter().map(f64::to_bits).collect::<Vec<_>>(), alone);
        }
    }
    let nothing = CompiledTrees { roots: Vec::new(), pairs: Vec::new(), ..of(1, 2) };
    assert_eq!(Forest::new([&nothing]).unwrap().margins(&[0.0; 12]), [nothing.base_score]);
}

#[test]
fn compiled_trees_survive_serde() {
    let compiled = fitted().compile();
    assert_eq!(postcard::from_bytes::<CompiledTrees>(&postcard::to_stdvec(&compiled).unwrap()).unwrap(), compiled);
    assert_eq!(serde_json::from_str::<CompiledTrees>(&serde_json::to_string(&compiled).unwrap()).unwrap(), compiled);
}

#[test]
fn damage_is_refused() {
    let compiled = fitted().compile();
    let refused = |damage: fn(&mut CompiledTrees)| {
        let mut damaged = compiled.clone();
        damage(&mut damaged);
        damaged.check(12).unwrap_err()
    };
    assert_eq!(compiled.check(13), Err("trees over another number of features"));
    assert_eq!(refused(|trees| trees.base_score = f64::NAN), "a base score that is not finite");
    assert_eq!(refused(|trees| trees.roots[1].feature = 12), "a tree that asks for a feature that is not there");
    let number = "a tree with a number that is not finite, or without cover";
    assert_eq!(refused(|trees| trees.roots[1].number = f32::INFINITY), number);
    assert_eq!(refused(|trees| trees.pairs[1].0[0].cover = 0.0), number);
    let loose = "a tree whose nodes do not hang together";
    assert_eq!(refused(|trees| trees.roots[1].children = trees.pairs.len() as u32), loose);
    assert_eq!(refused(|trees| trees.roots[1].children = trees.roots[0].children), loose);
    assert_eq!(refused(|trees| trees.pairs[1].0[0].children = trees.roots[0].children), loose);
    assert_eq!(refused(|trees| trees.pairs.push(trees.pairs[0])), "nodes that belong to no tree");
}

#[test]
fn a_tree_deeper_than_a_fit_makes_is_refused() {
    let leaf = CompiledNode { number: 1.0, cover: 1.0, children: u32::MAX, feature: 0, missing_right: false };
    let split = |children| CompiledNode { children, ..leaf };
    let chain = |n: u32| CompiledTrees {
        n_features: 1,
        base_score: 0.0,
        roots: vec![split(0)],
        pairs: (1..=n).map(|pair| Pair([leaf, if pair == n { leaf } else { split(pair) }])).collect(),
    };
    assert_eq!(chain(64).check(1), Ok(()));
    assert_eq!(chain(65).check(1), Err("a tree too big to be explained"));
}

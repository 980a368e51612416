//! The form that serves: every tree in one flat array, 16 bytes a node.

use serde::{Deserialize, Serialize};

use super::params::{MAX_DEPTH, MAX_LEAVES};
use super::{GradientBoosting, Node, Tree};

/// A fitted model, compiled for serving. One that was read from a file is to be
/// [checked](Self::check) before use.
///
/// Siblings stand side by side in one half of a cache line, and below them the pair of the busier
/// one: a row that goes with most others touches the fewest lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompiledTrees {
    pub(super) n_features: u32,
    pub(super) base_score: f64,
    /// Root of each tree, in the order that their values are added.
    pub(super) roots: Vec<CompiledNode>,
    /// Children of all splits; a pair comes after the pair that its parent is in.
    pub(super) pairs: Vec<Pair>,
}

/// Left and right child of a split.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[repr(align(32))]
pub(super) struct Pair(pub(super) [CompiledNode; 2]);

/// A split or a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CompiledNode {
    /// Threshold of a split, value of a leaf.
    pub(super) number: f32,
    /// Weight of the training rows that came by.
    pub(super) cover: f32,
    /// Index of the pair of children; [`LEAF`] in a leaf.
    pub(super) children: u32,
    pub(super) feature: u16,
    pub(super) missing_right: bool,
}

/// Stands where a leaf would have children.
const LEAF: u32 = u32::MAX;

const _: () = assert!(size_of::<CompiledNode>() == 16 && size_of::<Pair>() == 32);

impl CompiledNode {
    #[inline]
    pub(super) fn is_leaf(&self) -> bool {
        self.children == LEAF
    }

    #[inline]
    pub(super) fn goes_right(&self, values: &[f32]) -> bool {
        let x = values[usize::from(self.feature)];
        (x > self.number) | (x.is_nan() & self.missing_right)
    }
}

impl GradientBoosting {
    /// Compiles the model for serving: the same margins to the bit.
    pub fn compile(&self) -> CompiledTrees {
        let mut compiled = CompiledTrees {
            n_features: self.n_features as u32,
            base_score: self.base_score,
            roots: Vec::with_capacity(self.trees.len()),
            pairs: Vec::new(),
        };
        for tree in &self.trees {
            let root = compiled.place(tree, 0);
            compiled.roots.push(root);
        }
        compiled
    }
}

impl CompiledTrees {
    /// Adds `log_odds` to every margin.
    pub fn shift(&mut self, log_odds: f64) {
        self.base_score += log_odds;
    }

    /// Log-odds of the positive class for one row: the base score, then each tree in order, added
    /// in `f64`. Equal to [`GradientBoosting::margin`] to the bit.
    ///
    /// * `values`: shape `(n_features,)`, NaN where missing.
    ///
    /// # Panics
    /// If the row is shorter than the features that the trees ask for.
    pub fn margin(&self, values: &[f32]) -> f64 {
        self.roots.iter().fold(self.base_score, |margin, root| {
            let mut node = root;
            while !node.is_leaf() {
                node = &self.children(node)[usize::from(node.goes_right(values))];
            }
            margin + f64::from(node.number)
        })
    }

    /// How many features a row has.
    pub fn n_features(&self) -> usize {
        self.n_features as usize
    }

    /// Refuses what no fit makes, so that [`margin`](Self::margin) ends, and never panics on a row
    /// of `n_features` values.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self, n_features: usize) -> Result<(), &'static str> {
        if self.n_features() != n_features {
            return Err("trees over another number of features");
        }
        if !self.base_score.is_finite() {
            return Err("a base score that is not finite");
        }
        let mut n_seen = 0;
        let mut seen = vec![false; self.pairs.len()];
        let mut stack = Vec::new();
        for root in &self.roots {
            let n_before = n_seen;
            stack.push((root, 0));
            while let Some((node, depth)) = stack.pop() {
                if !(node.number.is_finite() && node.cover.is_finite() && node.cover > 0.0) {
                    return Err("a tree with a number that is not finite, or without cover");
                }
                if node.is_leaf() {
                    continue;
                }
                if usize::from(node.feature) >= n_features {
                    return Err("a tree that asks for a feature that is not there");
                }
                // Each pair has one parent: no cycles, and no tree inside another.
                match seen.get_mut(node.children as usize) {
                    Some(seen) if !*seen => *seen = true,
                    _ => return Err("a tree whose nodes do not hang together"),
                }
                n_seen += 1;
                if depth == MAX_DEPTH || n_seen - n_before >= MAX_LEAVES {
                    return Err("a tree too big to be explained");
                }
                stack.extend(self.children(node).iter().map(|child| (child, depth + 1)));
            }
        }
        if n_seen == self.pairs.len() { Ok(()) } else { Err("nodes that belong to no tree") }
    }

    #[inline]
    pub(super) fn children(&self, split: &CompiledNode) -> &[CompiledNode; 2] {
        &self.pairs[split.children as usize].0
    }

    /// Appends all that is below a node, and returns the node itself.
    fn place(&mut self, tree: &Tree, at: u32) -> CompiledNode {
        match tree.nodes[at as usize] {
            Node::Leaf { value, cover } => {
                CompiledNode { number: value, cover: cover as f32, children: LEAF, feature: 0, missing_right: false }
            }
            Node::Split { feature, threshold, missing_left, left, right, cover, .. } => {
                let pair = self.pairs.len();
                let unplaced =
                    CompiledNode { number: 0.0, cover: 0.0, children: LEAF, feature: 0, missing_right: false };
                self.pairs.push(Pair([unplaced; 2]));
                let cover_of = |child: u32| tree.nodes[child as usize].cover();
                let mut sides = [(0, left), (1, right)];
                if cover_of(right) > cover_of(left) {
                    sides.reverse();
                }
                for (side, child) in sides {
                    self.pairs[pair].0[side] = self.place(tree, child);
                }
                CompiledNode {
                    number: threshold,
                    cover: cover as f32,
                    children: pair as u32,
                    feature: feature as u16,
                    missing_right: !missing_left,
                }
            }
        }
    }
}

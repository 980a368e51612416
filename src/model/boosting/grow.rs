//! Growing one tree: always split the leaf that gains most.

use std::ops::Range;

use rayon::prelude::*;

use super::bins::{Bins, LANES};
use super::histogram::{Gradient, Histogram, Sums, add_rows};
use super::params::MAX_DEPTH;
use super::split::{Bounds, Search, Split};
use super::{GradientBoostingValidParams, Node, Tree};

/// Grows trees on the same rows, keeping its buffers between them.
#[derive(Debug)]
pub(super) struct Grower<'a> {
    params: &'a GradientBoostingValidParams,
    bins: &'a Bins,
    weights: Option<&'a [f64]>,
    /// Histograms of leaves that are done, for the next that needs one.
    spare: Vec<Vec<Histogram>>,
    /// Gradients of the rows of one leaf, in their order.
    gathered: Vec<Gradient>,
    /// Rows that go right, while the others move up.
    moved: Vec<u32>,
}

/// A tree with the rows it was grown on.
#[derive(Debug)]
pub(super) struct Grown {
    pub(super) tree: Tree,
    /// Value of each leaf, and where its rows stand in the order that `grow` left them in.
    pub(super) leaves: Vec<(Range<usize>, f32)>,
}

/// A node that may yet be split.
#[derive(Debug)]
struct Leaf {
    node: usize,
    depth: usize,
    rows: Range<usize>,
    sums: Sums,
    bounds: Bounds,
    /// Empty where it will not be split.
    histograms: Vec<Histogram>,
    best: Option<Split>,
}

impl<'a> Grower<'a> {
    /// * `weights`: of the training rows, on the grid of the gradients; `None` means 1.
    pub(super) fn new(params: &'a GradientBoostingValidParams, bins: &'a Bins, weights: Option<&'a [f64]>) -> Self {
        Self { params, bins, weights, spare: Vec::new(), gathered: Vec::new(), moved: Vec::new() }
    }

    /// Grows a tree, or `None` where no split gains enough.
    ///
    /// * `gradients`: of all training rows, shape `(n_rows,)`.
    /// * `rows`: the rows to grow on, rising; reordered so that each leaf's stand together.
    /// * `features`: the features to split on, rising.
    pub(super) fn grow(&mut self, gradients: &[Gradient], rows: &mut [u32], features: &[u32]) -> Option<Grown> {
        let mut root = Leaf {
            node: 0,
            depth: 0,
            rows: 0..rows.len(),
            sums: Sums::of(rows.iter().map(|row| gradients[*row as usize])),
            bounds: Bounds::NONE,
            histograms: Vec::new(),
            best: None,
        };
        self.search_root(&mut root, gradients, rows, features);
        let mut nodes = vec![self.leaf_node(&root, rows)];
        let mut leaves = vec![root];
        while leaves.len() < self.params.max_leaves {
            let Some((at, split)) = best_leaf(&leaves) else { break };
            let parent = &mut leaves[at];
            let middle = parent.rows.start + self.partition(&split, &mut rows[parent.rows.clone()]);
            let mut histograms = std::mem::take(&mut parent.histograms);
            let (mut left, mut right) = self.children(parent, &split, middle, nodes.len());
            nodes[parent.node] = Node::Split {
                feature: split.feature,
                threshold: self.bins.threshold(split.feature, split.bin),
                missing_left: split.missing_left,
                left: left.node as u32,
                right: right.node as u32,
                gain: split.gain,
                cover: nodes[parent.node].cover(),
            };
            nodes.push(self.leaf_node(&left, rows));
            nodes.push(self.leaf_node(&right, rows));
            let is_last = leaves.len() + 1 == self.params.max_leaves;
            if !is_last && (self.may_split(&left) || self.may_split(&right)) {
                let (small, large) =
                    if left.rows.len() <= right.rows.len() { (&mut left, &mut right) } else { (&mut right, &mut left) };
                large.histograms = std::mem::take(&mut histograms);
                self.search_children(small, large, gradients, rows, features);
            }
            self.spare.extend(Some(histograms).filter(|histograms| !histograms.is_empty()));
            leaves[at] = left;
            leaves.push(right);
        }
        let value = |leaf: &Leaf| match nodes[leaf.node] {
            Node::Leaf { value, .. } => value,
            Node::Split { .. } => unreachable!("a leaf in the list has not been split"),
        };
        let with_values = leaves.iter().map(|leaf| (leaf.rows.clone(), value(leaf))).collect();
        self.spare.extend(leaves.into_iter().map(|leaf| leaf.histograms).filter(|histograms| !histograms.is_empty()));
        (nodes.len() > 1).then_some(Grown { tree: Tree { nodes }, leaves: with_values })
    }

    fn children(&self, parent: &Leaf, split: &Split, middle: usize, node: usize) -> (Leaf, Leaf) {
        let (left, right) = parent.bounds.of_children(split, self.params.l2);
        let child = |node, rows, sums, bounds| Leaf {
            node,
            depth: parent.depth + 1,
            rows,
            sums,
            bounds,
            histograms: Vec::new(),
            best: None,
        };
        (
            child(node, parent.rows.start..middle, split.left, left),
            child(node + 1, middle..parent.rows.end, split.right, right),
        )
    }

    fn leaf_node(&self, leaf: &Leaf, rows: &[u32]) -> Node {
        let cover = match self.weights {
            None => f64::from(leaf.sums.n_rows),
            Some(weights) => rows[leaf.rows.clone()].iter().map(|row| weights[*row as usize]).sum(),
        };
        let value = self.params.learning_rate * leaf.bounds.value(leaf.sums, self.params.l2);
        Node::Leaf { value: value as f32, cover }
    }

    fn search<'s>(&'s self, leaf: &Leaf) -> Search<'s> {
        Search { params: self.params, total: leaf.sums, bounds: leaf.bounds }
    }

    fn may_split(&self, leaf: &Leaf) -> bool {
        let max_depth = if self.params.max_depth == 0 { MAX_DEPTH } else { self.params.max_depth };
        leaf.depth < max_depth && self.search(leaf).is_possible()
    }

    /// Moves the rows that go left before the others, both in their order; how many there are.
    fn partition(&mut self, split: &Split, rows: &mut [u32]) -> usize {
        let (bins, lane) = self.bins.lane(split.feature);
        let missing = self.bins.n_bins(split.feature);
        self.moved.resize(rows.len(), 0);
        let (mut n_left, mut n_right) = (0, 0);
        for idx in 0..rows.len() {
            let row = rows[idx];
            let bin = usize::from(bins[row as usize][lane]);
            let goes_left = if bin == missing { split.missing_left } else { bin <= split.bin };
            // Both are written, one of them to stay: a branch would be mispredicted half the time.
            rows[n_left] = row;
            self.moved[n_right] = row;
            n_left += usize::from(goes_left);
            n_right += usize::from(!goes_left);
        }
        rows[n_left..].copy_from_slice(&self.moved[..n_right]);
        n_left
    }

    fn blank(&mut self, n_features: usize) -> Vec<Histogram> {
        let mut histograms = self.spare.pop().unwrap_or_default();
        histograms.resize_with(n_features, Histogram::default);
        histograms
    }

    fn search_root(&mut self, root: &mut Leaf, gradients: &[Gradient], rows: &[u32], features: &[u32]) {
        if !self.may_split(root) {
            return;
        }
        root.histograms = self.blank(features.len());
        let is_every_row = rows.len() == self.bins.n_rows();
        if !is_every_row {
            self.gather(gradients, rows);
        }
        let (bins, search, gathered) = (self.bins, self.search(root), &self.gathered);
        let together = by_block(bins, features, &mut root.histograms);
        let found = together.into_par_iter().flat_map_iter(|(features, histograms)| {
            if is_every_row {
                fill(bins, features, histograms, |block| block.iter().zip(gradients));
            } else {
                fill(bins, features, histograms, |block| rows.iter().map(|row| &block[*row as usize]).zip(gathered));
            }
            features
                .iter()
                .zip(&*histograms)
                .map(move |(feature, histogram)| search.best(*feature, histogram.first(bins.n_bins(*feature) + 1)))
        });
        root.best = best_split(&found.collect::<Vec<_>>());
    }

    /// Sums the rows of the smaller child; the larger has the rest of its parent's sums.
    ///
    /// * `large`: holds the histograms of the parent.
    fn search_children(
        &mut self,
        small: &mut Leaf,
        large: &mut Leaf,
        gradients: &[Gradient],
        rows: &[u32],
        features: &[u32],
    ) {
        small.histograms = self.blank(features.len());
        let rows = &rows[small.rows.clone()];
        self.gather(gradients, rows);
        let (bins, gathered) = (self.bins, &self.gathered);
        let (search_small, search_large) = (self.search(small), self.search(large));
        let (try_small, try_large) = (self.may_split(small), self.may_split(large));
        // Small leaves are not worth a task for each block. Features are independent of each
        // other, so how they are grouped changes no bit.
        let a_task = 1 + 1024 / rows.len().max(1);
        let together: Vec<_> = by_block(bins, features, &mut small.histograms)
            .into_iter()
            .zip(by_block(bins, features, &mut large.histograms))
            .collect();
        let found = together.into_par_iter().with_min_len(a_task).flat_map_iter(|((features, small), (_, large))| {
            fill(bins, features, small, |block| rows.iter().map(|row| &block[*row as usize]).zip(gathered));
            features.iter().zip(small.iter().zip(large)).map(|(feature, (small, large))| {
                let n = bins.n_bins(*feature) + 1;
                large.subtract(n, small);
                let best = |wanted: bool, search: &Search<'_>, histogram: &Histogram| {
                    wanted.then(|| search.best(*feature, histogram.first(n))).flatten()
                };
                (best(try_small, &search_small, small), best(try_large, &search_large, large))
            })
        });
        let (of_small, of_large): (Vec<_>, Vec<_>) = found.unzip();
        small.best = best_split(&of_small);
        large.best = best_split(&of_large);
    }

    fn gather(&mut self, gradients: &[Gradient], rows: &[u32]) {
        self.gathered.clear();
        self.gathered.extend(rows.iter().map(|row| gradients[*row as usize]));
    }
}

/// The features of each block, with their histograms.
fn by_block<'f, 'h>(
    bins: &Bins,
    features: &'f [u32],
    mut histograms: &'h mut [Histogram],
) -> Vec<(&'f [u32], &'h mut [Histogram])> {
    let together = features.chunk_by(|one, other| bins.are_together(*one, *other));
    let with_histograms = together.map(|features| {
        let (of_these, rest) = std::mem::take(&mut histograms).split_at_mut(features.len());
        histograms = rest;
        (features, of_these)
    });
    with_histograms.collect()
}

/// Replaces the histograms of features of one block by the sums of the rows that `rows` picks of the block.
fn fill<'a, R>(
    bins: &'a Bins,
    features: &[u32],
    histograms: &mut [Histogram],
    rows: impl FnOnce(&'a [[u8; LANES]]) -> R,
) where
    R: Iterator<Item = (&'a [u8; LANES], &'a Gradient)>,
{
    let Some(first) = features.first() else { return };
    let mut lanes = [0; LANES];
    for ((lane, feature), histogram) in lanes.iter_mut().zip(features).zip(&mut *histograms) {
        *lane = bins.lane(*feature).1;
        histogram.clear(bins.n_bins(*feature) + 1);
    }
    add_rows(histograms, &lanes[..features.len()], rows(bins.lane(*first).0));
}

/// The split that gains most, the first of those that tie.
fn best_split(found: &[Option<Split>]) -> Option<Split> {
    found.iter().flatten().copied().reduce(|best, split| if split.gain > best.gain { split } else { best })
}

/// The leaf that gains most, the first of those that tie, with its split.
fn best_leaf(leaves: &[Leaf]) -> Option<(usize, Split)> {
    let with_split = leaves.iter().enumerate().filter_map(|(at, leaf)| Some((at, leaf.best?)));
    with_split.reduce(|best, next| if next.1.gain > best.1.gain { next } else { best })
}

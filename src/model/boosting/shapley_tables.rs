//! The same Shapley values, from tables that are made once.
//!
//! Let `d` features lie on the way to a leaf of value `v`, and let `z_j` be the share of the rows
//! that all splits on feature `j` let through. A row agrees with a set `m` of them. With
//!
//! `A(m) = v · Σ_{S ⊆ m} |S|! (d − |S| − 1)! / d! · Π_{j ∉ S} z_j`
//!
//! the leaf adds `A(m \ i) · (1 − z_i) / z_i` to each feature `i` in `m`, and `−A(m)` to each
//! other. `A` does not depend on the row: a table of `2^d` numbers for each leaf, read `d` times.
//!
//! Source: Yang (2021), "Fast TreeSHAP", arXiv 2109.09847, version 2. There, tables are looked up
//! on the way down the tree; here all splits of a tree are decided first, without a branch.

use super::CompiledTrees;
use super::compiled::CompiledNode;
use super::params::MAX_DEPTH;

/// Most features on the way to a leaf that has a table (32 KiB then). Leaves further down are rare,
/// and computed without one.
const MAX_IN_TABLE: usize = 12;

/// Most numbers of tables that there is room for before they are made (1 MiB): of deep trees few leaves may have one.
const MOST_AT_ONCE: usize = 1 << 17;

/// Tables for exact contributions. Made from a model when it is loaded, never stored.
#[derive(Clone, Debug)]
pub struct ShapleyTables {
    n_features: usize,
    expected_margin: f64,
    max_in_table: usize,
    trees: Vec<TreeEnds>,
    splits: Vec<Decision>,
    leaves: Vec<LeafPath>,
    /// Feature, `(1 − z) / z` and `z` of each step to each leaf.
    features: Vec<u16>,
    gains: Vec<f64>,
    shares: Vec<f64>,
    /// `A` of each leaf, by the bits of `m`.
    tables: Vec<f64>,
    /// [`set_weights`] of each `d` up to the most features on the way to a leaf.
    weights: Vec<Vec<f64>>,
    max_nodes: usize,
}

/// Where the splits and leaves of a tree end; they begin where those of the one before ended.
#[derive(Clone, Copy, Debug)]
struct TreeEnds {
    splits: usize,
    leaves: usize,
}

/// A split. Nodes are numbered within their tree, parents first.
#[derive(Clone, Copy, Debug)]
struct Decision {
    node: CompiledNode,
    number: u16,
    left: u16,
    right: u16,
    /// Place of its feature among those on the way.
    slot: u8,
}

#[derive(Clone, Copy, Debug)]
struct LeafPath {
    value: f64,
    first_step: usize,
    first_in_table: usize,
    number: u16,
    n_steps: u8,
}

impl ShapleyTables {
    /// Makes the tables of a model that has been [checked](CompiledTrees::check).
    pub fn new(trees: &CompiledTrees) -> Self {
        Self::with_limit(trees, MAX_IN_TABLE)
    }

    /// * `max_in_table`: most features on the way to a leaf that has a table.
    pub(super) fn with_limit(trees: &CompiledTrees, max_in_table: usize) -> Self {
        let n_leaves = trees.pairs.len() + trees.roots.len();
        // Room for about as many as there will be: what grows takes several times its size of fresh memory.
        let steps = (n_leaves / trees.roots.len().max(1)).max(1).ilog2() as usize + 1;
        let n_steps = n_leaves * steps;
        let in_tables = (n_leaves << steps.min(max_in_table)).min(MOST_AT_ONCE);
        let mut tables = Self {
            n_features: trees.n_features(),
            expected_margin: trees.expected_margin(),
            max_in_table,
            trees: Vec::with_capacity(trees.roots.len()),
            splits: Vec::with_capacity(trees.pairs.len()),
            leaves: Vec::with_capacity(n_leaves),
            features: Vec::with_capacity(n_steps),
            gains: Vec::with_capacity(n_steps),
            shares: Vec::with_capacity(n_steps),
            tables: Vec::with_capacity(in_tables),
            weights: (0..=MAX_DEPTH).map(|d| set_weights(d).collect()).collect(),
            max_nodes: 0,
        };
        for root in &trees.roots {
            let mut n_nodes = 0;
            tables.add(trees, root, &mut n_nodes, &mut Vec::new());
            tables.max_nodes = tables.max_nodes.max(usize::from(n_nodes));
            tables.trees.push(TreeEnds { splits: tables.splits.len(), leaves: tables.leaves.len() });
        }
        tables
    }

    /// Share of each feature in a margin.
    ///
    /// * `values`: shape `(n_features,)`, NaN where missing.
    /// * `out`: takes the contributions in log-odds, shape `(n_features,)`.
    ///
    /// Returns the [expected margin](CompiledTrees::expected_margin); with the sum of the
    /// contributions, it is the margin, within rounding.
    ///
    /// # Panics
    /// If the row is shorter than the features that the trees ask for.
    pub fn contributions(&self, values: &[f32], out: &mut Vec<f64>) -> f64 {
        out.clear();
        out.resize(self.n_features, 0.0);
        // For each node, the slots whose splits on the way send the row elsewhere.
        let mut failed = vec![0_u64; self.max_nodes];
        let (mut first_split, mut first_leaf) = (0, 0);
        for ends in &self.trees {
            for split in &self.splits[first_split..ends.splits] {
                let right = u64::from(split.node.goes_right(values));
                let so_far = failed[usize::from(split.number)];
                failed[usize::from(split.left)] = so_far | (right << split.slot);
                failed[usize::from(split.right)] = so_far | ((right ^ 1) << split.slot);
            }
            for leaf in &self.leaves[first_leaf..ends.leaves] {
                let n_steps = usize::from(leaf.n_steps);
                let agreed = !failed[usize::from(leaf.number)];
                if n_steps <= self.max_in_table {
                    self.add_from_table(leaf, agreed, out);
                } else {
                    self.add_from_shares(leaf, agreed, out);
                }
            }
            (first_split, first_leaf) = (ends.splits, ends.leaves);
        }
        self.expected_margin
    }

    fn add_from_table(&self, leaf: &LeafPath, agreed: u64, out: &mut [f64]) {
        let n_steps = usize::from(leaf.n_steps);
        let steps = leaf.first_step..leaf.first_step + n_steps;
        let table = &self.tables[leaf.first_in_table..leaf.first_in_table + (1 << n_steps)];
        let agreed = agreed as usize & (table.len() - 1);
        for (slot, (feature, gain)) in self.features[steps.clone()].iter().zip(&self.gains[steps]).enumerate() {
            let bit = 1 << slot;
            let factor = if agreed & bit == 0 { -1.0 } else { *gain };
            out[usize::from(*feature)] += table[agreed & !bit] * factor;
        }
    }

    /// Computes `A` where it is needed: sums of products of shares, one known feature left out at a
    /// time. Slower than dividing it out again, but no digit is ever lost.
    fn add_from_shares(&self, leaf: &LeafPath, agreed: u64, out: &mut [f64]) {
        let n_steps = usize::from(leaf.n_steps);
        let steps = leaf.first_step..leaf.first_step + n_steps;
        let (features, shares) = (&self.features[steps.clone()], &self.shares[steps]);
        let weights = &self.weights[n_steps][..];
        let agrees = |slot: usize| (agreed >> slot) & 1 == 1;
        let others: f64 = (0..n_steps).filter(|slot| !agrees(*slot)).map(|slot| shares[slot]).product();
        let without = |left_out: Option<usize>| {
            // `sums[k]`: over all sets of k of the agreed, the product of the shares of the rest.
            let mut sums = [0.0; MAX_DEPTH + 1];
            sums[0] = 1.0;
            let mut n = 0;
            for slot in (0..n_steps).filter(|slot| agrees(*slot) && Some(*slot) != left_out) {
                n += 1;
                for k in (0..=n).rev() {
                    sums[k] = sums[k] * shares[slot] + if k > 0 { sums[k - 1] } else { 0.0 };
                }
            }
            weights.iter().zip(&sums[..=n]).map(|(weight, sum)| weight * sum).sum::<f64>()
        };
        let disagreed = -leaf.value * others * without(None);
        for slot in 0..n_steps {
            out[usize::from(features[slot])] += match agrees(slot) {
                true => leaf.value * others * (1.0 - shares[slot]) * without(Some(slot)),
                false => disagreed,
            };
        }
    }

    /// Adds a node and all below it.
    ///
    /// * `path`: features on the way to it, with their shares.
    fn add(
        &mut self,
        trees: &CompiledTrees,
        node: &CompiledNode,
        n_nodes: &mut u16,
        path: &mut Vec<(u16, f64)>,
    ) -> u16 {
        let number = *n_nodes;
        *n_nodes += 1;
        if node.is_leaf() {
            self.add_leaf(node.number.into(), number, path);
            return number;
        }
        let known = path.iter().position(|(feature, _)| *feature == node.feature);
        let slot = known.unwrap_or(path.len());
        if known.is_none() {
            path.push((node.feature, 1.0));
        }
        let at = self.splits.len();
        self.splits.push(Decision { node: *node, number, left: 0, right: 0, slot: slot as u8 });
        let children = trees.children(node);
        let shares = CompiledTrees::shares(children);
        let so_far = path[slot].1;
        let mut numbers = [0; 2];
        for side in 0..2 {
            path[slot].1 = so_far * shares[side];
            numbers[side] = self.add(trees, &children[side], n_nodes, path);
        }
        [self.splits[at].left, self.splits[at].right] = numbers;
        path[slot].1 = so_far;
        if known.is_none() {
            path.pop();
        }
        number
    }

    fn add_leaf(&mut self, value: f64, number: u16, path: &[(u16, f64)]) {
        self.leaves.push(LeafPath {
            value,
            first_step: self.features.len(),
            first_in_table: self.tables.len(),
            number,
            n_steps: path.len() as u8,
        });
        self.features.extend(path.iter().map(|step| step.0));
        self.gains.extend(path.iter().map(|step| (1.0 - step.1) / step.1));
        self.shares.extend(path.iter().map(|step| step.1));
        if path.len() <= self.max_in_table {
            self.tables.extend(subset_table(value, path));
        }
    }
}

/// `A(m)` for each `m`, by its bits. The last, where the row agrees with all, is never asked for.
fn subset_table(value: f64, path: &[(u16, f64)]) -> Vec<f64> {
    let weights: Vec<f64> = set_weights(path.len()).chain([0.0]).collect();
    let term = |set: usize| {
        let unknown = path.iter().enumerate().filter(|(slot, _)| (set >> slot) & 1 == 0);
        value * weights[set.count_ones() as usize] * unknown.map(|(_, step)| step.1).product::<f64>()
    };
    let mut table: Vec<f64> = (0..1 << path.len()).map(term).collect();
    // Sums over all subsets, one feature after another.
    for bit in (0..path.len()).map(|slot| 1 << slot) {
        for set in (0..table.len()).filter(|set| set & bit != 0) {
            table[set] += table[set & !bit];
        }
    }
    table
}

/// `k! (d − k − 1)! / d!` for `k` from 0 to `d − 1`: the weight of a set of `k` features.
fn set_weights(d: usize) -> impl Iterator<Item = f64> {
    let first = (d > 0).then_some((0, 1.0 / d as f64));
    let next =
        move |(k, weight): &(usize, f64)| (k + 1 < d).then(|| (k + 1, weight * (k + 1) as f64 / (d - k - 1) as f64));
    std::iter::successors(first, next).map(|(_, weight)| weight)
}

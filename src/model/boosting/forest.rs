//! The same margins, of several models over the same features, from one pass over the features.
//!
//! A row goes right at a split where its value is above the threshold; then it comes to no leaf on the left. So the splits
//! of all trees are sorted by feature and threshold, and for each value those below it are gone through, each of which
//! strikes the leaves on its left off its tree. What is left of a tree begins with the leaf that the row comes to. Nothing
//! is guessed, and memory is read in order; walked one after another, 600 trees take several times as long.
//!
//! Source: Lucchese et al. (2015), "QuickScorer", SIGIR; missing values are our addition.

use super::CompiledTrees;
use super::compiled::CompiledNode;

/// Most leaves of a tree: one bit each.
const MAX_LEAVES: usize = 32;

/// Trees of one or more models, laid out to be scored together. Made when a model is loaded, never stored.
#[derive(Clone, Debug)]
pub struct Forest {
    features: Vec<Thresholds>,
    /// By feature, then threshold.
    splits: Vec<Split>,
    /// By feature: the splits at which a row without a value goes right.
    right_if_missing: Vec<Split>,
    /// For each tree, a bit for each of its leaves.
    all_leaves: Vec<u32>,
    /// Place of each tree's first leaf.
    first_leaf: Vec<u32>,
    values: Vec<f32>,
    models: Vec<Margin>,
}

/// The splits on one feature, as places among all of each kind.
#[derive(Clone, Debug)]
struct Thresholds {
    feature: usize,
    splits: std::ops::Range<usize>,
    right_if_missing: std::ops::Range<usize>,
}

#[derive(Clone, Copy, Debug)]
struct Split {
    threshold: f32,
    /// All leaves but those on its left.
    keeps: u32,
    tree: u32,
}

/// What a model's margin is summed from.
#[derive(Clone, Copy, Debug)]
struct Margin {
    base_score: f64,
    /// Where its trees end; they begin where those of the model before ended.
    end: usize,
}

/// A split with what it is sorted by.
struct Placed {
    feature: u16,
    missing_right: bool,
    split: Split,
}

impl Forest {
    /// Lays out models that have been [checked](CompiledTrees::check); `None` where a tree has too many leaves.
    pub fn new<'a>(models: impl IntoIterator<Item = &'a CompiledTrees>) -> Option<Self> {
        let mut forest = Self {
            features: Vec::new(),
            splits: Vec::new(),
            right_if_missing: Vec::new(),
            all_leaves: Vec::new(),
            first_leaf: Vec::new(),
            values: Vec::new(),
            models: Vec::new(),
        };
        let mut placed = Vec::new();
        for trees in models {
            for root in &trees.roots {
                let first = forest.values.len();
                forest.first_leaf.push(u32::try_from(first).ok()?);
                forest.place(trees, root, first, &mut placed)?;
                let n_leaves = forest.values.len() - first;
                forest.all_leaves.push(bits(0..n_leaves));
            }
            forest.models.push(Margin { base_score: trees.base_score, end: forest.all_leaves.len() });
        }
        placed.sort_by(|a, b| a.feature.cmp(&b.feature).then(a.split.threshold.total_cmp(&b.split.threshold)));
        for of_feature in placed.chunk_by(|a, b| a.feature == b.feature) {
            let (begin, begin_missing) = (forest.splits.len(), forest.right_if_missing.len());
            forest.splits.extend(of_feature.iter().map(|placed| placed.split));
            let missing = of_feature.iter().filter(|placed| placed.missing_right);
            forest.right_if_missing.extend(missing.map(|placed| placed.split));
            forest.features.extend(of_feature.first().map(|placed| Thresholds {
                feature: usize::from(placed.feature),
                splits: begin..forest.splits.len(),
                right_if_missing: begin_missing..forest.right_if_missing.len(),
            }));
        }
        Some(forest)
    }

    /// Adds a node and all below it, leaves from left to right.
    fn place(
        &mut self,
        trees: &CompiledTrees,
        node: &CompiledNode,
        first: usize,
        placed: &mut Vec<Placed>,
    ) -> Option<()> {
        if node.is_leaf() {
            self.values.push(node.number);
            return (self.values.len() - first <= MAX_LEAVES).then_some(());
        }
        let [left, right] = trees.children(node);
        let begin = self.values.len() - first;
        self.place(trees, left, first, placed)?;
        let keeps = !bits(begin..self.values.len() - first);
        self.place(trees, right, first, placed)?;
        let tree = u32::try_from(self.all_leaves.len()).ok()?;
        let split = Split { threshold: node.number, keeps, tree };
        placed.push(Placed { feature: node.feature, missing_right: node.missing_right, split });
        Some(())
    }

    /// The margin of each model, in log-odds, as [`CompiledTrees::margin`] gives it, to the bit.
    ///
    /// * `values`: shape `(n_features,)`, NaN where missing.
    ///
    /// # Panics
    /// If the row is shorter than the features that the trees ask for.
    pub fn margins(&self, values: &[f32]) -> impl Iterator<Item = f64> {
        let mut left = self.all_leaves.clone();
        for of_feature in &self.features {
            let value = values[of_feature.feature];
            let strike = |split: &Split| left[split.tree as usize] &= split.keeps;
            if value.is_nan() {
                self.right_if_missing[of_feature.right_if_missing.clone()].iter().for_each(strike);
            } else {
                let splits = self.splits[of_feature.splits.clone()].iter();
                splits.take_while(|split| value > split.threshold).for_each(strike);
            }
        }
        let mut begin = 0;
        self.models.iter().map(move |model| {
            let trees = begin..model.end;
            begin = model.end;
            // In the order of the trees: a sum of floats depends on it.
            trees.fold(model.base_score, |margin, tree| {
                let leaf = self.first_leaf[tree] + left[tree].trailing_zeros();
                margin + f64::from(self.values[leaf as usize])
            })
        })
    }
}

/// A bit for each leaf of a range within a tree.
fn bits(leaves: std::ops::Range<usize>) -> u32 {
    leaves.fold(0, |bits, leaf| bits | 1 << leaf)
}

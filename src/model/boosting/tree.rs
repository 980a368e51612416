//! What a fit makes: trees as they were grown.

use linfa::traits::PredictInplace;
use ndarray::{Array1, ArrayBase, ArrayView1, ArrayView2, Axis, Data, Ix2};
use serde::{Deserialize, Serialize};

use super::loss::logistic;

/// A fitted model: the margin of a row is the base score plus the value of its leaf in each tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientBoosting {
    pub(super) n_features: usize,
    pub(super) base_score: f64,
    pub(super) trees: Vec<Tree>,
}

/// A tree. Its root is node 0, and children come after their parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    pub(super) nodes: Vec<Node>,
}

/// A node of a tree.
///
/// The cover of a node is the weight of the training rows that came by: their number where no
/// weights were given. Shapley values take expectations over it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Node {
    /// Asks one feature.
    Split {
        /// Index of the feature.
        feature: u32,
        /// Values up to and including it go left, in the unit of the feature.
        threshold: f32,
        /// Whether missing values go left.
        missing_left: bool,
        /// Index of the left child.
        left: u32,
        /// Index of the right child.
        right: u32,
        /// What the split gained in training; see
        /// [`min_gain`](super::GradientBoostingParams::min_gain).
        gain: f64,
        /// Weight of the training rows.
        cover: f64,
    },
    /// Answers.
    Leaf {
        /// In log-odds, learning rate applied. Rounded to `f32` before the next tree was grown, so
        /// that no form of the model rounds it again.
        value: f32,
        /// Weight of the training rows.
        cover: f64,
    },
}

impl Node {
    /// Weight of the training rows that came by.
    pub fn cover(&self) -> f64 {
        match self {
            Self::Split { cover, .. } | Self::Leaf { cover, .. } => *cover,
        }
    }
}

impl Tree {
    /// Its nodes, the root first.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Value of the leaf that a row comes to.
    ///
    /// * `of_row`: a feature of the row.
    pub(super) fn value(&self, of_row: impl Fn(usize) -> f32) -> f64 {
        let mut at = 0;
        loop {
            match self.nodes[at] {
                Node::Leaf { value, .. } => return value.into(),
                Node::Split { feature, threshold, missing_left, left, right, .. } => {
                    let x = of_row(feature as usize);
                    let goes_left = if x.is_nan() { missing_left } else { x <= threshold };
                    at = (if goes_left { left } else { right }) as usize;
                }
            }
        }
    }
}

impl GradientBoosting {
    /// One model with the mean of their margins: all their trees, each of which answers for as much as it is of them all.
    /// Leaves are rounded to `f32` once more.
    ///
    /// # Panics
    /// If there is none, or they are of different features.
    pub fn mean(models: Vec<Self>) -> Self {
        let share = 1.0 / models.len() as f64;
        let n_features = models[0].n_features;
        assert!(models.iter().all(|model| model.n_features == n_features), "all of as many features");
        let base_score = models.iter().map(|model| model.base_score).sum::<f64>() * share;
        let mut trees: Vec<Tree> = models.into_iter().flat_map(|model| model.trees).collect();
        for node in trees.iter_mut().flat_map(|tree| &mut tree.nodes) {
            if let Node::Leaf { value, .. } = node {
                *value = (f64::from(*value) * share) as f32;
            }
        }
        Self { n_features, base_score, trees }
    }

    /// How many features a row has.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// Margin before the first tree: the log-odds of the positive class in training.
    pub fn base_score(&self) -> f64 {
        self.base_score
    }

    /// Its trees, in the order that their values are added.
    pub fn trees(&self) -> &[Tree] {
        &self.trees
    }

    /// Sum of the gains of all splits on each feature. Shape `(n_features,)`.
    pub fn feature_gains(&self) -> Vec<f64> {
        let mut gains = vec![0.0; self.n_features];
        for node in self.trees.iter().flat_map(Tree::nodes) {
            if let Node::Split { feature, gain, .. } = node {
                gains[*feature as usize] += gain;
            }
        }
        gains
    }

    /// Log-odds of the positive class for one row: the base score, then each tree in order, added
    /// in `f64`.
    ///
    /// * `row`: shape `(n_features,)`, NaN where missing.
    ///
    /// # Panics
    /// If the row is shorter than the features that the trees ask for.
    pub fn margin(&self, row: ArrayView1<'_, f32>) -> f64 {
        self.trees.iter().fold(self.base_score, |margin, tree| margin + tree.value(|feature| row[feature]))
    }

    /// Probability of the positive class for each row. Shape `(n_rows,)`.
    ///
    /// * `values`: shape `(n_rows, n_features)`, NaN where missing.
    ///
    /// # Panics
    /// If the rows are shorter than the features that the trees ask for.
    pub fn predict_probabilities(&self, values: ArrayView2<'_, f32>) -> Array1<f64> {
        values.axis_iter(Axis(0)).map(|row| logistic(self.margin(row))).collect()
    }
}

/// Predicts margins, in log-odds; the positive class is likelier where they are above zero.
impl<D: Data<Elem = f32>> PredictInplace<ArrayBase<D, Ix2>, Array1<f64>> for GradientBoosting {
    fn predict_inplace(&self, x: &ArrayBase<D, Ix2>, y: &mut Array1<f64>) {
        assert_eq!(x.nrows(), y.len(), "The number of data points must match the number of output targets.");
        assert_eq!(x.ncols(), self.n_features, "as many features as the model was fitted on");
        for (row, margin) in x.axis_iter(Axis(0)).zip(y) {
            *margin = self.margin(row);
        }
    }

    fn default_target(&self, x: &ArrayBase<D, Ix2>) -> Array1<f64> {
        Array1::zeros(x.nrows())
    }
}

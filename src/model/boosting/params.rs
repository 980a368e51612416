//! Settings of a fit.

use linfa::ParamGuard;

use super::{BoostingError, GradientBoosting};

/// How the prediction may move when one feature grows and the others stay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Monotone {
    /// Either way (0 in other libraries).
    #[default]
    Free,
    /// It never falls (+1).
    Rising,
    /// It never rises (-1).
    Falling,
}

/// Settings of a fit, unchecked. [`GradientBoosting::params`] gives the defaults.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientBoostingParams(GradientBoostingValidParams);

/// Settings that can be fitted with.
#[derive(Clone, Debug, PartialEq)]
pub struct GradientBoostingValidParams {
    pub(super) n_trees: usize,
    pub(super) max_leaves: usize,
    pub(super) max_depth: usize,
    pub(super) learning_rate: f64,
    pub(super) l2: f64,
    pub(super) l2_rows: f64,
    pub(super) min_child_weight: f64,
    pub(super) min_child_rows: u32,
    pub(super) min_gain: f64,
    pub(super) feature_fraction: f64,
    pub(super) row_fraction: f64,
    pub(super) max_bins: usize,
    pub(super) monotone: Vec<Monotone>,
    pub(super) early_stopping_rounds: usize,
    pub(super) seed: u64,
}

/// Deepest tree there can be: one bit of a `u64` for each split on the way to a leaf.
pub(super) const MAX_DEPTH: usize = 64;

/// Most leaves in a tree.
pub(super) const MAX_LEAVES: usize = 1024;

impl GradientBoosting {
    /// The default settings: 100 trees of at most 15 leaves, learning rate 0.1, no subsampling.
    pub fn params() -> GradientBoostingParams {
        GradientBoostingParams::default()
    }
}

impl Default for GradientBoostingParams {
    fn default() -> Self {
        Self(GradientBoostingValidParams {
            n_trees: 100,
            max_leaves: 15,
            max_depth: 0,
            learning_rate: 0.1,
            l2: 1.0,
            l2_rows: 0.0,
            min_child_weight: 1e-3,
            min_child_rows: 20,
            min_gain: 0.0,
            feature_fraction: 1.0,
            row_fraction: 1.0,
            max_bins: 255,
            monotone: Vec::new(),
            early_stopping_rounds: 0,
            seed: 0,
        })
    }
}

impl GradientBoostingParams {
    /// As linfa's [`ParamGuard::check`], for callers that need nothing else of linfa.
    ///
    /// # Errors
    /// [`BoostingError::Setting`] names the first setting that is out of range.
    pub fn checked(self) -> Result<GradientBoostingValidParams, BoostingError> {
        ParamGuard::check(self)
    }

    /// Rounds of boosting, at least 1; each makes at most one tree. Default 100.
    pub fn n_trees(mut self, n_trees: usize) -> Self {
        self.0.n_trees = n_trees;
        self
    }

    /// Most leaves in a tree, 2 to 1024. Default 15.
    pub fn max_leaves(mut self, max_leaves: usize) -> Self {
        self.0.max_leaves = max_leaves;
        self
    }

    /// Most splits on the way to a leaf, at most 64; 0 leaves it to `max_leaves`. Default 0.
    pub fn max_depth(mut self, max_depth: usize) -> Self {
        self.0.max_depth = max_depth;
        self
    }

    /// Share of each tree's correction that is taken, above 0 and at most 1. Default 0.1.
    pub fn learning_rate(mut self, learning_rate: f64) -> Self {
        self.0.learning_rate = learning_rate;
        self
    }

    /// L2 penalty on leaf values (λ in Chen & Guestrin 2016, eq. 5), at least 0. Default 1.
    pub fn l2(mut self, l2: f64) -> Self {
        self.0.l2 = l2;
        self
    }

    /// L2 penalty in rows, at least 0, added to `l2`: so many rows as they are before the first tree, each with the
    /// mean hessian `w p (1 − p)` of the base rate. Default 0.
    ///
    /// A penalty in units of hessian is a hundred times as strong where one row in a thousand is positive as where
    /// one in ten is; this one holds a leaf back as much in both, and whatever the weights are in.
    pub fn l2_rows(mut self, l2_rows: f64) -> Self {
        self.0.l2_rows = l2_rows;
        self
    }

    /// Least sum of hessians, `Σ w p (1 − p)`, in a child, at least 0. Default 0.001.
    ///
    /// A child whose sum is zero is never made, so that every leaf has a value and a cover.
    pub fn min_child_weight(mut self, min_child_weight: f64) -> Self {
        self.0.min_child_weight = min_child_weight;
        self
    }

    /// Fewest rows in a child, at least 1. Default 20.
    pub fn min_child_rows(mut self, min_child_rows: u32) -> Self {
        self.0.min_child_rows = min_child_rows;
        self
    }

    /// A split must gain more than this, at least 0. Default 0.
    ///
    /// Gain is `G_l²/(H_l+λ) + G_r²/(H_r+λ) − G²/(H+λ)`, as LightGBM counts it: twice that of
    /// Chen & Guestrin.
    pub fn min_gain(mut self, min_gain: f64) -> Self {
        self.0.min_gain = min_gain;
        self
    }

    /// Share of the features that each tree may use, above 0 and at most 1. Default 1.
    pub fn feature_fraction(mut self, feature_fraction: f64) -> Self {
        self.0.feature_fraction = feature_fraction;
        self
    }

    /// Share of the rows that each tree is grown on, without replacement, above 0 and at most 1.
    /// Default 1.
    pub fn row_fraction(mut self, row_fraction: f64) -> Self {
        self.0.row_fraction = row_fraction;
        self
    }

    /// Most bins for the values of a feature, 2 to 255; missing values have one more. Default 255.
    pub fn max_bins(mut self, max_bins: usize) -> Self {
        self.0.max_bins = max_bins;
        self
    }

    /// A constraint for each feature, shape `(n_features,)`, or none at all. Default none.
    ///
    /// Holds for any two rows that differ in that feature only, both values present. Bounds are
    /// handed down the tree by the midpoint of the two children, LightGBM's `basic` method.
    pub fn monotone(mut self, monotone: Vec<Monotone>) -> Self {
        self.0.monotone = monotone;
        self
    }

    /// Rounds without a better validation log loss after which fitting ends; the trees after the
    /// best round are dropped. 0 never stops early. Default 0.
    pub fn early_stopping_rounds(mut self, early_stopping_rounds: usize) -> Self {
        self.0.early_stopping_rounds = early_stopping_rounds;
        self
    }

    /// Seed of the subsampling. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.0.seed = seed;
        self
    }
}

impl GradientBoostingValidParams {
    /// What the draws of rows and features are made by.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

impl ParamGuard for GradientBoostingParams {
    type Checked = GradientBoostingValidParams;
    type Error = BoostingError;

    fn check_ref(&self) -> Result<&Self::Checked, Self::Error> {
        let p = &self.0;
        let at_least_zero = |number: f64| number.is_finite() && number >= 0.0;
        let share = |number: f64| number > 0.0 && number <= 1.0;
        let rules = [
            (p.n_trees >= 1, "n_trees", "at least 1"),
            ((2..=MAX_LEAVES).contains(&p.max_leaves), "max_leaves", "between 2 and 1024"),
            (p.max_depth <= MAX_DEPTH, "max_depth", "at most 64"),
            (share(p.learning_rate), "learning_rate", "above 0 and at most 1"),
            (at_least_zero(p.l2), "l2", "a number of at least zero"),
            (at_least_zero(p.l2_rows), "l2_rows", "a number of at least zero"),
            (at_least_zero(p.min_child_weight), "min_child_weight", "a number of at least zero"),
            (p.min_child_rows >= 1, "min_child_rows", "at least 1"),
            (at_least_zero(p.min_gain), "min_gain", "a number of at least zero"),
            (share(p.feature_fraction), "feature_fraction", "above 0 and at most 1"),
            (share(p.row_fraction), "row_fraction", "above 0 and at most 1"),
            ((2..=255).contains(&p.max_bins), "max_bins", "between 2 and 255"),
        ];
        match rules.into_iter().find(|(holds, ..)| !holds) {
            None => Ok(p),
            Some((_, name, expected)) => Err(BoostingError::Setting { name, expected }),
        }
    }

    fn check(self) -> Result<Self::Checked, Self::Error> {
        self.check_ref()?;
        Ok(self.0)
    }
}

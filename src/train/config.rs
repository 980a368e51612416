//! Settings of a training run.

use serde::{Deserialize, Serialize};

use crate::model::boosting::{BoostingError, GradientBoosting, GradientBoostingValidParams};
use crate::model::{CalibrationKind, EstimatorKind, FitError, LogisticParams, LogisticValidParams};

/// The settings as configured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TrainConfig {
    /// Name of the line of models.
    pub name: String,
    /// What readers of the model must know first: the card begins with it. One line, at most 1,000 bytes.
    pub notice: String,
    /// Feature spec to train with, a TOML file; empty: the built-in one, `config/features.toml`.
    pub features: String,
    /// Seed of everything drawn at random: the trees' rows and features, and the bootstrap.
    pub seed: u64,
    /// Days after which an outcome becomes known, where a row does not say when.
    pub label_delay_days: u32,
    /// Share of the labeled parcels, the earliest, that only build history: theirs is too young to learn from.
    pub warm_up_share: f64,
    /// Days after which a labeled parcel counts half in the fit of the trees; 0: all count alike.
    pub half_life_days: u32,
    /// Share of the labeled parcels that the calibration is fitted on; they follow those the model is fitted on.
    pub calibrate_share: f64,
    /// Share of the labeled parcels, the latest, that are held back for the report.
    pub report_share: f64,
    /// What serves; the other is fitted too, and reported beside it.
    pub estimator: EstimatorKind,
    /// How raw scores become probabilities.
    pub calibration: CalibrationKind,
    /// Largest share of the clean parcels that is fitted on, drawn by the seed; scores are shifted back by its logarithm.
    pub undersample: f64,
    /// Most clean parcels for each infringement that are fitted on, at least 1: beyond them, they are undersampled.
    pub max_clean_per_infringement: f64,
    /// Fewest infringements of a kind for which a head is fitted.
    pub head_min_infringements: u32,
    /// Boosting: trees of a head; their shares are such that the sum of shares is that of a model of the main one.
    pub boosting_head_trees: u32,
    /// Boosting: models whose margins are averaged, each with a draw of its own of clean parcels, rows and features.
    pub boosting_models: u32,
    /// Boosting: trees of each model.
    pub boosting_trees: u32,
    /// Boosting: most leaves of a tree.
    pub boosting_leaves: u32,
    /// Boosting: share of each tree's answer that is taken.
    pub boosting_learning_rate: f64,
    /// Boosting: fewest rows in a leaf.
    pub boosting_min_leaf_rows: u32,
    /// Boosting: L2 penalty on leaf values, in rows at the base rate of those fitted on.
    pub boosting_l2_rows: f64,
    /// Boosting: share of the features that each tree may use, drawn by the seed.
    pub boosting_feature_share: f64,
    /// Boosting: share of the rows that each tree is grown on, drawn by the seed.
    pub boosting_row_share: f64,
    /// Logistic: L2 penalty on standardized weights, against the sum of losses.
    pub l2: f64,
    /// Logistic: most iterations of the optimizer.
    pub max_iterations: u64,
    /// Largest size of the artifact's history, in bytes: beyond it, entries that change no score by much are left out.
    pub history_max_bytes: u64,
    /// Largest share of rows that may be unreadable.
    pub max_reject_share: f64,
    /// Bootstrap replicates behind each interval, at most 100,000.
    pub bootstrap_replicates: u32,
    /// Golden parcels in the artifact, spread over those held back.
    pub n_golden: usize,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            name: "parcel-risk".to_owned(),
            notice: String::new(),
            features: String::new(),
            seed: 1,
            label_delay_days: 14,
            warm_up_share: 0.05,
            half_life_days: 0,
            calibrate_share: 0.06,
            report_share: 0.06,
            estimator: EstimatorKind::Boosting,
            calibration: CalibrationKind::Beta,
            undersample: 1.0,
            max_clean_per_infringement: 100.0,
            head_min_infringements: 50,
            boosting_head_trees: 100,
            boosting_models: 4,
            boosting_trees: 200,
            boosting_leaves: 8,
            boosting_learning_rate: 0.05,
            boosting_min_leaf_rows: 20,
            boosting_l2_rows: 120.0,
            boosting_feature_share: 0.3,
            boosting_row_share: 0.7,
            l2: 10.0,
            max_iterations: 100,
            history_max_bytes: 1 << 30,
            max_reject_share: 0.01,
            bootstrap_replicates: 1000,
            n_golden: 200,
        }
    }
}

/// A setting of a training run that cannot be.
#[derive(Debug, thiserror::Error)]
pub enum InvalidTrainConfig {
    /// A number out of range.
    #[error("train.{name}: must be {expected}, got {got}")]
    OutOfRange {
        /// Which setting.
        name: &'static str,
        /// What it must be.
        expected: &'static str,
        /// What was configured.
        got: f64,
    },
    /// A notice that is no line.
    #[error("train.notice: must be one line of at most 1000 bytes")]
    Notice,
    /// A name that could leave its directory.
    #[error("train.name: must be 1 to 64 letters, digits, dots, dashes or underscores")]
    Name,
    /// A setting of the logistic regression.
    #[error("train")]
    Logistic(#[from] FitError),
    /// A setting of the trees.
    #[error("train.boosting")]
    Boosting(#[from] BoostingError),
}

/// Settings that can be trained with.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidTrainConfig {
    config: TrainConfig,
    logistic: LogisticValidParams,
    boosting: Vec<GradientBoostingValidParams>,
    head_boosting: GradientBoostingValidParams,
}

impl TrainConfig {
    /// # Errors
    /// [`InvalidTrainConfig`], the first in the order of the settings.
    pub fn check(self) -> Result<ValidTrainConfig, InvalidTrainConfig> {
        let name_fits = (1..=64).contains(&self.name.len())
            && self.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
        if !name_fits {
            return Err(InvalidTrainConfig::Name);
        }
        if self.notice.len() > 1000 || self.notice.chars().any(char::is_control) {
            return Err(InvalidTrainConfig::Notice);
        }
        let fits = |name, got: f64, ok: bool, expected| {
            if ok { Ok(()) } else { Err(InvalidTrainConfig::OutOfRange { name, expected, got }) }
        };
        let delay = self.label_delay_days;
        fits("label_delay_days", delay.into(), delay <= 3650, "from 0 to 3650")?;
        let share =
            |name, got: f64, min: f64, max: f64, expected| fits(name, got, (min..=max).contains(&got), expected);
        share("warm_up_share", self.warm_up_share, 0.0, 0.4, "from 0 to 0.4")?;
        share("calibrate_share", self.calibrate_share, 0.01, 0.25, "from 0.01 to 0.25")?;
        share("report_share", self.report_share, 0.01, 0.25, "from 0.01 to 0.25")?;
        share("max_reject_share", self.max_reject_share, 0.0, 1.0, "from 0 to 1")?;
        fits("n_golden", self.n_golden as f64, (1..=100_000).contains(&self.n_golden), "from 1 to 100000")?;
        let replicates = self.bootstrap_replicates;
        fits("bootstrap_replicates", replicates.into(), replicates <= 100_000, "from 0 to 100000")?;
        let undersample = self.undersample;
        fits("undersample", undersample, undersample > 0.0 && undersample <= 1.0, "above 0 and at most 1")?;
        let clean = self.max_clean_per_infringement;
        fits("max_clean_per_infringement", clean, (1.0..=1e9).contains(&clean), "from 1 to 1000000000")?;
        let logistic = LogisticParams { l2: self.l2, max_iterations: self.max_iterations }.check()?;
        let models = self.boosting_models;
        fits("boosting_models", models.into(), (1..=64).contains(&models), "from 1 to 64")?;
        // What the trees would refuse too, by names that are not of this table.
        let at_least_one = |name, got: u32| fits(name, got.into(), got >= 1, "at least 1");
        let part = |name, got: f64| fits(name, got, got > 0.0 && got <= 1.0, "above 0 and at most 1");
        at_least_one("boosting_head_trees", self.boosting_head_trees)?;
        at_least_one("boosting_trees", self.boosting_trees)?;
        let leaves = self.boosting_leaves;
        fits("boosting_leaves", leaves.into(), (2..=1024).contains(&leaves), "from 2 to 1024")?;
        part("boosting_learning_rate", self.boosting_learning_rate)?;
        at_least_one("boosting_min_leaf_rows", self.boosting_min_leaf_rows)?;
        let l2_rows = self.boosting_l2_rows;
        fits("boosting_l2_rows", l2_rows, l2_rows.is_finite() && l2_rows >= 0.0, "a number of at least 0")?;
        part("boosting_feature_share", self.boosting_feature_share)?;
        part("boosting_row_share", self.boosting_row_share)?;
        let boosting = GradientBoosting::params()
            .n_trees(self.boosting_trees as usize)
            .max_leaves(self.boosting_leaves as usize)
            .learning_rate(self.boosting_learning_rate)
            .min_child_rows(self.boosting_min_leaf_rows)
            .l2(0.0)
            .l2_rows(self.boosting_l2_rows)
            .feature_fraction(self.boosting_feature_share)
            .row_fraction(self.boosting_row_share);
        // Far apart, so that the models of neighboring seeds are others too: the increment of SplitMix64.
        let seed = |model: u32| self.seed.wrapping_add(u64::from(model).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let models: Result<_, _> = (0..models).map(|model| boosting.clone().seed(seed(model)).checked()).collect();
        let head_trees = f64::from(self.boosting_head_trees.max(1));
        let head_rate = (self.boosting_learning_rate * f64::from(self.boosting_trees) / head_trees).min(1.0);
        let head_boosting = boosting.n_trees(self.boosting_head_trees as usize).learning_rate(head_rate);
        let head_boosting = head_boosting.seed(self.seed).checked()?;
        Ok(ValidTrainConfig { config: self, logistic, boosting: models?, head_boosting })
    }
}

impl ValidTrainConfig {
    /// The settings.
    pub fn get(&self) -> &TrainConfig {
        &self.config
    }

    /// The logistic regression's settings.
    pub fn logistic(&self) -> &LogisticValidParams {
        &self.logistic
    }

    /// The settings of a head's one model.
    pub fn head_boosting(&self) -> &GradientBoostingValidParams {
        &self.head_boosting
    }

    /// The settings of the models that are averaged, one at least.
    pub fn boosting(&self) -> &[GradientBoostingValidParams] {
        &self.boosting
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_named_as_it_is_configured() {
        type Change = fn(&mut TrainConfig);
        let refused: [(Change, &str); 8] = [
            (|c| c.boosting_head_trees = 0, "train.boosting_head_trees: must be at least 1, got 0"),
            (|c| c.boosting_trees = 0, "train.boosting_trees: must be at least 1, got 0"),
            (|c| c.boosting_leaves = 1025, "train.boosting_leaves: must be from 2 to 1024, got 1025"),
            (
                |c| c.boosting_learning_rate = 1.5,
                "train.boosting_learning_rate: must be above 0 and at most 1, got 1.5",
            ),
            (|c| c.boosting_min_leaf_rows = 0, "train.boosting_min_leaf_rows: must be at least 1, got 0"),
            (|c| c.boosting_l2_rows = -1.0, "train.boosting_l2_rows: must be a number of at least 0, got -1"),
            (|c| c.boosting_feature_share = 0.0, "train.boosting_feature_share: must be above 0 and at most 1, got 0"),
            (|c| c.boosting_row_share = f64::NAN, "train.boosting_row_share: must be above 0 and at most 1, got NaN"),
        ];
        for (change, message) in refused {
            let mut config = TrainConfig::default();
            change(&mut config);
            assert_eq!(config.check().unwrap_err().to_string(), message);
        }
    }
}

//! What a model looks at, gathered from a sample of rows.

/// Scores by class, and what they are made of.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Insight {
    /// How scores are distributed, by ascending score; every labeled row counts once.
    pub scores: Vec<ScoreBin>,
    /// Rows that everything below rests on, evenly spread over the labeled ones.
    pub explained: usize,
    /// Mean absolute contribution by reason code, the largest first.
    pub reasons: Vec<ReasonInsight>,
    /// The features that say most, the largest mean absolute contribution first.
    pub features: Vec<FeatureInsight>,
    /// PSI of the scores of rows that the model was not fitted on, between those it was calibrated on and those held
    /// back; in a training only.
    pub score_shift: Option<f64>,
}

/// Rows with a probability from `from` up to `to`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreBin {
    /// Lower end, within.
    pub from: f64,
    /// Upper end, without; of the last bin, within.
    pub to: f64,
    /// Rows without an infringement.
    pub clean: usize,
    /// Rows with one.
    pub infringing: usize,
}

/// What a ground contributes.
#[derive(Clone, Debug, PartialEq)]
pub struct ReasonInsight {
    /// The reason code.
    pub code: String,
    /// Mean of the absolute sum of its features' contributions, in log-odds.
    pub mean_absolute: f64,
}

/// What a feature contributes, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureInsight {
    /// Its name.
    pub name: String,
    /// What it is.
    pub meaning: String,
    /// Unit of its value.
    pub unit: String,
    /// The ground it speaks for.
    pub reason: String,
    /// Mean absolute contribution, in log-odds.
    pub mean_absolute: f64,
    /// PSI of its value against the rows that the model was trained on, where their distribution is known.
    pub shift: Option<f64>,
    /// Rows that do not state it; `low` and `high` are NaN.
    pub missing: Option<EffectBin>,
    /// The others by decile of its value; equal values are never apart.
    pub effect: Vec<EffectBin>,
}

/// Rows of about equal value of a feature.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EffectBin {
    /// Least value.
    pub low: f64,
    /// Largest value.
    pub high: f64,
    /// Rows.
    pub rows: usize,
    /// Mean contribution of the feature in them, in log-odds.
    pub mean_contribution: f64,
}

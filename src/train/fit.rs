//! What is fitted on a block of rows, and calibrated on another.

use std::ops::Range;

use super::backtest::margin;
use super::run::{Progress, Recipe, TrainError};
use super::{KnownOutcome, LabeledParcel, Matrix, TrainConfig};
use crate::artifact::HeadReport;
use crate::evaluation::{self, Columns, InvalidScored, Scored, ScoredRow, Settings, Subject};
use crate::history::KeyHasher;
use crate::model::boosting::{Bins, GradientBoosting, GradientBoostingValidParams, LabeledRows};
use crate::model::{
    Calibration, CalibrationError, Estimator, EstimatorKind, FeatureValues, Head, Linear, Model, ModelBody,
    PackedMatrix, ReferenceScores,
};
use crate::parcel::codes::InfringementKind;
use crate::text::TextModel;

/// Both estimators, and the heads, fitted on one block of rows.
pub(super) struct Fitted {
    /// What serves.
    pub(super) estimator: Estimator,
    /// The other, reported beside it.
    pub(super) sibling: Estimator,
    /// The logistic regression, whichever serves.
    pub(super) linear: Linear,
    heads: Vec<(InfringementKind, Estimator)>,
}

impl Fitted {
    pub(super) fn on(
        rows: &[LabeledParcel],
        matrix: &Matrix,
        recipe: &Recipe,
        block: Range<usize>,
        progress: &mut dyn Progress,
    ) -> Result<Self, TrainError> {
        let config = recipe.config.get();
        let whole = LabeledBlock::of(rows, matrix, block);
        let kinds = whole.kinds_with(config.head_min_infringements as usize);
        let mut heads = Vec::new();
        for kind in kinds {
            // Each head keeps all of its own kind, and a draw of everything else.
            let models = std::slice::from_ref(recipe.config.head_boosting());
            heads.push((kind, estimator(recipe, models, &whole, &whole.is_of(kind), progress)?));
        }
        let (linear, logistic) = regress(recipe, &whole, &whole.labels)?;
        let boosting = boost(recipe, recipe.config.boosting(), &whole, &whole.labels, progress)?;
        let (estimator, sibling) = match config.estimator {
            EstimatorKind::Boosting => (boosting, logistic),
            EstimatorKind::Logistic => (logistic, boosting),
        };
        Ok(Self { estimator, sibling, linear, heads })
    }

    /// The estimator that serves alone, fitted on one block and calibrated on another.
    pub(super) fn serving(
        recipe: &Recipe,
        fit: LabeledBlock<'_>,
        later: &LabeledBlock<'_>,
        descriptions: TextModel,
        progress: &mut dyn Progress,
    ) -> Result<Model, TrainError> {
        let estimator = main_estimator(recipe, &fit, progress)?;
        let raw_scores = later.raw_scores(&estimator);
        Ok(Model::new(ModelBody {
            spec: recipe.spec.clone(),
            rates: recipe.rates.clone(),
            estimator,
            calibration: calibration(recipe, &raw_scores, later)?,
            descriptions,
            heads: Vec::new(),
            reference: ReferenceScores::of(&raw_scores),
        })?)
    }

    /// Fits the curve from raw scores to probabilities on rows that the estimator was not fitted on.
    pub(super) fn calibration(&self, recipe: &Recipe, block: &LabeledBlock<'_>) -> Result<Calibration, TrainError> {
        calibration(recipe, &block.raw_scores(&self.estimator), block)
    }

    /// The heads that `block` has enough of both classes to calibrate.
    pub(super) fn calibrated_heads(&self, recipe: &Recipe, block: &LabeledBlock<'_>) -> Vec<Head> {
        let head = |(kind, estimator): &(InfringementKind, Estimator)| {
            let scores = block.raw_scores(estimator);
            let (curve, labels) = (recipe.config.get().calibration, block.is_of(*kind));
            let calibration = Calibration::fit_weighted(curve, &scores, &labels, &block.weights).ok()?;
            Some(Head { kind: *kind, estimator: estimator.clone(), calibration })
        };
        self.heads.iter().filter_map(head).collect()
    }

    /// Its heads under the calibration that those of the same kinds have, which were fitted on fewer rows.
    pub(super) fn heads_calibrated_as(&self, before: Vec<Head>) -> Vec<Head> {
        let estimator = |kind| self.heads.iter().find(|(fitted, _)| *fitted == kind);
        let head = |head: Head| Some(Head { estimator: estimator(head.kind)?.1.clone(), ..head });
        before.into_iter().filter_map(head).collect()
    }
}

/// The estimator that the recipe names, fitted on a block.
pub(super) fn main_estimator(
    recipe: &Recipe,
    block: &LabeledBlock<'_>,
    progress: &mut dyn Progress,
) -> Result<Estimator, TrainError> {
    estimator(recipe, recipe.config.boosting(), block, &block.labels, progress)
}

/// The estimator that the recipe names, fitted on a block under `labels`.
fn estimator(
    recipe: &Recipe,
    models: &[GradientBoostingValidParams],
    block: &LabeledBlock<'_>,
    labels: &[bool],
    progress: &mut dyn Progress,
) -> Result<Estimator, TrainError> {
    match recipe.config.get().estimator {
        EstimatorKind::Boosting => boost(recipe, models, block, labels, progress),
        EstimatorKind::Logistic => Ok(regress(recipe, block, labels)?.1),
    }
}

/// The logistic regression on the rows drawn, and as the estimator of all rows.
fn regress(recipe: &Recipe, block: &LabeledBlock<'_>, labels: &[bool]) -> Result<(Linear, Estimator), TrainError> {
    let config = recipe.config.get();
    let drawn = block.undersampled(config, labels, config.seed);
    let linear = recipe.config.logistic().fit(drawn.values(), &drawn.labels);
    let linear = linear.map_err(|source| TrainError::Fit { n_rows: drawn.labels.len(), source })?;
    let estimator = Estimator::Logistic(linear.clone()).shifted(drawn.clean_share.ln());
    Ok((linear, estimator))
}

/// The mean of boosted models. Each draws its own clean rows: where few are drawn, more of them are learned from than
/// one model sees.
///
/// Source: Liu, Wu, Zhou (2009), "Exploratory undersampling for class-imbalance learning", IEEE Trans. SMC-B 39(2).
fn boost(
    recipe: &Recipe,
    models: &[GradientBoostingValidParams],
    block: &LabeledBlock<'_>,
    labels: &[bool],
    progress: &mut dyn Progress,
) -> Result<Estimator, TrainError> {
    let config = recipe.config.get();
    let mut fitted = Vec::with_capacity(models.len());
    let mut clean_share = 1.0;
    let mut binned: Option<(Vec<u32>, Bins)> = None;
    for model in models {
        let drawn = block.undersampled(config, labels, model.seed());
        let weights = drawn.aged(config.half_life_days);
        let rows = LabeledRows { values: drawn.values(), labels: &drawn.labels, weights: Some(&weights) };
        // Where all rows are drawn, they are the same for each.
        let (_, bins) = match &binned {
            Some(same) if same.0 == drawn.rows => same,
            _ => {
                binned = None;
                binned.insert((drawn.rows.clone(), model.bin(drawn.values())))
            }
        };
        let trees = model.fit_binned(bins, rows, &mut |_| progress.row());
        fitted.push(trees.map_err(|source| TrainError::Boost { n_rows: drawn.labels.len(), source })?);
        // The same of each.
        clean_share = drawn.clean_share;
    }
    // Fewer clean rows make every row riskier by as much, whatever it is: Dal Pozzolo, Caelen, Johnson,
    // Bontempi (2015), "Calibrating probability with undersampling for unbalanced classification".
    Ok(Estimator::Boosting(GradientBoosting::mean(fitted).compile()).shifted(clean_share.ln()))
}

fn calibration(
    recipe: &Recipe,
    raw_scores: &[f64],
    LabeledBlock { labels, weights, .. }: &LabeledBlock<'_>,
) -> Result<Calibration, TrainError> {
    match Calibration::fit_weighted(recipe.config.get().calibration, raw_scores, labels, weights) {
        Err(CalibrationError::TooFew { .. }) => Ok(Calibration::level(raw_scores, labels, weights)),
        fitted => fitted.map_err(|source| TrainError::Calibrate { n_rows: labels.len(), source }),
    }
}

/// Whether a row counts as one of a kind: an infringement of it, or one that is named though `infringement` counts
/// others only. What has no kind of the contract's (such as "nothing") counts where it infringes.
fn counts(kind: InfringementKind, outcome: &KnownOutcome) -> bool {
    outcome.infringement || kind != InfringementKind::Other
}

/// The labeled rows of a block, with their labels and weights.
pub(super) struct LabeledBlock<'m> {
    /// Features of all rows, and others.
    matrix: &'m PackedMatrix,
    /// Which rows of the matrix. Shape `(n_rows,)`, as all that follow.
    rows: Vec<u32>,
    pub(super) labels: Vec<bool>,
    weights: Vec<f32>,
    kinds: Vec<Option<InfringementKind>>,
    /// A hash of each row's item.
    items: Vec<u64>,
    /// Days since 1970.
    days: Vec<i64>,
    /// Share of the clean rows that was drawn; 1 where all are here.
    clean_share: f64,
}

impl<'m> LabeledBlock<'m> {
    pub(super) fn of(rows: &[LabeledParcel], matrix: &'m Matrix, block: Range<usize>) -> Self {
        let labeled: Vec<usize> = block.filter(|idx| rows[*idx].outcome.is_some()).collect();
        Self::of_labeled(rows, &matrix.values, &labeled, &labeled)
    }

    /// * `in_matrix`: rows of the matrix.
    /// * `labeled`: which of `rows` they are of; each has a label.
    pub(super) fn of_labeled(
        rows: &[LabeledParcel],
        matrix: &'m PackedMatrix,
        in_matrix: &[usize],
        labeled: &[usize],
    ) -> Self {
        let outcomes = || labeled.iter().filter_map(|idx| rows[*idx].outcome);
        Self {
            matrix,
            // More than four billion would not fit into memory.
            rows: in_matrix.iter().map(|row| *row as u32).collect(),
            labels: outcomes().map(|outcome| outcome.infringement).collect(),
            weights: labeled.iter().map(|idx| rows[*idx].weight as f32).collect(),
            kinds: outcomes().map(|outcome| outcome.kind.filter(|kind| counts(*kind, &outcome))).collect(),
            items: labeled.iter().map(|idx| rows[*idx].item().0).collect(),
            days: labeled.iter().map(|idx| rows[*idx].parcel.advised_at.day()).collect(),
            clean_share: 1.0,
        }
    }

    /// Weights of its rows, each halved for every `half_life_days` that lie between it and the last: what was advised long
    /// ago tells less of what comes. As they are for 0. Shape `(n_rows,)`.
    fn aged(&self, half_life_days: u32) -> Vec<f32> {
        let newest = self.days.iter().max().copied().unwrap_or_default();
        let aged = |(weight, day): (&f32, &i64)| match half_life_days {
            0 => *weight,
            half_life => weight * libm::exp2f(-((newest - day) as f32) / half_life as f32),
        };
        self.weights.iter().zip(&self.days).map(aged).collect()
    }

    /// Scores of its rows, shape `(n_rows,)`.
    pub(super) fn raw_scores(&self, estimator: &Estimator) -> Vec<f64> {
        self.features().map(|row| estimator.raw_score(&row)).collect()
    }

    /// Features of its rows.
    pub(super) fn values(&self) -> FeatureValues<'_> {
        FeatureValues::Packed { matrix: self.matrix, rows: &self.rows }
    }

    /// A feature of each of its rows, shape `(n_rows,)`.
    pub(super) fn column(&self, feature: usize) -> Vec<f32> {
        let mut column = Vec::new();
        self.matrix.column(feature, &self.rows, &mut column);
        column
    }

    /// The features of one row after the other, each of shape `(n_features,)`.
    fn features(&self) -> impl Iterator<Item = Vec<f32>> {
        self.rows.iter().map(|row| self.matrix.row(*row as usize))
    }

    /// Whether there are at least `n` infringements and as many clean parcels.
    pub(super) fn has_both(&self, n: usize) -> bool {
        let infringements = self.labels.iter().filter(|label| **label).count();
        infringements.min(self.labels.len() - infringements) >= n
    }

    /// These rows with other weights.
    pub(super) fn weighted(self, weights: Vec<f32>) -> Self {
        Self { weights, ..self }
    }

    /// All rows of which `labels` is true, and as many of the others as `config` allows, drawn by item and seed; under
    /// these labels.
    fn undersampled(&self, config: &TrainConfig, labels: &[bool], seed: u64) -> LabeledBlock<'_> {
        let infringements = labels.iter().filter(|label| **label).count() as f64;
        let clean = labels.len() as f64 - infringements;
        let most = config.max_clean_per_infringement * infringements;
        // Without an infringement the fit refuses, and says of how many rows.
        let share = match most > 0.0 && most < clean * config.undersample {
            true => most / clean,
            false => config.undersample,
        };
        let draw = |item: u64| {
            let mut hasher = KeyHasher::new("undersample");
            hasher.part(&seed.to_le_bytes());
            hasher.part(&item.to_le_bytes());
            // The upper 53 bits: as many as an f64 holds.
            (hasher.finish().0 >> 11) as f64 / (1_u64 << 53) as f64
        };
        let kept = |idx: &usize| share >= 1.0 || labels[*idx] || draw(self.items[*idx]) < share;
        let kept: Vec<usize> = (0..self.labels.len()).filter(kept).collect();
        LabeledBlock {
            matrix: self.matrix,
            rows: kept.iter().map(|idx| self.rows[*idx]).collect(),
            labels: kept.iter().map(|idx| labels[*idx]).collect(),
            weights: kept.iter().map(|idx| self.weights[*idx]).collect(),
            kinds: kept.iter().map(|idx| self.kinds[*idx]).collect(),
            items: kept.iter().map(|idx| self.items[*idx]).collect(),
            days: kept.iter().map(|idx| self.days[*idx]).collect(),
            clean_share: share,
        }
    }

    /// How well a head does on these rows, under its name.
    pub(super) fn judge(&self, head: &Head, settings: &Settings) -> Result<(String, HeadReport), InvalidScored> {
        let labels = self.is_of(head.kind);
        let rows: Vec<ScoredRow> = (self.features().zip(&labels).enumerate())
            .map(|(idx, (values, &infringement))| {
                let raw_score = head.estimator.raw_score(&values);
                let risk_score = head.calibration.probability(raw_score);
                ScoredRow {
                    margin: margin(&head.calibration, raw_score, risk_score),
                    risk_score,
                    infringement,
                    weight: f64::from(self.weights[idx]),
                    day: self.days[idx],
                    ..ScoredRow::default()
                }
            })
            .collect();
        let measured = evaluation::evaluate(&Scored::new(&rows, &Columns::default())?, settings, Subject::default());
        let report = HeadReport {
            infringements: measured.infringements,
            auroc: measured.auroc,
            average_precision: measured.average_precision,
            expected_calibration_error: measured.expected_calibration_error,
        };
        Ok((head.kind.name().to_owned(), report))
    }

    /// The kinds of which there are at least `least` infringements, and other rows to tell them from.
    fn kinds_with(&self, least: usize) -> Vec<InfringementKind> {
        let n_of = |kind: InfringementKind| self.kinds.iter().filter(|other| **other == Some(kind)).count();
        let enough = |kind: &InfringementKind| (least.max(1)..self.labels.len()).contains(&n_of(*kind));
        InfringementKind::ALL.iter().copied().filter(enough).collect()
    }

    /// Whether each row is an infringement of this kind; one of another kind is not.
    pub(super) fn is_of(&self, kind: InfringementKind) -> Vec<bool> {
        self.kinds.iter().map(|other| *other == Some(kind)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_seed_draws_other_clean_rows_and_keeps_all_infringements() {
        let labels: Vec<bool> = (0..1000).map(|row| row % 200 == 0).collect();
        let matrix = PackedMatrix::new(0);
        let block = LabeledBlock {
            matrix: &matrix,
            rows: (0..1000).collect(),
            weights: vec![1.0; 1000],
            kinds: vec![None; 1000],
            items: (0..1000).collect(),
            days: vec![0; 1000],
            clean_share: 1.0,
            labels,
        };
        let config = TrainConfig { max_clean_per_infringement: 20.0, ..TrainConfig::default() };
        let drawn = |seed| block.undersampled(&config, &block.labels, seed);
        let (one, other) = (drawn(1), drawn(2));
        let clean = |block: &LabeledBlock<'_>| -> Vec<u64> {
            block.items.iter().zip(&block.labels).filter(|(_, label)| !**label).map(|(item, _)| *item).collect()
        };
        for block in [&one, &other] {
            assert_eq!(block.labels.iter().filter(|label| **label).count(), 5);
            assert!((50..150).contains(&clean(block).len()), "about 100 of 995: {}", clean(block).len());
        }
        let both = clean(&one).iter().filter(|item| clean(&other).contains(item)).count();
        assert!(both < 40, "a tenth of each by chance, and not {both}");
        assert_eq!(one.items, drawn(1).items);
    }
}

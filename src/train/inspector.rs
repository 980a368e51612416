//! A service that learns from what it opened, and from nothing else.

use std::ops::Range;

use super::choice::{Candidate, Choice, Opened};
use super::fit::{self, LabeledBlock};
use super::selective::Selective;
use super::{Descriptions, LabeledParcel, Progress, Recipe, TrainError};
use crate::evaluation::ScoredRow;
use crate::features::{ExchangeRates, FeaturePlan, FeatureRow, ParcelKeys};
use crate::history::{Bucket, DueOutcome, History, Replay};
use crate::model::{Estimator, PackedMatrix};

/// Weeks at random at the beginning, whatever is known by then.
const WARM_UP_WEEKS: usize = 4;
/// Fewest infringements, and as many clean parcels, that a model is fitted on.
const MIN_PER_CLASS: usize = 20;

/// What the service knows and runs, week by week.
pub(super) struct Inspector<'a> {
    rows: &'a [LabeledParcel],
    choice: Choice,
    recipe: &'a Recipe,
    plan: FeaturePlan,
    rates: ExchangeRates,
    replay: Replay,
    descriptions: Descriptions,
    learned: Vec<Learned>,
    /// Features of what was opened, row by row.
    values: PackedMatrix,
    estimator: Option<Estimator>,
    n_fitted: usize,
}

/// An outcome that was paid for by an inspection.
struct Learned {
    idx: usize,
    known_at: Bucket,
    weight: f64,
}

/// A parcel of the week, as it was scored when it was advised.
pub(super) struct WeekParcel {
    pub(super) idx: usize,
    /// `None` where there was no model yet.
    pub(super) margin: Option<f64>,
    keys: ParcelKeys,
    values: Vec<f32>,
    is_new: bool,
}

impl WeekParcel {
    /// For the report; `None` without a label.
    pub(super) fn row(&self, parcel: &LabeledParcel) -> Option<ScoredRow> {
        let margin = self.margin.unwrap_or_default();
        Some(ScoredRow {
            margin,
            risk_score: 1.0 / (1.0 + libm::exp(-margin)),
            infringement: parcel.outcome?.infringement,
            weight: parcel.weight,
            day: parcel.parcel.advised_at.day(),
            revenue: parcel.revenue,
            ..ScoredRow::default()
        })
    }
}

impl<'a> Inspector<'a> {
    pub(super) fn new(
        rows: &'a [LabeledParcel],
        selective: &'a Selective,
        recipe: &'a Recipe,
    ) -> Result<Self, TrainError> {
        let plan = FeaturePlan::compile(recipe.spec.clone())?;
        Ok(Self {
            rows,
            choice: Choice::new(*selective),
            recipe,
            rates: recipe.rates.check()?,
            replay: Replay::from(History::empty(plan.spec().decay()), Vec::new()),
            descriptions: Descriptions::default(),
            learned: Vec::new(),
            values: PackedMatrix::new(plan.features().len()),
            plan,
            estimator: None,
            n_fitted: 0,
        })
    }

    /// Fits the trees on what is known when the row at `begins` is advised; the old ones stay where that is too little.
    pub(super) fn fit(&mut self, begins: usize) -> Result<(), TrainError> {
        let now = self.plan.bucket_of(self.rows[begins].parcel.advised_at);
        let known = || self.learned.iter().enumerate().filter(|(_, learned)| learned.known_at <= now);
        let n_rows = known().count();
        let mean = known().map(|(_, learned)| learned.weight).sum::<f64>() / n_rows as f64;
        let in_matrix: Vec<usize> = known().map(|(idx, _)| idx).collect();
        let at: Vec<usize> = known().map(|(_, learned)| learned.idx).collect();
        let weights = known().map(|(_, learned)| (learned.weight / mean) as f32).collect();
        let block = LabeledBlock::of_labeled(self.rows, &self.values, &in_matrix, &at).weighted(weights);
        if block.has_both(MIN_PER_CLASS) {
            self.estimator = Some(fit::main_estimator(self.recipe, &block, &mut ())?);
            self.n_fitted = n_rows;
        }
        Ok(())
    }

    /// How many rows the trees were fitted on.
    pub(super) fn n_fitted(&self) -> usize {
        self.n_fitted
    }

    /// Scores each parcel by what is known when it is advised.
    pub(super) fn score(&mut self, week: Range<usize>, progress: &mut dyn Progress) -> Vec<WeekParcel> {
        let mut features = FeatureRow::default();
        let mut scored = Vec::with_capacity(week.len());
        for idx in week {
            progress.row();
            let row = &self.rows[idx];
            let at = self.plan.bucket_of(row.parcel.advised_at);
            let keys = row.keys(&self.plan, &self.rates);
            let history = self.replay.advance(at).view();
            self.descriptions.advance(at);
            let margin = |ngrams: &[u32]| self.descriptions.margin(ngrams);
            self.plan.fill_while_learning(&keys, &history, at, &margin, &mut features);
            drop(history);
            let is_new = self.replay.advise(row.item(), keys.footprint(), None);
            let margin = self.estimator.as_ref().map(|fitted| fitted.raw_score(&features.values));
            scored.push(WeekParcel { idx, margin, keys, values: features.values.clone(), is_new });
        }
        scored
    }

    /// Which of a week's parcels are opened. Only what has a label can be.
    pub(super) fn choose(&mut self, week: &[WeekParcel]) -> Vec<Option<Opened>> {
        let candidate = |at: &WeekParcel| {
            let row = &self.rows[at.idx];
            Candidate {
                item_id: row.parcel.item_id(),
                margin: at.margin.unwrap_or_default(),
                has_label: row.outcome.is_some(),
            }
        };
        let candidates = week.iter().map(candidate).collect::<Vec<_>>();
        let all_at_random = self.estimator.is_none() || self.choice.n_weeks() < WARM_UP_WEEKS;
        self.choice.choose(&candidates, all_at_random)
    }

    /// Takes in what was opened; its outcomes become known at their time, and not before the week's last parcel.
    pub(super) fn learn(&mut self, week: Vec<WeekParcel>, opened: Vec<Option<Opened>>) {
        let Some(last) = week.last().map(|at| self.plan.bucket_of(self.rows[at.idx].parcel.advised_at)) else { return };
        let (width, delay) = (self.plan.spec().bucket_seconds, self.recipe.config.get().label_delay_days);
        for (at, opened) in week.into_iter().zip(opened) {
            let row = &self.rows[at.idx];
            let (Some(opened), Some((known_at, infringement))) = (opened, row.due(width, delay)) else { continue };
            let known_at = known_at.max(last);
            self.values.extend(&at.values);
            self.descriptions.advise(at.keys.ngrams(), Some((known_at, infringement)), opened.weight * row.weight);
            self.learned.push(Learned { idx: at.idx, known_at, weight: opened.weight * row.weight });
            if at.is_new {
                let keys = at.keys.footprint().keys.clone();
                self.replay.will_be_known(DueOutcome { at: known_at, infringement, keys });
            }
        }
    }
}

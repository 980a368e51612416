//! A service that decides by a model of `train`, opens what it can, and learns from what it opened.

use std::ops::Range;
use std::sync::Arc;

use super::aging::{Aging, ArmWeek};
use super::choice::{Candidate, Choice, Opened};
use super::fit::{Fitted, LabeledBlock};
use super::{Blocks, Descriptions, LabeledParcel, PointInTime, Progress, Recipe, ReplayRoom, TrainError};
use crate::engine::{Engine, ModelRef};
use crate::features::{ExchangeRates, FeaturePlan, FeatureRow, ParcelKeys};
use crate::history::{Bucket, DueOutcome, History, Replay};
use crate::model::PackedMatrix;

/// Fewest infringements, and as many clean parcels, that a model is fitted on.
const MIN_PER_CLASS: usize = 20;

/// What the service knows and runs.
pub(super) struct Service<'a> {
    rows: &'a [LabeledParcel],
    recipe: &'a Recipe,
    max_weight: f64,
    plan: FeaturePlan,
    rates: ExchangeRates,
    replay: Replay,
    descriptions: Descriptions,
    choice: Choice,
    learned: Vec<Learned>,
    /// Features of what was learned, as they were when it was advised, row by row.
    values: PackedMatrix,
    /// What decides; `None` before the first is trained.
    engine: Option<Engine>,
    trained_on: usize,
}

/// A labeled parcel that the next model may learn from.
struct Learned {
    idx: usize,
    advised_at: Bucket,
    known_at: Bucket,
    weight: f64,
}

/// A parcel of the week, as it was when it was advised.
struct WeekParcel {
    idx: usize,
    margin: f64,
    keys: ParcelKeys,
    /// Empty where nothing is learned any more.
    values: Vec<f32>,
    is_new: bool,
}

impl<'a> Service<'a> {
    /// Begins with `rows[..from]` behind it, of which every label is known in time.
    pub(super) fn begin(
        rows: &'a [LabeledParcel],
        from: usize,
        aging: &Aging,
        recipe: &'a Recipe,
        progress: &mut dyn Progress,
    ) -> Result<Self, TrainError> {
        let plan = FeaturePlan::compile(recipe.spec.clone())?;
        let rates = recipe.rates.check()?;
        let delay = recipe.config.get().label_delay_days;
        let mut replay = Replay::from(History::empty(plan.spec().decay()), Vec::new());
        let mut descriptions = Descriptions::default();
        let n_features = plan.features().len();
        let (mut learned, mut values) = (Vec::new(), PackedMatrix::new(n_features));
        let past = PointInTime { plan: &plan, rates: &rates, label_delay_days: delay };
        progress.stage("replaying", Some(from as u64));
        let mut idx = 0;
        let mut room = ReplayRoom::default();
        past.replay(&rows[..from], &mut replay, &mut descriptions, &mut room, |replayed| {
            for (at, row) in replayed.rows.iter().enumerate() {
                progress.row();
                if let Some((known_at, _)) = row.due(plan.spec().bucket_seconds, delay) {
                    let advised_at = replayed.buckets[at];
                    learned.push(Learned { idx, advised_at, known_at, weight: row.weight });
                    values.extend(&replayed.values[at * n_features..(at + 1) * n_features]);
                }
                idx += 1;
            }
            Ok::<_, TrainError>(())
        })?;
        Ok(Self {
            rows,
            recipe,
            max_weight: aging.max_weight,
            replay,
            descriptions,
            choice: Choice::new(aging.selective),
            learned,
            values,
            engine: None,
            trained_on: 0,
            plan,
            rates,
        })
    }

    /// Trains on what is known when the row at `begins` is advised, as `train` does: all but the first block is fitted on.
    /// The model before stays where too little is known. Returns whether there is a model.
    pub(super) fn train(&mut self, begins: usize, progress: &mut dyn Progress) -> Result<bool, TrainError> {
        let now = self.plan.bucket_of(self.rows[begins].parcel.advised_at);
        let known = (0..self.learned.len()).filter(|&at| self.learned[at].known_at <= now).collect::<Vec<_>>();
        let buckets = known.iter().map(|&at| self.learned[at].advised_at).collect::<Vec<_>>();
        let labels = known.iter().map(|&at| self.outcome_of(at)).collect::<Vec<_>>();
        let weights = known.iter().map(|&at| self.learned[at].weight).collect::<Vec<_>>();
        let blocks = Blocks::cut(&buckets, &labels, &weights, self.recipe.config.get());
        let block = |range: Range<usize>| {
            let at = &known[range];
            let rows = at.iter().map(|&at| self.learned[at].idx).collect::<Vec<_>>();
            let weights = at.iter().map(|&at| self.learned[at].weight as f32).collect();
            LabeledBlock::of_labeled(self.rows, &self.values, at, &rows).weighted(weights)
        };
        // Only ranks are told of, so that the curve, on rows that were fitted on here, does not matter.
        let (learn, calibrate) = (block(blocks.fit.start..blocks.report.end), block(blocks.report.clone()));
        let model = if learn.has_both(MIN_PER_CLASS) {
            self.descriptions.advance(now);
            Some(Fitted::serving(self.recipe, learn, &calibrate, self.descriptions.model(), progress)?)
        } else {
            None
        };
        if let Some(model) = model {
            let model_ref = ModelRef { name: String::new(), version: String::new(), digest: String::new() };
            let thresholds = self.recipe.thresholds.check()?;
            self.engine = Some(Engine::new(Arc::new(model), Arc::new(model_ref), self.rates.clone(), thresholds)?);
            self.trained_on = blocks.report.end - blocks.fit.start;
        }
        Ok(self.engine.is_some())
    }

    /// Decides a week, opens what it can, and takes in what that found. `learns`: for a later model too, not for history
    /// alone.
    pub(super) fn week(&mut self, week: Range<usize>, learns: bool, progress: &mut dyn Progress) -> ArmWeek {
        let scored = self.score(week, learns, progress);
        let candidate = |at: &WeekParcel| {
            let row = &self.rows[at.idx];
            let item_id = row.parcel.item_id();
            Candidate { item_id, margin: at.margin, has_label: row.outcome.is_some() }
        };
        let candidates = scored.iter().map(candidate).collect::<Vec<_>>();
        let opened = self.choice.choose(&candidates, false);
        let told = self.told(&scored, &opened);
        self.learn(scored, opened, learns);
        told
    }

    fn score(&mut self, week: Range<usize>, learns: bool, progress: &mut dyn Progress) -> Vec<WeekParcel> {
        let mut features = FeatureRow::default();
        let mut scored = Vec::with_capacity(week.len());
        for idx in week {
            progress.row();
            let row = &self.rows[idx];
            let at = self.plan.bucket_of(row.parcel.advised_at);
            let keys = row.keys(&self.plan, &self.rates);
            self.replay.advance(at);
            let mut values = Vec::new();
            if learns {
                self.descriptions.advance(at);
                let margin = |ngrams: &[u32]| self.descriptions.margin(ngrams);
                let history = self.replay.history().view();
                self.plan.fill_while_learning(&keys, &history, at, &margin, &mut features);
                values.clone_from(&features.values);
            }
            // What serves knows of descriptions what it was trained with.
            let margin = self
                .engine
                .as_ref()
                .map_or(0.0, |engine| engine.score(&keys, self.replay.history(), at, &mut features).raw_score);
            let is_new = self.replay.advise(row.item(), keys.footprint(), None);
            scored.push(WeekParcel { idx, margin, keys, values, is_new });
        }
        scored
    }

    /// What came of a week, by every label.
    fn told(&self, scored: &[WeekParcel], opened: &[Option<Opened>]) -> ArmWeek {
        let infringes = |at: &WeekParcel| self.rows[at.idx].outcome.is_some_and(|outcome| outcome.infringement);
        let mut by_risk = scored.iter().filter(|at| self.rows[at.idx].outcome.is_some()).collect::<Vec<_>>();
        by_risk.sort_by(|a, b| b.margin.total_cmp(&a.margin));
        by_risk.truncate(self.choice.n_open(by_risk.len()));
        let found = scored.iter().zip(opened).filter(|(at, opened)| opened.is_some() && infringes(at));
        ArmWeek {
            trained_on: self.trained_on,
            opened: opened.iter().flatten().count(),
            found: found.count(),
            riskiest: by_risk.len(),
            found_in_riskiest: by_risk.into_iter().filter(|at| infringes(at)).count(),
        }
    }

    /// Outcomes become known at their time, and not before the week's last parcel.
    fn learn(&mut self, week: Vec<WeekParcel>, opened: Vec<Option<Opened>>, learns: bool) {
        let Some(last) = week.last().map(|at| self.plan.bucket_of(self.rows[at.idx].parcel.advised_at)) else { return };
        let (width, delay) = (self.plan.spec().bucket_seconds, self.recipe.config.get().label_delay_days);
        for (at, opened) in week.into_iter().zip(opened) {
            let row = &self.rows[at.idx];
            let (Some(opened), Some((known_at, infringement))) = (opened, row.due(width, delay)) else { continue };
            let known_at = known_at.max(last);
            if learns {
                let weight = opened.weight.min(self.max_weight) * row.weight;
                self.values.extend(&at.values);
                self.descriptions.advise(at.keys.ngrams(), Some((known_at, infringement)), weight);
                let advised_at = self.plan.bucket_of(row.parcel.advised_at);
                self.learned.push(Learned { idx: at.idx, advised_at, known_at, weight });
            }
            if at.is_new {
                let keys = at.keys.footprint().keys.clone();
                self.replay.will_be_known(DueOutcome { at: known_at, infringement, keys });
            }
        }
    }

    fn outcome_of(&self, at: usize) -> Option<bool> {
        self.rows[self.learned[at].idx].outcome.map(|outcome| outcome.infringement)
    }
}

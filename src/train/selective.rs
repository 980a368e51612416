//! What a model learns where only the parcels that it had opened are ever labeled.

use super::choice::Opened;
use super::inspector::Inspector;
use super::month::{Month, runs};
use super::{LabeledParcel, Progress, Recipe, TrainError};
use crate::evaluation::{CapacityShare, Columns, InvalidScored, Scored, ScoredRow};
use crate::model::EstimatorKind;
use crate::parcel::AdvisedAt;

/// Which parcels are opened, and so labeled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Selective {
    pub(super) capacity: CapacityShare,
    pub(super) random_share: f64,
    pub(super) seed: u64,
}

/// Why parcels cannot be selected so.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum InvalidSelective {
    /// A share that is none.
    #[error("random_share: must be from 0 to 1, got {got}")]
    RandomShare {
        /// What was asked for.
        got: f64,
    },
    /// Labels that were drawn count by their chance, and linfa's logistic regression ignores weights.
    #[error("selective labels need the boosting estimator: the logistic one counts every row once")]
    Logistic,
}

impl Selective {
    /// * `capacity`: share of the labeled parcels of each week that is opened.
    /// * `random_share`: share of these that is drawn at random, 0 to 1. `seed`: of the draws.
    ///
    /// # Errors
    /// [`InvalidSelective`] for a share that is none, or where `recipe` is of an estimator without weights.
    pub fn new(
        capacity: CapacityShare,
        random_share: f64,
        seed: u64,
        recipe: &Recipe,
    ) -> Result<Self, InvalidSelective> {
        if !(0.0..=1.0).contains(&random_share) {
            return Err(InvalidSelective::RandomShare { got: random_share });
        }
        match recipe.config.get().estimator {
            EstimatorKind::Boosting => Ok(Self { capacity, random_share, seed }),
            EstimatorKind::Logistic => Err(InvalidSelective::Logistic),
        }
    }
}

/// What was opened, and how the models that learned from it would have done on every label.
#[derive(Debug, Default)]
pub struct Selected {
    /// All that was opened.
    pub inspections: Inspections,
    /// The months that are judged, in order.
    pub months: Vec<SelectedMonth>,
    /// All of them together.
    pub judged: Judged,
}

/// A month of weeks under selective labels.
#[derive(Debug, Default)]
pub struct SelectedMonth {
    /// Such as `2021-03`: the month in which each of its weeks begins.
    pub month: String,
    /// Opened parcels that the month's model was fitted on; 0 without a model.
    pub trained_on: usize,
    /// What is judged.
    pub judged: Judged,
}

/// Parcels that are judged: what was opened of them, and the scores of all.
#[derive(Clone, Debug, Default)]
pub struct Judged {
    /// What was opened.
    pub inspections: Inspections,
    /// Every labeled parcel that a model scored, opened or not. Its risk score is not calibrated.
    rows: Vec<ScoredRow>,
}

/// Opened parcels.
#[derive(Clone, Debug, Default)]
pub struct Inspections {
    /// All of them.
    rows: Vec<ScoredRow>,
    /// Those drawn at random, each weighing one over its chance.
    random: Vec<ScoredRow>,
}

impl Inspections {
    /// The opened parcels, in order of weeks, with their outcomes.
    pub fn rows(&self) -> &[ScoredRow] {
        &self.rows
    }

    /// Those drawn at random among them, each weighing one over its chance.
    pub fn random_rows(&self) -> &[ScoredRow] {
        &self.random
    }

    /// The opened parcels: their base rate is the precision of the inspections.
    ///
    /// # Errors
    /// [`InvalidScored`] where a weight is out of range.
    pub fn scored(&self) -> Result<Scored, InvalidScored> {
        Scored::new(&self.rows, &Columns::default())
    }

    /// Those drawn at random, by one over their chance: their base rate is the one unbiased estimate of that of all.
    ///
    /// # Errors
    /// [`InvalidScored`] where a weight is out of range.
    pub fn random(&self) -> Result<Scored, InvalidScored> {
        Scored::new(&self.random, &Columns::default())
    }

    fn add(&mut self, row: ScoredRow, opened: &Opened) {
        self.rows.push(row);
        self.random.extend(opened.chance.map(|chance| ScoredRow { weight: row.weight / chance, ..row }));
    }
}

impl Judged {
    /// Every labeled parcel that a model scored, opened or not, in order of weeks.
    pub fn rows(&self) -> &[ScoredRow] {
        &self.rows
    }

    /// Every scored parcel with its true outcome, opened or not.
    ///
    /// # Errors
    /// [`InvalidScored`] where a weight is out of range.
    pub fn scored(&self) -> Result<Scored, InvalidScored> {
        Scored::new(&self.rows, &Columns::default())
    }

    fn add(&mut self, row: ScoredRow, has_score: bool, opened: Option<&Opened>) {
        if let Some(opened) = opened {
            self.inspections.add(row, opened);
        }
        if has_score {
            self.rows.push(row);
        }
    }
}

impl Selected {
    /// The last month, which is `month` from now on.
    fn month(&mut self, month: Month, trained_on: usize) -> &mut SelectedMonth {
        let month = month.to_string();
        if self.months.last().is_none_or(|last| last.month != month) {
            self.months.push(SelectedMonth { month, trained_on, judged: Judged::default() });
        }
        let last = self.months.len() - 1;
        &mut self.months[last]
    }
}

/// Replays `rows`, which must be in order of time, as if only what was opened had ever been labeled, and judges the
/// parcels from `rows[from]` on by every label.
///
/// Week by week (from Monday, UTC), `capacity` of the labeled parcels is opened. Of these, `random_share` is drawn at
/// random: those with the least hash of seed, week and item, so the same for the same seed, whatever the model. The
/// rest are the riskiest of those not drawn. In the first four weeks, and until a model can be fitted, all are drawn.
/// An opened parcel's outcome enters history when it becomes known, but not before the last parcel of its week. In the
/// first week of a month the trees are fitted again on all outcomes known by then.
///
/// In the fit, a parcel that was drawn weighs one over the chance that it had (drawn / all of its week), unless its
/// score was among those that are opened anyway; every other weighs 1. Weights are then divided by their mean.
///
/// # Errors
/// [`TrainError`].
pub fn select(
    rows: &[LabeledParcel],
    from: usize,
    selective: &Selective,
    recipe: &Recipe,
    progress: &mut dyn Progress,
) -> Result<Selected, TrainError> {
    let mut inspector = Inspector::new(rows, selective, recipe)?;
    let mut selected = Selected::default();
    let mut current = None;
    progress.stage("selecting", Some(rows.len() as u64));
    for week in runs(rows, week_of) {
        let month = Month::of(rows[week.start].parcel.advised_at);
        if current != Some(month) {
            current = Some(month);
            inspector.fit(week.start)?;
        }
        let scored = inspector.score(week, progress);
        let opened = inspector.choose(&scored);
        for (at, opened) in scored.iter().zip(&opened) {
            let Some(row) = at.row(&rows[at.idx]) else { continue };
            if let Some(opened) = opened {
                selected.inspections.add(row, opened);
            }
            if at.idx >= from {
                let (has_score, opened) = (at.margin.is_some(), opened.as_ref());
                selected.judged.add(row, has_score, opened);
                selected.month(month, inspector.n_fitted()).judged.add(row, has_score, opened);
            }
        }
        inspector.learn(scored, opened);
    }
    Ok(selected)
}

/// Weeks since one before 1970, from Monday: 1970-01-01 was a Thursday.
pub(super) fn week_of(at: AdvisedAt) -> i64 {
    (at.day() + 3).div_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parcel::DraftTime;

    #[test]
    fn a_week_begins_on_monday() {
        let week = |day: i64| week_of(AdvisedAt::new(DraftTime { seconds: day * 86_400, nanos: 0 }).unwrap());
        // 2021-01-03 was a Sunday.
        let sunday = 18_630;
        assert_eq!([sunday - 6, sunday, sunday + 1].map(|day| week(day) - week(sunday)), [0, 0, 1]);
    }
}

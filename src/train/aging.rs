//! A model that is trained again each week, beside one that never is: over the same post, at the same capacity, and each
//! learns only from what it opened itself.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::month::runs;
use super::selective::{Selective, week_of};
use super::service::Service;
use super::{LabeledParcel, Progress, Recipe, TrainError};
use crate::parcel::AdvisedAt;

/// How two services are run beside each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Aging {
    /// What is opened each week.
    pub selective: Selective,
    /// Most parcels that an opened one stands for in a fit: one over its chance, clipped here.
    pub max_weight: f64,
}

/// A week of both services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgedWeek {
    /// Its Monday, in UTC, such as `2026-05-04`.
    pub monday: String,
    /// Parcels with a label.
    pub parcels: usize,
    /// Infringements among them.
    pub infringements: usize,
    /// The one whose model stays.
    pub frozen: ArmWeek,
    /// The one whose model is trained again at the week's beginning.
    pub retrained: ArmWeek,
}

/// A week of one service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArmWeek {
    /// Parcels that its model was fitted on.
    pub trained_on: usize,
    /// Parcels that it opened, by score and at random.
    pub opened: usize,
    /// Infringements among these.
    pub found: usize,
    /// Parcels that its capacity holds.
    pub riskiest: usize,
    /// Infringements among as many parcels of the highest scores, opened or not.
    pub found_in_riskiest: usize,
}

/// Weeks of both, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aged {
    /// Each with a line.
    pub weeks: Vec<AgedWeek>,
}

impl ArmWeek {
    /// Share of infringements among the riskiest that its capacity holds; `None` where it holds none.
    pub fn precision(&self) -> Option<f64> {
        (self.riskiest > 0).then(|| self.found_in_riskiest as f64 / self.riskiest as f64)
    }
}

/// Runs two services over `rows[from..]`, which must be in order of time, as if only what each opened were ever labeled.
///
/// Both begin with the same model, trained on the labels of `rows[..from]` that are known by then. From there, week by week
/// (from Monday, UTC), each opens `capacity` of the parcels with a label: `random_share` of it at random, by the same draw
/// in both, and the riskiest of the rest by its own model and its own history. Outcomes of what it opened enter its history
/// when they become known. One of them also trains again at the beginning of each week, as `train` does, on all that it
/// knows: each label weighs one over the chance of its inspection, clipped.
///
/// # Errors
/// [`TrainError`]; [`TrainError::NoLabels`] where too little is known at the beginning to train on.
pub fn age(
    rows: &[LabeledParcel],
    from: usize,
    aging: &Aging,
    recipe: &Recipe,
    progress: &mut dyn Progress,
) -> Result<Aged, TrainError> {
    let weeks = runs(&rows[from..], week_of);
    let mut frozen = Service::begin(rows, from, aging, recipe, progress)?;
    let mut retrained = Service::begin(rows, from, aging, recipe, progress)?;
    progress.stage("fitting", None);
    if from >= rows.len() || !frozen.train(from, progress)? {
        return Err(TrainError::NoLabels { n_rows: from });
    }
    progress.stage("deciding", Some(2 * (rows.len() - from) as u64));
    let mut aged = Aged::default();
    for week in weeks {
        let week = from + week.start..from + week.end;
        let parcels = &rows[week.clone()];
        retrained.train(week.start, &mut ())?;
        aged.weeks.push(AgedWeek {
            monday: monday_of(parcels[0].parcel.advised_at),
            parcels: parcels.iter().filter(|row| row.outcome.is_some()).count(),
            infringements: parcels.iter().filter(|row| row.outcome.is_some_and(|of| of.infringement)).count(),
            frozen: frozen.week(week.clone(), false, progress),
            retrained: retrained.week(week, true, progress),
        });
    }
    Ok(aged)
}

fn monday_of(at: AdvisedAt) -> String {
    // 1970-01-05 was the first Monday.
    let day = week_of(at) * 7 - 3;
    let time = Timestamp::from_second(day * 86_400).expect("a parcel is of the years 2000 to 2099");
    TimeZone::UTC.to_datetime(time).date().to_string()
}

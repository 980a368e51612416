//! Rows with scores and outcomes, checked and brought into an order that does not depend on how they came.

use std::cmp::Ordering;

use super::{
    calibration::Calibration,
    columns::{Columns, InvalidScored},
    delay::Delays,
    drift::{Place, Places},
    novelty::KeyNovelty,
    opened::OpenedGroup,
    ranking::Ranking,
    revenue::Revenue,
    selection::Selection,
    slices::RankedSlice,
};

/// One parcel that was scored and whose outcome is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoredRow {
    /// What ranks the parcel: any finite number, higher is riskier.
    pub margin: f64,
    /// The calibrated probability of an infringement, in `[0, 1]`.
    pub risk_score: f64,
    /// Whether an infringement was found.
    pub infringement: bool,
    /// How many parcels the row stands for: 1, or one over its chance of selection. `0`, or `1e-9..=1e9`.
    pub weight: f64,
    /// Days since 1970-01-01: the cluster that the bootstrap over days keeps together.
    pub day: i64,
    /// What is at stake if the parcel infringes, in one currency: `0..=1e18`. Of clean parcels it counts nothing.
    pub revenue: Option<f64>,
    /// Where the raw score stands among those that the model was released with.
    pub place: Option<Place>,
    /// Days from the parcel's advice to its outcome, where that is known of the parcel itself.
    pub label_delay_days: Option<f64>,
}

impl Default for ScoredRow {
    /// One clean parcel of which nothing else is known.
    fn default() -> Self {
        Self {
            margin: 0.0,
            risk_score: 0.0,
            infringement: false,
            weight: 1.0,
            day: 0,
            revenue: None,
            place: None,
            label_delay_days: None,
        }
    }
}

/// Rows ready to be measured: checked, sorted once, with their slices and baselines.
#[derive(Clone, Debug)]
pub struct Scored {
    /// Shape `(n,)`, as all columns here, in canonical order: margins fall, and equal margins are put in order by
    /// everything else that is known, so that sums come out alike to the bit however the rows came.
    pub(super) weights: Vec<f64>,
    /// 1 for an infringement, else 0.
    pub(super) targets: Vec<f64>,
    /// As given, against the expected infringements in the opened part.
    pub(super) risk_scores: Vec<f64>,
    /// Index of the row's day among the `n_days` distinct ones, in order of time.
    pub(super) day_idx: Vec<usize>,
    pub(super) n_days: usize,
    pub(super) by_margin: Ranking,
    pub(super) calibration: Calibration,
    pub(super) slices: Vec<RankedSlice>,
    pub(super) baselines: Vec<(String, Ranking)>,
    pub(super) selections: Vec<Selection>,
    pub(super) opened: Vec<OpenedGroup>,
    pub(super) novelty: Vec<KeyNovelty>,
    /// `None` where no infringement states what was at stake.
    pub(super) revenue: Option<Revenue>,
    /// `None` unless every row has a place.
    pub(super) places: Option<Places>,
    /// `None` where no row has a delay.
    pub(super) delays: Option<Delays>,
}

impl Scored {
    /// Checks and sorts; `rows` may be empty, and may come in any order.
    ///
    /// # Errors
    /// [`InvalidScored`] for the first number that is out of range, and for a column that is not as long as `rows`.
    pub fn new(rows: &[ScoredRow], columns: &Columns) -> Result<Self, InvalidScored> {
        check(rows)?;
        columns.check(rows.len())?;
        let mut order = (0..rows.len()).collect::<Vec<_>>();
        order.sort_by(|&a, &b| canonical(&rows[a], &rows[b]).then_with(|| columns.order(a, b)));
        let mut canonical_of = vec![0; rows.len()];
        for (canonical, &row) in order.iter().enumerate() {
            canonical_of[row] = canonical;
        }
        let rows = order.iter().map(|&row| rows[row]).collect::<Vec<_>>();
        let column = |of: fn(&ScoredRow) -> f64| rows.iter().map(of).collect::<Vec<_>>();
        let weights = column(|row| row.weight);
        let targets = column(|row| f64::from(u8::from(row.infringement)));
        let margins = column(|row| row.margin);
        let risk_scores = column(|row| row.risk_score);

        let mut days = rows.iter().map(|row| row.day).collect::<Vec<_>>();
        days.sort_unstable();
        days.dedup();
        let day_idx = rows.iter().map(|row| days.partition_point(|&day| day < row.day)).collect();

        let all = || (0..rows.len()).collect::<Vec<_>>();
        let slices = columns.slices().map(|(dimension, value, mut members)| {
            members.iter_mut().for_each(|row| *row = canonical_of[*row]);
            members.sort_unstable();
            RankedSlice::new(dimension, value, members, &margins, &risk_scores, &targets)
        });
        let baselines = columns.baselines.iter().map(|baseline| {
            let scores = order.iter().map(|&row| baseline.scores[row]).collect::<Vec<_>>();
            (baseline.name.clone(), Ranking::new(&scores, all()))
        });
        Ok(Self {
            slices: slices.collect(),
            baselines: baselines.collect(),
            selections: columns.selection.iter().filter_map(|one| Selection::new(one, &canonical_of)).collect(),
            opened: columns.opened.iter().map(|group| OpenedGroup::new(group, &canonical_of)).collect(),
            novelty: columns.novelty.iter().map(|one| KeyNovelty::new(one, &order)).collect(),
            revenue: Revenue::new(&rows),
            places: Places::new(&rows),
            delays: Delays::new(&rows),
            by_margin: Ranking::new(&margins, all()),
            calibration: Calibration::new(&risk_scores, &targets, all()),
            weights,
            n_days: days.len(),
            targets,
            risk_scores,
            day_idx,
        })
    }

    /// How many rows there are.
    pub fn n_rows(&self) -> usize {
        self.weights.len()
    }
}

fn check(rows: &[ScoredRow]) -> Result<(), InvalidScored> {
    for (row, at) in rows.iter().enumerate() {
        let sound = |name, sound| if sound { Ok(()) } else { Err(InvalidScored::Number { name, row }) };
        sound("margin", at.margin.is_finite())?;
        sound("risk_score", (0.0..=1.0).contains(&at.risk_score))?;
        // Beyond these bounds a product of two sums could leave the range of f64, and a figure would become NaN.
        sound("weight", at.weight == 0.0 || (1e-9..=1e9).contains(&at.weight))?;
        sound("revenue", at.revenue.is_none_or(|amount| (0.0..=1e18).contains(&amount)))?;
        sound("place", at.place.is_none_or(Place::is_sound))?;
        sound("label_delay_days", at.label_delay_days.is_none_or(f64::is_finite))?;
    }
    Ok(())
}

/// Margins fall; rows that are still equal at the end are equal in everything that a row says.
fn canonical(x: &ScoredRow, y: &ScoredRow) -> Ordering {
    let stated = |of: fn(&ScoredRow) -> Option<f64>| match (of(x), of(y)) {
        (Some(x), Some(y)) => falling(x, y),
        (x, y) => x.is_some().cmp(&y.is_some()),
    };
    falling(x.margin, y.margin)
        .then_with(|| falling(x.risk_score, y.risk_score))
        .then_with(|| x.infringement.cmp(&y.infringement))
        .then_with(|| falling(x.weight, y.weight))
        .then_with(|| x.day.cmp(&y.day))
        .then_with(|| stated(|row| row.revenue))
        .then_with(|| stated(|row| row.place.map(|place| place.below)))
        .then_with(|| stated(|row| row.place.map(|place| place.not_above)))
        .then_with(|| stated(|row| row.label_delay_days))
}

/// Highest first. Adding zero makes -0.0 and 0.0 one number, as they are in `==`.
pub(super) fn falling(a: f64, b: f64) -> Ordering {
    (b + 0.0).total_cmp(&(a + 0.0))
}

//! Rows with scores and outcomes, checked and brought into an order that does not depend on how they came.

use std::cmp::Ordering;

use super::{calibration::Calibration, ranking::Ranking};

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
}

/// A named part of the rows, measured by itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Its name in the report, such as `history_unseen`.
    pub name: String,
    /// Shape `(n,)`, in the order of the rows: whether the row belongs to it. Slices may overlap.
    pub rows: Vec<bool>,
}

/// A named alternative score to be measured beside the model.
#[derive(Clone, Debug, PartialEq)]
pub struct Baseline {
    /// Its name in the report, such as `past_rate_of_importer`.
    pub name: String,
    /// Shape `(n,)`, in the order of the rows: any finite number, higher is riskier.
    pub scores: Vec<f64>,
}

impl Baseline {
    /// What drawing parcels at random finds on average: one score for all `n_rows`.
    ///
    /// Ties count by their expected share, so its average precision and its precision are the base rate itself.
    pub fn random(n_rows: usize) -> Self {
        Self { name: "random".into(), scores: vec![0.0; n_rows] }
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
}

#[derive(Clone, Debug)]
pub(super) struct RankedSlice {
    pub(super) name: String,
    pub(super) n_parcels: usize,
    pub(super) n_infringements: usize,
    pub(super) ranking: Ranking,
}

impl Scored {
    /// Checks and sorts; `rows` may be empty, and may come in any order.
    ///
    /// # Errors
    /// [`InvalidScored`] for the first number that is out of range, and for a slice or a baseline that is not as long
    /// as `rows`.
    pub fn new(rows: &[ScoredRow], slices: &[Slice], baselines: &[Baseline]) -> Result<Self, InvalidScored> {
        check(rows, slices, baselines)?;
        let mut order = (0..rows.len()).collect::<Vec<_>>();
        order.sort_by(|&a, &b| canonical(rows, slices, baselines, a, b));
        let column = |of: fn(&ScoredRow) -> f64| order.iter().map(|&row| of(&rows[row])).collect::<Vec<_>>();
        let targets = column(|row| f64::from(u8::from(row.infringement)));
        let margins = column(|row| row.margin);
        let risk_scores = column(|row| row.risk_score);

        let mut days = rows.iter().map(|row| row.day).collect::<Vec<_>>();
        days.sort_unstable();
        days.dedup();
        let day_idx = order.iter().map(|&row| days.partition_point(|&day| day < rows[row].day)).collect();

        let all = || (0..rows.len()).collect::<Vec<_>>();
        let slices = slices.iter().map(|slice| {
            let members = all().into_iter().filter(|&idx| slice.rows[order[idx]]).collect::<Vec<_>>();
            RankedSlice {
                name: slice.name.clone(),
                n_parcels: members.len(),
                n_infringements: members.iter().filter(|&&idx| targets[idx] > 0.0).count(),
                ranking: Ranking::new(&margins, members),
            }
        });
        let baselines = baselines.iter().map(|baseline| {
            let scores = order.iter().map(|&row| baseline.scores[row]).collect::<Vec<_>>();
            (baseline.name.clone(), Ranking::new(&scores, all()))
        });
        Ok(Self {
            slices: slices.collect(),
            baselines: baselines.collect(),
            by_margin: Ranking::new(&margins, all()),
            calibration: Calibration::new(&risk_scores, &targets),
            weights: column(|row| row.weight),
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

fn check(rows: &[ScoredRow], slices: &[Slice], baselines: &[Baseline]) -> Result<(), InvalidScored> {
    for (row, ScoredRow { margin, risk_score, weight, .. }) in rows.iter().enumerate() {
        let sound = |name, sound| if sound { Ok(()) } else { Err(InvalidScored::Number { name, row }) };
        sound("margin", margin.is_finite())?;
        sound("risk_score", (0.0..=1.0).contains(risk_score))?;
        // Beyond these bounds a product of two sums could leave the range of f64, and a figure would become NaN.
        sound("weight", *weight == 0.0 || (1e-9..=1e9).contains(weight))?;
    }
    let lengths = slices.iter().map(|slice| (&slice.name, slice.rows.len()));
    for (name, got) in lengths.chain(baselines.iter().map(|baseline| (&baseline.name, baseline.scores.len()))) {
        if got != rows.len() {
            return Err(InvalidScored::Length { name: name.clone(), got, expected: rows.len() });
        }
    }
    for Baseline { name, scores } in baselines {
        if let Some(row) = scores.iter().position(|score| !score.is_finite()) {
            return Err(InvalidScored::Baseline { name: name.clone(), row });
        }
    }
    Ok(())
}

/// Margins fall; rows that are still equal at the end are equal in everything that is measured.
fn canonical(rows: &[ScoredRow], slices: &[Slice], baselines: &[Baseline], a: usize, b: usize) -> Ordering {
    let (x, y) = (&rows[a], &rows[b]);
    falling(x.margin, y.margin)
        .then_with(|| falling(x.risk_score, y.risk_score))
        .then_with(|| x.infringement.cmp(&y.infringement))
        .then_with(|| falling(x.weight, y.weight))
        .then_with(|| x.day.cmp(&y.day))
        .then_with(|| {
            let parts = slices.iter().map(|slice| slice.rows[a].cmp(&slice.rows[b]));
            parts
                .chain(baselines.iter().map(|other| falling(other.scores[a], other.scores[b])))
                .find(|order| order.is_ne())
                .unwrap_or(Ordering::Equal)
        })
}

/// Highest first. Adding zero makes -0.0 and 0.0 one number, as they are in `==`.
pub(super) fn falling(a: f64, b: f64) -> Ordering {
    (b + 0.0).total_cmp(&(a + 0.0))
}

/// Rows that can't be measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidScored {
    /// A number of a row is not what [`ScoredRow`] says.
    #[error("row {row}: {name} is out of its range")]
    Number {
        /// Which number.
        name: &'static str,
        /// The row, counted from 0.
        row: usize,
    },
    /// A baseline's score is infinite or no number.
    #[error("baseline {name}: the score of row {row} is not finite")]
    Baseline {
        /// Its name.
        name: String,
        /// The row, counted from 0.
        row: usize,
    },
    /// A slice or a baseline speaks of other rows than those given.
    #[error("{name}: {got} entries for {expected} rows")]
    Length {
        /// Name of the slice or the baseline.
        name: String,
        /// Its entries.
        got: usize,
        /// The rows.
        expected: usize,
    },
}

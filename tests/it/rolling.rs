//! Models trained again and again: none learns what was not known, or not opened.

use std::collections::BTreeSet;

use parcel_risk::evaluation::{CapacityShare, ScoredRow};
use parcel_risk::model::EstimatorKind;
use parcel_risk::train::{
    Aged, Aging, InvalidSelective, LabeledParcel, Recipe, Rolled, Selected, Selective, TrainConfig, age, roll, select,
};

use crate::fixture::{DELAY_DAYS, Silent, recipe, rows};

/// Few trees: nothing here depends on how good they are.
fn few_trees() -> Recipe {
    recipe(TrainConfig { boosting_trees: 15, ..TrainConfig::default() })
}

/// The rows, each known by its number in place of what is at stake.
fn numbered() -> Vec<LabeledParcel> {
    let number = |(idx, row): (usize, &LabeledParcel)| LabeledParcel { revenue: Some(idx as f64), ..row.clone() };
    rows().iter().enumerate().map(number).collect()
}

fn number(row: &ScoredRow) -> usize {
    row.revenue.unwrap() as usize
}

fn flip(row: &mut LabeledParcel) {
    let outcome = row.outcome.as_mut().unwrap();
    outcome.infringement = !outcome.infringement;
}

fn rolled(rows: &[LabeledParcel]) -> Rolled {
    roll(rows, 0, &few_trees(), &mut Silent).unwrap()
}

/// Number and margin of every scored row, month by month.
fn margins(rolled: &Rolled) -> Vec<Vec<(usize, u64)>> {
    let of_month = |rows: &[ScoredRow]| rows.iter().map(|row| (number(row), row.margin.to_bits())).collect();
    rolled.months.iter().map(|month| of_month(month.backtest.rows())).collect()
}

#[test]
fn no_month_is_judged_by_what_was_not_known_in_it() {
    let mut rows = numbered();
    let before = margins(&rolled(&rows));
    // Outcomes of the last days are known to nobody; one that is known moves the scores.
    let last_day = rows.last().unwrap().parcel.advised_at.day();
    let unknown = |row: &LabeledParcel| row.parcel.advised_at.day() > last_day - i64::from(DELAY_DAYS);
    let n_unknown = rows.iter().filter(|row| unknown(row)).count();
    assert!(n_unknown > 30, "{n_unknown}");
    rows.iter_mut().filter(|row| unknown(row)).for_each(flip);
    assert!(margins(&rolled(&rows)) == before, "an unknown outcome moved a score");
    rows[..100].iter_mut().for_each(flip);
    assert!(margins(&rolled(&rows)) != before, "a known one does");
}

#[test]
fn every_row_from_the_first_judged_month_on_is_scored_once() {
    let rolled = rolled(&numbered());
    let scored = rolled.months.iter().flat_map(|month| month.backtest.rows()).map(number).collect::<Vec<_>>();
    assert!(scored.windows(2).all(|pair| pair[0] < pair[1]), "in order of time, none twice");
    assert_eq!(rolled.pooled.rows().iter().map(number).collect::<Vec<_>>(), scored);
    assert_eq!(rolled.months.last().map(|month| month.month.as_str()), Some("2021-03"));
    assert!(rolled.unscored.contains(&"2020-01".to_owned()), "{:?}", rolled.unscored);
    assert!(rolled.months.windows(2).all(|pair| pair[0].trained_on < pair[1].trained_on));
}

#[test]
fn of_a_month_that_was_begun_before_the_data_only_the_data_are_judged() {
    let rows = numbered();
    let whole = rolled(&rows);
    let [.., month, last] = whole.months.as_slice() else { panic!("{:?}", whole.unscored) };
    let [begin, next] = [month, last].map(|month| number(&month.backtest.rows()[0]));
    let from = begin + (next - begin) / 2;
    let later = roll(&rows, from, &few_trees(), &mut Silent).unwrap();
    assert_eq!(later.months[0].month, month.month);
    // By the same model, on the same history.
    let of_data: Vec<_> = margins(&whole).concat().into_iter().filter(|(number, _)| *number >= from).collect();
    assert!(margins(&later).concat() == of_data, "{} {}", margins(&later).concat().len(), of_data.len());
    assert_eq!(later.pooled.rows().len(), rows.len() - from);
}

#[test]
fn rows_that_only_warm_up_are_not_counted_among_those_trained_on() {
    let rows = numbered();
    let rolled = rolled(&rows);
    let last = rolled.months.last().unwrap();
    let begins = rows[number(&last.backtest.rows()[0])].parcel.advised_at.seconds();
    let known_by = |row: &&LabeledParcel| row.parcel.advised_at.seconds() + i64::from(DELAY_DAYS) * 86_400 <= begins;
    let n_known = rows.iter().filter(known_by).count();
    assert_eq!(last.trained_on, n_known - (n_known as f64 * TrainConfig::default().warm_up_share).round() as usize);
}

fn selective(capacity: f64, random_share: f64, recipe: &Recipe) -> Selective {
    Selective::new(CapacityShare::new(capacity).unwrap(), random_share, 7, recipe).unwrap()
}

fn selected(rows: &[LabeledParcel], capacity: f64, random_share: f64) -> Selected {
    let recipe = few_trees();
    select(rows, 0, &selective(capacity, random_share, &recipe), &recipe, &mut Silent).unwrap()
}

fn numbers(rows: &[ScoredRow]) -> BTreeSet<usize> {
    rows.iter().map(number).collect()
}

#[test]
fn what_was_never_opened_teaches_nothing() {
    let mut rows = numbered();
    let before = selected(&rows, 0.3, 0.1);
    let opened = numbers(before.inspections.rows());
    let (n_opened, n_rows) = (opened.len(), rows.len());
    assert!(n_opened * 10 > n_rows * 2 && n_opened * 10 < n_rows * 4, "{n_opened} of {n_rows}");
    rows.iter_mut().enumerate().filter(|(idx, _)| !opened.contains(idx)).for_each(|(_, row)| flip(row));
    let after = selected(&rows, 0.3, 0.1);
    let scores =
        |of: &Selected| of.judged.rows().iter().map(|row| (number(row), row.margin.to_bits())).collect::<Vec<_>>();
    assert!(scores(&before).len() > 1000 && scores(&before) == scores(&after), "an unopened outcome moved a score");
    assert_eq!(numbers(after.inspections.rows()), opened);
    // What was opened does teach.
    rows.iter_mut().enumerate().filter(|(idx, _)| opened.contains(idx)).take(50).for_each(|(_, row)| flip(row));
    assert!(scores(&selected(&rows, 0.3, 0.1)) != scores(&before));
}

#[test]
fn the_draw_is_of_the_seed_and_not_of_the_model() {
    let rows = numbered();
    let drawn = |recipe: &Recipe, seed| {
        let selective = Selective::new(CapacityShare::new(0.3).unwrap(), 0.2, seed, recipe).unwrap();
        numbers(select(&rows, 0, &selective, recipe, &mut Silent).unwrap().inspections.random_rows())
    };
    let other = recipe(TrainConfig { boosting_trees: 5, seed: 9, ..TrainConfig::default() });
    // The models begin in the same week, since that depends on the draws of the warm-up alone.
    assert_eq!(drawn(&few_trees(), 7), drawn(&other, 7));
    assert_ne!(drawn(&few_trees(), 7), drawn(&few_trees(), 8));
}

#[test]
fn the_random_arm_stands_for_all_parcels() {
    let rows = numbered();
    let of = selected(&rows, 0.3, 1.0);
    let arm = of.inspections.random_rows();
    assert_eq!(arm.len(), of.inspections.rows().len());
    let stands_for = arm.iter().map(|row| row.weight).sum::<f64>();
    assert!((stands_for - rows.len() as f64).abs() < 1e-6, "{stands_for} {}", rows.len());
}

#[test]
fn to_open_all_is_to_label_all() {
    let rows = numbered();
    let of = selected(&rows, 1.0, 0.0);
    assert_eq!(of.inspections.rows().len(), rows.len());
    let n_found = of.inspections.rows().iter().filter(|row| row.infringement).count();
    assert_eq!(n_found, rows.iter().filter(|row| row.outcome.unwrap().infringement).count());
}

#[test]
fn the_precision_of_inspections_falls_where_all_are_drawn() {
    let precision = |random_share| {
        let of = selected(&numbered(), 0.3, random_share);
        let rows = of.judged.inspections.rows();
        rows.iter().filter(|row| row.infringement).count() as f64 / rows.len() as f64
    };
    let (by_score, at_random) = (precision(0.0), precision(1.0));
    assert!(by_score > at_random + 0.05, "{by_score} {at_random}");
}

#[test]
fn what_cannot_be_selected_so_is_refused() {
    let tenth = CapacityShare::new(0.1).unwrap();
    for got in [-0.1, 1.1] {
        assert_eq!(Selective::new(tenth, got, 0, &few_trees()), Err(InvalidSelective::RandomShare { got }));
    }
    let logistic = recipe(TrainConfig { estimator: EstimatorKind::Logistic, ..TrainConfig::default() });
    assert_eq!(Selective::new(tenth, 0.1, 0, &logistic), Err(InvalidSelective::Logistic));
}

fn aged(rows: &[LabeledParcel], from: usize, random_share: f64) -> Aged {
    let recipe = few_trees();
    let aging = Aging { selective: selective(0.2, random_share, &recipe), max_weight: 20.0 };
    age(rows, from, &aging, &recipe, &mut Silent).unwrap()
}

#[test]
fn a_model_that_stays_and_one_that_is_trained_again_begin_as_one_and_open_as_much() {
    let rows = numbered();
    let from = rows.len() / 2;
    let aged = aged(&rows, from, 0.1);
    assert_eq!(aged.weeks[0].frozen, aged.weeks[0].retrained, "the same model on the same history");
    for week in &aged.weeks {
        assert_eq!(week.frozen.opened, week.retrained.opened);
        assert_eq!(week.frozen.trained_on, aged.weeks[0].frozen.trained_on, "it stays");
        assert!((week.frozen.riskiest as f64 - 0.2 * week.parcels as f64).abs() <= 0.5, "{week:?}");
    }
    assert_eq!(aged.weeks.iter().map(|week| week.parcels).sum::<usize>(), rows.len() - from);
    let learned: Vec<_> = aged.weeks.iter().map(|week| week.retrained.trained_on).collect();
    assert!(learned.last() > learned.first(), "{learned:?}");
    assert!(aged.weeks.iter().any(|week| week.frozen != week.retrained && week.frozen.found != week.retrained.found));
}

#[test]
fn neither_learns_what_it_did_not_open() {
    let rows = numbered();
    let from = rows.len() / 2;
    let recipe = few_trees();
    // Nothing is opened: no label after the beginning can matter.
    let aging = Aging { selective: selective(1e-9, 0.0, &recipe), max_weight: 20.0 };
    let of = |rows: &[LabeledParcel]| age(rows, from, &aging, &recipe, &mut Silent).unwrap();
    let before = of(&rows);
    assert!(before.weeks.iter().all(|week| week.retrained.opened == 0));
    let trained_on = |aged: &Aged| aged.weeks.iter().map(|week| week.retrained.trained_on).collect::<Vec<_>>();
    let mut flipped = rows.clone();
    flipped[from..].iter_mut().for_each(flip);
    assert_eq!(trained_on(&of(&flipped)), trained_on(&before));
    let learned = trained_on(&before);
    let in_time = learned.iter().rposition(|n| *n != learned[learned.len() - 1]).unwrap_or(0);
    assert!(in_time < 6, "only what was due from before still comes in: {learned:?}");
}

#[test]
fn without_a_past_there_is_nothing_to_begin_with() {
    let rows = numbered();
    let recipe = few_trees();
    let aging = Aging { selective: selective(0.2, 0.1, &recipe), max_weight: 20.0 };
    assert!(age(&rows, 0, &aging, &recipe, &mut Silent).unwrap_err().is_for_want_of_data());
}

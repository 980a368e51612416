//! What holds for all rows, whatever they are.

use proptest::prelude::*;

use super::*;

fn any_row() -> impl Strategy<Value = ScoredRow> {
    // Few distinct numbers, so that ties are common.
    let stated = (prop::option::of(0..4_u8), prop::option::of(0..4_u8));
    (-4..4_i8, 0..=8_u8, any::<bool>(), 0..4_u8, 0..5_i64, stated).prop_map(
        |(margin, risk, infringement, weight, day, (revenue, delay))| ScoredRow {
            margin: f64::from(margin),
            risk_score: f64::from(risk) / 8.0,
            infringement,
            weight: f64::from(weight) * 0.7,
            day,
            revenue: revenue.map(|amount| f64::from(amount) * 12.5),
            place: Some(Place { below: f64::from(margin + 4) / 8.0, not_above: f64::from(margin + 5) / 8.0 }),
            label_delay_days: delay.map(f64::from),
        },
    )
}

fn settings(bootstrap: u32) -> Settings {
    Settings { capacity: [0.25, 0.5, 1.0].map(|share| CapacityShare::new(share).unwrap()).into(), bootstrap, seed: 3 }
}

fn of_rows(rows: &[ScoredRow], bootstrap: u32) -> Evaluation {
    evaluate(&Scored::new(rows, &columns(rows)).unwrap(), &settings(bootstrap), Subject::default())
}

/// Columns that go with the row, so that they move where it moves.
fn columns(rows: &[ScoredRow]) -> Columns {
    let by_day = || Partition { dimension: "day".into(), values: rows.iter().map(|row| row.day.to_string()).collect() };
    let slice = Slice {
        dimension: "day".into(),
        value: "even".into(),
        rows: rows.iter().map(|row| row.day % 2 == 0).collect(),
    };
    let scores = rows.iter().map(|row| row.risk_score * row.weight).collect();
    let unseen = rows.iter().map(|row| (row.day > 0).then_some(row.day % 2 == 0)).collect();
    Columns {
        slices: vec![slice],
        partitions: vec![by_day()],
        selection: vec![by_day()],
        opened: Vec::new(),
        baselines: vec![Baseline { name: "other".into(), scores }],
        novelty: vec![Novelty { key: "day".into(), unseen }],
    }
}

/// Every figure of the report, in order.
fn figures(evaluation: &Evaluation) -> Vec<Option<Estimate>> {
    let Evaluation { capacity, slices, baselines, selection, revenue, drift, novelty, .. } = evaluation;
    let mut figures = vec![
        evaluation.base_rate,
        evaluation.average_precision,
        evaluation.auroc,
        evaluation.log_loss,
        evaluation.log_loss_skill,
        evaluation.brier,
        evaluation.brier_skill,
        evaluation.expected_calibration_error,
        evaluation.calibration_slope,
        evaluation.calibration_intercept,
    ];
    figures.extend(capacity.iter().flat_map(|at| [at.precision, at.recall, at.lift]));
    figures.extend(capacity.iter().flat_map(|at| [at.normalized_precision, at.expected_precision_excess]));
    figures.extend(capacity.iter().map(|at| at.expected_calibration_error_within));
    figures.extend(slices.iter().flat_map(|slice| [slice.auroc, slice.average_precision, slice.base_rate]));
    figures.extend(slices.iter().map(|slice| slice.precision_at_tenth));
    let groups = || selection.iter().flat_map(|dimension| &dimension.groups);
    figures.extend(groups().map(|group| group.base_rate));
    let of_groups = |at: &SelectionAtCapacity| [at.selection_rate, at.ratio, at.precision, at.false_positive_rate];
    figures.extend(groups().flat_map(|group| &group.capacity).flat_map(of_groups));
    figures.extend(revenue.iter().map(|revenue| revenue.share_of_largest_50));
    let of_revenue = |at: &RevenueAtCapacity| [at.found, at.normalized, at.found_winsorized];
    figures.extend(revenue.iter().flat_map(|revenue| &revenue.capacity).flat_map(of_revenue));
    figures.extend(drift.iter().flat_map(|drift| [drift.score_ks, drift.score_psi]));
    figures.extend(novelty.iter().map(|key| key.unseen));
    let delays = evaluation.observed_label_delay.iter().flat_map(|delay| &delay.quantiles);
    figures.extend(delays.map(|quantile| quantile.days));
    figures.extend(baselines.iter().flat_map(|other| [other.average_precision, other.average_precision_lead]));
    figures.extend(baselines.iter().flat_map(|other| other.capacity.iter().map(|at| at.precision)));
    figures
}

#[track_caller]
fn assert_same_values(a: &Evaluation, b: &Evaluation) {
    for (idx, (a, b)) in figures(a).into_iter().zip(figures(b)).enumerate() {
        match (a, b) {
            (Some(a), Some(b)) => {
                assert!((a.value - b.value).abs() <= 1e-7 * a.value.abs().max(1.0), "figure {idx}: {a:?} {b:?}");
            }
            (a, b) => assert_eq!(a, b, "figure {idx}"),
        }
    }
}

proptest! {
    #[test]
    fn row_order_never_changes_anything(
        (rows, shuffled) in prop::collection::vec(any_row(), 0..40)
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        prop_assert_eq!(of_rows(&rows, 20), of_rows(&shuffled, 20));
    }

    #[test]
    fn a_rising_transform_of_margins_changes_nothing(rows in prop::collection::vec(any_row(), 0..40)) {
        let transformed = rows.iter().map(|row| ScoredRow { margin: row.margin.exp() - 7.0, ..*row }).collect::<Vec<_>>();
        prop_assert_eq!(of_rows(&rows, 10), of_rows(&transformed, 10));
    }

    #[test]
    fn rows_given_twice_keep_every_value(rows in prop::collection::vec(any_row(), 0..10)) {
        // Four times and unit weights: so a quarter is a whole number of parcels both times.
        let rows = rows.iter().map(|row| ScoredRow { weight: 1.0, ..*row }).collect::<Vec<_>>().repeat(4);
        // A tenth of a slice is none here, and the fifty largest amounts are the same fifty either way.
        let apart = |mut evaluation: Evaluation| {
            evaluation.slices.iter_mut().for_each(|slice| slice.precision_at_tenth = None);
            evaluation.revenue.iter_mut().for_each(|revenue| revenue.share_of_largest_50 = None);
            evaluation
        };
        assert_same_values(&apart(of_rows(&rows, 0)), &apart(of_rows(&rows.repeat(2), 0)));
    }

    #[test]
    fn weight_two_is_a_row_given_twice(rows in prop::collection::vec(any_row(), 1..30), idx in any::<prop::sample::Index>()) {
        let unweighted = rows.iter().map(|row| ScoredRow { weight: 1.0, ..*row }).collect::<Vec<_>>();
        let idx = idx.index(rows.len());
        let (mut heavy, mut twice) = (unweighted.clone(), unweighted.clone());
        heavy[idx].weight = 2.0;
        twice.push(unweighted[idx]);
        // A baseline that does not read the weight.
        let columns = |rows: &[ScoredRow]| Columns {
            baselines: vec![Baseline { name: "risk".into(), scores: rows.iter().map(|row| row.risk_score).collect() }],
            ..columns(rows)
        };
        let of = |rows: &[ScoredRow]| {
            evaluate(&Scored::new(rows, &columns(rows)).unwrap(), &settings(0), Subject::default())
        };
        assert_same_values(&of(&heavy), &of(&twice));
    }

    #[test]
    fn figures_are_finite_and_within_their_intervals(rows in prop::collection::vec(any_row(), 0..40)) {
        let evaluation = of_rows(&rows, 20);
        for Estimate { value, low_95, high_95 } in figures(&evaluation).into_iter().flatten() {
            prop_assert!(value.is_finite());
            prop_assert!(low_95.is_none_or(|low| low.is_finite() && low <= value), "{low_95:?} {value}");
            prop_assert!(high_95.is_none_or(|high| high.is_finite() && value <= high), "{high_95:?} {value}");
        }
        for at in &evaluation.capacity {
            prop_assert!(at.precision.is_none_or(|it| it.value <= at.precision_ceiling.unwrap() + 1e-9));
            prop_assert!(at.recall.is_none_or(|it| it.value <= at.recall_ceiling.unwrap() + 1e-9));
            let by_hand = at.precision.zip(at.precision_ceiling.filter(|&it| it > 0.0)).map(|(it, best)| it.value / best);
            let same = |(it, by_hand): (Estimate, f64)| (it.value - by_hand).abs() < 1e-9;
            prop_assert!(at.normalized_precision.zip(by_hand).is_none_or(same));
        }
        serde_json::from_str::<Evaluation>(&serde_json::to_string(&evaluation).unwrap()).unwrap();
        evaluation.to_text();
    }
}

fn many_rows() -> Vec<ScoredRow> {
    let row = |at: u32| {
        let noise = f64::from(at.wrapping_mul(2_654_435_761) >> 8) / f64::from(1 << 24);
        let risk_score = f64::from(at % 100) / 100.0;
        ScoredRow {
            margin: risk_score,
            risk_score,
            infringement: noise < risk_score,
            day: i64::from(at % 30),
            ..ScoredRow::default()
        }
    };
    (0..2000).map(row).collect()
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let rows = many_rows();
    let on = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| of_rows(&rows, 50))
    };
    assert_eq!(on(1), on(4));
}

#[test]
fn calibrated_scores_are_seen_as_calibrated() {
    let evaluation = of_rows(&many_rows(), 200);
    let holds = |estimate: Option<Estimate>, truth: f64| {
        let Some(Estimate { low_95: Some(low), high_95: Some(high), .. }) = estimate else { panic!("{estimate:?}") };
        assert!(low <= truth && truth <= high, "{estimate:?}");
    };
    holds(evaluation.calibration_slope, 1.0);
    holds(evaluation.calibration_intercept, 0.0);
    for at in &evaluation.capacity {
        holds(at.precision, at.expected_precision.unwrap());
    }
}

#[test]
fn parts_of_a_dimension_hold_every_row_once() {
    let rows = many_rows();
    let evaluation = of_rows(&rows.repeat(2), 0);
    let of_days = || evaluation.slices.iter().filter(|slice| slice.dimension == "day" && slice.value != "even");
    // Thirty days of 133 rows or so: twelve stand by themselves.
    assert_eq!(of_days().count(), 13);
    assert_eq!(of_days().map(|slice| slice.parcels).sum::<usize>(), 4000);
    assert_eq!(of_days().next_back().map(|slice| slice.value.as_str()), Some("other"));
    let groups = &evaluation.selection[0].groups;
    assert_eq!((groups.len(), groups.iter().map(|group| group.parcels).sum::<usize>()), (30, 4000));
    for (idx, at) in evaluation.capacity.iter().enumerate() {
        let opened = groups
            .iter()
            .map(|group| group.capacity[idx].selection_rate.map_or(0.0, |rate| rate.value * group.parcels as f64));
        assert!((opened.sum::<f64>() - at.parcels as f64).abs() < 1e-6);
    }
}

#[test]
fn a_group_that_is_opened_twice_as_often_is_flagged() {
    let mut rows = many_rows();
    let mut columns = columns(&rows);
    let favored = |at: usize| at.is_multiple_of(4);
    rows.iter_mut().enumerate().filter(|(at, _)| favored(*at)).for_each(|(_, row)| row.margin += 0.5);
    let values = (0..rows.len()).map(|at| if favored(at) { "A" } else { "B" }.to_owned()).collect();
    columns.selection = vec![Partition { dimension: "origin".into(), values }];
    let of = evaluate(&Scored::new(&rows, &columns).unwrap(), &settings(100), Subject::default());
    let at = |group: usize| of.selection[0].groups[group].capacity[0];
    assert_eq!(of.selection[0].groups[1].value, "A");
    // A quarter is opened: of A the upper half and more, of B what is left.
    assert!(at(1).flagged && at(1).ratio.unwrap().low_95.unwrap() > 1.25, "{:?}", at(1));
    assert!(at(0).flagged && at(0).ratio.unwrap().high_95.unwrap() < 0.8, "{:?}", at(0));
    assert!(!of.selection[0].groups[0].capacity[2].flagged, "where all are opened, all are opened alike");
}

#[test]
fn days_that_differ_widen_the_interval() {
    // Half of the days have an infringement in every parcel, the others none: there are 30 draws, not 2000.
    let mut rows = many_rows();
    let width = |rows: &[ScoredRow]| {
        let rate = of_rows(rows, 200).base_rate.unwrap();
        rate.high_95.unwrap() - rate.low_95.unwrap()
    };
    let alike = width(&rows);
    rows.iter_mut().for_each(|row| row.infringement = row.day % 2 == 0);
    assert!(width(&rows) > 3.0 * alike);
}

#[test]
fn a_perfect_top_is_not_claimed_to_be_certain() {
    let mut rows = many_rows();
    rows.iter_mut().for_each(|row| row.infringement = row.risk_score >= 0.5);
    let evaluation = of_rows(&rows, 100);
    let Estimate { value, low_95, high_95 } = evaluation.capacity[0].precision.unwrap();
    // Wilson: 500 / (500 + z²).
    assert_eq!((value, high_95), (1.0, Some(1.0)));
    assert!((low_95.unwrap() - 0.992_375).abs() < 1e-6, "{low_95:?}");
    assert_eq!(evaluation.calibration_slope, None);
    // Half of the parcels hold all infringements, and opening every parcel finds them by definition.
    assert!(evaluation.capacity[1].recall.unwrap().low_95.unwrap() < 1.0);
    assert_eq!(evaluation.capacity[2].recall.unwrap().low_95, Some(1.0));
}

#[test]
fn one_class_leaves_figures_out_and_does_not_panic() {
    for infringement in [false, true] {
        let rows = many_rows().iter().map(|row| ScoredRow { infringement, ..*row }).collect::<Vec<_>>();
        let evaluation = of_rows(&rows, 10);
        assert_eq!((evaluation.auroc, evaluation.average_precision, evaluation.calibration_slope), (None, None, None));
        assert_eq!(evaluation.log_loss_skill, None);
        assert_eq!(evaluation.capacity[0].precision.map(|it| it.value), Some(f64::from(u8::from(infringement))));
        assert_eq!(evaluation.capacity[0].recall.is_some(), infringement);
        assert_eq!(serde_json::to_value(&evaluation).unwrap()["auroc"], serde_json::Value::Null);
    }
}

#[test]
fn no_row_and_no_weight_leave_every_figure_out() {
    let weightless = many_rows().iter().map(|row| ScoredRow { weight: 0.0, ..*row }).collect::<Vec<_>>();
    for rows in [&[][..], &weightless] {
        let evaluation = of_rows(rows, 10);
        assert!(figures(&evaluation).iter().all(Option::is_none), "{evaluation:?}");
        assert_eq!((evaluation.capacity.len(), evaluation.reliability.len()), (3, 0));
    }
}

#[test]
fn numbers_out_of_range_are_refused_by_row_and_name() {
    let sound = ScoredRow { risk_score: 0.5, infringement: true, ..ScoredRow::default() };
    let none = Columns::default();
    let refused = |name, bad| {
        let expected = Some(InvalidScored::Number { name, row: 1 });
        assert_eq!(Scored::new(&[sound, bad], &none).err(), expected);
    };
    refused("margin", ScoredRow { margin: f64::NAN, ..sound });
    refused("risk_score", ScoredRow { risk_score: 1.01, ..sound });
    refused("risk_score", ScoredRow { risk_score: f64::NAN, ..sound });
    refused("weight", ScoredRow { weight: -1.0, ..sound });
    refused("weight", ScoredRow { weight: f64::INFINITY, ..sound });
    refused("revenue", ScoredRow { revenue: Some(-1.0), ..sound });
    refused("place", ScoredRow { place: Some(Place { below: 0.5, not_above: 0.4 }), ..sound });
    refused("label_delay_days", ScoredRow { label_delay_days: Some(f64::INFINITY), ..sound });
    let short = |columns: Columns| {
        let expected = Some(InvalidScored::Length { name: "a".into(), got: 0, expected: 1 });
        assert_eq!(Scored::new(&[sound], &columns).err(), expected);
    };
    let (name, partition) = (|| "a".to_owned(), || Partition { dimension: "a".into(), values: vec![] });
    short(Columns { slices: vec![Slice { dimension: name(), value: name(), rows: vec![] }], ..none.clone() });
    short(Columns { opened: vec![Slice { dimension: name(), value: name(), rows: vec![] }], ..none.clone() });
    short(Columns { partitions: vec![partition()], ..none.clone() });
    short(Columns { selection: vec![partition()], ..none.clone() });
    short(Columns { novelty: vec![Novelty { key: name(), unseen: vec![] }], ..none.clone() });
    short(Columns { baselines: vec![Baseline { name: name(), scores: vec![] }], ..none.clone() });
    let bad = Baseline { name: name(), scores: vec![f64::NAN] };
    let expected = Some(InvalidScored::Baseline { name: name(), row: 0 });
    assert_eq!(Scored::new(&[sound], &Columns { baselines: vec![bad], ..none }).err(), expected);
}

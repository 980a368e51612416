//! What holds for all rows, whatever they are.

use proptest::prelude::*;

use super::*;

fn any_row() -> impl Strategy<Value = ScoredRow> {
    // Few distinct numbers, so that ties are common.
    (-4..4_i8, 0..=8_u8, any::<bool>(), 0..4_u8, 0..5_i64).prop_map(|(margin, risk, infringement, weight, day)| {
        ScoredRow {
            margin: f64::from(margin),
            risk_score: f64::from(risk) / 8.0,
            infringement,
            weight: f64::from(weight) * 0.7,
            day,
        }
    })
}

fn settings(bootstrap: u32) -> Settings {
    Settings { capacity: [0.25, 0.5, 1.0].map(|share| CapacityShare::new(share).unwrap()).into(), bootstrap, seed: 3 }
}

fn of_rows(rows: &[ScoredRow], bootstrap: u32) -> Evaluation {
    // A slice and a baseline that go with the row, so that they move where it moves.
    let slice = Slice { name: "even".into(), rows: rows.iter().map(|row| row.day % 2 == 0).collect() };
    let scores = rows.iter().map(|row| row.risk_score * row.weight).collect();
    let baseline = Baseline { name: "other".into(), scores };
    let scored = Scored::new(rows, &[slice], &[baseline]).unwrap();
    evaluate(&scored, &settings(bootstrap), Subject::default())
}

/// Every figure of the report, in order.
fn figures(evaluation: &Evaluation) -> Vec<Option<Estimate>> {
    let Evaluation { capacity, slices, baselines, .. } = evaluation;
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
    figures.extend(slices.iter().flat_map(|slice| [slice.auroc, slice.average_precision]));
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
        assert_same_values(&of_rows(&rows, 0), &of_rows(&rows.repeat(2), 0));
    }

    #[test]
    fn weight_two_is_a_row_given_twice(rows in prop::collection::vec(any_row(), 1..30), idx in any::<prop::sample::Index>()) {
        let unweighted = rows.iter().map(|row| ScoredRow { weight: 1.0, ..*row }).collect::<Vec<_>>();
        let idx = idx.index(rows.len());
        let (mut heavy, mut twice) = (unweighted.clone(), unweighted.clone());
        heavy[idx].weight = 2.0;
        twice.push(unweighted[idx]);
        let baselines = |rows: &[ScoredRow]| [Baseline { name: "risk".into(), scores: rows.iter().map(|row| row.risk_score).collect() }];
        let of = |rows: &[ScoredRow]| {
            evaluate(&Scored::new(rows, &[], &baselines(rows)).unwrap(), &settings(0), Subject::default())
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
            weight: 1.0,
            day: i64::from(at % 30),
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
        assert!(figures(&evaluation).iter().all(Option::is_none));
        assert_eq!((evaluation.capacity.len(), evaluation.reliability.len()), (3, 0));
    }
}

#[test]
fn numbers_out_of_range_are_refused_by_row_and_name() {
    let sound = ScoredRow { margin: 0.0, risk_score: 0.5, infringement: true, weight: 1.0, day: 0 };
    let refused = |name, bad| {
        let expected = Some(InvalidScored::Number { name, row: 1 });
        assert_eq!(Scored::new(&[sound, bad], &[], &[]).err(), expected);
    };
    refused("margin", ScoredRow { margin: f64::NAN, ..sound });
    refused("risk_score", ScoredRow { risk_score: 1.01, ..sound });
    refused("risk_score", ScoredRow { risk_score: f64::NAN, ..sound });
    refused("weight", ScoredRow { weight: -1.0, ..sound });
    refused("weight", ScoredRow { weight: f64::INFINITY, ..sound });
    assert!(Scored::new(&[sound], &[Slice { name: "a".into(), rows: vec![] }], &[]).is_err());
    assert!(Scored::new(&[sound], &[], &[Baseline { name: "a".into(), scores: vec![f64::NAN] }]).is_err());
}

//! The model: what serves equals what linfa fitted, shares add up, and probabilities behave.

use expect_test::{Expect, expect};
use linfa::prelude::*;
use linfa_logistic::LogisticRegression;
use ndarray::{Array1, Array2, Axis};
use parcel_risk::engine::Explanation;
use parcel_risk::features::FeatureRow;
use parcel_risk::history::History;
use parcel_risk::model::{
    Calibration, CalibrationKind, Estimator, Linear, LogisticParams, Model, ModelBody, ReferenceScores,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

use crate::fixture::{curve, rows, shuffle};
use crate::harness::{artifact, engine};

const PARAMS: LogisticParams = LogisticParams { l2: 2.0, max_iterations: 200 };

/// Features and labels with some truth in them: about `share` of the labels are infringements.
fn problem(seed: u64, share: f64) -> (Array2<f32>, Vec<bool>) {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut uniform = || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let values = Array2::from_shape_fn((400, 5), |(_, column)| {
        ((uniform() - 0.3) * [1.0, 10.0, 100.0, 1e3, 1e4][column]) as f32
    });
    let logit = (share / (1.0 - share)).ln();
    let label = |row: ndarray::ArrayView1<'_, f32>| {
        let score = logit + f64::from(row[0]) - 0.2 * f64::from(row[1]);
        uniform() < 1.0 / (1.0 + (-score).exp())
    };
    let labels = values.axis_iter(Axis(0)).map(label).collect();
    (values, labels)
}

fn standardized(values: &Array2<f32>) -> Array2<f64> {
    let mut standardized = values.mapv(f64::from);
    for mut column in standardized.axis_iter_mut(Axis(1)) {
        let n = column.len() as f64;
        let mean = column.iter().sum::<f64>() / n;
        let variance = column.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n;
        column.mapv_inplace(|value| (value - mean) / variance.sqrt());
    }
    standardized
}

fn logistic(score: f64) -> f64 {
    1.0 / (1.0 + (-score).exp())
}

/// linfa's own probability of an infringement, and which class it calls positive.
fn by_linfa(values: &Array2<f32>, labels: &[bool]) -> (Array1<f64>, bool) {
    let standardized = standardized(values);
    let dataset = Dataset::new(standardized.clone(), Array1::from(labels.to_vec()));
    let estimator = LogisticRegression::default().alpha(PARAMS.l2).max_iterations(PARAMS.max_iterations);
    let fitted = estimator.gradient_tolerance(1e-3).fit(&dataset).unwrap();
    let positive_is_infringement = fitted.labels().pos.class;
    let probabilities = fitted.predict_probabilities(&standardized);
    let of_infringement = |p: f64| if positive_is_infringement { p } else { 1.0 - p };
    (probabilities.mapv(of_infringement), positive_is_infringement)
}

#[test]
fn what_serves_gives_linfas_probabilities_whichever_class_is_rare() {
    let mut called_positive = Vec::new();
    for (seed, share) in [(1, 0.15), (2, 0.85), (3, 0.5)] {
        let (values, labels) = problem(seed, share);
        let n_infringements = labels.iter().filter(|label| **label).count();
        assert!((20..380).contains(&n_infringements), "{n_infringements}");
        let (expected, positive) = by_linfa(&values, &labels);
        called_positive.push(positive);
        let linear = PARAMS.check().unwrap().fit(values.view().into(), &labels).unwrap();
        for (row, expected) in values.axis_iter(Axis(0)).zip(&expected) {
            let got = logistic(linear.raw_score(&row.to_vec()));
            assert!((got - expected).abs() < 1e-12, "{got} instead of {expected}, at a share of {share}");
        }
        let better = |wanted: bool| {
            let scores = expected.iter().zip(&labels).filter(|(_, label)| **label == wanted).map(|(p, _)| *p);
            scores.clone().sum::<f64>() / scores.count() as f64
        };
        assert!(better(true) > better(false) + 0.05, "infringements score higher");
    }
    called_positive.truncate(2);
    assert_eq!(called_positive, [false, true], "linfa calls the more frequent class positive: both ways are tried");
}

#[test]
fn a_missing_feature_speaks_neither_for_nor_against() {
    let linear = Linear { base: -1.0, means: vec![2.0, 5.0], slopes: vec![3.0, -7.0] };
    let shares = |values: &[f32]| linear.contributions(values).collect::<Vec<_>>();
    assert_eq!(linear.raw_score(&[f32::NAN, f32::NAN]), -1.0);
    assert_eq!(shares(&[f32::NAN, f32::NAN]), [0.0, 0.0]);
    assert_eq!(linear.raw_score(&[3.0, f32::NAN]), 2.0);
    assert_eq!(shares(&[3.0, f32::NAN]), [3.0, 0.0]);
}

#[test]
fn a_feature_that_is_always_missing_or_always_the_same_gets_a_finite_weight_of_nothing() {
    let (mut values, labels) = problem(4, 0.3);
    values.column_mut(2).fill(f32::NAN);
    values.column_mut(3).fill(7.0);
    let linear = PARAMS.check().unwrap().fit(values.view().into(), &labels).unwrap();
    assert!(linear.slopes.iter().chain(&linear.means).all(|number| number.is_finite()));
    assert!(linear.slopes[2].abs() < 1e-9 && linear.slopes[3].abs() < 1e-9, "{:?}", linear.slopes);
}

fn history() -> &'static History {
    artifact().settled_history()
}

#[test]
fn shares_and_reasons_add_up_to_the_score_of_every_fixture_row() {
    let engine = engine();
    let mut features = FeatureRow::default();
    let mut contributions = Vec::new();
    for row in rows() {
        let parcel = row.parcel.get();
        let at = engine.bucket_of(parcel.advised_at);
        let keys = engine.plan().keys(&parcel, engine.rates());
        let scores = engine.score(&keys, history(), at, &mut features);
        let base = engine.model().contributions(&features.values, &mut contributions);
        let shares = base + contributions.iter().sum::<f64>();
        assert!((shares - scores.raw_score).abs() < 1e-9, "{:?}: shares", parcel.item_id);

        let decision = engine.assess(&parcel, history(), at, Explanation::Full);
        let raw = decision.raw_score.unwrap();
        assert_eq!((raw.log_odds, raw.base_log_odds), (scores.raw_score, base));
        let reasons = base + decision.reasons.iter().map(|reason| reason.contribution_log_odds).sum::<f64>();
        assert!((reasons - scores.raw_score).abs() < 1e-9, "{:?}: reasons", parcel.item_id);
        let mut codes: Vec<_> = decision.reasons.iter().map(|reason| reason.code).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), decision.reasons.len(), "each ground once");
        let sizes = decision.reasons.iter().map(|reason| reason.contribution_log_odds.abs());
        assert!(sizes.is_sorted_by(|a, b| a >= b), "largest first");
    }
}

/// Never falling, and a probability, from one end of the scores to the other.
fn rises_within_0_and_1(calibration: &Calibration) -> Result<(), TestCaseError> {
    let probabilities: Vec<f64> =
        (-7000..=7000).map(|tenths| calibration.probability(f64::from(tenths) / 10.0)).collect();
    prop_assert!(probabilities.iter().all(|p| (0.0..=1.0).contains(p)), "{calibration:?}");
    // A step down of one in the last place is rounding.
    let falls = probabilities.windows(2).position(|pair| pair[1] < pair[0] - 1e-15);
    prop_assert!(falls.is_none(), "{calibration:?} falls at {falls:?}");
    Ok(())
}

#[test]
fn the_built_in_calibration_rises_from_end_to_end() {
    let calibration = &artifact().model().body().calibration;
    rises_within_0_and_1(calibration).unwrap();
    assert!(calibration.probability(-700.0) < 0.01 && calibration.probability(700.0) > 0.99, "{calibration:?}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(3), failure_persistence: None, ..ProptestConfig::with_cases(40)
    })]

    #[test]
    fn a_fitted_calibration_never_falls(
        scores in vec(-8.0..8.0_f64, 60..200),
        truth in -2.0..2.0_f64,
        seed in any::<u64>(),
    ) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut uniform = || (random.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        // A truth below zero is a model that ranks the wrong way round.
        let labels: Vec<bool> = scores.iter().map(|score| uniform() < logistic(truth * score)).collect();
        let n = labels.iter().filter(|label| **label).count();
        match Calibration::fit(CalibrationKind::Beta, &scores, &labels) {
            Ok(calibration) => rises_within_0_and_1(&calibration)?,
            Err(error) => prop_assert!(n < 20 || labels.len() - n < 20, "{error}"),
        }
    }

    #[test]
    fn the_order_of_rows_changes_the_calibration_by_rounding_only(seed in any::<u64>()) {
        let (values, labels) = problem(5, 0.4);
        let mut rows: Vec<(f64, bool)> = values.column(0).iter().map(|value| f64::from(*value)).zip(labels).collect();
        let fit = |rows: &[(f64, bool)]| {
            let (scores, labels): (Vec<_>, Vec<_>) = rows.iter().copied().unzip();
            Calibration::fit(CalibrationKind::Beta, &scores, &labels).unwrap().probability(0.3)
        };
        let before = fit(&rows);
        shuffle(&mut rows, seed);
        prop_assert!((fit(&rows) - before).abs() < 1e-3);
    }
}

#[track_caller]
fn check(error: impl std::error::Error, expect: Expect) {
    expect.assert_eq(&crate::table::chain(&error));
}

#[test]
fn a_fit_that_cannot_be_is_refused_in_words() {
    let (values, labels) = problem(6, 0.5);
    let fit = |labels: &[bool]| PARAMS.check().unwrap().fit(values.view().into(), labels).unwrap_err();
    check(
        fit(&vec![false; labels.len()]),
        expect![[r#"
        fitting needs clean parcels and infringements; there are 0 infringements in 400 parcels
    "#]],
    );
    check(
        fit(&vec![true; labels.len()]),
        expect![[r#"
        fitting needs clean parcels and infringements; there are 400 infringements in 400 parcels
    "#]],
    );
    for l2 in [-1.0, f64::NAN, f64::INFINITY] {
        let refused = LogisticParams { l2, ..PARAMS }.check().unwrap_err();
        assert_eq!(refused.to_string(), "l2: must be a number of at least zero");
    }
    check(
        LogisticParams { max_iterations: 0, ..PARAMS }.check().unwrap_err(),
        expect![[r#"
        max_iterations: must be at least one
    "#]],
    );
}

#[test]
fn a_calibration_on_too_few_is_refused_in_words() {
    let scores: Vec<f64> = (0..60).map(f64::from).collect();
    let labels = |n: usize| -> Vec<bool> { (0..60).map(|idx| idx < n).collect() };
    check(
        Calibration::fit(CalibrationKind::Beta, &scores, &labels(19)).unwrap_err(),
        expect![[r#"
        calibration needs at least 20 infringements and as many clean parcels; there are 19 and 41
    "#]],
    );
    check(
        Calibration::fit(CalibrationKind::Beta, &scores, &labels(41)).unwrap_err(),
        expect![[r#"
        calibration needs at least 20 infringements and as many clean parcels; there are 41 and 19
    "#]],
    );
    check(
        Calibration::fit(CalibrationKind::Beta, &[], &[]).unwrap_err(),
        expect![[r#"
        calibration needs at least 20 infringements and as many clean parcels; there are 0 and 0
    "#]],
    );
    assert!(Calibration::fit(CalibrationKind::Beta, &scores, &labels(20)).is_ok());
    assert!(Calibration::fit(CalibrationKind::Beta, &scores, &labels(40)).is_ok());
}

/// The weights of a body that [`changed`] gave a logistic regression.
fn linear(body: &mut ModelBody) -> &mut Linear {
    match &mut body.estimator {
        Estimator::Logistic(linear) => linear,
        Estimator::Boosting(_) => panic!("a logistic regression was put there"),
    }
}

fn changed(change: impl FnOnce(&mut ModelBody)) -> ModelBody {
    let mut body = artifact().model().body().clone();
    let n_features = artifact().model().plan().features().len();
    body.estimator =
        Estimator::Logistic(Linear { base: -1.0, means: vec![0.0; n_features], slopes: vec![0.1; n_features] });
    change(&mut body);
    body
}

/// Refused as a value, and as the bytes of it.
#[track_caller]
fn check_body(change: impl FnOnce(&mut ModelBody), expect: Expect) {
    let body = changed(change);
    let bytes = [b"PRMODEL3".to_vec(), postcard::to_stdvec(&body).unwrap()].concat();
    let told = crate::table::chain(&Model::from_bytes(&bytes).unwrap_err());
    assert_eq!(told, crate::table::chain(&Model::new(body).unwrap_err()));
    expect.assert_eq(&told);
}

#[test]
fn a_model_that_no_training_makes_is_refused() {
    check_body(
        |body| linear(body).slopes[0] = f64::NAN,
        expect![[r#"
        the model is inconsistent: a weight that is not finite
    "#]],
    );
    check_body(
        |body| linear(body).means[3] = f64::NEG_INFINITY,
        expect![[r#"
        the model is inconsistent: a weight that is not finite
    "#]],
    );
    check_body(
        |body| linear(body).base = f64::INFINITY,
        expect![[r#"
        the model is inconsistent: a weight that is not finite
    "#]],
    );
    check_body(
        |body| linear(body).slopes.truncate(7),
        expect![[r#"
        the model is inconsistent: as many weights as features are needed
    "#]],
    );
    check_body(
        |body| linear(body).means.push(0.0),
        expect![[r#"
        the model is inconsistent: as many weights as features are needed
    "#]],
    );
    check_body(
        |body| curve(body).a = -0.5,
        expect![[r#"
        the model is inconsistent: a calibration that falls or is not finite
    "#]],
    );
    check_body(
        |body| curve(body).c = f64::NAN,
        expect![[r#"
        the model is inconsistent: a calibration that falls or is not finite
    "#]],
    );
    let unsorted: ReferenceScores = serde_json::from_str("[2.0, 1.0]").unwrap();
    check_body(
        |body| body.reference = unsorted,
        expect![[r#"
        the model is inconsistent: reference scores that are not sorted
    "#]],
    );
    check_body(
        |body| body.reference = ReferenceScores::of(&[0.0, f64::NAN]),
        expect![[r#"
        the model is inconsistent: reference scores that are not sorted
    "#]],
    );
    check_body(
        |body| body.spec.numbers[0] = "log_valu".to_owned(),
        expect![[r#"
        the model's feature spec
        numbers: "log_valu" is not known; did you mean "log_value"?
    "#]],
    );
    check_body(
        |body| body.spec.half_life_days = 0.0,
        expect![[r#"
        the model's feature spec
        half_life_days: must be a positive number, got 0
    "#]],
    );
}

#[test]
fn bytes_that_are_no_model_say_so() {
    let whole = artifact().model().to_bytes();
    assert_eq!(Model::from_bytes(&whole).unwrap().body(), artifact().model().body());
    let refused = |bytes: &[u8]| Model::from_bytes(bytes).unwrap_err().to_string();
    expect![[r#"
        not a model of format "PRMODEL3"
        not a model of format "PRMODEL3"
        the model is truncated or damaged"#]]
    .assert_eq(&[&whole[1..], b"", b"PRMODEL3"].map(refused).join("\n"));
    expect![[r#"
        the model is truncated or damaged
        the model is truncated or damaged
        the model is truncated or damaged"#]]
    .assert_eq(&[&whole[..8], &whole[..whole.len() - 1], &[&whole[..], &[0]].concat()].map(refused).join("\n"));
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: RngSeed::Fixed(4), failure_persistence: None, ..ProptestConfig::with_cases(1000)
    })]

    #[test]
    fn any_bytes_are_refused_or_a_model_that_packs_again(
        bytes in vec(any::<u8>(), 0..200),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut changed = artifact().model().to_bytes();
        for (at, byte) in changes {
            let at = at.index(changed.len());
            changed[at] = byte;
        }
        for bytes in [[b"PRMODEL3".as_slice(), &bytes].concat(), bytes, changed] {
            if let Ok(model) = Model::from_bytes(&bytes) {
                prop_assert_eq!(Model::from_bytes(&model.to_bytes()).unwrap().to_bytes(), model.to_bytes());
            }
        }
    }
}

//! Figures held against scikit-learn's, and the report as its readers see it.

use expect_test::expect;

use super::*;

const MARGIN: [f64; 24] = [
    3.0, 3.0, 2.5, 2.0, 2.0, 2.0, 1.5, 1.0, 1.0, 0.5, 0.5, 0.0, 0.0, 0.0, -0.5, -1.0, -1.0, -1.5, -2.0, -2.0, -2.0,
    -3.0, -3.0, -4.0,
];
const RISK: [f64; 24] = [
    0.95, 0.95, 0.9, 0.8, 0.8, 0.8, 0.7, 0.6, 0.6, 0.5, 0.5, 0.4, 0.4, 0.4, 0.3, 0.25, 0.25, 0.2, 0.1, 0.1, 0.1, 0.05,
    0.05, 0.02,
];
const INFRINGEMENT: [u8; 24] = [1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0];
const WEIGHT: [f64; 24] = [
    1.0, 2.0, 1.0, 0.5, 1.0, 1.0, 3.0, 1.0, 1.0, 2.0, 1.0, 1.0, 0.25, 1.0, 1.0, 1.0, 4.0, 1.0, 1.0, 1.0, 0.5, 1.0, 2.0,
    1.0,
];

fn rows(weighted: bool) -> Vec<ScoredRow> {
    let row = |at: usize| ScoredRow {
        margin: MARGIN[at],
        risk_score: RISK[at],
        infringement: INFRINGEMENT[at] == 1,
        weight: if weighted { WEIGHT[at] } else { 1.0 },
        day: 18_000 + at as i64 % 6,
    };
    (0..24).map(row).collect()
}

fn evaluation(weighted: bool) -> Evaluation {
    let rows = rows(weighted);
    let slice =
        |name: &str, seen: bool| Slice { name: name.into(), rows: (0..24).map(|at| (at % 2 == 0) == seen).collect() };
    let slices = [slice("history_seen", true), slice("history_unseen", false)];
    let baselines = [Baseline::random(24), Baseline { name: "weight".into(), scores: WEIGHT.to_vec() }];
    let settings = Settings {
        capacity: [0.05, 0.25].map(|share| CapacityShare::new(share).unwrap()).into(),
        bootstrap: 200,
        seed: 7,
    };
    let model = ModelIdentity { name: "toy".into(), version: "1".into(), digest: "sha256:00".into() };
    let subject = Subject { label_delay_days: 14, model, data_digest: "sha256:11".into() };
    evaluate(&Scored::new(&rows, &slices, &baselines).unwrap(), &settings, subject)
}

/// `average_precision_score`, `roc_auc_score`, `log_loss`, `brier_score_loss` and `LogisticRegression` (C = inf,
/// solver newton-cholesky, tol 1e-14) of scikit-learn 1.9.1 with NumPy 2.4.6, on the columns above.
#[test]
fn figures_are_those_of_scikit_learn() {
    #[track_caller]
    fn check(weighted: bool, expected: [f64; 6]) {
        let found = evaluation(weighted);
        let found = [
            found.average_precision,
            found.auroc,
            found.log_loss,
            found.brier,
            found.calibration_slope,
            found.calibration_intercept,
        ];
        for (found, expected) in found.iter().zip(expected) {
            assert!((found.unwrap().value - expected).abs() < 1e-9, "{found:?} {expected}");
        }
    }
    check(
        false,
        [
            0.609_434_682_964_094_8,
            0.75,
            0.633_584_545_333_071_8,
            0.208_975,
            0.537_726_708_605_670_5,
            -0.224_181_148_635_193_2,
        ],
    );
    check(
        true,
        [
            0.560_933_134_521_360_1,
            0.772_136_953_955_135_8,
            0.624_020_310_801_633,
            0.198_112_396_694_214_9,
            0.559_411_850_253_941_1,
            -0.511_374_004_195_439_8,
        ],
    );
}

#[test]
fn the_report_is_readable() {
    expect![[r#"
        24 parcels, 10 with an infringement; outcomes known after 14 days
        model toy 1 sha256:00
        data sha256:11

                                      value    95 % interval
        base rate                    0.4167   0.2083..0.6250
        average precision            0.6094   0.2998..0.9368
        AUROC                        0.7500   0.5414..0.9333
        log loss                     0.6336   0.3615..0.9514
          saved of the base rate's   0.0672  -0.5360..0.4300
        Brier score                  0.2090   0.1163..0.3187
          saved of the base rate's   0.1402  -0.6020..0.5150
        expected calibration error   0.1342   0.1180..0.3324
        calibration slope            0.5377   0.0880..1.6184
        calibration intercept       -0.2242  -1.3293..0.8321

        opened  parcels             precision  at best  expected                recall  at best  lift
        5 %           1  0.500 (0.000..1.000)   1.0000    0.9500  0.050 (0.000..0.150)   0.1000  1.20
        25 %          6  0.667 (0.277..1.000)   1.0000    0.8667  0.400 (0.208..0.667)   0.6000  1.60

        part            parcels  infringements                 AUROC     average precision
        history_seen         12              7  0.900 (0.639..1.000)  0.948 (0.754..1.000)
        history_unseen       12              3                0.5926                0.3313

        other score     average precision      model is ahead by  precision at 5 %    25 %
        random       0.417 (0.208..0.625)   0.193 (0.051..0.519)            0.4167  0.4167
        weight       0.404 (0.217..0.638)  0.206 (-0.024..0.501)            0.0000  0.2396

        Intervals: 95 %, the wider of 200 resamples of rows and of 6 days (seed 7).
    "#]]
    .assert_eq(&evaluation(false).to_text());
}

#[test]
fn json_has_the_documented_keys_and_reads_back() {
    let evaluation = evaluation(true);
    let json = serde_json::to_value(&evaluation).unwrap();
    let has =
        |at: &serde_json::Value, keys: &[&str]| keys.iter().for_each(|&key| assert!(at.get(key).is_some(), "{key}"));
    has(&json, &["parcels", "infringements", "label_delay_days", "capacity", "slices", "model", "data_digest"]);
    for figure in ["average_precision", "auroc", "log_loss", "brier", "expected_calibration_error", "calibration_slope"]
    {
        has(&json[figure], &["value", "low_95", "high_95"]);
    }
    has(&json["capacity"][0], &["share", "parcels", "precision", "recall", "lift"]);
    has(&json["slices"][0], &["name", "parcels", "infringements", "auroc", "average_precision"]);
    has(&json["model"], &["name", "version", "digest"]);
    has(&json["baselines"][1], &["name", "average_precision", "capacity"]);
    assert_eq!(serde_json::from_str::<Evaluation>(&serde_json::to_string(&evaluation).unwrap()).unwrap(), evaluation);
}

#[test]
fn random_is_the_base_rate_at_every_capacity() {
    let evaluation = evaluation(true);
    let base_rate = evaluation.base_rate.unwrap().value;
    let random = &evaluation.baselines[0];
    assert!((random.average_precision.unwrap().value - base_rate).abs() < 1e-12);
    for at in &random.capacity {
        assert!((at.precision.unwrap().value - base_rate).abs() < 1e-12);
    }
}

//! Figures held against scikit-learn's, and the report as its readers see it.

use std::collections::BTreeSet;

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
        ..ScoredRow::default()
    };
    (0..24).map(row).collect()
}

fn evaluation(weighted: bool) -> Evaluation {
    let rows = rows(weighted);
    let slice = |value: &str, seen: bool| {
        let rows = (0..24).map(|at| (at % 2 == 0) == seen).collect();
        Slice { dimension: "history".into(), value: value.into(), rows }
    };
    let columns = Columns {
        slices: vec![slice("seen", true), slice("unseen", false)],
        baselines: vec![Baseline::random(24), Baseline { name: "weight".into(), scores: WEIGHT.to_vec() }],
        ..Columns::default()
    };
    let settings = Settings {
        capacity: [0.05, 0.25].map(|share| CapacityShare::new(share).unwrap()).into(),
        bootstrap: 200,
        seed: 7,
    };
    let model = ModelIdentity { name: "toy".into(), version: "1".into(), digest: "sha256:00".into() };
    let subject = Subject { label_delay_days: 14, model, data_digest: "sha256:11".into() };
    evaluate(&Scored::new(&rows, &columns).unwrap(), &settings, subject)
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

        opened  parcels             precision           of the best                recall  at best  lift
        5 %           1  0.500 (0.000..1.000)  0.500 (0.000..1.000)  0.050 (0.000..0.150)   0.1000  1.20
        25 %          6  0.667 (0.277..1.000)  0.667 (0.332..1.000)  0.400 (0.208..0.667)   0.6000  1.60

        opened  expected   found              in excess  calibration error within
        5 %       0.9500  0.5000  0.450 (-0.102..0.950)      0.450 (0.050..0.950)
        25 %      0.8667  0.6667  0.200 (-0.192..0.567)      0.220 (0.017..0.592)

        other score     average precision      model is ahead by
        random       0.417 (0.208..0.625)   0.193 (0.051..0.519)
        weight       0.404 (0.217..0.638)  0.206 (-0.024..0.501)

        precision at     5 %    25 %
        this model    0.5000  0.6667
        random        0.4167  0.4167
        weight        0.0000  0.2396

        history  parcels  base rate                 AUROC     average precision  at a tenth     ECE
        seen          12     0.5833  0.900 (0.639..1.000)  0.948 (0.754..1.000)      1.0000  0.2458
        unseen        12     0.2500                0.5926                0.3313      0.0000  0.3008

        Intervals: 95 %, the wider of 200 resamples of rows and of 6 days (seed 7).
    "#]]
    .assert_eq(&evaluation(false).to_text());
}

/// Every path of a JSON value, list entries alike.
fn paths(value: &serde_json::Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| paths(value, &format!("{path}.{name}"), found));
        }
        serde_json::Value::Array(entries) => entries.iter().for_each(|entry| paths(entry, &format!("{path}[]"), found)),
        // Where there is a value, there are these.
        _ if path.ends_with(".low_95") || path.ends_with(".high_95") => {}
        _ => drop(found.insert(path.trim_start_matches('.').to_owned())),
    }
}

/// Rows of which everything is known, so that nothing is left out of the report.
fn full() -> Evaluation {
    let rows = (0..400).map(|at| ScoredRow {
        revenue: Some(100.0),
        place: Some(Place { below: 0.5, not_above: 0.5 }),
        label_delay_days: Some(3.0),
        ..rows(false)[at % 24]
    });
    let values = (0..400).map(|at| ["KR", "CN", "rare"][(at % 5).min(2)].to_owned()).collect();
    let origin = Partition { dimension: "origin_country".into(), values };
    let columns = Columns {
        partitions: vec![origin.clone()],
        selection: vec![origin],
        baselines: vec![Baseline::random(400)],
        novelty: vec![Novelty { key: "sender".into(), unseen: vec![Some(true); 400] }],
        ..Columns::default()
    };
    let settings = Settings { capacity: vec![CapacityShare::new(0.5).unwrap()], bootstrap: 20, seed: 7 };
    evaluate(&Scored::new(&rows.collect::<Vec<_>>(), &columns).unwrap(), &settings, Subject::default())
}

#[test]
fn json_has_the_documented_shape_and_reads_back() {
    let evaluation = full();
    let mut found = BTreeSet::new();
    paths(&serde_json::to_value(&evaluation).unwrap(), "", &mut found);
    expect![[r#"
        auroc.value
        average_precision.value
        base_rate.value
        baselines[].average_precision.value
        baselines[].average_precision_lead.value
        baselines[].capacity[].precision.value
        baselines[].capacity[].share
        baselines[].name
        bootstrap.days
        bootstrap.replicates
        bootstrap.seed
        brier.value
        brier_skill.value
        calibration_intercept.value
        calibration_slope.value
        capacity[].expected_calibration_error_within.value
        capacity[].expected_precision
        capacity[].expected_precision_excess.value
        capacity[].lift.value
        capacity[].normalized_precision.value
        capacity[].parcels
        capacity[].precision.value
        capacity[].precision_ceiling
        capacity[].recall.value
        capacity[].recall_ceiling
        capacity[].reliability_within[].infringement_share
        capacity[].reliability_within[].mean_risk_score
        capacity[].reliability_within[].weight
        capacity[].share
        data_digest
        drift.score_ks.value
        drift.score_psi.value
        expected_calibration_error.value
        infringements
        label_delay_days
        log_loss.value
        log_loss_skill.value
        model.digest
        model.name
        model.version
        novelty[].key
        novelty[].parcels
        novelty[].unseen.value
        observed_label_delay.parcels
        observed_label_delay.quantiles[].days.value
        observed_label_delay.quantiles[].share
        parcels
        reliability[].infringement_share
        reliability[].mean_risk_score
        reliability[].weight
        revenue.capacity[].found.value
        revenue.capacity[].found_winsorized.value
        revenue.capacity[].normalized.value
        revenue.capacity[].share
        revenue.infringements
        revenue.share_of_largest_50.value
        revenue.total
        revenue.winsorized_at
        selection[].dimension
        selection[].groups[].base_rate.value
        selection[].groups[].capacity[].false_positive_rate.value
        selection[].groups[].capacity[].flagged
        selection[].groups[].capacity[].precision.value
        selection[].groups[].capacity[].ratio.value
        selection[].groups[].capacity[].selection_rate.value
        selection[].groups[].capacity[].share
        selection[].groups[].infringements
        selection[].groups[].parcels
        selection[].groups[].value
        slices[].auroc.value
        slices[].average_precision.value
        slices[].base_rate.value
        slices[].dimension
        slices[].expected_calibration_error
        slices[].infringements
        slices[].name
        slices[].parcels
        slices[].precision_at_tenth.value
        slices[].value
        weight"#]]
    .assert_eq(&found.into_iter().collect::<Vec<_>>().join("\n"));
    assert_eq!(serde_json::from_str::<Evaluation>(&serde_json::to_string(&evaluation).unwrap()).unwrap(), evaluation);
}

#[test]
fn the_whole_report_fits_a_hundred_columns() {
    let text = full().to_text();
    let wide = text.lines().find(|line| line.chars().count() > 100);
    assert_eq!(wide, None, "{text}");
    for section in
        ["revenue found", "origin_country opened at 50 %", "score KS", "never met before", "known after days"]
    {
        assert!(text.contains(section), "{section}:\n{text}");
    }
}

#[test]
fn reports_of_older_releases_are_read() {
    // What a report had before it told of slices by dimension, selection, revenue, drift, novelty and delay.
    let mut old = serde_json::to_value(evaluation(false)).unwrap();
    for added in ["selection", "novelty", "baselines", "reliability"] {
        old.as_object_mut().unwrap().remove(added).unwrap();
    }
    for slice in old["slices"].as_array_mut().unwrap() {
        let slice = slice.as_object_mut().unwrap();
        for added in ["dimension", "value", "base_rate", "precision_at_tenth", "expected_calibration_error"] {
            slice.remove(added).unwrap();
        }
    }
    for at in old["capacity"].as_array_mut().unwrap() {
        let at = at.as_object_mut().unwrap();
        let within = ["expected_calibration_error_within", "reliability_within"];
        for added in ["normalized_precision", "expected_precision_excess"].into_iter().chain(within) {
            at.remove(added).unwrap();
        }
    }
    let old: Evaluation = serde_json::from_value(old).unwrap();
    assert_eq!((old.slices[0].name.as_str(), old.slices[0].dimension.as_str()), ("history_seen", ""));
    assert!(old.to_text().contains("history_seen"));
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

//! What a training run promises: the same again, or a refusal that says why.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use expect_test::{Expect, expect};
use parcel_risk::artifact::{Artifact, ArtifactError};
use parcel_risk::engine::Engine;
use parcel_risk::evaluation::{Bin, Estimate, ScoredRow};
use parcel_risk::history::EntityKey;
use parcel_risk::model::{Calibration, CalibrationKind, EstimatorKind};
use parcel_risk::policy::ThresholdsConfig;
use parcel_risk::train::{Backtest, Dataset, TrainConfig};

use crate::fixture::{fixture, plan, quick, rates, read, rows, train, train_csv, valid_csv};
use crate::table::chain;

fn dataset() -> Dataset {
    read(&[train_csv(), valid_csv()])
}

fn trained(config: TrainConfig) -> Artifact {
    train(&dataset(), config).unwrap()
}

/// What training says where it refuses, without the directory that the fixture happens to be in.
#[track_caller]
fn check_refused(dataset: &Dataset, config: TrainConfig, expect: Expect) {
    let directory = format!("{}/", fixture("").parent().unwrap().display());
    expect.assert_eq(&chain(&train(dataset, config).unwrap_err()).replace(&directory, ""));
}

#[test]
fn the_same_data_and_settings_give_the_same_artifact_on_any_number_of_threads() {
    let digest = || trained(quick()).model_ref().digest.clone();
    let first = digest();
    assert_eq!(first, digest());
    for n_threads in [1, 4] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().unwrap();
        assert_eq!(first, pool.install(digest), "{n_threads} threads");
    }
}

#[test]
fn what_counts_more_in_the_fit_counts_as_much_in_the_calibration() {
    // Labels that nothing tells apart, so that all that is promised is the rate.
    let mut data = dataset();
    for (idx, row) in data.rows.iter_mut().enumerate() {
        row.outcome.as_mut().unwrap().infringement = idx % 2 == 0;
        row.weight = if idx % 10 == 1 { 5.0 } else { 1.0 };
    }
    for calibration in [CalibrationKind::Beta, CalibrationKind::Isotonic] {
        let config = TrainConfig { calibration, boosting_trees: 40, ..quick() };
        let metrics = train(&data, config).unwrap().manifest().metrics.clone();
        let sum = |of: fn(&Bin) -> f64| metrics.reliability.iter().map(|bin| bin.weight * of(bin)).sum::<f64>();
        let promised = sum(|bin| bin.mean_risk_score) / sum(|_| 1.0);
        let rate = metrics.base_rate.unwrap().value;
        assert!((promised - rate).abs() < 0.06, "{calibration}: {promised} promised, {rate} found");
    }
}

fn logistic() -> TrainConfig {
    TrainConfig { estimator: EstimatorKind::Logistic, ..quick() }
}

#[test]
fn another_seed_changes_the_trees() {
    let [one, two] = [1, 2].map(|seed| trained(TrainConfig { seed, ..quick() }));
    assert_ne!(one.model().body().estimator, two.model().body().estimator);
    assert_eq!(one.snapshot(), two.snapshot(), "history has nothing to do with it");
}

#[test]
fn another_seed_changes_intervals_of_a_logistic_regression_and_nothing_else() {
    let [one, two] = [1, 2].map(|seed| trained(TrainConfig { seed, ..logistic() }));
    assert_eq!(one.model().body(), two.model().body());
    assert_eq!(one.snapshot(), two.snapshot());
    let (one, two) = (one.manifest(), two.manifest());
    let auroc = |estimate: &Option<Estimate>| {
        let estimate = estimate.as_ref().unwrap();
        (estimate.value, (estimate.low_95.unwrap(), estimate.high_95.unwrap()))
    };
    let ((value_one, interval_one), (value_two, interval_two)) = (auroc(&one.metrics.auroc), auroc(&two.metrics.auroc));
    assert_eq!(value_one, value_two);
    assert_ne!(interval_one, interval_two);
    // The card tells the intervals too, and golden decisions name the version.
    for file in ["model.bin", "history.bin"] {
        assert_eq!(one.files[file], two.files[file], "{file}");
    }
}

#[test]
fn trees_weigh_rows_by_their_weights() {
    let mut dataset = dataset();
    let plain = train(&dataset, quick()).unwrap();
    dataset.rows.iter_mut().for_each(|row| row.weight = 2.5);
    dataset.rows[2].weight = 100.0;
    assert_ne!(train(&dataset, quick()).unwrap().model().body().estimator, plain.model().body().estimator);
}

#[test]
fn a_weighted_row_is_refused_by_an_estimator_that_would_count_it_once() {
    let mut dataset = dataset();
    dataset.rows[2].weight = 2.5;
    check_refused(
        &dataset,
        logistic(),
        expect![[r#"
            customs-declarations/train.csv:row 3 (line 4): the row has weight 2.5, but the logistic estimator counts every row once
        "#]],
    );
}

#[test]
fn labels_of_one_class_are_refused() {
    for infringement in [false, true] {
        let mut dataset = dataset();
        dataset.rows.iter_mut().for_each(|row| row.outcome.as_mut().unwrap().infringement = infringement);
        let expect = if infringement {
            expect![[r#"
                fitting the model on the 1471 labeled parcels after warm-up
                fitting needs clean parcels and infringements; there are 1471 infringements in 1471 parcels
            "#]]
        } else {
            expect![[r#"
                fitting the model on the 881 labeled parcels after warm-up
                fitting needs clean parcels and infringements; there are 0 infringements in 881 parcels
            "#]]
        };
        check_refused(&dataset, quick(), expect);
    }
}

#[test]
fn too_few_to_calibrate_on_move_the_level_only() {
    let mut dataset = dataset();
    // So few that no quarter of the rows holds twenty.
    let outcomes = dataset.rows.iter_mut().filter_map(|row| row.outcome.as_mut()).enumerate();
    outcomes.for_each(|(idx, outcome)| outcome.infringement = idx % 60 == 0);
    let artifact = train(&dataset, quick()).unwrap();
    let line = artifact.card().lines().find(|line| line.starts_with("- Calibration")).unwrap_or_default().to_owned();
    expect!["- Calibration: by its level only, +0.934 log-odds; the block held too few infringements for a curve."]
        .assert_eq(&line);
}

/// The scores of a quarter, placed among those of the training.
fn scored(artifact: &Artifact) -> Vec<ScoredRow> {
    let thresholds = ThresholdsConfig::default().check().unwrap();
    let (model, model_ref) = (Arc::clone(artifact.model()), Arc::clone(artifact.model_ref()));
    let engine = Engine::new(model, model_ref, rates(), thresholds).unwrap();
    let mut backtest = Backtest::frozen(&read(&[valid_csv()]).rows, &engine, artifact.settled_history());
    backtest.place_among(&artifact.model().body().reference);
    backtest.rows().to_vec()
}

#[test]
fn steps_are_ranked_as_they_are_served_and_placed_by_what_is_behind_them() {
    let steps = trained(TrainConfig { calibration: CalibrationKind::Isotonic, ..quick() });
    assert!(matches!(steps.model().body().calibration, Calibration::Isotonic(_)));
    let rows = scored(&steps);
    assert!(rows.iter().all(|row| row.margin == row.risk_score));
    let distinct = |of: fn(&ScoredRow) -> f64| rows.iter().map(|row| of(row).to_bits()).collect::<BTreeSet<_>>().len();
    let (served, places) = (distinct(|row| row.margin), distinct(|row| row.place.unwrap().below));
    assert!(served < places, "{served} scores at {places} places");

    let curve = trained(quick());
    assert!(matches!(curve.model().body().calibration, Calibration::Beta(_)));
    assert!(scored(&curve).iter().any(|row| row.margin < 0.0), "log-odds");
}

#[test]
fn an_artifact_written_is_read_back_as_it_was_and_a_damaged_one_is_not() {
    let written = trained(quick());
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model");
    written.write(&path).unwrap();
    let read = Artifact::read(&path).unwrap();
    assert_eq!(read.model_ref(), written.model_ref());
    assert_eq!(read.manifest(), written.manifest());
    assert_eq!(read.model().body(), written.model().body());
    assert_eq!(read.snapshot(), written.snapshot());
    assert_eq!((read.card(), read.n_golden()), (written.card(), written.n_golden()));

    for file in ["model.bin", "history.bin", "golden.jsonl", "CARD.md"] {
        let whole = fs::read(path.join(file)).unwrap();
        let mut damaged = whole.clone();
        let middle = damaged.len() / 2;
        damaged[middle] ^= 1;
        fs::write(path.join(file), damaged).unwrap();
        match Artifact::read(&path) {
            Err(ArtifactError::Digest { file: named }) => assert_eq!(named, file),
            other => panic!("{file}: {other:?}"),
        }
        fs::write(path.join(file), whole).unwrap();
    }
    Artifact::read(&path).unwrap();
}

#[test]
fn golden_decisions_are_200_or_all_that_are_held_back() {
    let few = trained(TrainConfig { report_share: 0.05, ..quick() });
    assert_eq!(few.n_golden(), few.manifest().metrics.parcels);
    assert!(few.n_golden() < 200);
    let many = trained(TrainConfig { report_share: 0.2, ..quick() });
    assert!(many.manifest().metrics.parcels > 200);
    assert_eq!(many.n_golden(), 200);
}

/// The keys that say whether a consignment was seen before.
fn fingerprints() -> BTreeSet<EntityKey> {
    let plan = plan();
    rows().iter().filter_map(|row| plan.keys(&row.parcel.get(), &rates()).by_key()[plan.fingerprint()]).collect()
}

#[test]
fn a_history_over_its_limit_is_pruned_to_fit_and_keeps_every_fingerprint() {
    let whole = trained(quick());
    let bytes = whole.manifest().files["history.bin"].bytes;
    let n_entities = whole.snapshot().entries.len();
    assert_eq!(whole.manifest().pruning.entities_before, n_entities);

    let history_max_bytes = bytes * 6 / 10;
    let pruned = trained(TrainConfig { history_max_bytes, ..quick() });
    assert!(pruned.manifest().files["history.bin"].bytes <= history_max_bytes);
    assert_eq!(pruned.manifest().pruning.entities_before, n_entities);
    let kept: BTreeSet<EntityKey> = pruned.snapshot().entries.iter().map(|(key, _)| *key).collect();
    assert_eq!(pruned.manifest().pruning.entities_after, kept.len());
    assert!(kept.len() < n_entities);
    let fingerprints = fingerprints();
    assert!(fingerprints.len() > 300, "{}", fingerprints.len());
    assert!(fingerprints.is_subset(&kept), "{} are gone", fingerprints.difference(&kept).count());
}

#[test]
fn a_limit_too_small_for_the_fingerprints_is_refused() {
    check_refused(
        &dataset(),
        TrainConfig { history_max_bytes: 1000, ..quick() },
        expect![[r#"
            train.history_max_bytes: the history of fingerprints alone takes 60242 bytes, the limit is 1000
        "#]],
    );
}

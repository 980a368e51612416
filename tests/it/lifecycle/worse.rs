//! Models that prove themselves and are worse: the gate finds them, by the check that should.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use parcel_risk::artifact::Artifact;
use parcel_risk::engine::Engine;
use parcel_risk::model::Model;
use parcel_risk::parcel::ParcelLimits;
use parcel_risk::registry::{
    Check, Contender, DrawnRows, GateConfig, LiveRows, ReferenceLine, ReferenceSet, Report, Trial,
};
use parcel_risk::table::TableReader;
use parcel_risk::train::{Dataset, TrainConfig};
use parcel_risk::wire::from_draft;

use super::{policy, rates, times};
use crate::fixture::{curve, customs_mapping, quick, read, shuffle, train, train_csv, valid_csv};

fn year() -> Dataset {
    read(&[train_csv()])
}

/// Of the seed: another one draws other rows and features.
fn seeded(seed: u32) -> TrainConfig {
    TrainConfig { seed: seed.into(), bootstrap_replicates: 0, ..quick() }
}

fn champion() -> &'static Artifact {
    static CHAMPION: OnceLock<Artifact> = OnceLock::new();
    CHAMPION.get_or_init(|| train(&year(), seeded(1)).unwrap())
}

/// The quarter after the year that is trained on.
fn reference() -> &'static ReferenceSet {
    static REFERENCE: OnceLock<ReferenceSet> = OnceLock::new();
    REFERENCE.get_or_init(|| {
        let rows = TableReader::open(&valid_csv(), Some(&customs_mapping())).unwrap().map(|row| row.unwrap().unwrap());
        let lines = rows.map(|row| {
            let line = ReferenceLine {
                parcel: from_draft(&row.draft).unwrap(),
                infringement: row.outcome.unwrap().infringement,
            };
            serde_json::to_string(&line).unwrap() + "\n"
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), lines.collect::<String>()).unwrap();
        ReferenceSet::read(file.path(), &ParcelLimits::default()).unwrap()
    })
}

fn contender(artifact: &Artifact) -> Contender {
    let (model, model_ref) = (Arc::clone(artifact.model()), Arc::clone(artifact.model_ref()));
    Contender::new(artifact, Engine::new(model, model_ref, rates(), policy()).unwrap())
}

fn tried(challenger: &Artifact, config: &GateConfig) -> Report {
    let trial = Trial {
        champion: &contender(champion()),
        challenger: &contender(challenger),
        reference: Some(reference()),
        live: &LiveRows::default(),
        drawn: &DrawnRows::default(),
        config,
    };
    trial.run()
}

/// Times on a busy machine say nothing about a model.
fn untimed() -> GateConfig {
    GateConfig { max_latency_ratio: 1000.0, ..GateConfig::default() }
}

/// Put together anew, from a model and a history that were changed.
fn again(change: impl FnOnce(&mut parcel_risk::model::ModelBody, &mut parcel_risk::history::Snapshot)) -> Artifact {
    let before = champion();
    let (mut body, mut snapshot) = (before.model().body().clone(), before.snapshot());
    change(&mut body, &mut snapshot);
    let golden = before.golden_parcels().collect();
    Artifact::assemble(before.manifest().clone(), &Model::new(body).unwrap(), &snapshot, golden).unwrap()
}

#[test]
fn a_model_that_is_as_good_passes_every_check() {
    let report = tried(champion(), &untimed());
    assert!(report.failure().is_none(), "{}", report.to_text());
    let made: Vec<_> = report.findings.iter().map(|finding| finding.check).collect();
    assert!(made.is_sorted() && made.len() == Check::ALL.len() - Check::Configuration as usize, "{made:?}");
}

#[test]
fn a_model_that_is_worse_is_found_by_the_check_that_should() {
    let n = times(2, 25);
    let mut by_check: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut found = |name: &'static str, challenger: &Artifact, checks: &[Check]| {
        let report = tried(challenger, &untimed());
        let finding = report.failure().unwrap_or_else(|| panic!("{name} passed:\n{}", report.to_text()));
        assert!(checks.contains(&finding.check), "{name}:\n{}", report.to_text());
        *by_check.entry((name, finding.check.as_str())).or_default() += 1;
    };
    for round in 0..n {
        let seed = 2 + u32::try_from(round).unwrap();
        let mut inverted = year();
        for row in &mut inverted.rows {
            row.outcome.as_mut().unwrap().infringement ^= true;
        }
        found("labels inverted", &train(&inverted, seeded(seed)).unwrap(), &[Check::Reference]);

        let mut permuted = year();
        let mut outcomes: Vec<_> = permuted.rows.iter().map(|row| row.outcome).collect();
        shuffle(&mut outcomes, seed.into());
        permuted.rows.iter_mut().zip(outcomes).for_each(|(row, outcome)| row.outcome = outcome);
        found("labels permuted", &train(&permuted, seeded(seed)).unwrap(), &[Check::Reference]);

        let by = (1.5 + 0.1 * round as f64) * if round % 2 == 0 { 1.0 } else { -1.0 };
        let shifted = again(|body, _| curve(body).c += by);
        found("the prior shifted", &shifted, &[Check::Calibration, Check::ScoreShift, Check::RouteShift]);

        let kept = 20 + round;
        let stale = again(|_, snapshot| {
            let mut idx = 0;
            snapshot.entries.retain(|_| {
                idx += 1;
                idx % kept == 0
            });
        });
        found(
            "its history is stale",
            &stale,
            &[Check::Reference, Check::Calibration, Check::ScoreShift, Check::RouteShift],
        );
    }
    eprintln!("{} worse models, none passed:", 4 * n);
    by_check.iter().for_each(|((name, check), n)| eprintln!("{n:4} {name}: {check}"));
}

#[test]
fn a_slower_model_is_found_by_its_time_and_one_of_no_reference_says_so() {
    // No model is this fast: the ratio is held to what nothing keeps.
    let config = GateConfig { max_latency_ratio: 1e-6, ..GateConfig::default() };
    let report = tried(champion(), &config);
    assert_eq!(report.failure().map(|finding| finding.check), Some(Check::Latency), "{}", report.to_text());

    let trial = Trial {
        champion: &contender(champion()),
        challenger: &contender(champion()),
        reference: None,
        live: &LiveRows::default(),
        drawn: &DrawnRows::default(),
        config: &untimed(),
    };
    let report = trial.run();
    assert!(report.failure().is_none(), "{}", report.to_text());
    assert!(report.to_text().contains("skipped reference: there is no reference set (gate.reference)\n"));
}

#[test]
fn a_model_that_answers_the_ends_with_no_number_is_found_by_them() {
    use parcel_risk::model::{Estimator, Linear};
    let huge = again(|body, _| {
        let n = parcel_risk::features::FeaturePlan::compile(body.spec.clone()).unwrap().features().len();
        let mut slopes = vec![0.0; n];
        (slopes[0], slopes[1]) = (1e300, -1e300);
        body.estimator = Estimator::Logistic(Linear { base: 0.0, means: vec![0.0; n], slopes });
    });
    let report = tried(&huge, &untimed());
    assert_eq!(report.failure().map(|finding| finding.check), Some(Check::Hostile), "{}", report.to_text());
}

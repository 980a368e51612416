//! From a ledger to a model in the registry by one command, and a server that finds again which model decided.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use expect_test::expect;
use parcel_risk::artifact::{Artifact, Sealed, TrustedKeys};
use parcel_risk::ledger::{Clock, Ledger, LedgerConfig, Parties};
use parcel_risk::table::TableReader;
use parcel_risk::wire::v1::model_service_client::ModelServiceClient;
use parcel_risk::wire::v1::outcome_service_client::OutcomeServiceClient;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use parcel_risk::wire::{from_draft, v1};

use super::{Place, first, second};
use crate::fixture::{customs_mapping, train_csv, valid_csv};
use crate::harness::{listening_on, recording_parts, request, start, within};

/// A ledger of a year and a quarter of declarations, each inspected the day after; `at_once` of them come together.
async fn recorded(path: &Path, parties: Parties, at_once: usize) {
    let config = LedgerConfig { path: path.to_str().unwrap().to_owned(), parties, ..LedgerConfig::default() };
    let (parts, recorder) = recording_parts(path, &config, Clock::system());
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut scoring = RiskScoringServiceClient::new(channel.clone()).max_decoding_message_size(usize::MAX);
    let mut outcomes = OutcomeServiceClient::new(channel.clone());
    let mut rows: Vec<_> = [train_csv(), valid_csv()]
        .iter()
        .flat_map(|path| TableReader::open(path, Some(&customs_mapping())).unwrap())
        .map(|row| row.unwrap().unwrap())
        .collect();
    rows.sort_by_key(|row| row.draft.advised_at.as_ref().map(|at| at.seconds));
    for some in rows.chunks(at_once) {
        let parcels: Vec<_> = some.iter().map(|row| from_draft(&row.draft).unwrap()).collect();
        let requests = parcels.iter().cloned().map(request).collect();
        within(scoring.score_parcels(v1::ScoreParcelsRequest { requests })).await.unwrap();
        let found = some.iter().zip(parcels).map(|(row, parcel)| {
            let infringement = row.outcome.as_ref().unwrap().infringement;
            let mut inspected_at = parcel.advised_at.unwrap();
            inspected_at.seconds += 86_400;
            v1::Outcome {
                item_id: parcel.item_id,
                inspected_at: Some(inspected_at),
                finding: if infringement { v1::Finding::Infringement.into() } else { v1::Finding::Clean.into() },
                ..v1::Outcome::default()
            }
        });
        let sent = v1::RecordOutcomesRequest { outcomes: found.collect() };
        within(outcomes.record_outcomes(sent)).await.unwrap();
    }
    drop((scoring, outcomes, channel));
    server.stopped().await;
    drop(recorder);
}

fn retrain(place: &Place, more: &[&str], settings: &[(&str, &str)]) -> Output {
    let path = |name: &str| place.dir.path().join(name).to_str().unwrap().to_owned();
    let champion = concat!(env!("CARGO_MANIFEST_DIR"), "/models/customs-declarations");
    let mut command = Command::new(env!("CARGO_BIN_EXE_parcel-risk"));
    command
        .args(["retrain", "--ledger", &path("ledger.db"), "--registry", &path("models"), "--champion", champion])
        .args(["--name", "again"])
        .args(more)
        .env("PARCEL_RISK_TRAIN_CALIBRATE_SHARE", "0.1")
        .env("PARCEL_RISK_TRAIN_REPORT_SHARE", "0.1")
        .env("PARCEL_RISK_TRAIN_BOOTSTRAP_REPLICATES", "20")
        .env("PARCEL_RISK_TRAIN_BOOSTING_TREES", "40")
        // Another model than the champion in every way, and a busy machine.
        .env("PARCEL_RISK_GATE_MAX_SCORE_SHIFT", "100")
        .env("PARCEL_RISK_GATE_MAX_ROUTE_SHIFT", "1")
        .env("PARCEL_RISK_GATE_MAX_LATENCY_RATIO", "1000")
        .envs(settings.iter().copied());
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap() + &String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_becomes_a_signed_model_again_and_again_and_every_end_has_its_code() {
    let place = Place::new();
    recorded(&place.ledger(), Parties::Plain, 200).await;
    let key = place.dir.path().join("key");
    std::fs::write(&key, place.pair.sk.to_box(None).unwrap().into_string()).unwrap();
    let signed = ["--secret-key", key.to_str().unwrap(), "--no-password"];

    let rejected = retrain(&place, &signed, &[("PARCEL_RISK_GATE_MAX_SCORE_SHIFT", "0")]);
    assert_eq!(rejected.status.code(), Some(4), "{}", said(&rejected));
    assert!(said(&rejected).contains("the new model did not pass the check score_shift"), "{}", said(&rejected));
    let too_little = retrain(&place, &["--until", "150"], &[]);
    assert_eq!(too_little.status.code(), Some(3), "{}", said(&too_little));
    assert!(std::fs::read_dir(place.dir.path().join("models")).unwrap().next().is_none(), "nothing is left behind");

    let done = retrain(&place, &signed, &[]);
    assert_eq!(done.status.code(), Some(0), "{}", said(&done));
    let line: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
    let model = Path::new(line["artifact"].as_str().unwrap());
    let keys = TrustedKeys::new(&place.config.trusted_keys).unwrap();
    assert_eq!(Sealed::read(model).unwrap().signed_by(&keys).unwrap().name, "release");
    let artifact = Artifact::read(model).unwrap();
    assert_eq!(artifact.model_ref().digest, line["digest"].as_str().unwrap());
    assert_eq!(artifact.manifest().data.labeled, artifact.manifest().data.parcels);
    // By the number of the last record it comes out again, to the bit.
    let seq = line["ledger_seq"].to_string();
    // There is none after the last.
    for until in [seq.as_str(), "99999999"] {
        let again = retrain(&place, &["--until", until], &[]);
        assert_eq!(again.status.code(), Some(0), "{}", said(&again));
        let again: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
        assert_eq!((&again["digest"], &again["ledger_seq"]), (&line["digest"], &line["ledger_seq"]));
    }
    let exported = artifact.manifest().data.reading.ledger.unwrap();
    assert_eq!((exported.until_seq.to_string(), exported.max_weight), (seq.clone(), 20.0));
    // By another setting it is another version, and stands beside the first.
    let other = retrain(&place, &["--until", &seq], &[("PARCEL_RISK_TRAIN_SEED", "2")]);
    assert_eq!(other.status.code(), Some(0), "{}", said(&other));
    assert_eq!(std::fs::read_dir(place.dir.path().join("models/again")).unwrap().count(), 2);
}

#[test]
fn from_a_ledger_without_parcels_nothing_is_learned_and_other_tables_go_on() {
    let place = Place::new();
    let config = LedgerConfig { path: place.ledger().to_str().unwrap().to_owned(), ..LedgerConfig::default() };
    drop(Ledger::open(&place.ledger(), &config, Clock::system()).unwrap());
    let nothing = retrain(&place, &[], &[]);
    assert_eq!(nothing.status.code(), Some(3), "{}", said(&nothing));
    expect![[r#"
        0 parcels of the ledger up to record 0, 0 of them labeled
        parcel-risk: there is too little to learn from yet: none of the 0 rows has a label; JSON lines carry none
    "#]]
    .assert_eq(&said(&nothing));
    let table = place.dir.path().join("one.csv");
    std::fs::write(&table, "item_id,advised_at,outcome.infringement\nRB123456785CN,2026-01-01T00:00:00Z,true\n")
        .unwrap();
    let one = retrain(&place, &["--data", table.to_str().unwrap()], &[]);
    assert_eq!(one.status.code(), Some(3), "{}", said(&one));
    assert!(said(&one).contains("there is too little to learn from yet"), "{}", said(&one));
}

#[test]
fn what_a_run_would_fail_with_at_its_end_is_told_before_the_ledger_is_read() {
    // There is none: whatever is named here was looked at before.
    let place = Place::new();
    let nowhere = place.dir.path().join("nowhere.csv").to_str().unwrap().to_owned();
    for flag in ["--data", "--reference", "--secret-key"] {
        let failed = retrain(&place, &[flag, &nowhere], &[]);
        assert_eq!(failed.status.code(), Some(1));
        assert!(said(&failed).contains("nowhere.csv: No such file"), "{flag}: {}", said(&failed));
    }
    let failed = retrain(&place, &[], &[("PARCEL_RISK_TRAIN_FEATURES", &nowhere)]);
    assert!(said(&failed).contains("nowhere.csv: No such file"), "{}", said(&failed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_that_knows_nobody_gives_the_model_of_one_that_knows_all() {
    let mut models = Vec::new();
    for parties in [Parties::Plain, Parties::Pseudonymized, Parties::None] {
        let place = Place::new();
        // One after the other: the order of records is a part of what is learned from.
        recorded(&place.ledger(), parties, 1).await;
        let done = retrain(&place, &[], &[]);
        assert_eq!(done.status.code(), Some(0), "{}", said(&done));
        let line: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        models.push(Artifact::read(Path::new(line["artifact"].as_str().unwrap())).unwrap());
    }
    for model in &models[1..] {
        assert!(model.model().to_bytes() == models[0].model().to_bytes(), "weights, to the bit");
        assert!(model.snapshot() == models[0].snapshot(), "history, to the bit");
    }
}

#[tokio::test]
async fn a_server_starts_with_the_model_that_decided_last_and_is_told_of_new_ones() {
    let place = Place::new();
    place.put(first());
    let model = place.put(second());
    drop(place.recording_parts(second()));
    let config = place.dir.path().join("config.toml");
    let key = place.pair.pk.to_base64();
    let text = format!(
        "[ledger]\npath = {:?}\n[registry]\npath = {:?}\ntrusted_keys = [{{ name = \"release\", role = \"release\", key = {key:?} }}]\n",
        place.ledger(),
        place.dir.path().join("models")
    );
    std::fs::write(&config, text).unwrap();
    let serve = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parcel-risk"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--config", config.to_str().unwrap()]).args(more);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut child = serve(&[]);
    let address = listening_on(&mut child).unwrap();
    let mut models = ModelServiceClient::connect(format!("http://{address}")).await.unwrap();
    let listed = within(async {
        loop {
            let listed = super::listed(&mut models).await;
            // It looks into the registry once it serves.
            if listed.len() == 2 {
                break listed;
            }
            tokio::task::yield_now().await;
        }
    });
    let (champion, available) = (v1::ModelState::Champion, v1::ModelState::Available);
    assert_eq!(listed.await, [(champion, "2".to_owned()), (available, "1".to_owned())]);
    child.kill().unwrap();
    child.wait().unwrap();

    // What decided last and does not prove itself any more is not replaced by anything in silence.
    std::fs::write(model.join("model.bin"), "").unwrap();
    let refused = || {
        let output = serve(&[]).wait_with_output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let told = refused();
    assert!(told.contains("the model that decided last did not pass the check digest"), "{told}");
    // Nor is what is gone, alone or with all others, as where a volume is not mounted.
    let registry = place.dir.path().join("models");
    for gone in [&model, &registry.join("line")] {
        std::fs::remove_dir_all(gone).unwrap();
        let told = refused();
        let expected = format!(
            "parcel-risk: the model that decided last according to the ledger, line 2, is not in the registry {}: bring it \
             back there, as by mounting what holds it, or name the model that shall decide by --model DIR\n",
            registry.display()
        );
        assert!(told.ends_with(&expected), "{told}");
    }
    let output = Command::new(env!("CARGO_BIN_EXE_parcel-risk"))
        .args(["retrain", "--config", config.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(!output.status.success() && said(&output).contains("by --champion DIR"), "{}", said(&output));
    let elsewhere = place.dir.path().join("elsewhere");
    first().write(&elsewhere).unwrap();
    let mut child = serve(&["--model", elsewhere.to_str().unwrap()]);
    listening_on(&mut child).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
}

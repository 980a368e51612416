//! The past into a ledger, and a ledger into a training.

use std::fs;
use std::process::Command;

use expect_test::expect;
use parcel_risk::history::Snapshot;
use parcel_risk::ledger::{Reader, export, rescore, verify};
use parcel_risk::wire::v1;

use super::{Place, decisions, parcels, requests, stop};
use crate::harness::{artifact, within};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/customs-declarations");

fn parcel_risk(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_parcel-risk")).args(args).output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    (output.status.code(), said.replace(place.dir.path().to_str().unwrap(), "DIR"))
}

/// A table of the past: `n` parcels after all that the model knows, every fifth with its result, as JSON lines.
fn past(place: &Place, n: usize) -> (Vec<v1::Parcel>, String) {
    let until = artifact().manifest().data.until_seconds;
    let mut sent = parcels(n);
    let mut table = String::new();
    for (idx, parcel) in sent.iter_mut().enumerate() {
        parcel.item_id = format!("PAST-{idx}");
        parcel.id_scheme = v1::ItemIdScheme::Carrier.into();
        parcel.advised_at.as_mut().unwrap().seconds = until + 86_400 + 3_600 * idx as i64;
        table += &serde_json::to_string(parcel).unwrap();
        table.push('\n');
    }
    let path = place.dir.path().join("past.jsonl");
    fs::write(&path, table).unwrap();
    let mut outcomes = String::from("item_id,outcome.infringement,outcome.known_at\n");
    for (idx, parcel) in sent.iter().enumerate().step_by(5) {
        let at = jiff_time(parcel.advised_at.as_ref().unwrap().seconds + 7_200);
        outcomes += &format!("{},{},{at}\n", parcel.item_id, idx % 10 == 0);
    }
    outcomes += "NEVER-SEEN,true,2030-01-01T00:00:00Z\n";
    let outcomes_path = place.dir.path().join("outcomes.csv");
    fs::write(&outcomes_path, outcomes).unwrap();
    (sent, path.to_str().unwrap().to_owned())
}

fn jiff_time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).unwrap().to_string()
}

#[tokio::test]
async fn a_server_starts_warm_on_an_imported_past_and_the_same_again_changes_nothing() {
    let place = Place::new();
    let ledger = place.path().to_str().unwrap().to_owned();
    let (sent, table) = past(&place, 100);
    let outcomes = place.dir.path().join("outcomes.csv").to_str().unwrap().to_owned();
    let import = ["ledger", "import", "--ledger", &ledger, "--model", MODEL, "--data", &table, "--outcomes", &outcomes];
    let (code, said) = parcel_risk(&place, &import);
    assert_eq!(code, Some(0), "{said}");
    expect![[r#"
        100 parcels and 21 results were taken in
        1 of the results are on items that nothing is known of; they add nothing to history
    "#]]
    .assert_eq(&said);
    let (_, said) = parcel_risk(&place, &import);
    expect![[r#"
        0 parcels and 0 results were taken in
        121 were there already
    "#]]
    .assert_eq(&said);
    let verified = verify(&place.path(), None).unwrap();
    assert_eq!((verified.decisions, verified.outcomes, verified.imported, verified.head.seq), (0, 21, 100, 122));

    // What was imported is known, and what is advised again does not count twice.
    let (mut client, server, recorder) = place.serve().await;
    let warm = Snapshot::of(&recorder.history(), Vec::new());
    assert!(warm != artifact().snapshot());
    let again = decisions(within(client.score_parcels(requests(&sent[..3]))).await.unwrap().into_inner());
    assert_eq!(again.len(), 3);
    assert!(Snapshot::of(&recorder.history(), Vec::new()) == warm);
    stop(client, server, recorder).await;
    let reader = Reader::open(&place.path()).unwrap();
    let rescored = rescore(&reader, &[artifact().clone()]).unwrap();
    assert_eq!((rescored.equal, rescored.first), (3, None));

    let labeled = place.dir.path().join("labeled.csv");
    let exported = export(&reader, &labeled).unwrap();
    assert_eq!((exported.rows, exported.labeled), (100, 20));
}

#[tokio::test]
async fn what_a_ledger_exports_trains_a_model_that_serves() {
    let place = Place::new().with(|config| config.parties = parcel_risk::ledger::Parties::Plain);
    let ledger = place.path().to_str().unwrap().to_owned();
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/customs-declarations/train.csv");
    let mapping = concat!(env!("CARGO_MANIFEST_DIR"), "/models/mappings/customs-declarations.toml");
    let imported =
        parcel_risk(&place, &["ledger", "import", "--ledger", &ledger, "--data", table, "--mapping", mapping]);
    assert_eq!(imported.0, Some(0), "{}", imported.1);
    let labeled = place.dir.path().join("labeled.csv").to_str().unwrap().to_owned();
    let exported = parcel_risk(&place, &["ledger", "export", "--ledger", &ledger, "--out", &labeled]);
    assert_eq!(exported.0, Some(0), "{}", exported.1);
    let model = place.dir.path().join("model").to_str().unwrap().to_owned();
    let trained = parcel_risk(&place, &["train", "--data", &labeled, "--out", &model]);
    assert_eq!(trained.0, Some(0), "{}", trained.1);
    let scored = parcel_risk(&place, &["score", "--model", &model, &labeled]);
    assert_eq!(scored.0, Some(0), "{}", scored.1);
}

//! The past into a ledger, and a ledger into a training.

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use expect_test::expect;
use parcel_risk::history::{Bucket, Snapshot};
use parcel_risk::ledger::{Grounds, KeptOutcome, Kind, Ledger, LedgerError, Reader, export, rescore, verify};
use parcel_risk::wire::v1;
use prost::Message as _;

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

/// What stands in a ledger, record by record: kind, bucket, and what it says.
fn contents(place: &Place) -> Vec<(Kind, Bucket, Vec<u8>)> {
    let mut contents = Vec::new();
    let reader = Reader::open(&place.path()).unwrap();
    let taken = reader.scan::<LedgerError>(1, |record| {
        contents.push((record.content.kind, record.content.bucket, record.content.body));
        Ok(())
    });
    taken.unwrap();
    contents
}

#[test]
fn tables_are_taken_in_by_time_however_they_stand() {
    let place = Place::new();
    let (_, table) = past(&place, 60);
    let outcomes = place.dir.path().join("outcomes.csv").to_str().unwrap().to_owned();
    let text = fs::read_to_string(&table).unwrap();
    let rows: Vec<&str> = text.lines().collect();
    let write = |name: &str, rows: &mut dyn Iterator<Item = &&str>| {
        let path = place.dir.path().join(name);
        fs::write(&path, rows.map(|row| format!("{row}\n")).collect::<String>()).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let even = write("even.jsonl", &mut rows.iter().step_by(2));
    let odd = write("odd.jsonl", &mut rows.iter().skip(1).step_by(2));
    let backward = write("backward.jsonl", &mut rows.iter().rev());
    let imported = |data: &[&str], stdin: &str| {
        let into = Place::new();
        let ledger = into.path().to_str().unwrap().to_owned();
        let mut command = Command::new(env!("CARGO_BIN_EXE_parcel-risk"));
        command.args(["ledger", "import", "--ledger", &ledger, "--model", MODEL, "--outcomes", &outcomes, "--data"]);
        let mut running = command.args(data).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        running.stdin.take().unwrap().write_all(stdin.as_bytes()).unwrap();
        assert!(running.wait().unwrap().success());
        contents(&into)
    };
    let whole = imported(&[&table], "");
    assert_eq!(whole.len(), 60 + 13);
    let buckets: Vec<_> = whole.iter().map(|(_, bucket, _)| *bucket).collect();
    assert!(buckets.is_sorted() && buckets.first() < buckets.last());
    assert!(imported(&[&odd, &even], "") == whole);
    assert!(imported(&[&backward], "") == whole);
    assert!(imported(&[&odd, "-"], &fs::read_to_string(&even).unwrap()) == whole);
}

#[test]
fn results_in_columns_of_other_names_need_a_mapping_and_are_asked_for_it_at_once() {
    let place = Place::new();
    let ledger = place.path().to_str().unwrap().to_owned();
    let (sent, table) = past(&place, 3);
    let at = jiff_time(sent[0].advised_at.as_ref().unwrap().seconds + 60);
    let found = file(&place, "found.csv", &format!("Item,Found,On\n{},seized,{at}\n", sent[0].item_id));
    let import = ["ledger", "import", "--ledger", &ledger, "--model", MODEL, "--data", &table, "--outcomes", &found];
    let (code, said) = parcel_risk(&place, &import);
    assert_eq!(code, Some(1));
    assert!(said.contains("\"Found\" is no field of a parcel"), "{said}");
    assert!(!place.path().exists());
    let mapping = file(
        &place,
        "found.toml",
        "[columns]\nItem = \"item_id\"\nOn = \"outcome.known_at\"\n\
         Found = { field = \"outcome.infringement\", infringement = [\"seized\"] }\n",
    );
    let (code, said) = parcel_risk(&place, &[&import[..], &["--outcomes-mapping", &mapping]].concat());
    assert_eq!((code, said.as_str()), (Some(0), "3 parcels and 1 results were taken in\n"));
}

/// A file beside the ledger.
fn file(place: &Place, name: &str, text: &str) -> String {
    let path = place.dir.path().join(name);
    fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Rows of a table with results in it, each an item, the hours after all that the model knows at which it was advised, and
/// what else it states.
fn labeled(place: &Place, rows: &[(&str, i64, &str)]) -> String {
    let until = artifact().manifest().data.until_seconds;
    let mut table = String::from("item_id,id_scheme,advised_at,outcome.infringement,outcome.kind,outcome.known_at\n");
    for (item_id, hours, outcome) in rows {
        table += &format!("{item_id},CARRIER,{},{outcome}\n", jiff_time(until + 86_400 + 3_600 * hours));
    }
    file(place, "labeled.csv", &table)
}

fn outcomes(place: &Place) -> Vec<(i64, v1::Outcome)> {
    let reader = Reader::open(&place.path()).unwrap();
    let mut outcomes = Vec::new();
    let taken = reader.scan::<LedgerError>(0, |record| {
        if record.content.kind == Kind::Outcome {
            let kept = KeptOutcome::of(&record.content).unwrap();
            outcomes.push((record.seq, v1::Outcome::decode(kept.stated.as_slice()).unwrap()));
        }
        Ok(())
    });
    taken.unwrap();
    outcomes
}

#[test]
fn an_import_leaves_the_model_that_decides_as_it_was() {
    let place = Place::new();
    let ledger_path = place.path().to_str().unwrap().to_owned();
    let (_, table) = past(&place, 20);
    let import = ["ledger", "import", "--ledger", &ledger_path, "--data", &table];
    let with_model = [&import[..], &["--model", MODEL]].concat();
    assert_eq!(parcel_risk(&place, &with_model).0, Some(0));

    // Another model of the same features decided since.
    let last = Reader::open(&place.path()).unwrap().last_grounds().unwrap().unwrap();
    let decides =
        Grounds { model_version: "another".to_owned(), model_digest: "ab".repeat(32), ..Grounds::clone(&last) };
    let ledger = Ledger::open(&place.path(), &place.config, place.clock.clone()).unwrap();
    ledger.stand_on(&decides, Bucket(0)).unwrap();
    drop(ledger);
    let before = fs::read(place.path()).unwrap();
    let (code, said) = parcel_risk(&place, &with_model);
    assert_eq!((code, said.as_str()), (Some(0), "0 parcels and 0 results were taken in\n20 were there already\n"));
    assert!(fs::read(place.path()).unwrap() == before, "the same again changes a byte");
    let (_, table) = past(&place, 21);
    let more = [&with_model[..], &["--data", &table]].concat();
    let (code, said) = parcel_risk(&place, &more);
    assert_eq!((code, said.as_str()), (Some(0), "1 parcels and 0 results were taken in\n41 were there already\n"));
    assert_eq!(*Reader::open(&place.path()).unwrap().last_grounds().unwrap().unwrap(), decides);

    // Built in is a model of other features.
    let before = fs::read(place.path()).unwrap();
    let (code, said) = parcel_risk(&place, &import);
    assert_eq!(code, Some(1));
    let said = said.replace(&artifact().model_ref().name, "NAME");
    expect![[r#"
        parcel-risk: the ledger's last records rest on the model NAME another, whose history counts by other features than that of simulated-post 2026-06-29-39e2e8d2: give that model by --model DIR
    "#]].assert_eq(&said);
    assert!(fs::read(place.path()).unwrap() == before);
}

#[test]
fn a_result_without_a_time_is_known_so_long_after_its_parcel_was_advised() {
    let place = Place::new();
    let ledger = place.path().to_str().unwrap().to_owned();
    let (sent, table) = past(&place, 2);
    let found = file(&place, "found.csv", "item_id,outcome.infringement\nPAST-0,true\nPAST-1,false\nNEVER-SEEN,true\n");
    let import = ["ledger", "import", "--ledger", &ledger, "--model", MODEL, "--data", &table, "--outcomes", &found];
    let (code, said) = parcel_risk(&place, &import);
    assert_eq!(code, Some(0), "{said}");
    expect![[r#"
        2 parcels and 2 results were taken in
        1 of the results state no time (outcome.known_at), and no parcel is known that it follows from: they were left out
    "#]].assert_eq(&said);
    let known_at = outcomes(&place).into_iter().map(|(_, outcome)| outcome.inspected_at.unwrap().seconds);
    let advised_at = sent.iter().map(|parcel| parcel.advised_at.as_ref().unwrap().seconds);
    assert!(known_at.eq(advised_at.map(|at| at + 14 * 86_400)));
    let before = fs::read(place.path()).unwrap();
    let (_, said) = parcel_risk(&place, &import);
    expect![[r#"
        0 parcels and 0 results were taken in
        4 were there already
        1 of the results state no time (outcome.known_at), and no parcel is known that it follows from: they were left out
    "#]].assert_eq(&said);
    assert!(fs::read(place.path()).unwrap() == before);

    // All of them, beside parcels that are all well.
    let found =
        file(&place, "found.csv", "item_id,outcome.infringement,outcome.known_at\nPAST-0,true,1999-12-31T00:00:00Z\n");
    let import = ["ledger", "import", "--ledger", &ledger, "--model", MODEL, "--data", &table, "--outcomes", &found];
    let (code, said) = parcel_risk(&place, &import);
    assert_eq!(code, Some(1));
    expect![[r#"
        1 of 1 rows rejected: TIME_OUT_OF_RANGE 1
          DIR/found.csv:row 1 (line 2), "outcome.known_at": outcome.known_at: must be from 2000-01-01T00:00:00Z until before 2100-01-01T00:00:00Z
        parcel-risk: the results (--outcomes): more rows were rejected than train.max_reject_share allows
    "#]].assert_eq(&said);
}

#[test]
fn of_rows_that_repeat_an_item_the_first_alone_has_a_result() {
    let place = Place::new();
    let ledger = place.path().to_str().unwrap().to_owned();
    let rows = [("REPEATED", 0, "true,,"), ("REPEATED", 1, "true,,"), ("REPEATED", 2, "false,,"), ("LATE", 3, ",,")];
    let table = labeled(&place, &rows);
    let import = ["ledger", "import", "--ledger", &ledger, "--model", MODEL, "--data", &table];
    let (code, said) = parcel_risk(&place, &import);
    assert_eq!(code, Some(0), "{said}");
    expect![[r#"
        2 parcels and 1 results were taken in
        4 were there already
    "#]]
    .assert_eq(&said);
    let before = fs::read(place.path()).unwrap();
    let (_, said) = parcel_risk(&place, &import);
    expect![[r#"
        0 parcels and 0 results were taken in
        7 were there already
    "#]]
    .assert_eq(&said);
    assert!(fs::read(place.path()).unwrap() == before);

    // What was inspected is known later than what was advised, and a further row of an item tells nothing new.
    labeled(&place, &[("REPEATED", 5, "true,,"), ("LATE", 3, "true,MEDICINES,")]);
    let (_, said) = parcel_risk(&place, &import);
    expect![[r#"
        0 parcels and 1 results were taken in
        3 were there already
    "#]]
    .assert_eq(&said);
}

#[test]
fn the_kind_of_a_row_that_is_no_infringement_comes_out_again() {
    let place = Place::new();
    let ledger = place.path().to_str().unwrap().to_owned();
    let table = labeled(&place, &[("A", 0, "false,MISDECLARATION,"), ("B", 1, "true,MEDICINES,"), ("C", 2, "false,,")]);
    let import = ["ledger", "import", "--ledger", &ledger, "--model", MODEL, "--data", &table];
    assert_eq!(parcel_risk(&place, &import).0, Some(0));
    let out = place.dir.path().join("out.csv");
    export(&Reader::open(&place.path()).unwrap(), &out).unwrap();
    let exported = fs::read_to_string(out).unwrap();
    let header: Vec<_> = exported.lines().next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let places = [at("item_id"), at("outcome.infringement"), at("outcome.kind")];
    let rows = exported.lines().skip(1).map(|row| places.map(|place| row.split(',').nth(place).unwrap()));
    let rows: Vec<_> = rows.collect();
    assert_eq!(rows, [["A", "false", "MISDECLARATION"], ["B", "true", "MEDICINES"], ["C", "false", ""]]);
}

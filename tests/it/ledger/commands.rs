//! The `ledger` commands as an auditor meets them.

use std::process::Command;

use expect_test::expect;
use rusqlite::Connection;

use super::{Place, parcels, requests, stop};
use crate::harness::within;

/// Exit code, standard output and standard error; digests and directories left out.
fn run(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parcel-risk"));
    command.arg("ledger").args(args).args(["--ledger", place.path().to_str().unwrap()]);
    let output = command.output().unwrap();
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
    let said = said.replace(place.dir.path().to_str().unwrap(), "DIR");
    let is_digest = |word: &str| word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let words = said.split_inclusive([':', ' ', '\n']).map(|word| {
        let bare = word.trim_end_matches([':', ' ', '\n']);
        if is_digest(bare) { word.replace(bare, "DIGEST") } else { word.to_owned() }
    });
    (output.status.code(), words.collect())
}

#[tokio::test]
async fn an_auditor_is_told_that_all_is_whole_or_which_record_is_not() {
    let place = Place::new();
    let (mut client, server, recorder) = place.serve().await;
    within(client.score_parcels(requests(&parcels(30)))).await.unwrap();
    stop(client, server, recorder).await;

    // What the harness serves is not what is built in.
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/models/customs-declarations");
    let (code, said) = run(&place, &["verify", "--rescore", "--model", model]);
    assert_eq!(code, Some(0), "{said}");
    expect![[r#"
        31 records are whole: 30 decisions, 0 outcomes
        end 31:DIGEST
        30 decisions came out again, to the bit; 0 are of models that were not given
    "#]]
    .assert_eq(&said);
    let table = place.dir.path().join("labeled.csv");
    let (code, said) = run(&place, &["export", "--out", table.to_str().unwrap()]);
    assert_eq!((code, said.as_str()), (Some(0), "30 rows, 0 of them labeled\n"));

    let ledger = Connection::open(place.path()).unwrap();
    ledger.execute("UPDATE records SET risk_score = 0.01 WHERE seq = 17", []).unwrap();
    drop(ledger);
    let (code, said) = run(&place, &["verify"]);
    assert_eq!(code, Some(1));
    expect![[r#"
        parcel-risk: record 17: it was changed, or does not belong here
    "#]]
    .assert_eq(&said);
    let (code, said) = run(&Place::new(), &["verify"]);
    assert_eq!(code, Some(1));
    expect![[r#"
        parcel-risk: there is no ledger DIR/ledger.db
    "#]]
    .assert_eq(&said);
}

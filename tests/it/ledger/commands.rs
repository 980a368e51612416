//! The `ledger` commands as an auditor meets them.

use std::fs;
use std::process::Command;

use expect_test::expect;
use parcel_risk::ledger::Ledger;
use parcel_risk::table::TableReader;
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::outcome_service_client::OutcomeServiceClient;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;

use super::{Place, decisions, outcome, parcels, records_of, requests, stop};
use crate::harness::{start, within};

/// Exit code, standard output and standard error of a `ledger` command; digests and directories left out.
fn run(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    run_any(place, &[&["ledger"][..], args].concat())
}

/// As [`run`], of any command that takes a ledger.
fn run_any(place: &Place, args: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parcel-risk"));
    command.args(args).args(["--ledger", place.path().to_str().unwrap()]);
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

    let (code, said) = run(&place, &["export", "--out", place.dir.path().join("labeled.jsonl").to_str().unwrap()]);
    assert_eq!(code, Some(1));
    expect![[r#"
        parcel-risk: --out: DIR/labeled.jsonl must end in .csv, .csv.gz or .parquet, which hold what was found too
    "#]]
    .assert_eq(&said);

    // A bit of what the seventeenth says.
    let (mut bytes, records) = records_of(&place.path());
    bytes[records[16].start + 100] ^= 1;
    fs::write(place.path(), bytes).unwrap();
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

#[test]
fn what_a_ledger_without_parcels_exports_is_a_header() {
    let place = Place::new();
    drop(Ledger::open(&place.path(), &place.config, place.clock.clone()).unwrap());
    for ending in ["csv", "csv.gz", "parquet"] {
        let table = place.dir.path().join(format!("none.{ending}"));
        let (code, said) = run(&place, &["export", "--out", table.to_str().unwrap()]);
        assert_eq!((code, said.as_str()), (Some(0), "0 rows, 0 of them labeled\n"));
        assert_eq!(TableReader::open(&table, None).unwrap().count(), 0);
    }
    let header = fs::read_to_string(place.dir.path().join("none.csv")).unwrap();
    expect![[r#"
        item_id,advised_at,outcome.infringement,outcome.known_at
    "#]]
    .assert_eq(&header);
}

const POLICY: &str = r#"
[[rule]]
name = "likely"
when = "risk_score > 0.5"
route = "scan"
reason = "more likely than not"
"#;

#[tokio::test]
async fn the_audit_and_the_dry_run_of_a_policy_read_a_ledger() {
    let place = Place::new();
    let (parts, recorder) = place.parts();
    let (endpoint, server) = start(parts).await;
    let channel = endpoint.connect().await.unwrap();
    let mut scoring = RiskScoringServiceClient::new(channel.clone());
    let mut outcomes = OutcomeServiceClient::new(channel);
    let decided = decisions(within(scoring.score_parcels(requests(&parcels(200)))).await.unwrap().into_inner());
    let opened = decided.iter().filter(|one| one.route() != v1::Route::Release);
    let found = opened.enumerate().map(|(idx, one)| {
        let finding = if idx % 2 == 0 { v1::Finding::Infringement } else { v1::Finding::Clean };
        outcome(&one.item_id, 1_700_000_000, finding)
    });
    let found = v1::RecordOutcomesRequest { outcomes: found.collect() };
    within(outcomes.record_outcomes(found)).await.unwrap();
    drop(scoring);
    stop(outcomes, server, recorder).await;

    let (code, said) = run_any(&place, &["audit"]);
    assert_eq!(code, Some(0), "{said}");
    expect![[r#"
                                       items          sent   with result infringements
        chosen for certain                54            54            54            27
        left to a draw                     0             0             0             0
        146 items had no chance of being inspected: nothing below holds for them
        prevalence            50.000 % (37.115..62.885)
        recall                100.000 % (100.000..100.000)
        precision             50.000 % (37.115..62.885)
    "#]]
    .assert_eq(&said);
    // Of days that are still to come there is nothing.
    let (code, said) = run_any(&place, &["audit", "--since", "2200-01-01"]);
    assert_eq!(code, Some(0), "{said}");
    expect![[r#"
                                       items          sent   with result infringements
        chosen for certain                 0             0             0             0
        left to a draw                     0             0             0             0
        prevalence            not known: too few results
        recall                not known: too few results
        precision             not known: too few results
    "#]]
    .assert_eq(&said);

    let policy = place.dir.path().join("policy.toml");
    fs::write(&policy, POLICY).unwrap();
    let model = concat!(env!("CARGO_MANIFEST_DIR"), "/models/customs-declarations");
    let dry_run = ["policy", "dry-run", "--policy", policy.to_str().unwrap(), "--model", model];
    let (code, said) = run_any(&place, &dry_run);
    assert_eq!(code, Some(0), "{said}");
    expect![[r#"
        200 decisions, 54 of them routed otherwise
        route              recorded        anew
        open                     52           0
        scan                      0          52
        documents                 2           0
        release_audit             0           0
        release                 146         148
        rule likely: matched 52
        known infringements: 27, inspected as recorded 27, anew 27
        parties are kept under pseudonyms, or not at all: what rules say of them matched nobody
    "#]]
    .assert_eq(&said);
    fs::write(&policy, POLICY.replace("risk_score", "risk_scores")).unwrap();
    let (code, said) = run_any(&place, &dry_run);
    assert_eq!(code, Some(1), "{said}");
    expect![[r#"
        parcel-risk: the policy DIR/policy.toml: rule "likely", line 1, column 1: there is no `risk_scores`
    "#]]
    .assert_eq(&said);
}

//! A policy and the ledger: routes are found again, a change of policy is on record, and another policy can be tried.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use arc_swap::ArcSwap;
use parcel_risk::config::read_policy;
use parcel_risk::history::HistoryConfig;
use parcel_risk::ledger::{Clock, LedgerConfig, Parties, Reader, audited_items, dry_run, rescore};
use parcel_risk::parcel::ParcelLimits;
use parcel_risk::serve::{Parts, Recorder, ReloadError, Scorer, ServeConfig, reload};
use parcel_risk::wire::v1;
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;

use super::{compile, source, under};
use crate::harness::{artifact, engine, parcel, request, start, within};

const BUDGETS: &str = "[random_control]\nshare = 0.1\n[exploration]\nshare_of_budget = 0.2\ntoward = \"new\"\n\
    [[stream]]\nname = \"all\"\nparcels_per_day = 400\nopen = 40\nscan = 20\n";

fn watch(name: &str) -> String {
    format!(
        "{BUDGETS}[[rule]]\nname = \"watch\"\nwhen = 'parcel.sender.name == \"{name}\"'\nroute = \"documents\"\nreason = \"watched\"\npercent = 50\n"
    )
}

/// Parcels of one day, a few a minute, some by a sender that a rule names.
fn parcels(n: i64) -> Vec<v1::Parcel> {
    let of = |idx: i64| {
        let mut it = parcel();
        it.item_id = format!("ITEM{idx:05}");
        it.id_scheme = v1::ItemIdScheme::Carrier.into();
        it.advised_at = Some(pbjson_types::Timestamp { seconds: 1_790_000_000 + idx * 25, nanos: 0 });
        it.gross_mass_grams = Some(100 + (idx.unsigned_abs() * 37) % 2_000);
        it.contents[0].hs_code = ["392690", "610910", "293999", "851712"][idx as usize % 4].to_owned();
        it.sender =
            Some(v1::Party { name: ["ann", "bob", "eve"][idx as usize % 3].to_owned(), ..v1::Party::default() });
        it
    };
    (0..n).map(of).collect()
}

#[tokio::test]
async fn routes_are_found_again_across_a_change_of_policy_and_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let config =
        LedgerConfig { path: path.to_str().unwrap().to_owned(), parties: Parties::Plain, ..LedgerConfig::default() };
    let all = parcels(300);
    let last = all[all.len() - 1].advised_at.unwrap().seconds;
    // On the day of the parcels, which is today's in what a policy tells.
    let clock = Clock::at_micros(Arc::new(AtomicI64::new((last + 60) * 1_000_000)));
    let mut causes = std::collections::BTreeSet::new();
    for (round, text) in [watch("eve"), watch("eve")].into_iter().enumerate() {
        let engine = under(&text);
        let recorder = Arc::new(
            Recorder::open(&path, (&config, &HistoryConfig::default()), clock.clone(), artifact(), &engine).unwrap(),
        );
        let scorer = Scorer::with_history(artifact(), engine, recorder.history(), ParcelLimits::default());
        let scorer = Arc::new(ArcSwap::from_pointee(scorer));
        let settings = ServeConfig::default().check().unwrap();
        let parts = Parts::new(Arc::clone(&scorer), Some(Arc::clone(&recorder)), settings).unwrap();
        let (endpoint, server) = start(parts).await;
        let mut client = RiskScoringServiceClient::new(endpoint.connect().await.unwrap());
        let half = &all[round * 150..(round + 1) * 150];
        for (idx, one) in half.iter().enumerate() {
            if idx == 75 {
                let other = compile(&source(&watch("bob"))).unwrap();
                reload(&scorer, Some(&recorder), other.into()).unwrap();
                let status = recorder.policy_status(scorer.load().engine().policy());
                assert_eq!(status.streams[0].name, "all");
                assert!(status.streams[0].parcels > 0 && status.streams[0].expected_parcels > 0.0);
                let elsewhere = compile(&source(&format!("utc_offset_minutes = 60\n{BUDGETS}"))).unwrap();
                let refused = reload(&scorer, Some(&recorder), elsewhere.into());
                assert!(matches!(refused, Err(ReloadError::OtherDay)), "{refused:?}");
            }
            let reply = within(client.score_parcel(request(one.clone()))).await.unwrap().into_inner().decision.unwrap();
            causes.insert(reply.route_cause);
            assert!(reply.selection_probability > 0.0);
        }
        drop(client);
        within(server.stopped()).await;
        recorder.ledger().flush(std::time::Duration::from_secs(10));
        drop(scorer);
        let mut held = Some(recorder);
        while let Some(recorder) = held.take() {
            if let Err(shared) = Arc::try_unwrap(recorder) {
                tokio::task::yield_now().await;
                held = Some(shared);
            }
        }
    }
    assert_eq!(causes.len(), 4, "score, rule, random control and exploration: {causes:?}");
    let reader = Reader::open(&path).unwrap();
    let rescored = rescore(&reader, std::slice::from_ref(artifact())).unwrap();
    assert_eq!((rescored.equal, rescored.different), (300, 0), "{:?}", rescored.first);

    let same = compile(&source(&watch("eve"))).unwrap().into();
    let other = compile(&source("[[rule]]\nname = \"all\"\nwhen = \"true\"\nroute = \"open\"\nreason = \"all\"\n"))
        .unwrap()
        .into();
    let [same, other] = [same, other].map(|policy| dry_run(&reader, artifact(), &policy).unwrap());
    assert_eq!((same.decisions, other.decisions), (300, 300));
    assert!(same.changed < other.changed, "{same:?} {other:?}");
    assert_eq!(other.by_route[&parcel_risk::policy::Route::Open].1, 300);
    assert_eq!(other.by_rule["all"], 300);
    assert!(!other.has_pseudonyms);

    let items = audited_items(&reader, i64::MIN, i64::MAX).unwrap();
    assert_eq!(items.len(), 300);
    assert!(items.iter().all(|item| item.chance > 0.0 && item.infringement.is_none()));
}

#[test]
fn without_a_ledger_budgets_are_refused_and_the_policy_that_serves_goes_on() {
    let scorer =
        Scorer::with_history(artifact(), engine(), Arc::clone(artifact().settled_history()), ParcelLimits::default());
    let scorer = ArcSwap::from_pointee(scorer);
    let before = scorer.load().engine().policy().version().to_string();
    let refused = reload(&scorer, None, compile(&source(BUDGETS)).unwrap().into());
    assert!(matches!(refused, Err(ReloadError::NoLedger)), "{refused:?}");
    assert_eq!(*before, **scorer.load().engine().policy().version());
    let version = reload(&scorer, None, compile(&source("[random_control]\nshare = 0.1\n")).unwrap().into()).unwrap();
    assert_eq!(*version, **scorer.load().engine().policy().version());
}

fn write(path: &Path, bytes: impl AsRef<[u8]>, mode: u32) {
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_policy_file_is_read_with_its_lists_and_a_key_that_nobody_else_can_read() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let text = "key_file = \"control.key\"\n[random_control]\nshare = 0.1\n[[list]]\nname = \"watched\"\nkind = \"name\"\nfile = \"watched.txt\"\n";
    write(&at("policy.toml"), text, 0o644);
    let said = || {
        read_policy(&at("policy.toml"))
            .map(|_| ())
            .unwrap_err()
            .to_string()
            .replace(dir.path().to_str().unwrap(), "DIR")
    };
    assert_eq!(said(), "reading DIR/watched.txt");
    write(&at("watched.txt"), "ACME\n", 0o644);
    assert_eq!(said(), "reading DIR/control.key");
    write(&at("control.key"), [1; 32], 0o644);
    assert_eq!(said(), "the key file DIR/control.key may be read by others than its owner: its mode must be 0600");
    write(&at("control.key"), [1; 31], 0o600);
    assert_eq!(said(), "the key file DIR/control.key must hold at least 32 bytes");
    write(&at("control.key"), [1; 32], 0o600);
    compile(&read_policy(&at("policy.toml")).unwrap()).unwrap();

    let check = |file: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_parcel-risk"));
        let output = command.args(["policy", "check"]).arg(at(file)).output().unwrap();
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        (output.status.code(), said.replace(dir.path().to_str().unwrap(), "DIR"))
    };
    let (code, said) = check("policy.toml");
    assert!(code == Some(0) && said.starts_with("the policy is valid: policy-"), "{said}");
    write(&at("bad.toml"), "[[rule]]\nname = \"r\"\nwhen = \"parcel.x\"\nroute = \"open\"\nreason = \"\"\n", 0o644);
    let (code, said) = check("bad.toml");
    assert_eq!(code, Some(1));
    expect_test::expect![[r#"
        parcel-risk: the policy DIR/bad.toml: rule "r", line 1, column 7: there is no field `x` here
    "#]]
    .assert_eq(&said);
}

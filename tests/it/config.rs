//! Layers of the configuration, and what each refuses.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::{Expect, expect};
use parcel_risk::config::{Config, Loaded, Origin};
use toml::Value;

const REFERENCE: &str = include_str!("../../config/reference.toml");

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("parcel-risk.toml");
    fs::write(&path, text).unwrap();
    (dir, path)
}

fn load(file: Option<&Path>, environment: &[(&str, &str)], flags: &[(&'static str, Value)]) -> Result<Loaded, String> {
    Loaded::load(file, environment.iter().copied(), flags.to_vec()).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(file: Option<&Path>, environment: &[(&str, &str)], flags: &[(&'static str, Value)], expected: Expect) {
    let said = load(file, environment, flags).unwrap_err();
    let said = file.map_or(said.clone(), |path| said.replace(&path.display().to_string(), "FILE"));
    expected.assert_eq(&said);
}

#[test]
fn the_reference_file_is_the_defaults() {
    let reference: Config = toml::from_str(REFERENCE).unwrap();
    assert_eq!(reference, Config::default());
}

/// Each setting of a text by section and name, and whether the line above it is a comment.
fn settings(text: &str) -> BTreeMap<String, bool> {
    let (mut section, mut above, mut found) = ("", "", BTreeMap::new());
    for line in text.lines() {
        if line.starts_with('[') {
            section = line;
        } else if let Some((name, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            found.insert(format!("{section} {name}"), above.starts_with('#'));
        }
        above = line;
    }
    found
}

#[test]
fn the_reference_file_names_every_setting_with_a_comment_above_it() {
    let documented = settings(REFERENCE);
    let defaults = settings(&load(None, &[], &[]).unwrap().to_text());
    assert!(documented.keys().eq(defaults.keys()), "{documented:?} {defaults:?}");
    let bare: Vec<_> = documented.iter().filter(|(_, is_documented)| !**is_documented).collect();
    assert!(bare.is_empty(), "{bare:?}");
}

#[test]
fn a_flag_beats_the_environment_beats_the_file_beats_the_default() {
    let (_dir, path) = file("[serve]\ndrain_seconds = 11\nkeepalive_seconds = 12\nmax_batch = 13\n");
    let environment = [("PARCEL_RISK_SERVE_DRAIN_SECONDS", "21"), ("PARCEL_RISK_SERVE_KEEPALIVE_SECONDS", "22")];
    let loaded = load(Some(&path), &environment, &[("serve.drain_seconds", Value::Integer(31))]).unwrap();
    let serve = &loaded.config.serve;
    assert_eq!((serve.drain_seconds, serve.keepalive_seconds, serve.max_batch), (31, 22, 13));
    let origin = |key| loaded.origin(key).unwrap().clone();
    assert_eq!(origin("serve.drain_seconds"), Origin::Flag);
    assert_eq!(
        origin("serve.keepalive_seconds"),
        Origin::Environment("PARCEL_RISK_SERVE_KEEPALIVE_SECONDS".to_owned())
    );
    assert_eq!(origin("serve.max_batch"), Origin::File(path));
    assert_eq!(origin("serve.listen"), Origin::Default);
}

#[test]
fn every_unknown_key_of_a_file_is_named_with_the_nearest() {
    let (_dir, path) = file("[serve]\ndrain_second = 1\n[polices]\nopen_from_risk_score = 0.5\n");
    refused(
        Some(&path),
        &[],
        &[],
        expect![[r#"
            file FILE: there is no setting "polices.open_from_risk_score"; the nearest is policy.open_from_risk_score
            file FILE: there is no setting "serve.drain_second"; the nearest is serve.drain_seconds"#]],
    );
}

#[test]
fn a_section_is_known_by_its_name_even_when_it_is_empty_or_quoted() {
    let (_dir, path) = file("serve = 3\n\"log.level\" = \"off\"\n[limits.max_contents]\nx = 1\n[sevre]\n");
    refused(
        Some(&path),
        &[],
        &[],
        expect![[r#"
            file FILE: limits.max_contents must be of type integer, got table
            file FILE: there is no section "log.level"; the nearest is log
            file FILE: serve must be of type table, got integer
            file FILE: there is no section "sevre"; the nearest is serve"#]],
    );
}

#[test]
fn a_variable_that_is_no_setting_is_an_error() {
    refused(
        None,
        &[("PARCEL_RISK_SERVE_LISTENS", "127.0.0.1:1"), ("HOME", "elsewhere")],
        &[],
        expect![
            "environment PARCEL_RISK_SERVE_LISTENS: there is no such setting; the nearest is PARCEL_RISK_SERVE_LISTEN"
        ],
    );
    load(None, &[("PARCEL_RISK_CONFIG", "x"), ("PARCEL_RISK_LOG", "debug"), ("PARCEL_RISK_PYTHON", "x")], &[]).unwrap();
}

#[test]
fn a_value_of_another_type_is_refused_in_every_layer() {
    let (_dir, path) = file("[serve]\nmax_batch = \"many\"\n");
    refused(
        Some(&path),
        &[("PARCEL_RISK_TRAIN_L2", "much"), ("PARCEL_RISK_TRAIN_SEED", "1.5")],
        &[("serve.listen", Value::Integer(1))],
        expect![[r#"
            file FILE: serve.max_batch must be of type integer, got string
            environment PARCEL_RISK_TRAIN_L2: train.l2 must be of type float, got string
            environment PARCEL_RISK_TRAIN_SEED: train.seed must be of type integer, got float
            flag: serve.listen must be of type string, got integer"#]],
    );
}

#[test]
fn a_value_that_its_key_cannot_have_is_refused_with_its_layer() {
    let (_dir, path) = file("[serve]\nmax_batch = -1\n[currency]\nper_base = { EUR = \"x\" }\n");
    refused(
        Some(&path),
        &[("PARCEL_RISK_LOG_FORMAT", "loud"), ("PARCEL_RISK_TRAIN_L2", "3\nx = 1")],
        &[("serve.drain_seconds", Value::Integer(1 << 40))],
        expect![[r#"
            file FILE: invalid type: string "x", expected f64, in `currency.per_base.EUR`
            file FILE: invalid value: integer `-1`, expected u32, in `serve.max_batch`
            environment PARCEL_RISK_LOG_FORMAT: unknown variant `loud`, expected one of `auto`, `text`, `json`, in `log.format`
            environment PARCEL_RISK_TRAIN_L2: train.l2 must be of type float, got string
            flag: invalid value: integer `1099511627776`, expected u32, in `serve.drain_seconds`"#]],
    );
}

#[cfg(unix)]
#[test]
fn only_a_variable_of_ours_must_be_text() {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    let bytes = || OsString::from_vec(vec![b'x', 0xff]);
    assert!(Loaded::load(None, [(bytes(), bytes())].into_iter(), vec![]).is_ok());
    let ours = [(OsString::from("PARCEL_RISK_LOG_LEVEL"), bytes())];
    let said = Loaded::load(None, ours.into_iter(), vec![]).unwrap_err().to_string();
    expect!["environment PARCEL_RISK_LOG_LEVEL: log.level must be text in UTF-8"].assert_eq(&said);
}

#[test]
fn a_whole_number_may_stand_for_a_real_one_and_text_needs_no_quotes() {
    let environment = [("PARCEL_RISK_TRAIN_L2", "3"), ("PARCEL_RISK_SERVE_LISTEN", "127.0.0.1:0")];
    let config = load(None, &environment, &[]).unwrap().config;
    assert_eq!((config.train.l2, config.serve.listen.as_str()), (3.0, "127.0.0.1:0"));
}

#[test]
fn a_files_rate_table_replaces_the_default_whole() {
    let (_dir, path) = file("[currency]\nper_base = { KZT = 500.0 }\n");
    let rates = load(Some(&path), &[], &[]).unwrap().config.currency.per_base;
    assert_eq!(rates, BTreeMap::from([("KZT".to_owned(), 500.0)]));
}

#[test]
fn every_section_that_is_wrong_is_reported() {
    let mut config = Config::default();
    config.serve.max_batch = 1001;
    config.log.level = "parcel_risk=loud".to_owned();
    config.admin.listen = config.serve.listen.clone();
    config.limits.max_contents = 100;
    config.currency.per_base.insert("USD".to_owned(), -1.0);
    config.policy.open_from_risk_score = 0.1;
    config.train.l2 = -1.0;
    expect![[r#"
        serve.max_batch: must be between 1 and 1000, got 1001
        admin.listen: 127.0.0.1:50051 is taken by serve.listen already: it must be another address or port
        log.level: reading "parcel_risk=loud": error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5: error parsing level filter: expected one of "off", "error", "warn", "info", "debug", "trace", or a number 0-5
        limits.max_contents: must be from 1 to 99, got 100
        currency.per_base.USD: must be a positive number, got -1
        policy: must have 0 <= documents_from_risk_score <= open_from_risk_score <= 1, got 0.3 and 0.1
        train: l2: must be a number of at least zero"#]]
    .assert_eq(&config.check().unwrap_err().to_string());
}

#[test]
fn what_is_printed_can_be_read_back() {
    let printed = load(None, &[], &[("policy.open_from_risk_score", Value::Float(0.9))]).unwrap();
    let (_dir, path) = file(&printed.to_text());
    assert_eq!(load(Some(&path), &[], &[]).unwrap().config, printed.config);
}

#[test]
fn what_is_printed_says_where_each_value_comes_from() {
    let (_dir, path) = file("[policy]\nopen_from_risk_score = 0.9\n");
    let environment = [("PARCEL_RISK_POLICY_DOCUMENTS_FROM_RISK_SCORE", "0.2")];
    let text = load(Some(&path), &environment, &[("log.level", Value::from("off"))]).unwrap().to_text();
    let lines = |names: &[&str]| -> String {
        let named = |line: &&str| names.iter().any(|name| line.starts_with(name));
        text.lines().filter(named).map(|line| format!("{line}\n")).collect()
    };
    expect![[r#"
        format = "auto" # default
        level = "off" # flag
        documents_from_risk_score = 0.2 # environment PARCEL_RISK_POLICY_DOCUMENTS_FROM_RISK_SCORE
        open_from_risk_score = 0.9 # file FILE
    "#]]
    .assert_eq(
        &lines(&["documents_from", "open_from", "level", "format"]).replace(&path.display().to_string(), "FILE"),
    );
}

#[test]
fn what_is_printed_can_be_read_back_whatever_a_file_and_its_path_hold() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("line\nbreak.toml");
    fs::write(&path, "[log]\nlevel = 'a\"b#c'\n[currency.per_base]\n\"E R\\n\" = 1\nEUR = 2.0\n").unwrap();
    let printed = load(Some(&path), &[], &[]).unwrap();
    let (_dir, again) = file(&printed.to_text());
    assert_eq!(load(Some(&again), &[], &[]).unwrap().config, printed.config);
}

/// What `config check` says of a file and an environment; the directory of the file is written as DIR.
fn checked(dir: &Path, text: &str, environment: &[(&str, &str)]) -> String {
    let path = dir.join("parcel-risk.toml");
    fs::write(&path, text.replace("DIR", dir.to_str().unwrap())).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_parcel-risk"));
    command.args(["config", "check", "--config"]).arg(&path).envs(environment.iter().copied());
    let output = command.output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert_eq!(output.status.success(), said == "the configuration is valid\n", "{said}");
    said.replace(dir.to_str().unwrap(), "DIR")
}

#[test]
fn what_is_valid_starts_a_server_and_nothing_is_made_by_asking() {
    let dir = tempfile::tempdir().unwrap();
    let said = |text: &str| checked(dir.path(), text, &[]);
    let mut all = String::new();
    for text in [
        "[policy]\nfile = \"DIR/none.toml\"",
        "[ledger]\npath = \"DIR/none/ledger.db\"",
        "[ledger]\npath = \"DIR/ledger.db\"\nkey_file = \"DIR/none/key\"",
        "[ledger]\npath = \"DIR/ledger.db\"\ncheckpoint_key = \"DIR/none.key\"",
        "[ledger]\npath = \"DIR/parcel-risk.toml\"",
        "[currency]\nbase = \"EUR\"\nper_base = { USD = 1.1 }",
        "[admin]\nlisten = \"127.0.0.1:50051\"",
        "[serve]\nlisten_apart = \"127.0.0.1:9464\"\n[admin]\nlisten = \"0.0.0.0:9464\"",
        "[log]\nlevel = \"warning\"",
    ] {
        all += &said(text);
    }
    all += &checked(dir.path(), "", &[("PARCEL_RISK_LOG", "verbose")]);
    expect![[r#"
        parcel-risk: policy.file: reading DIR/none.toml: No such file or directory (os error 2)
        parcel-risk: ledger.path: opening DIR/none/ledger.db: No such file or directory (os error 2)
        parcel-risk: ledger.key_file: opening DIR/none/key: No such file or directory (os error 2)
        parcel-risk: ledger.checkpoint_key: the ledger's key file DIR/none.key is not there
        parcel-risk: ledger.path: DIR/parcel-risk.toml is no ledger of the form that this release reads
        parcel-risk: currency.base: the model was trained on amounts in USD, the configuration converts to EUR
        parcel-risk: admin.listen: 127.0.0.1:50051 is taken by serve.listen already: it must be another address or port
        parcel-risk: admin.listen: 0.0.0.0:9464 is taken by serve.listen_apart already: it must be another address or port
        parcel-risk: log.level: must be off, error, warn, info, debug or trace, or directives such as parcel_risk=debug, got "warning"
        parcel-risk: PARCEL_RISK_LOG: must be off, error, warn, info, debug or trace, or directives such as parcel_risk=debug, got "verbose"
    "#]]
    .assert_eq(&all);
    for text in [
        "[ledger]\npath = \"DIR/ledger.db\"",
        "[serve]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"",
        "[admin]\nlisten = \"127.0.0.2:50051\"",
    ] {
        assert_eq!(said(text), "the configuration is valid\n", "{text}");
    }
    // Without a reference set no model could be staged.
    fs::create_dir(dir.path().join("models")).unwrap();
    let registry = "[registry]\npath = \"DIR/models\"\n";
    let mut all = String::new();
    for text in [
        "[registry]\npath = \"DIR/parcel-risk.toml\"",
        &format!("{registry}[gate]\nreference = \"DIR/none.jsonl\""),
        &format!("{registry}[gate]\nreference = \"DIR/models\""),
        &format!("{registry}[gate]\nreference = \"DIR/parcel-risk.toml\""),
        registry,
        "[registry]\npath = \"DIR/later\"",
        "[gate]\nreference = \"DIR/none.jsonl\"",
    ] {
        all += &said(text);
    }
    expect![[r#"
        parcel-risk: registry.path: reading DIR/parcel-risk.toml: Not a directory (os error 20)
        parcel-risk: gate.reference: the reference set DIR/none.jsonl: No such file or directory (os error 2)
        parcel-risk: gate.reference: the reference set DIR/models: Is a directory (os error 21)
        parcel-risk: gate.reference: the reference set DIR/parcel-risk.toml, line 1: not a parcel with its outcome (column 2)
        the configuration is valid
        the configuration is valid
        the configuration is valid
    "#]].assert_eq(&all);
    fs::remove_dir(dir.path().join("models")).unwrap();
    let there: Vec<_> = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(there, ["parcel-risk.toml"]);
}

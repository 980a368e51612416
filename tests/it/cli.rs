//! The binary as a user meets it: what it prints, what it refuses, how it ends.

mod again;
mod judged;
mod outputs;
mod tables;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use expect_test::{Expect, expect, expect_file};
use serde_json::Value;

/// What the fixtures are scored by: the built-in model knows simulated post only.
const MODEL: &str = "models/customs-declarations";
const MAPPING: &str = "models/mappings/customs-declarations.toml";
const TRAIN: &str = "tests/fixtures/customs-declarations/train.csv";
const VALID: &str = "tests/fixtures/customs-declarations/valid.csv";

fn run(args: &[&str]) -> Output {
    run_with_input(args, b"")
}

fn run_with_input(args: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_parcel-risk"))
        .args(args)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input may have ended already.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

#[track_caller]
fn printed(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Runs what must fail with exit code 1 and nothing on standard output; `dir` is written as DIR.
#[track_caller]
fn refused(args: &[&str], dir: &Path, expected: Expect) {
    let output = run(args);
    let said = String::from_utf8(output.stderr).unwrap().replace(&dir.display().to_string(), "DIR");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    expected.assert_eq(&said);
}

fn trained(dir: &Path) -> PathBuf {
    let out = dir.join("model");
    printed(&["train", "--mapping", MAPPING, "--data", TRAIN, "--out", out.to_str().unwrap()]);
    out
}

#[test]
fn the_readme_shows_what_the_first_command_prints() {
    let printed = printed(&["demo"]);
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let (_, shown) = readme.split_once("```text\n").unwrap();
    let (shown, _) = shown.split_once("```").unwrap();
    let shown: Vec<_> = shown.lines().filter(|line| !line.trim().is_empty() && line.trim() != "…").collect();
    assert!(shown.len() > 9, "{shown:?}");
    let missing: Vec<_> = shown.into_iter().filter(|line| !printed.lines().any(|one| one == *line)).collect();
    assert!(missing.is_empty(), "the demo does not print\n{}", missing.join("\n"));
}

#[test]
fn what_is_trained_can_be_verified_judged_and_scored_with() {
    let dir = tempfile::tempdir().unwrap();
    let model = trained(dir.path());
    let model = model.to_str().unwrap();
    assert!(printed(&["model", "verify", model]).contains("golden decisions to the bit"));
    let page = dir.path().join("report.html");
    let report = printed(&[
        "evaluate",
        "--model",
        model,
        "--mapping",
        MAPPING,
        "--data",
        VALID,
        "--format",
        "json",
        "--bootstrap",
        "50",
        "--report",
        page.to_str().unwrap(),
    ]);
    // Of the training and of the evaluation, both of the same model.
    let identity: Value = serde_json::from_str(&report).unwrap();
    let digest = identity["model"]["digest"].as_str().unwrap();
    for page in [page, Path::new(model).join("report.html")] {
        let page = fs::read_to_string(page).unwrap();
        assert!(page.contains(digest) && page.ends_with("</html>\n"), "{page}");
        assert!(page.contains("Features that say most, against the rows"), "{page}");
    }
    let report: Value = serde_json::from_str(&report).unwrap();
    let keys: Vec<&str> = report.as_object().unwrap().keys().map(String::as_str).collect();
    expect![[r#"["auroc", "average_precision", "base_rate", "baselines", "bootstrap", "brier", "brier_skill", "calibration_intercept", "calibration_slope", "capacity", "data_digest", "drift", "expected_calibration_error", "infringements", "label_delay_days", "log_loss", "log_loss_skill", "model", "novelty", "parcels", "reliability", "selection", "slices", "weight"]"#]]
    .assert_eq(&format!("{keys:?}"));
    assert_eq!((&report["parcels"], &report["label_delay_days"]), (&Value::from(373), &Value::from(14)));
    let scored = printed(&["score", "--model", model, "--mapping", MAPPING, VALID]);
    assert_eq!(scored.lines().count(), 373);
}

/// A configuration whose models are made in no time.
fn few_trees(dir: &Path) -> PathBuf {
    let path = dir.join("few.toml");
    fs::write(&path, "[train]\nboosting_trees = 10\nbootstrap_replicates = 20\n").unwrap();
    path
}

#[test]
fn a_rolling_report_has_a_line_a_month_and_what_selective_labels_cost() {
    let dir = tempfile::tempdir().unwrap();
    let config = few_trees(dir.path());
    let mut args = vec!["evaluate", "--config", config.to_str().unwrap(), "--mapping", MAPPING, "--rolling", "month"];
    args.extend(["--warm-up", TRAIN, "--data", VALID, "--selective-labels", "0.3", "--random-share", "0.1"]);
    let text = printed(&args);
    assert!(text.starts_with("Each month by the model of its beginning:\nmonth    learned from  parcels"), "{text}");
    args.extend(["--format", "json"]);
    let report: Value = serde_json::from_str(&printed(&args)).unwrap();
    let keys = |of: &Value| of.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" ");
    let selective = &report["selective"];
    let shown =
        [&report, &report["months"][0], selective, &selective["months"][1], &selective["inspections"]].map(keys);
    expect![[r#"
        months rolling selective total unscored
        auroc average_precision base_rate capacity infringements month parcels trained_on
        capacity inspections months random_share total total_inspections
        auroc average_precision base_rate capacity infringements inspections month parcels trained_on
        parcels precision random random_arm_base_rate"#]]
    .assert_eq(&shown.join("\n"));
    let months: Vec<_> = report["months"].as_array().unwrap().iter().map(|month| &month["month"]).collect();
    assert_eq!(months, ["2021-01", "2021-02", "2021-03"]);
    assert_eq!(report["total"]["parcels"], 373);
    assert!(report["total"]["slices"].as_array().unwrap().len() > 4);
}

#[test]
fn a_rolling_report_that_cannot_be_is_refused_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let rolling = ["evaluate", "--mapping", MAPPING, "--rolling", "month", "--data", VALID];
    let with = |more: &[&'static str]| [&rolling[..], more].concat();
    refused(
        &with(&[]),
        dir.path(),
        expect![[r#"
        parcel-risk: no month can be judged: too few outcomes are known before any of 2021-01, 2021-02, 2021-03; give earlier ones by --warm-up
    "#]],
    );
    refused(
        &with(&["--selective-labels", "0.1", "--random-share", "1.5"]),
        dir.path(),
        expect![[r#"
            parcel-risk: random_share: must be from 0 to 1, got 1.5
        "#]],
    );
    let logistic = dir.path().join("logistic.toml");
    fs::write(&logistic, "[train]\nestimator = \"logistic\"\n").unwrap();
    let mut args = with(&["--selective-labels", "0.1", "--random-share", "0.5", "--config"]);
    args.push(logistic.to_str().unwrap());
    refused(
        &args,
        dir.path(),
        expect![[r#"
        parcel-risk: selective labels need the boosting estimator: the logistic one counts every row once
    "#]],
    );
    for (flag, value) in [("--plot", "weeks.svg"), ("--max-weight", "5")] {
        let expected = format!("parcel-risk: {flag} belongs to --rolling week; --rolling month has no use for it\n");
        let output = run(&with(&[flag, value]));
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
        assert_eq!(output.status.code(), Some(1));
    }
    for usage in [
        &["--selective-labels", "0.1"][..],
        &["--random-share", "0.1"],
        &["--selective-labels", "0", "--random-share", "0.1"],
        &["--model", "m"],
        &["--rolling", "week"],
    ] {
        assert_eq!(run(&with(usage)).status.code(), Some(2), "{usage:?}");
    }
    let without = ["evaluate", "--data", VALID, "--selective-labels", "0.1", "--random-share", "0.1"];
    assert_eq!(run(&without).status.code(), Some(2));
}

#[test]
fn the_last_line_of_train_names_the_artifact() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("model");
    let printed = printed(&["train", "--mapping", MAPPING, "--data", TRAIN, "--out", out.to_str().unwrap()]);
    let last: Value = serde_json::from_str(printed.lines().last().unwrap()).unwrap();
    assert_eq!(last["artifact"], out.to_str().unwrap());
    assert_eq!(last["name"], "parcel-risk");
    let inspected = self::printed(&["model", "verify", out.to_str().unwrap()]);
    assert!(inspected.contains(last["digest"].as_str().unwrap()), "{inspected}");
}

#[test]
fn the_demo_shows_decisions_with_reasons() {
    let shown = printed(&["demo", "--model", MODEL, "--data", VALID, "--mapping", MAPPING]);
    // The port is the one that was free.
    let shown: String = shown.lines().skip(1).map(|line| format!("{line}\n")).collect();
    expect_file!["../golden/demo.txt"].assert_eq(&shown);
}

#[test]
fn table_check_counts_what_a_table_holds() {
    expect_file!["../golden/table-check.txt"].assert_eq(&printed(&["table", "check", "--mapping", MAPPING, VALID]));
}

#[test]
fn json_lines_are_scored_from_standard_input_and_broken_ones_keep_their_place() {
    let lines = br#"{"itemId":"CP473124829KZ","advisedAt":"2021-02-01T00:00:00Z"}
{"itemId":
{"itemId":"CP473124829KZ","advisedAt":"2021-02-01T00:00:00Z","contents":[{"hsCode":"85.17"}]}
"#;
    let output = run_with_input(&["score", "-"], lines);
    assert_eq!(output.status.code(), Some(1), "every row has its line, but two of three are bad");
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0]["route"], "ROUTE_RELEASE");
    assert_eq!(lines[1]["error"]["code"], 3);
    assert_eq!(lines[2]["itemId"], "CP473124829KZ");
    assert_eq!(lines[2]["error"]["fieldViolations"][0]["field"], "contents[0].hs_code");
}

#[test]
fn unusable_input_is_refused_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let write = |name: &str, bytes: &[u8]| {
        fs::write(path(name), bytes).unwrap();
        path(name)
    };

    let missing = path("missing.csv");
    refused(
        &["score", "--mapping", MAPPING, &missing],
        dir.path(),
        expect![[r#"
        parcel-risk: opening DIR/missing.csv: No such file or directory (os error 2)
    "#]],
    );

    let mapping = write("mapping.toml", b"[columns]\n\"Weight\" = { field = \"gross_mass_grams\", unit = \"kg\" }\n");
    refused(
        &["score", "--mapping", &mapping, VALID],
        dir.path(),
        expect![[r#"
        parcel-risk: tests/fixtures/customs-declarations/valid.csv lacks columns that the mapping names:
          "Weight"
    "#]],
    );

    let no_parquet = write("table.parquet", b"this is not Parquet");
    refused(
        &["score", &no_parquet],
        dir.path(),
        expect![[r#"
        parcel-risk: DIR/table.parquet is not a Parquet file, or is damaged: Parquet error: Invalid Parquet file. Corrupt footer
    "#]],
    );

    let empty = write("empty.jsonl", b"");
    refused(
        &["score", &empty],
        dir.path(),
        expect![[r#"
        parcel-risk: there is no row in DIR/empty.jsonl
    "#]],
    );

    let broken = write(
        "broken.csv",
        b"item_id,id_scheme,advised_at,outcome.infringement\nA1,CARRIER,2021-01-01T00:00:00Z,1\nA2,CARRIER\nA3,CARRIER,someday,0\n",
    );
    refused(
        &["train", "--data", &broken, "--out", &path("out")],
        dir.path(),
        expect![[r#"
        parcel-risk: 2 of 3 rows could not be read, more than the 1 % allowed
        2 of 3 rows rejected: UNREADABLE 1, WRONG_NUMBER_OF_CELLS 1
          DIR/broken.csv:row 2 (line 3): must have 4 cells, has 2
          DIR/broken.csv:row 3 (line 4), column "advised_at": must be an RFC 3339 date, or date and time; UTC where no offset is stated
    "#]],
    );
    assert!(!dir.path().join("out").exists(), "nothing is written by a run that fails");
}

#[test]
fn a_model_that_does_not_prove_itself_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("model");
    fs::create_dir(&model).unwrap();
    for file in fs::read_dir(MODEL).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), model.join(file.file_name())).unwrap();
    }
    let bytes = fs::read(model.join("model.bin")).unwrap();
    fs::write(model.join("model.bin"), &bytes[..bytes.len() / 2]).unwrap();
    for command in [["score", "--model"], ["serve", "--model"], ["evaluate", "--model"]] {
        let mut args = command.to_vec();
        args.push(model.to_str().unwrap());
        match command[0] {
            "score" => args.extend(["--mapping", MAPPING, VALID]),
            "evaluate" => args.extend(["--mapping", MAPPING, "--data", VALID]),
            _ => {}
        }
        let output = run(&args);
        let said = String::from_utf8(output.stderr).unwrap().replace(&dir.path().display().to_string(), "DIR");
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert_eq!(
            said,
            "parcel-risk: the model in DIR/model: model.bin does not have the digest that manifest.json names: it is \
             truncated, damaged or of another model\n"
        );
    }
}

#[test]
fn usage_is_exit_code_2() {
    assert_eq!(run(&["score"]).status.code(), Some(2));
    assert_eq!(run(&["score", "--endpoint", "http://[::1]:1", "--model", "m", "t.csv"]).status.code(), Some(2));
    assert_eq!(run(&["frobnicate"]).status.code(), Some(2));
}

#[test]
fn a_reader_that_leaves_early_is_no_failure() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_parcel-risk"))
        .args(["score", "--mapping", MAPPING, TRAIN, "--explanation", "full"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["serve", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap().replace(&address, "ADDRESS");
    let said: String = said.lines().filter(|line| !line.starts_with('{')).collect();
    expect!["parcel-risk: listening on ADDRESS: Address already in use (os error 98)"].assert_eq(&said);
}

//! The files that `simulate` writes.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use expect_test::expect;
use parcel_risk::table::TableReader;
use sha2::{Digest as _, Sha256};

fn run(directory: &Path, threads: &str, flags: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_parcel-risk"));
    command.args(["simulate", "--parcels", "4000", "--days", "20", "--base-rate", "0.01", "--out"]).arg(directory);
    command.args(flags).env("RAYON_NUM_THREADS", threads).output().unwrap()
}

fn simulated(directory: &Path, threads: &str, flags: &[&str]) -> String {
    let output = run(directory, threads, flags);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn equal_seeds_give_equal_files_and_no_run_reads_a_clock() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    simulated(a.path(), "1", &[]);
    simulated(b.path(), "3", &[]);
    let mut names: Vec<_> = fs::read_dir(a.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names.len(), 6, "{names:?}");
    for name in &names {
        assert!(fs::read(a.path().join(name)).unwrap() == fs::read(b.path().join(name)).unwrap(), "{name:?}");
    }
    // Every machine simulates the same parcels; a change of these digests is a change of the world.
    let digest = |name: &str| {
        let mut text = Vec::new();
        let file = fs::File::open(a.path().join(name)).unwrap();
        std::io::copy(&mut flate2::read::GzDecoder::new(file), &mut text).unwrap();
        Sha256::digest(&text)[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    expect!["13658f84fccecc20 7a564e48af99e2b8"].assert_eq(&format!(
        "{} {}",
        digest("parcels.csv.gz"),
        digest("truth.csv.gz")
    ));
}

#[test]
fn a_table_of_parcels_needs_no_mapping_and_labels_are_as_asked() {
    let labeled = |flags: &[&str], file: &str| {
        let directory = tempfile::tempdir().unwrap();
        simulated(directory.path(), "2", flags);
        let rows = TableReader::open(&directory.path().join(file), None).unwrap();
        let rows: Vec<_> = rows.map(|row| row.unwrap().unwrap()).collect();
        assert_eq!(rows.len(), 4_000);
        let count = |of: fn(&parcel_risk::table::TableRow) -> bool| rows.iter().filter(|row| of(row)).count();
        (
            count(|row| row.outcome.is_some()),
            count(|row| row.outcome.as_ref().is_some_and(|outcome| outcome.infringement)),
            rows.iter().filter_map(|row| row.outcome.as_ref()?.kind.clone()).collect::<BTreeSet<_>>().len(),
        )
    };
    for file in ["parcels.csv.gz", "parcels.parquet"] {
        let (n, bad, kinds) = labeled(&[], file);
        assert_eq!((n, bad), (4_000, 40), "{file}");
        assert!(kinds >= 4, "{kinds}");
    }
    let (n, bad, _) = labeled(&["--infringement", "any"], "parcels.csv.gz");
    assert!(n == 4_000 && bad > 80, "{bad}");
    let (n, bad, _) = labeled(&["--labels", "inspected"], "parcels.csv.gz");
    assert!((5..400).contains(&n) && bad < 30, "{n} {bad}");
    assert_eq!(labeled(&["--labels", "none"], "parcels.parquet"), (0, 0, 0));
}

#[test]
fn a_run_says_what_it_made_and_refuses_what_it_can_not() {
    let directory = tempfile::tempdir().unwrap();
    let said: serde_json::Value =
        serde_json::from_str(&simulated(directory.path(), "2", &["--scenario", "adversary", "--seed", "4"])).unwrap();
    assert_eq!((said["scenario"].as_str(), said["parcels"].as_u64()), (Some("adversary"), Some(4_000)));
    assert_eq!((said["seed"].as_u64(), said["prohibited"].as_u64()), (Some(4), Some(40)));
    let refused = |flags: &[&str]| {
        let output = run(directory.path(), "2", flags);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap()
    };
    expect![[r#"
        parcel-risk: no scenario is called "kasakhstan"; there are kazakhstan, large-hub, drift, adversary
    "#]]
    .assert_eq(&refused(&["--scenario", "kasakhstan"]));
    let wrong = directory.path().join("wrong.toml");
    fs::write(&wrong, "base = \"drift\"\nname = \"mine\"\n[world]\nground = \"assumed\"\nbase_rat = 0.1\n").unwrap();
    let message = refused(&["--scenario", wrong.to_str().unwrap()]);
    assert!(message.contains("`world.base_rat` is no key of a scenario; did you mean `world.base_rate`?"), "{message}");
}

#[test]
fn a_model_is_judged_by_the_truth_that_was_written_beside_its_parcels() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("few.toml"), "[train]\nboosting_trees = 10\nbootstrap_replicates = 0\n").unwrap();
    let printed = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_parcel-risk")).args(args).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let (learn, later, model, config) = (path("learn"), path("later"), path("model"), path("few.toml"));
    let world = ["simulate", "--parcels", "12000", "--days", "60", "--base-rate", "0.03"];
    printed(&[&world[..], &["--until-day", "42", "--out", &learn]].concat());
    printed(&[&world[..], &["--from-day", "42", "--out", &later]].concat());
    let table = |of: &str, name: &str| format!("{of}/{name}.csv.gz");
    let (data, parcels, truth) = (table(&learn, "parcels"), table(&later, "parcels"), table(&later, "truth"));
    printed(&["train", "--config", &config, "--data", &data, "--out", &model, "--notice", "Of simulated post."]);
    let card = fs::read_to_string(format!("{model}/CARD.md")).unwrap();
    assert!(card.starts_with("Of simulated post.\n\n# "), "{card}");

    let mut judge = vec!["evaluate", "--config", &config, "--model", &model, "--data", &parcels, "--truth", &truth];
    let text = printed(&judge);
    assert!(text.contains("\nlookalike_of, opened at  parcels "), "{text}");
    judge.extend(["--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&printed(&judge)).unwrap();
    let opened = report["opened"].as_array().unwrap();
    let parcels_of = |dimension: &str| -> u64 {
        let groups = opened.iter().filter(|group| group["dimension"] == dimension);
        groups.map(|group| group["parcels"].as_u64().unwrap()).sum()
    };
    assert_eq!(parcels_of("typology"), report["infringements"].as_u64().unwrap());
    assert_eq!(parcels_of("lookalike_of"), report["parcels"].as_u64().unwrap() - parcels_of("typology"));
    let precision = |name: &str| {
        let baselines = report["baselines"].as_array().unwrap();
        let one = baselines.iter().find(|baseline| baseline["name"] == name).unwrap();
        one["average_precision"]["value"].as_f64().unwrap()
    };
    assert!(precision("generators_knowledge") > precision("rules"));
    // A kind that the main label does not count has a head all the same.
    let manifest = fs::read_to_string(format!("{model}/manifest.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    assert!(manifest["heads"].get("UNDERVALUATION").is_some(), "{}", manifest["heads"]);
}

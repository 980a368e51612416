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
    expect!["bda2664383b1a1cf 577b96cf90ec3805"].assert_eq(&format!(
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

//! What is said of a table that is read all the same, and means something else than it seems to.

use std::fs;

use super::{MAPPING, MODEL, TRAIN, VALID, few_trees, printed, run};

/// What a command that succeeds says on standard error.
#[track_caller]
fn said(args: &[&str]) -> String {
    let output = run(args);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn rows_that_repeat_an_item_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let twice = ["--mapping", MAPPING, "--warm-up", VALID, "--data", VALID];
    let warned = "warning: 373 of 746 rows repeat an item_id: they add nothing to history\n";
    assert_eq!(said(&[&["evaluate", "--model", MODEL, "--bootstrap", "20"], &twice[..]].concat()), warned);
    // In order of time while it is read, and sorted first: the quarter stands before its year.
    assert_eq!(said(&[&["features", "--out", &path("m.csv")], &twice[..]].concat()), warned);
    let sorted = ["features", "--out", &path("m.csv"), "--mapping", MAPPING, "--data", VALID, TRAIN, VALID];
    assert_eq!(said(&sorted), warned.replace("746", "2328"));

    // The numbering starts anew in the middle of the year.
    let table = fs::read_to_string(TRAIN).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    let number = |idx: usize, line: &str| match (idx, line.split_once(',')) {
        (1.., Some((_, cells))) => format!("{},{cells}\n", (idx - 1) % 1000),
        _ => format!("{line}\n"),
    };
    let table = lines.iter().enumerate().map(|(idx, line)| number(idx, line)).collect::<String>();
    fs::write(path("t.csv"), table).unwrap();
    let checked = printed(&["table", "check", "--mapping", MAPPING, &path("t.csv")]);
    assert!(checked.contains("\n582 of 1582 rows repeat an item_id: they add nothing to history\n"), "{checked}");
    let config = few_trees(dir.path());
    let train = ["train", "--config", config.to_str().unwrap(), "--mapping", MAPPING, "--out", &path("model")];
    let said = said(&[&train[..], &["--data", &path("t.csv")]].concat());
    assert!(said.contains("warning: 582 of 1582 rows repeat an item_id: they add nothing to history\n"), "{said}");
}

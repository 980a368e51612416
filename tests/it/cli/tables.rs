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
    let twice = ["--mapping", MAPPING, "--data", VALID, VALID];
    let warned = "warning: 373 of 746 rows repeat an item_id: they add nothing to history\n";
    assert_eq!(said(&[&["evaluate", "--model", MODEL, "--bootstrap", "20"], &twice[..]].concat()), warned);
    // In order of time while it is read, and sorted first: the quarter stands before its year.
    let quarter = fs::read_to_string(VALID).unwrap();
    let (header, rows) = quarter.split_once('\n').unwrap();
    let each_twice = rows.lines().map(|line| format!("{line}\n{line}\n")).collect::<String>();
    fs::write(path("twice.csv"), format!("{header}\n{each_twice}")).unwrap();
    let in_order = ["features", "--out", &path("m.csv"), "--mapping", MAPPING, "--warm-up", TRAIN, "--data"];
    assert_eq!(said(&[&in_order[..], &[&path("twice.csv")]].concat()), warned.replace("746", "2328"));
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

#[test]
fn a_label_that_is_spelled_otherwise_is_shown_and_warned_of() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    // Every other infringement as a spreadsheet writes it.
    let mut n_found = 0;
    let respelled = |line: &str| match line.strip_suffix(",1,1").or(line.strip_suffix(",1,2")) {
        Some(cells) => {
            n_found += 1;
            if n_found % 2 == 0 { format!("{cells},1.0,1\n") } else { format!("{line}\n") }
        }
        None => format!("{line}\n"),
    };
    let table = fs::read_to_string(TRAIN).unwrap().lines().map(respelled).collect::<String>();
    assert!(n_found == 364, "{n_found}");
    fs::write(path("t.csv"), table).unwrap();
    let doubt = "the label \"1.0\" of 182 rows counts as clean, and \"1\" as an infringement\n";
    let checked = printed(&["table", "check", "--mapping", MAPPING, &path("t.csv")]);
    let labels = "infringements 182\nlabel \"0\" 1218 clean\nlabel \"1\" 182 infringement\nlabel \"1.0\" 182 clean\n";
    assert!(checked.contains(&format!("{labels}{doubt}")), "{checked}");

    let config = few_trees(dir.path());
    let args = ["--config", config.to_str().unwrap(), "--data", &path("t.csv"), "--out", &path("model"), "--mapping"];
    assert!(said(&[&["train"], &args[..], &[MAPPING]].concat()).starts_with(&format!("warning: {doubt}")));
    // A mapping that lists what no row has.
    let mapping = fs::read_to_string(MAPPING).unwrap().replace("infringement = [\"1\"]", "infringement = [\"YES\"]");
    fs::write(path("m.toml"), mapping).unwrap();
    let output = run(&[&["train"], &args[..], &[&path("m.toml")]].concat());
    assert_eq!(output.status.code(), Some(1), "there is nothing to fit");
    let said = String::from_utf8(output.stderr).unwrap();
    let warned = "warning: no row has the label \"YES\", which means an infringement\n\
                  warning: no row is an infringement; labels that occur: \"0\", \"1\", \"1.0\"\n";
    assert!(said.starts_with(warned), "{said}");
}

#[test]
fn labels_that_were_known_before_the_parcel_are_counted() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("t.csv");
    let rows = "A,2020-01-02,1,2020-01-01\nB,2020-01-02,0,2020-01-02\nC,2020-01-02,0,\nD,2020-01-02,,2020-01-01\n";
    let header = "item_id,advised_at,outcome.infringement,outcome.known_at,id_scheme\n";
    fs::write(&table, format!("{header}{}", rows.replace('\n', ",CARRIER\n"))).unwrap();
    let checked = printed(&["table", "check", table.to_str().unwrap()]);
    let doubt = "\n1 of 3 labels were known before the parcel was advised, and count from then on\n";
    assert!(checked.contains(doubt), "{checked}");
}

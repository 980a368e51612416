//! Where commands write: never over what they read, whole or not at all, and named where it fails.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;

use expect_test::expect;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::{MAPPING, VALID, printed, refused, run};

const LINES: &str = "{\"itemId\":\"CP473124829KZ\",\"advisedAt\":\"2021-02-01T00:00:00Z\"}\n";

#[test]
fn no_command_writes_over_what_it_reads() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (lines, table, mapping) = (path("t.jsonl"), path("t.csv"), path("m.toml"));
    let contents = || [&lines, &table, &mapping].map(|file| fs::read(file).unwrap());
    fs::write(&lines, LINES).unwrap();
    fs::copy(VALID, &table).unwrap();
    fs::copy(MAPPING, &mapping).unwrap();
    let before = contents();
    // The same file by other names.
    let (link, twin) = (path("link.csv"), path("twin.csv"));
    symlink(&table, &link).unwrap();
    fs::hard_link(&table, &twin).unwrap();

    let score = expect!["parcel-risk: --out would replace DIR/t.jsonl, which is read: name another file\n"];
    refused(&["score", &lines, "--out", &lines], dir.path(), score);
    for out in [&table, &link, &twin] {
        let of_table = || expect!["parcel-risk: --out would replace DIR/t.csv, which is read: name another file\n"];
        refused(&["score", "--mapping", &mapping, &table, "--out", out], dir.path(), of_table());
        refused(&["table", "convert", "--mapping", &mapping, &table, "--out", out], dir.path(), of_table());
        let features = ["features", "--mapping", &mapping, "--warm-up", &table, "--data", VALID, "--out", out];
        refused(&features, dir.path(), of_table());
        let evaluate = ["evaluate", "--mapping", &mapping, "--data", &table, "--report", out];
        let said = expect!["parcel-risk: --report would replace DIR/t.csv, which is read: name another file\n"];
        refused(&evaluate, dir.path(), said);
    }
    let said = expect!["parcel-risk: --out would replace DIR/m.toml, which is read: name another file\n"];
    refused(&["score", "--mapping", &mapping, &table, "--out", &mapping], dir.path(), said);
    let said = expect!["parcel-risk: --plot would replace DIR/t.csv, which is read: name another file\n"];
    let rolling = ["evaluate", "--rolling", "week", "--warm-up", &table, "--data", VALID, "--plot", &table];
    refused(&rolling, dir.path(), said);
    assert!(contents() == before, "nothing that is read has changed");
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn scores_take_the_place_of_an_older_file_once_they_are_whole() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (lines, broken, out, link) = (path("t.jsonl"), path("t.csv.gz"), path("scores"), path("latest"));
    fs::write(&lines, LINES).unwrap();
    // The file breaks off after rows that can be read.
    let mut gz = GzEncoder::new(Vec::new(), Compression::fast());
    let rows = (0..2000).map(|row| format!("{row},CARRIER,2021-02-01T00:00:00Z\n")).collect::<String>();
    gz.write_all(format!("item_id,id_scheme,advised_at\n{rows}").as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    fs::write(&broken, &gz[..gz.len() / 2]).unwrap();
    fs::write(&out, "older").unwrap();
    symlink(&out, &link).unwrap();
    assert_eq!(run(&["score", &broken, "--out", &out]).status.code(), Some(1));
    assert_eq!(fs::read_to_string(&out).unwrap(), "older");
    assert_eq!(printed(&["score", &lines, "--out", &link]), "");
    assert_eq!(fs::read_to_string(&out).unwrap(), printed(&["score", &lines]));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "a link stays one");
    assert_eq!(names(dir.path()), ["latest", "scores", "t.csv.gz", "t.jsonl"]);
}

#[test]
fn a_place_that_takes_nothing_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let lines = dir.path().join("t.jsonl");
    fs::write(&lines, LINES).unwrap();
    let lines = lines.to_str().unwrap();
    refused(
        &["score", lines, "--out", "/dev/full"],
        dir.path(),
        expect![[r#"
            parcel-risk: writing /dev/full: No space left on device (os error 28)
        "#]],
    );
    let nowhere = dir.path().join("nowhere/scores");
    refused(
        &["score", lines, "--out", nowhere.to_str().unwrap()],
        dir.path(),
        expect![[r#"
            parcel-risk: creating DIR/nowhere/scores: No such file or directory (os error 2)
        "#]],
    );
    assert_eq!(printed(&["score", lines, "--out", "/dev/null"]), "");
}

/// What can't be read is not even looked for.
#[test]
fn a_place_that_takes_nothing_is_found_before_anything_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("file"), "kept").unwrap();
    fs::create_dir(path("other")).unwrap();
    fs::write(path("other/thesis.txt"), "kept").unwrap();
    let missing = path("missing.csv");
    let train = |out: &str| ["train", "--data", &missing, "--out", out].map(str::to_owned);
    let refused =
        |args: &[String], expect| refused(&args.iter().map(String::as_str).collect::<Vec<_>>(), dir.path(), expect);
    refused(
        &train(&path("file/model")),
        expect![[r#"
            parcel-risk: writing DIR/file/model: Not a directory (os error 20)
        "#]],
    );
    refused(
        &train(&path("other")),
        expect![[r#"
            parcel-risk: DIR/other exists and is not just an artifact: it will not be replaced
        "#]],
    );
    refused(
        &train(&path("not/yet/there")),
        expect![[r#"
            parcel-risk: reading DIR/missing.csv: No such file or directory (os error 2)
        "#]],
    );
    let evaluate = ["evaluate", "--data", &missing, "--report", &path("nowhere/report.html")].map(str::to_owned);
    refused(
        &evaluate,
        expect![[r#"
            parcel-risk: creating DIR/nowhere/report.html: No such file or directory (os error 2)
        "#]],
    );
    let evaluate = ["evaluate", "--data", &missing, "--report", &path("file")].map(str::to_owned);
    refused(
        &evaluate,
        expect![[r#"
            parcel-risk: reading DIR/missing.csv: No such file or directory (os error 2)
        "#]],
    );
    assert_eq!(fs::read_to_string(path("file")).unwrap(), "kept", "a run that fails leaves what was there");
    assert_eq!(names(dir.path()), ["file", "other"]);
}

//! Where an artifact is written, and what it may replace.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use expect_test::expect;
use parcel_risk::artifact::Artifact;

use super::{FILES, Place, small};
use crate::fixture::curve;
use crate::table::chain;

fn names(directory: &Path) -> BTreeSet<String> {
    fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn an_artifact_is_five_files_and_nothing_beside_them() {
    let place = Place::new();
    assert_eq!(names(&place.path("")), set(&FILES));
    assert_eq!(names(place.dir.path()), set(&["model"]));
}

#[test]
fn an_artifact_written_twice_is_the_same_bytes() {
    let place = Place::new();
    let bytes = || FILES.map(|file| place.bytes(file));
    let before = bytes();
    place.read().unwrap().write(&place.path("")).unwrap();
    assert_eq!(bytes(), before);
}

#[test]
fn another_artifact_is_replaced_whole() {
    let place = Place::new();
    let other = small("other", |body| curve(body).c -= 0.5);
    other.write(&place.path("")).unwrap();
    let read = place.read().unwrap();
    assert_eq!((read.model_ref(), names(place.dir.path())), (other.model_ref(), set(&["model"])));
    assert_eq!(names(&place.path("")), set(&FILES));
}

#[test]
fn a_damaged_or_half_artifact_is_replaced_too() {
    let place = Place::new();
    fs::write(place.path("model.bin"), "damaged").unwrap();
    fs::remove_file(place.path("history.bin")).unwrap();
    place.before.write(&place.path("")).unwrap();
    place.read().unwrap();
}

#[test]
fn an_empty_directory_and_a_missing_one_are_filled() {
    let dir = tempfile::tempdir().unwrap();
    let artifact = small("small", |_| ());
    fs::create_dir(dir.path().join("empty")).unwrap();
    for place in ["empty", "new", "deep/er/new"] {
        artifact.write(&dir.path().join(place)).unwrap();
        let read = Artifact::read(&dir.path().join(place)).unwrap();
        assert_eq!(read.model_ref(), artifact.model_ref(), "{place}");
    }
    assert_eq!(names(dir.path()), set(&["deep", "empty", "new"]));
}

#[test]
fn what_is_no_artifact_is_never_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name);
    fs::create_dir(path("notes")).unwrap();
    fs::write(path("notes/mine.txt"), "mine").unwrap();
    fs::write(path("file"), "mine").unwrap();
    // A manifest alone makes no artifact: web pages and browser extensions have one too.
    fs::create_dir(path("site")).unwrap();
    fs::write(path("site/manifest.json"), "{}").unwrap();
    fs::write(path("site/index.html"), "mine").unwrap();
    // Someone keeps the table that it was trained on beside it.
    small("small", |_| ()).write(&path("with-data")).unwrap();
    fs::create_dir(path("with-data/data")).unwrap();
    let before = names(dir.path());

    let mut told = String::new();
    for place in ["notes", "file", "site", "with-data"] {
        let refused = small("other", |_| ()).write(&path(place)).expect_err(place);
        told += &chain(&refused).replace(&format!("{}/", dir.path().display()), "");
    }
    expect![[r#"
        notes exists and is not just an artifact: it will not be replaced
        file exists and is not just an artifact: it will not be replaced
        site exists and is not just an artifact: it will not be replaced
        with-data exists and is not just an artifact: it will not be replaced
    "#]]
    .assert_eq(&told);
    assert_eq!(fs::read_to_string(path("notes/mine.txt")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(path("file")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(path("site/index.html")).unwrap(), "mine");
    assert!(path("with-data/data").is_dir());
    assert_eq!(names(dir.path()), before, "nothing is left beside them");
}

#[cfg(unix)]
#[test]
fn a_write_that_fails_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink("nowhere", dir.path().join("dangling")).unwrap();
    let refused = small("small", |_| ()).write(&dir.path().join("dangling")).unwrap_err();
    expect![[r#"
        writing dangling
        Not a directory (os error 20)
    "#]]
    .assert_eq(&chain(&refused).replace(&format!("{}/", dir.path().display()), ""));
    assert_eq!(names(dir.path()), set(&["dangling"]));
}

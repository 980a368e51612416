//! What every file of the repository has in common.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A longer source file is more than one thing.
const MAX_LINES: usize = 400;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the repository with their paths in it: by git, else (a published crate) all but what is built.
fn files() -> Vec<String> {
    let git = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = Command::new("git").args(git).current_dir(root()).output();
    let mut files: Vec<String> = match listed {
        Ok(output) if output.status.success() && !output.stdout.is_empty() => {
            String::from_utf8(output.stdout).unwrap().split_terminator('\0').map(str::to_owned).collect()
        }
        _ => {
            let mut found = Vec::new();
            walk(root(), &mut found);
            let relative = |path: &PathBuf| path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            found.iter().map(relative).collect()
        }
    };
    // Git still lists a file that is deleted and not yet committed.
    files.retain(|file| root().join(file).is_file());
    files.sort();
    assert!(files.iter().any(|file| file == "src/lib.rs"), "{files:?}");
    files
}

fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_file() {
            found.push(path);
        } else if !["target", ".git", ".venv", "__pycache__", "parcel-risk-data"].contains(&name.as_str()) {
            walk(&path, found);
        }
    }
}

/// Files that are text, with it.
fn texts() -> Vec<(String, String)> {
    let text = |file: String| Some((fs::read_to_string(root().join(&file)).ok()?, file));
    let is_text = |(text, _): &(String, String)| !text.contains('\0');
    files().into_iter().filter_map(text).filter(is_text).map(|(text, file)| (file, text)).collect()
}

fn sources() -> Vec<(String, String)> {
    texts().into_iter().filter(|(file, _)| file.ends_with(".rs")).collect()
}

#[track_caller]
fn none(bad: Vec<String>) {
    assert!(bad.is_empty(), "\n{}\n", bad.join("\n"));
}

/// Every line for which `is_bad` is true, by file and number.
fn lines(texts: &[(String, String)], is_bad: impl Fn(&str) -> bool) -> Vec<String> {
    let in_file = |(file, text): &(String, String)| -> Vec<String> {
        let bad = text.split('\n').enumerate().filter(|(_, line)| is_bad(line));
        bad.map(|(idx, line)| format!("{file}:{}: {line}", idx + 1)).collect()
    };
    texts.iter().flat_map(in_file).collect()
}

#[test]
fn no_source_file_is_longer_than_400_lines() {
    let long = sources().into_iter().filter(|(_, text)| text.lines().count() > MAX_LINES);
    none(long.map(|(file, text)| format!("{file}: {} lines", text.lines().count())).collect());
}

#[test]
fn every_source_file_begins_with_what_it_is() {
    let mute = sources().into_iter().filter(|(_, text)| !text.starts_with("//! "));
    none(mute.map(|(file, _)| format!("{file}: no `//!` in its first line")).collect());
}

#[test]
fn nothing_is_left_to_do() {
    // Put together, or this file would be found.
    let markers = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let is_marker = |word: &str| markers.contains(&word);
    none(lines(&texts(), |line| line.split(|c: char| !c.is_alphanumeric()).any(is_marker)));
}

#[test]
fn no_line_has_a_tab_or_ends_in_a_blank() {
    none(lines(&texts(), |line| line.contains('\t') || line.ends_with([' ', '\r'])));
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    let homes = ["work", "root", "home", "Users"].map(|directory| format!("/{directory}"));
    let is_path = |line: &str, home: &str| {
        line.match_indices(home).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + home.len()..].chars().next();
            // Neither the tail of a longer path or an address, nor the beginning of a longer word.
            !before.is_some_and(|c| c.is_alphanumeric() || "._-}>)".contains(c))
                && !after.is_some_and(|c| c.is_alphanumeric() || "_-".contains(c))
        })
    };
    none(lines(&texts(), |line| homes.iter().any(|home| is_path(line, home))));
}

#[test]
fn every_fixture_and_golden_file_is_named_by_a_test() {
    let tests: String = sources()
        .into_iter()
        .filter(|(file, text)| file.starts_with("tests/") || text.contains("#[cfg(test)]"))
        .map(|(_, text)| text)
        .collect();
    let data =
        files().into_iter().filter(|file| file.starts_with("tests/fixtures/") || file.starts_with("tests/golden/"));
    let name = |file: &str| file.rsplit('/').next().unwrap().to_owned();
    // What tells of the data is read by people.
    let data = data.filter(|file| !["README.md", "LICENSE"].contains(&name(file).as_str()));
    let (named, unnamed): (Vec<_>, Vec<_>) = data.partition(|file| tests.contains(&format!("{}\"", name(file))));
    assert!(!named.is_empty(), "there are fixtures");
    none(unnamed);
}

//! Which room may use which, and which crates each may name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A room, and the rooms it uses. A new edge is a design change: it is made here and in `ARCHITECTURE.md`.
const MAY_USE: &[(&str, &[&str])] = &[
    ("parcel", &[]),
    ("simulate", &["parcel"]),
    ("history", &["parcel"]),
    ("reasons", &["parcel", "history"]),
    ("text", &[]),
    ("features", &["parcel", "history", "reasons", "text"]),
    ("model", &["parcel", "features", "text"]),
    ("policy", &["parcel", "history", "text"]),
    ("engine", &["parcel", "history", "reasons", "features", "model", "policy"]),
    ("evaluation", &[]),
    ("report", &["evaluation"]),
    // Of `policy`, only its tests do.
    ("wire", &["parcel", "history", "reasons", "policy", "engine"]),
    ("table", &["parcel", "wire"]),
    ("artifact", &["parcel", "history", "reasons", "features", "model", "policy", "engine", "evaluation", "wire"]),
    (
        "train",
        &[
            "parcel",
            "history",
            "text",
            "features",
            "model",
            "policy",
            "engine",
            "evaluation",
            "report",
            "wire",
            "table",
            "artifact",
        ],
    ),
    ("telemetry", &[]),
    ("traces", &["telemetry"]),
    ("identity", &["telemetry"]),
    (
        "ledger",
        &[
            "parcel",
            "history",
            "reasons",
            "features",
            "policy",
            "engine",
            "evaluation",
            "wire",
            "table",
            "artifact",
            "telemetry",
        ],
    ),
    (
        "registry",
        &["parcel", "history", "features", "model", "policy", "engine", "evaluation", "wire", "artifact", "ledger"],
    ),
    (
        "serve",
        &[
            "parcel",
            "history",
            "reasons",
            "features",
            // Of `model`, only its tests do.
            "model",
            "policy",
            "engine",
            "evaluation",
            "wire",
            "artifact",
            "telemetry",
            "traces",
            "identity",
            "ledger",
            "registry",
        ],
    ),
    ("admin", &["parcel", "report", "telemetry", "serve"]),
    (
        "config",
        &[
            "parcel",
            "history",
            "features",
            "policy",
            "train",
            "telemetry",
            "traces",
            "identity",
            "ledger",
            "registry",
            "serve",
            "admin",
        ],
    ),
    ("bench", &["parcel", "wire", "serve"]),
    ("cli", ANY),
];

/// The rooms that bring all others together: what they use is not told here one by one.
const ANY: &[&str] = &["*"];
/// For these the list is a limit; for all others each edge is also used.
const AT_MOST: [&str; 2] = ["config", "cli"];

/// A crate, with those that share its name up to an underscore, and the only rooms that may name it.
const ONLY_IN: &[(&str, &[&str])] = &[
    ("tonic", &["wire", "serve", "bench", "cli"]),
    ("prost", &["wire", "ledger", "serve", "bench", "cli"]),
    ("pbjson", &["wire"]),
    ("tokio", &["traces", "serve", "admin", "bench", "cli"]),
    ("tower", &["serve", "cli"]),
    ("h2", &["serve", "cli"]),
    ("http", &["traces", "identity", "serve", "admin", "bench", "cli"]),
    ("hyper", &["serve", "admin"]),
    ("opentelemetry", &["traces"]),
    ("prometheus_client", &["telemetry"]),
    ("rustls", &["identity"]),
    ("jsonwebtoken", &["identity"]),
    ("x509_parser", &["identity"]),
    ("sd_notify", &["cli"]),
    ("rustix", &["artifact", "ledger", "serve"]),
    // What signs is for commands, and for a ledger's own end; an artifact is only verified.
    ("minisign", &["artifact", "ledger", "cli"]),
    ("arc_swap", &["identity", "ledger", "serve", "cli"]),
    ("crossbeam_utils", &["ledger"]),
    ("linfa", &["model"]),
    ("csv", &["table", "cli"]),
    ("parquet", &["table"]),
    ("tracing", &["ledger", "serve", "admin", "telemetry", "traces", "cli"]),
    ("clap", &["config", "cli"]),
    ("indicatif", &["cli"]),
    ("accept_language", &["reasons"]),
    ("anyhow", &["cli"]),
    ("any_ascii", &["text"]),
    ("unicode_normalization", &["text"]),
    ("unicode_script", &["text"]),
    ("hmac", &["policy", "ledger"]),
    ("cel", &["policy"]),
    ("getrandom", &["ledger"]),
    ("rand_chacha", &["simulate", "model", "evaluation", "bench"]),
    ("hdrhistogram", &["bench"]),
];

/// A word of the standard library, and the only rooms that may say it.
const ONLY_SAID_IN: &[(&str, &[&str])] = &[
    ("println!", &["cli"]),
    ("print!", &["cli"]),
    ("eprintln!", &["cli", "telemetry"]),
    ("eprint!", &["cli", "telemetry"]),
    ("env::var", &["cli", "config", "telemetry"]),
    ("process::exit", &["cli"]),
    ("SystemTime", &["cli", "telemetry", "ledger"]),
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            rust_files(&entry.unwrap().path(), found);
        }
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        found.push(path.to_owned());
    }
}

/// The code of each room, comments left out: a directory, a file, or both. With the names of the files.
fn rooms() -> BTreeMap<String, Vec<(String, String)>> {
    let mut files = Vec::new();
    rust_files(&src(), &mut files);
    let mut rooms: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for path in files {
        let name = path.strip_prefix(src()).unwrap().to_str().unwrap().replace('\\', "/");
        let room = name.split('/').next().unwrap().trim_end_matches(".rs");
        if !["main", "lib"].contains(&room) {
            rooms.entry(room.to_owned()).or_default().push((name, code(&fs::read_to_string(&path).unwrap())));
        }
    }
    rooms
}

/// Without lines that are comments: to write about a room is not to use it.
fn code(text: &str) -> String {
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// The rooms in the order in which `lib.rs` lists them.
fn listed() -> Vec<String> {
    let lib = fs::read_to_string(src().join("lib.rs")).unwrap();
    let module = |line: &str| {
        let line = line.trim_start_matches("pub ");
        line.strip_prefix("mod ").and_then(|name| name.strip_suffix(';')).map(str::to_owned)
    };
    lib.lines().filter_map(module).collect()
}

fn is_part_of_a_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn first_word(text: &str) -> String {
    text.trim_start().chars().take_while(|c| is_part_of_a_word(*c)).collect()
}

/// What stands before each `::` at the start of a path: `a` of `a::b`, and both of `use crate::{a::b, c}`.
fn rooms_named(text: &str) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let Some(group) = rest.strip_prefix('{') else {
            named.insert(first_word(rest));
            continue;
        };
        let (mut depth, mut at_start) = (1, true);
        for (idx, c) in group.char_indices() {
            if at_start && !c.is_whitespace() && c != '}' {
                named.insert(first_word(&group[idx..]));
                at_start = false;
            }
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                ',' if depth == 1 => at_start = true,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
    }
    named
}

/// Whether the text says `word` by itself; what it is followed by is up to the word.
fn says(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(is_part_of_a_word))
}

/// Whether the text names the crate, or one of its family, at the start of a path or of a `use`.
fn names_crate(text: &str, family: &str) -> bool {
    text.match_indices(family).any(|(at, _)| {
        let before = &text[..at];
        let starts = !before.ends_with(is_part_of_a_word)
            && (!before.ends_with("::") || before.trim_end_matches("::").ends_with(char::is_whitespace));
        let after = &text[at + family.len()..];
        let name = if after.starts_with('_') { after.trim_start_matches(is_part_of_a_word) } else { after };
        starts && (name.starts_with("::") || (name.starts_with(';') && before.ends_with("use ")))
    })
}

fn may_use(room: &str) -> Option<&'static [&'static str]> {
    MAY_USE.iter().find(|(name, _)| *name == room).map(|(_, uses)| *uses)
}

#[test]
fn a_room_uses_the_rooms_of_its_list_and_no_other() {
    let mut bad = Vec::new();
    for (room, files) in rooms() {
        let Some(allowed) = may_use(&room) else {
            bad.push(format!("`{room}` is no room of MAY_USE"));
            continue;
        };
        let mut used = BTreeSet::new();
        for (file, code) in files {
            for name in rooms_named(&code).into_iter().filter(|name| *name != room && may_use(name).is_some()) {
                if allowed != ANY && !allowed.contains(&name.as_str()) {
                    bad.push(format!("{file}: `{room}` must not use `{name}`"));
                }
                used.insert(name);
            }
        }
        let unused = allowed.iter().filter(|name| !used.contains(**name));
        let unused = unused.filter(|_| !AT_MOST.contains(&room.as_str()));
        bad.extend(unused.map(|name| format!("`{room}` no longer uses `{name}`: take it off its list")));
    }
    assert!(bad.is_empty(), "\n{}\n", bad.join("\n"));
}

#[test]
fn a_room_uses_only_rooms_above_its_own_in_lib_rs() {
    let listed = listed();
    let exist: BTreeSet<_> = rooms().into_keys().collect();
    assert_eq!(exist, listed.iter().cloned().collect(), "every room is listed, and none that is not there");
    let mut bad = Vec::new();
    for (idx, room) in listed.iter().enumerate() {
        let allowed = may_use(room).unwrap_or_default().iter().filter(|name| **name != "*");
        let below = allowed.filter(|name| !listed[..idx].iter().any(|above| above == *name));
        bad.extend(below.map(|name| format!("`{room}` uses `{name}`, which does not stand above it")));
    }
    assert!(bad.is_empty(), "\n{}\n", bad.join("\n"));
}

#[test]
fn a_crate_and_the_outside_world_are_met_in_their_own_rooms_only() {
    let mut bad = Vec::new();
    for (room, files) in rooms() {
        for (file, code) in files {
            let crates = ONLY_IN.iter().filter(|(family, _)| names_crate(&code, family));
            let words = ONLY_SAID_IN.iter().filter(|(word, _)| says(&code, word));
            let outside = crates.chain(words).filter(|(_, allowed)| !allowed.contains(&room.as_str()));
            bad.extend(outside.map(|(name, allowed)| format!("{file}: `{name}` is for {}", allowed.join(", "))));
        }
    }
    assert!(bad.is_empty(), "\n{}\n", bad.join("\n"));
}

#[test]
fn the_scan_finds_what_it_looks_for() {
    let named = rooms_named("use crate::{\n    a::{b, c},\n    d,\n};\nfn f() { crate::e::g() }");
    assert_eq!(named, ["a", "d", "e"].map(str::to_owned).into());
    for text in
        ["use tonic::Status;", "use tonic_health::pb;", "    tonic::include_proto!()", "use ::tonic::x;", "use tonic;"]
    {
        assert!(names_crate(text, "tonic"), "{text}");
    }
    for text in ["isotonic::f()", "table::tonic::f()", "let tonic = 1;"] {
        assert!(!names_crate(text, "tonic"), "{text}");
    }
    assert!(says("println!(\"\")", "println!") && !says("eprintln!(\"\")", "println!"));
    assert!(rooms().values().flatten().any(|(_, code)| names_crate(code, "linfa")));
}

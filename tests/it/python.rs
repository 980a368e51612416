//! A client that has nothing of ours but the contract gets what the command line prints.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead as _, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::Value;

const BINARY: &str = env!("CARGO_BIN_EXE_parcel-risk");
const TABLE: &str = "tests/fixtures/customs-declarations/valid.csv";
const MAPPING: &str = "models/mappings/customs-declarations.toml";
const MODEL: &str = "models/customs-declarations";

#[test]
#[ignore = "needs Python with clients/python/requirements.txt; .ci/run runs it"]
fn a_python_client_gets_what_score_prints() {
    let python = env::var_os("PARCEL_RISK_PYTHON")
        .expect("PARCEL_RISK_PYTHON must name a Python interpreter with clients/python/requirements.txt installed");
    let python = |args: &[&OsStr]| printed(Command::new(&python).args(args).env("PYTHONDONTWRITEBYTECODE", "1"));
    let dir = tempfile::tempdir().unwrap();

    let stubs = dir.path().join("stubs");
    python(&[in_repo("clients/python/generate.py").as_ref(), stubs.as_ref()]);
    let table = dir.path().join("declarations.csv");
    let n_rows = write_table_with_two_malformed_rows(&table);

    let server = Server::start(dir.path());
    let client = |how: &[&str]| {
        let script = in_repo("clients/python/score_csv.py");
        let fixed: [&OsStr; 6] = [
            script.as_ref(),
            "--stubs".as_ref(),
            stubs.as_ref(),
            "--endpoint".as_ref(),
            server.address.as_ref(),
            table.as_ref(),
        ];
        python(&fixed.into_iter().chain(how.iter().map(OsStr::new)).collect::<Vec<_>>())
    };
    let score = |source: [&OsStr; 2]| {
        let mut command = Command::new(BINARY);
        printed(command.arg("score").args(source).arg("--mapping").arg(in_repo(MAPPING)).arg(&table))
    };

    let url = format!("http://{}", server.address);
    let stream = client(&[]);
    let expected = parsed(&stream);
    assert_eq!(expected.len(), n_rows, "one line a row");
    assert_eq!(expected.iter().filter(|line| line.get("error").is_some()).count(), 2, "the two malformed rows");

    for (name, text) in [
        ("client, by call", client(&["--unary"])),
        ("client, by batch", client(&["--batch", "1000"])),
        ("score, by the server", score(["--endpoint".as_ref(), url.as_ref()])),
        ("score, in its own process", score(["--model".as_ref(), in_repo(MODEL).as_ref()])),
    ] {
        let got = parsed(&text);
        assert_eq!(got.len(), n_rows, "{name}: one line a row");
        for (idx, (got, expected)) in got.iter().zip(&expected).enumerate() {
            assert_eq!(got, expected, "{name}, line {}: left differs from the client's stream", idx + 1);
        }
        // The comparison that the client's README recommends sees it the same way.
        let files = ["expected.jsonl", "got.jsonl"].map(|file| dir.path().join(file));
        fs::write(&files[0], &stream).unwrap();
        fs::write(&files[1], &text).unwrap();
        python(&[in_repo("clients/python/compare.py").as_ref(), files[0].as_ref(), files[1].as_ref()]);
    }
}

fn in_repo(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What a command that must succeed writes to its standard output.
#[track_caller]
fn printed(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|err| panic!("{command:?}: {err}"));
    let stdout = String::from_utf8(output.stdout).expect("UTF-8");
    let stderr = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        let beginning: String = stdout.chars().take(2000).collect();
        panic!("{command:?}: {}\n{stderr}\n{beginning}", output.status);
    }
    stdout
}

/// JSON lines by value: proto3 JSON leaves open whether a whole number is written 1 or 1.0.
fn parsed(lines: &str) -> Vec<Value> {
    fn by_value(value: Value) -> Value {
        match value {
            Value::Number(number) => Value::from(number.as_f64().expect("every number of a decision fits a double")),
            Value::Array(entries) => entries.into_iter().map(by_value).collect(),
            Value::Object(entries) => entries.into_iter().map(|(key, value)| (key, by_value(value))).collect(),
            other => other,
        }
    }
    lines.lines().map(|line| by_value(serde_json::from_str(line).expect(line))).collect()
}

/// The fixture, and two rows that the parcel's check refuses; returns the number of rows.
fn write_table_with_two_malformed_rows(to: &Path) -> usize {
    let mut table = fs::read_to_string(in_repo(TABLE)).unwrap_or_else(|err| panic!("{TABLE}: {err}"));
    if !table.ends_with('\n') {
        table.push('\n');
    }
    let cells = |line: Option<&str>| line.unwrap().split(',').map(str::to_owned).collect::<Vec<_>>();
    let (header, last) = (cells(table.lines().next()), cells(table.lines().last()));
    for (id, column, malformed) in [("MALFORMED-1", "HS6 Code", "8517.1"), ("MALFORMED-2", "Date", "1999-12-31")] {
        let mut row = last.clone();
        for (column, cell) in [("Declaration ID", id), (column, malformed)] {
            row[header.iter().position(|name| name == column).unwrap()] = cell.to_owned();
        }
        table.push_str(&row.join(","));
        table.push('\n');
    }
    fs::write(to, &table).unwrap();
    table.lines().count() - 1
}

/// A server with the model of these declarations on a port of the system's choice; it ends with its owner.
struct Server {
    process: Child,
    address: String,
    /// Held open: a server whose output nobody can read may end.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Server {
    fn start(dir: &Path) -> Self {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--listen", "127.0.0.1:0", "--model"]).arg(in_repo(MODEL)).current_dir(dir);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = stdout.by_ref().find_map(|line| Some(line.unwrap().strip_prefix("listening on ")?.to_owned()));
        let Some(address) = address else {
            let status = process.wait().unwrap();
            panic!("{command:?}: {status}, and never said where it listens");
        };
        Self { process, address, _stdout: stdout }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Errors where it has ended by itself, which the calls before have told.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

//! JSON lines: a `Parcel` in proto3 JSON a line.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::num::NonZeroU64;
use std::path::Path;
use std::sync::Arc;

use serde_json::error::Category;

use super::error::TableError;
use super::read::{MAX_ROW_BYTES, RowResult};
use super::reject::{Reject, reason};
use super::row::{RowPosition, TableRow};
use super::shown::Shown;
use crate::wire;

pub(super) struct JsonLines {
    file: Arc<str>,
    bytes: Box<dyn BufRead + Send>,
    line: Vec<u8>,
    n_lines: u64,
    n_rows: u64,
}

/// What stood on a line.
enum Line {
    Text,
    TooLong,
    End,
}

impl JsonLines {
    pub(super) fn open(path: &Path, file: Arc<str>) -> Result<Self, TableError> {
        let opened = File::open(path).map_err(|source| TableError::Open { file: file.to_string(), source })?;
        Ok(Self::new(file, Box::new(BufReader::with_capacity(64 * 1024, opened))))
    }

    pub(super) fn stdin() -> Self {
        Self::new("-".into(), Box::new(BufReader::new(io::stdin())))
    }

    fn new(file: Arc<str>, bytes: Box<dyn BufRead + Send>) -> Self {
        Self { file, bytes, line: Vec::new(), n_lines: 0, n_rows: 0 }
    }

    pub(super) fn next_row(&mut self) -> Option<Result<RowResult, TableError>> {
        loop {
            let line = match self.next_line() {
                Ok(line) => line,
                Err(source) => {
                    return Some(Err(TableError::Read { file: self.file.to_string(), row: self.n_rows, source }));
                }
            };
            self.n_lines += 1;
            let text = match line {
                Line::End => return None,
                Line::TooLong => Err((reason::ROW_TOO_LONG, format!("must be at most {MAX_ROW_BYTES} bytes"))),
                Line::Text if self.line.trim_ascii().is_empty() => continue,
                Line::Text => {
                    std::str::from_utf8(&self.line).map_err(|_| (reason::NOT_UTF8, "must be UTF-8".to_owned()))
                }
            };
            self.n_rows += 1;
            let position =
                RowPosition { file: Arc::clone(&self.file), row: self.n_rows, line: NonZeroU64::new(self.n_lines) };
            return Some(Ok(match text.and_then(parcel) {
                Ok(parcel) => Ok(TableRow { draft: wire::to_draft(parcel), ..TableRow::new(position) }),
                Err((reason, message)) => Err(Reject { position, column: None, field: None, reason, message }),
            }));
        }
    }

    fn next_line(&mut self) -> io::Result<Line> {
        self.line.clear();
        let n = self.bytes.by_ref().take(MAX_ROW_BYTES).read_until(b'\n', &mut self.line)?;
        if n == 0 {
            return Ok(Line::End);
        }
        if n as u64 == MAX_ROW_BYTES && self.line.last() != Some(&b'\n') {
            self.bytes.skip_until(b'\n')?;
            return Ok(Line::TooLong);
        }
        Ok(Line::Text)
    }
}

/// # Errors
/// The reason and the message. The decoder's own message would show what the line holds.
fn parcel(line: &str) -> Result<wire::v1::Parcel, (&'static str, String)> {
    let line = line.strip_prefix('\u{feff}').unwrap_or(line);
    serde_json::from_str(line).map_err(|problem| {
        let (column, full) = (problem.column(), problem.to_string());
        match problem.classify() {
            Category::Data => (reason::NOT_A_PARCEL, format!("{}, at byte {column}", data_message(&full))),
            Category::Eof => (reason::NOT_JSON, "must be a JSON object on one line: it ends too early".to_owned()),
            Category::Syntax | Category::Io => (reason::NOT_JSON, format!("must be JSON: it is not at byte {column}")),
        }
    })
}

/// What was expected, without what was found: `invalid type: string "…", expected u32 at line 1 …`.
fn data_message(full: &str) -> String {
    let message = full.rsplit_once(" at line ").map_or(full, |(message, _)| message);
    if let Some((field, _)) = message.strip_prefix("unknown field `").and_then(|rest| rest.rsplit_once("`, expected")) {
        return format!("must be a Parcel in proto3 JSON: it has no field {}", Shown(field));
    }
    if let Some(field) = message.strip_prefix("duplicate field `").and_then(|rest| rest.strip_suffix('`')) {
        return format!("must be a Parcel in proto3 JSON: {} stands twice", Shown(field));
    }
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("must be a Parcel in proto3 JSON: expected {expected}"),
        None => "must be a Parcel in proto3 JSON".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, expect: expect_test::Expect) {
        let (reason, message) = parcel(line).unwrap_err();
        expect.assert_eq(&format!("{reason}: {message}"));
    }

    #[test]
    fn a_line_that_is_no_parcel_says_what_was_expected_and_not_what_was_there() {
        use expect_test::expect;
        check(r#"{"itemId": "#, expect!["NOT_JSON: must be a JSON object on one line: it ends too early"]);
        check(r#"{"itemId" "Jane"}"#, expect!["NOT_JSON: must be JSON: it is not at byte 11"]);
        check(
            r#"{"itemId": 5}"#,
            expect!["NOT_A_PARCEL: must be a Parcel in proto3 JSON: expected a string, at byte 12"],
        );
        check(
            r#"{"sender": "Jane Doe, expected"}"#,
            expect!["NOT_A_PARCEL: must be a Parcel in proto3 JSON: expected struct parcelrisk.v1.Party, at byte 31"],
        );
        check(
            r#"{"addresee": {}}"#,
            expect![[r#"NOT_A_PARCEL: must be a Parcel in proto3 JSON: it has no field "addresee", at byte 11"#]],
        );
        check(
            r#"{"itemId": "A", "itemId": "B"}"#,
            expect![[r#"NOT_A_PARCEL: must be a Parcel in proto3 JSON: "itemId" stands twice, at byte 24"#]],
        );
        check(
            r#"{"mailClass": "Jane Doe"}"#,
            expect![
                "NOT_A_PARCEL: must be a Parcel in proto3 JSON: expected one of `MAIL_CLASS_UNSPECIFIED`, `MAIL_CLASS_LETTERS`, `MAIL_CLASS_PARCELS`, `MAIL_CLASS_EMS`, `MAIL_CLASS_EMPTY_RECEPTACLES`, at byte 24"
            ],
        );
        check(r#"{"advisedAt": "Jane Doe"}"#, expect!["NOT_A_PARCEL: must be a Parcel in proto3 JSON, at byte 24"]);
        check(r#"{"grossMassGrams": "-5"}"#, expect!["NOT_A_PARCEL: must be a Parcel in proto3 JSON, at byte 24"]);
        check(
            r#"["Jane"]"#,
            expect!["NOT_A_PARCEL: must be a Parcel in proto3 JSON: expected struct parcelrisk.v1.Parcel, at byte 1"],
        );
    }
}

//! What the documents and the contract say is what the code does.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use parcel_risk::parcel::NoticeCode;
use parcel_risk::parcel::codes::{
    DocumentKind, ItemIdScheme, MailClass, NatureOfTransaction, PartyKind, PaymentMethod, TransportMode,
};
use parcel_risk::reasons::{Language, notice_text};
use parcel_risk::wire::v1::FILE_DESCRIPTOR_SET;
use prost::Message as _;
use prost_types::FileDescriptorSet;

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

/// Fails with every row that `docs/errors.md` lacks.
#[track_caller]
fn rows_stand_in_errors_md(rows: impl Iterator<Item = String>) {
    let doc = read("docs/errors.md");
    let missing: Vec<_> = rows.filter(|row| !doc.lines().any(|line| line.starts_with(row))).collect();
    assert!(missing.is_empty(), "docs/errors.md lacks\n{}", missing.join("\n"));
}

#[test]
fn the_document_of_metrics_is_printed_from_their_table() {
    expect_test::expect_file!["../../docs/metrics.md"].assert_eq(&parcel_risk::telemetry::metrics_md());
}

#[test]
fn every_check_of_models_is_documented_in_its_order() {
    let rows =
        parcel_risk::registry::Check::ALL.iter().map(|check| format!("| `{}` | {} |\n", check.as_str(), check.help()));
    let rows: String = rows.collect();
    assert!(read("docs/models.md").contains(&rows), "docs/models.md lacks\n{rows}");
}

#[test]
fn every_notice_is_documented_with_its_text() {
    let text = |code: NoticeCode| notice_text(code, Language::English);
    rows_stand_in_errors_md(NoticeCode::ALL.iter().map(|code| format!("| `{}` | {} |", code.as_str(), text(*code))));
}

#[test]
fn every_problem_is_documented_with_its_message() {
    let source = read("src/parcel/violation.rs");
    let problems = problems(&source);
    let n_reasons =
        source.lines().filter(|line| line.trim_start().starts_with("Self::") && line.contains("=> \"")).count();
    assert!(n_reasons > 10, "reasons are no longer where this test looks for them");
    assert_eq!(problems.len(), n_reasons);
    rows_stand_in_errors_md(problems.iter().map(|(reason, message)| format!("| `{reason}` | {message} |")));
}

/// Reason and message of each `Problem`, from its source: an enum with fields has no list of all.
fn problems(source: &str) -> Vec<(String, String)> {
    let literal = |text: &str| text.split('"').nth(1).map(str::to_owned);
    let (_, body) = source.split_once("pub enum Problem {").expect("the enum is declared");
    let (declared, rest) = body.split_once("\n}").expect("and its declaration ends");
    let mut found = Vec::new();
    for declaration in declared.split("#[error(").skip(1) {
        let message = literal(declaration).expect("a message");
        let (_, after) = declaration.split_once(")]").expect("the attribute ends");
        let name: String = after.trim_start().chars().take_while(char::is_ascii_alphanumeric).collect();
        let arm = rest
            .lines()
            .map(str::trim)
            .find(|line| {
                let after = line.strip_prefix("Self::").and_then(|line| line.strip_prefix(name.as_str()));
                after.is_some_and(|after| after.starts_with(' ') && after.contains("=> \""))
            })
            .unwrap_or_else(|| panic!("`{name}` has no reason"));
        found.push((literal(arm).expect("a reason"), message));
    }
    found
}

/// Name and number of every value that is stated, by the contract.
fn contract_enum(name: &str) -> BTreeSet<(i32, String)> {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("a descriptor set");
    let found = set.file.iter().flat_map(|file| &file.enum_type).find(|listed| listed.name() == name);
    let values = &found.unwrap_or_else(|| panic!("the contract has no enum {name}")).value;
    assert!(values.iter().any(|value| value.number() == 0), "{name} has no zero for what is not stated");
    values.iter().filter(|value| value.number() != 0).map(|value| (value.number(), value.name().to_owned())).collect()
}

#[test]
fn code_lists_are_the_contracts_enums() {
    macro_rules! check {
        ($($list:ident),+) => { $(
            let ours: BTreeSet<_> =
                $list::ALL.iter().map(|code| (code.number(), format!("{}{}", $list::PREFIX, code.name()))).collect();
            assert_eq!(ours, contract_enum(stringify!($list)));
            for code in $list::ALL {
                assert_eq!($list::from_number(code.number()), Some(*code));
                assert_eq!($list::from_name(code.name()), Some(*code));
            }
        )+ };
    }
    check!(DocumentKind, ItemIdScheme, MailClass, NatureOfTransaction, PartyKind, PaymentMethod, TransportMode);
}

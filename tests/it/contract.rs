//! What the contract's parcel may state: field by field, what is refused, what is odd, in which words.

mod fields;
mod refused;
mod unreadable;

use std::collections::BTreeMap;

use expect_test::expect_file;
use parcel_risk::parcel::{InvalidParcel, Parcel, ParcelLimits};
use parcel_risk::wire::to_draft;
use parcel_risk::wire::v1::{self, FILE_DESCRIPTOR_SET};
use proptest::prelude::*;
use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

use crate::harness::{artifact, engine};
use fields::{Field, Noise, fields, full};

fn check(parcel: v1::Parcel) -> Result<Parcel, InvalidParcel> {
    to_draft(parcel).check(&ParcelLimits::default())
}

/// What the check says, a line each.
fn told(checked: &Result<Parcel, InvalidParcel>) -> Vec<String> {
    match checked {
        Ok(parcel) => {
            parcel.notices.iter().map(|notice| format!("scored, {}: {}", notice.field, notice.code.as_str())).collect()
        }
        Err(InvalidParcel(violations)) => {
            violations.iter().map(|violation| format!("{violation} ({})", violation.problem.reason())).collect()
        }
    }
}

/// Every field below the message `name`, in the contract's order, with the kinds of value that it can have.
fn walk(messages: &BTreeMap<String, DescriptorProto>, name: &str, prefix: &str, found: &mut Vec<(String, String)>) {
    for field in &messages[name].field {
        let path = format!("{prefix}{}", field.name());
        found.push((path.clone(), kinds(field).to_owned()));
        let inner = messages.get(field.type_name());
        if let Some(inner) = inner.filter(|inner| !inner.options.as_ref().is_some_and(|options| options.map_entry())) {
            let element = if field.label() == Label::Repeated { "[0]" } else { "" };
            assert!(!inner.field.is_empty(), "{path} has no fields");
            walk(messages, field.type_name(), &format!("{path}{element}."), found);
        }
    }
}

/// The kinds of case that a field needs.
fn kinds(field: &FieldDescriptorProto) -> &'static str {
    match (field.label(), field.r#type()) {
        (Label::Repeated, _) => "absent, extreme, malformed",
        (_, Type::Message) => "absent, zero",
        (_, Type::Enum) => "absent or zero, extreme, odd",
        // Every number of 32 bits is one of pieces; what is not comes by the draft only, see `refused`.
        (_, Type::Uint32) => "absent, zero, extreme",
        _ if field.proto3_optional() => "absent, zero, extreme, malformed",
        _ => "absent or zero, extreme, malformed",
    }
}

fn kind(label: &str) -> &str {
    label.split_once(':').map_or(label, |(kind, _)| kind)
}

fn add_messages(prefix: &str, message: &DescriptorProto, found: &mut BTreeMap<String, DescriptorProto>) {
    let name = format!("{prefix}.{}", message.name());
    message.nested_type.iter().for_each(|nested| add_messages(&name, nested, found));
    found.insert(name, message.clone());
}

#[test]
fn every_field_of_the_contract_has_its_cases() {
    let set = FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).unwrap();
    let mut messages = BTreeMap::new();
    for file in &set.file {
        file.message_type.iter().for_each(|it| add_messages(&format!(".{}", file.package()), it, &mut messages));
    }
    let mut needed = Vec::new();
    walk(&messages, ".parcelrisk.v1.Parcel", "", &mut needed);
    let has = |(path, needed): &(String, String)| {
        let cases = fields().into_iter().find(|field| field.path == *path).map_or(Vec::new(), |field| field.cases);
        needed.split(", ").all(|needed| cases.iter().any(|case| kind(case.label) == needed))
    };
    let lacking: Vec<_> = needed.iter().filter(|field| !has(field)).collect();
    assert!(lacking.is_empty(), "cases are missing for {lacking:#?}");
    let paths: Vec<_> = fields().into_iter().map(|field| field.path).collect();
    assert_eq!(paths, needed.into_iter().map(|(path, _)| path).collect::<Vec<_>>());
}

#[test]
fn every_field_is_read_as_the_contract_says() {
    assert_eq!(told(&check(full())), Vec::<String>::new());
    let mut text = String::new();
    for Field { path, cases, .. } in fields() {
        for case in cases {
            let mut parcel = full();
            (case.state)(&mut parcel);
            let checked = check(parcel);
            let told = told(&checked);
            match kind(case.label) {
                "malformed" => assert!(checked.is_err(), "{path} {}", case.label),
                "odd" => assert!(checked.is_ok() && !told.is_empty(), "{path} {}", case.label),
                "extreme" => assert!(checked.is_ok(), "{path} {}: {told:?}", case.label),
                _ => (),
            }
            text += &format!("{path}, {}\n", case.label);
            text += &told.iter().map(|line| format!("    {line}\n")).collect::<String>();
            if told.is_empty() {
                text += "    scored\n";
            }
        }
    }
    expect_file!["../golden/contract.txt"].assert_eq(&text);
}

#[test]
fn absent_is_not_zero() {
    let mut parcel = full();
    parcel.contents[0].value = Some(v1::Money { currency_code: "EUR".to_owned(), units: 0, nanos: 0 });
    (parcel.contents[0].quantity, parcel.gross_mass_grams) = (Some(0), Some(0));
    let read = check(parcel.clone()).unwrap();
    assert_eq!(read.contents[0].value.unwrap().units, 0, "an amount of zero is an amount");
    assert_eq!((read.contents[0].quantity, read.gross_mass), (None, None), "nothing weighs nothing");

    (parcel.contents[0].value, parcel.sender) = (None, Some(v1::Party::default()));
    let read = check(parcel).unwrap();
    assert_eq!(read.contents[0].value, None);
    let sender = read.sender.expect("a party of which nothing is stated is one");
    assert_eq!((sender.party_id, sender.name, sender.country, sender.kind), (None, None, None, None));

    let mut parcel = full();
    parcel.national_codes =
        [("import_type", "11"), ("import_use", "")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    parcel.national_figures.insert("tax_rate".to_owned(), 0.0);
    let read = check(parcel).unwrap();
    assert_eq!(read.national_codes.keys().collect::<Vec<_>>(), ["import_type"], "an empty code is not stated");
    assert_eq!(read.national_figures["tax_rate"], 0.0, "a duty of zero is a duty");
}

/// Values beside the point, at the edges, and almost right.
fn noise() -> impl Strategy<Value = Noise> {
    let text = prop_oneof![".{0,12}", "[0-9]{0,13}", "[A-Z]{0,4}", "[A-Z]{2}[0-9]{9}[A-Z]{2}", "\\PC{500,600}"];
    let number = prop_oneof![any::<i64>(), -2..12_i64, any::<i32>().prop_map(i64::from), Just(1_790_000_000)];
    let float = prop_oneof![any::<f64>(), proptest::num::f64::ANY, -1e3..1e3, Just(f64::MAX), Just(f64::MIN)];
    (text, number, float).prop_map(|(text, number, float)| Noise { text, number, float })
}

fn finite(decision: &v1::Decision) -> bool {
    let scores = [decision.risk_score, decision.risk_percentile, decision.selection_probability];
    let raw = [decision.raw_score_log_odds.unwrap(), decision.base_log_odds.unwrap()];
    let shares = decision.reasons.iter().map(|reason| reason.contribution_log_odds);
    scores.iter().all(|score| (0.0..=1.0).contains(score)) && raw.into_iter().chain(shares).all(f64::is_finite)
}

proptest! {
    #![proptest_config(ProptestConfig {
        rng_seed: proptest::test_runner::RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::with_cases(2000)
    })]

    #[test]
    fn any_parcel_is_refused_by_field_or_gets_a_finite_score(
        from_full in any::<bool>(),
        stated in proptest::collection::vec((any::<proptest::sample::Index>(), noise()), 0..12),
    ) {
        let fields = fields();
        let mut parcel = if from_full { full() } else { v1::Parcel::default() };
        for (field, noise) in &stated {
            (field.get(&fields).noise)(&mut parcel, noise);
        }
        match check(parcel) {
            Err(InvalidParcel(violations)) => {
                prop_assert!(!violations.is_empty());
                for violation in violations {
                    let named = fields.iter().any(|field| violation.field.starts_with(&field.path));
                    prop_assert!(named || violation.field.starts_with("contents["), "{violation}");
                }
            }
            Ok(parcel) => {
                let at = engine().bucket_of(parcel.advised_at);
                let explanation = parcel_risk::engine::Explanation::Full;
                let decision = engine().assess(&parcel, history(), at, explanation);
                prop_assert!(finite(&parcel_risk::wire::from_decision(decision, parcel_risk::reasons::Language::English)), "a score is not finite");
            }
        }
    }

    #[test]
    fn codes_read_any_text_and_keep_what_they_accept(text in prop_oneof![
        any::<String>(), "[A-Z]{1,4}", "[0-9]{0,12}", "[A-Z]{2}[0-9]{9}[A-Z]{2}",
    ]) {
        use parcel_risk::parcel::codes::{Country, Currency, HsCode, S10};
        if let Ok(code) = Country::parse(&text) { prop_assert_eq!(code.as_str(), &text); }
        if let Ok(code) = Currency::parse(&text) { prop_assert_eq!(code.as_str(), &text); }
        if let Ok(code) = HsCode::parse(&text) { prop_assert_eq!(code.as_str(), &text); }
        if let Ok(code) = S10::parse(&text) {
            let [a, b] = code.service_indicator().map(char::from);
            let rebuilt = format!("{a}{b}{:08}{}{}", code.serial(), &text[10..11], code.issuer().as_str());
            prop_assert_eq!(rebuilt, text);
        }
    }
}

fn history() -> &'static parcel_risk::history::History {
    artifact().settled_history()
}

//! Bad input as callers meet it: to the letter, by the check and over a call.

use std::fmt::Write as _;

use expect_test::{Expect, expect};
use parcel_risk::parcel::{InvalidParcel, ParcelLimits};
use parcel_risk::wire::v1::risk_scoring_service_client::RiskScoringServiceClient;
use parcel_risk::wire::{to_draft, v1};
use pbjson_types::Timestamp;
use tonic_types::StatusExt as _;

use super::fields::full;
use super::{check, told};
use crate::harness::{request, start_default};

#[track_caller]
fn check_parcel(change: impl FnOnce(&mut v1::Parcel), expect: Expect) {
    let mut parcel = full();
    change(&mut parcel);
    expect.assert_eq(&told(&check(parcel)).join("\n"));
}

#[test]
fn every_bad_field_is_named_not_only_the_first() {
    let change = |parcel: &mut v1::Parcel| {
        parcel.item_id.clear();
        parcel.advised_at = None;
        parcel.origin_country = "China".to_owned();
        parcel.contents[0].hs_code = "85.17.13".to_owned();
        parcel.contents.push(v1::ContentLine {
            value: Some(v1::Money { currency_code: "Euro".to_owned(), units: 1, nanos: 0 }),
            ..v1::ContentLine::default()
        });
        parcel.postage_paid = Some(v1::Money { currency_code: "EUR".to_owned(), units: -3, nanos: 0 });
        parcel.national_figures.insert("tax_rate".to_owned(), f64::NAN);
        parcel.national_figures.insert("weight".to_owned(), f64::INFINITY);
    };
    check_parcel(
        change,
        expect![[r#"
        item_id: is required (REQUIRED)
        advised_at: is required (REQUIRED)
        origin_country: must be an ISO 3166-1 alpha-2 code: two capital letters (NOT_A_COUNTRY)
        contents[0].hs_code: must be 2, 4, 6, 8 or 10 digits of the Harmonized System, without dots (NOT_AN_HS_CODE)
        contents[1].value.currency_code: must be an ISO 4217 code: three capital letters (NOT_A_CURRENCY)
        postage_paid: must not be negative (NEGATIVE)
        national_figures["tax_rate"]: must be a finite number (NOT_FINITE)
        national_figures["weight"]: must be a finite number (NOT_FINITE)"#]],
    );
}

#[test]
fn each_wrong_part_of_an_amount_and_of_a_time_is_named_at_once() {
    let money = |currency: &str, units, nanos| Some(v1::Money { currency_code: currency.to_owned(), units, nanos });
    let change = |parcel: &mut v1::Parcel| {
        parcel.advised_at = Some(Timestamp { seconds: -1, nanos: -1 });
        parcel.contents[0].value = money("usd", -5, 0);
        parcel.postage_paid = money("", -5, -1_000_000_000);
        parcel.insured_value = money("USDT", 1_000_000_000_000_001, -1);
    };
    check_parcel(
        change,
        expect![[r#"
        advised_at: must be from 2000-01-01T00:00:00Z until before 2100-01-01T00:00:00Z (TIME_OUT_OF_RANGE)
        advised_at: must have nanos between 0 and 999999999, got -1 (TIME_NANOS)
        contents[0].value.currency_code: must be an ISO 4217 code: three capital letters (NOT_A_CURRENCY)
        contents[0].value: must not be negative (NEGATIVE)
        postage_paid.currency_code: is required (REQUIRED)
        postage_paid: must not be negative (NEGATIVE)
        postage_paid.nanos: must have nanos between 0 and 999999999 (MONEY_NANOS)
        insured_value.currency_code: must be an ISO 4217 code: three capital letters (NOT_A_CURRENCY)
        insured_value.units: must be between 0 and 1000000000000000, got 1000000000000001 (OUT_OF_RANGE)
        insured_value.nanos: must have nanos between 0 and 999999999 (MONEY_NANOS)"#]],
    );
    let parcel = v1::Parcel { advised_at: Some(Timestamp { seconds: -1, nanos: -1 }), ..full() };
    assert_eq!(check(parcel).unwrap_err().to_string(), "1 invalid field: advised_at");
    // Debts, as google.type.Money writes them, are wrong in one way only.
    for (units, nanos) in [(-5, 0), (-5, -1), (0, -1), (-5, 1)] {
        check_parcel(
            |parcel| parcel.postage_paid = money("EUR", units, nanos),
            expect!["postage_paid: must not be negative (NEGATIVE)"],
        );
    }
}

#[test]
fn a_key_that_is_none_is_named_by_its_beginning_in_the_order_of_the_keys() {
    let change = |parcel: &mut v1::Parcel| {
        for key in [format!("b{}", "ж".repeat(40)), format!("a\n{}", "x".repeat(63)), String::new()] {
            parcel.national_codes.insert(key, "1".to_owned());
        }
    };
    check_parcel(
        change,
        expect![[r#"
        national_codes[""]: must have a key of 1 to 64 bytes (BAD_KEY)
        national_codes["a\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"…]: must have a key of 1 to 64 bytes (BAD_KEY)
        national_codes["bжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжж"…]: must have a key of 1 to 64 bytes (BAD_KEY)"#]],
    );
}

#[test]
fn a_negative_mass_comes_by_a_table_and_is_named() {
    let mut draft = to_draft(full());
    draft.gross_mass_grams = Some(-1);
    draft.contents[0].net_mass_grams = Some(i64::MIN);
    draft.contents[0].quantity = Some(i64::from(u32::MAX) + 1);
    draft.contents.push(draft.contents[0].clone());
    draft.contents[1].quantity = Some(-1);
    let InvalidParcel(violations) = draft.check(&ParcelLimits::default()).unwrap_err();
    expect![[r#"
        contents[0].quantity: must be between 0 and 4294967295, got 4294967296
        contents[0].net_mass_grams: must be between 0 and 100000000000, got -9223372036854775808
        contents[1].quantity: must be between 0 and 4294967295, got -1
        contents[1].net_mass_grams: must be between 0 and 100000000000, got -9223372036854775808
        gross_mass_grams: must be between 0 and 100000000000, got -1
    "#]]
    .assert_eq(&violations.iter().map(|violation| format!("{violation}\n")).collect::<String>());
}

#[test]
fn a_list_that_is_too_long_is_one_violation_whatever_is_in_it() {
    let bad = v1::ContentLine { hs_code: "x".to_owned(), ..v1::ContentLine::default() };
    check_parcel(
        |parcel| parcel.contents = vec![bad; 100],
        expect!["contents: must have at most 99 entries, got 100 (TOO_MANY)"],
    );
}

#[test]
fn a_description_of_two_mebibytes_is_too_long_and_one_of_513_bytes_is_cut() {
    check_parcel(
        |parcel| parcel.contents[0].description = "x".repeat(2 << 20),
        expect!["contents[0].description: must be at most 65536 bytes, got 2097152 (TOO_LONG)"],
    );
    let mut parcel = full();
    parcel.contents[0].description = format!("{}ж", "x".repeat(511));
    let parcel = check(parcel).unwrap();
    assert_eq!(parcel.contents[0].description.as_deref(), Some("x".repeat(511).as_str()));
    expect!["scored, contents[0].description: DESCRIPTION_CUT"].assert_eq(&told(&Ok(parcel)).join("\n"));
}

#[test]
fn carriers_number_items_as_they_like_in_64_printable_characters() {
    let carrier = |id: &str| {
        let id = id.to_owned();
        move |parcel: &mut v1::Parcel| {
            parcel.item_id = id;
            parcel.id_scheme = v1::ItemIdScheme::Carrier.into();
        }
    };
    check_parcel(carrier(&"~".repeat(64)), expect![[""]]);
    check_parcel(carrier("1"), expect![[""]]);
    check_parcel(carrier(""), expect!["item_id: is required (REQUIRED)"]);
    let malformed = ["x".repeat(65), "a b".to_owned(), "a\n".to_owned(), "ж".to_owned()];
    let told_of = |id: &String| {
        let mut parcel = full();
        carrier(id)(&mut parcel);
        told(&check(parcel)).join("\n")
    };
    expect![[r#"
        item_id: must be 1 to 64 printable ASCII characters without spaces (NOT_CARRIER_ID)
        item_id: must be 1 to 64 printable ASCII characters without spaces (NOT_CARRIER_ID)
        item_id: must be 1 to 64 printable ASCII characters without spaces (NOT_CARRIER_ID)
        item_id: must be 1 to 64 printable ASCII characters without spaces (NOT_CARRIER_ID)"#]]
    .assert_eq(&malformed.iter().map(told_of).collect::<Vec<_>>().join("\n"));
    // A scheme that this release does not know is read as S10, and said to be unknown.
    let later = |parcel: &mut v1::Parcel| (parcel.item_id, parcel.id_scheme) = ("1".to_owned(), 3);
    check_parcel(
        later,
        expect!["item_id: must be a UPU S10 identifier: two letters, nine digits, two letters (NOT_S10)"],
    );
}

#[test]
fn notices_stand_in_the_order_of_the_fields() {
    let change = |parcel: &mut v1::Parcel| {
        parcel.item_id = "RB123456784ZZ".to_owned();
        parcel.destination_country = "QZ".to_owned();
        parcel.mail_class = 77;
        parcel.contents[0].hs_code = "00".to_owned();
        parcel.contents[0].net_mass_grams = Some(0);
        parcel.gross_mass_grams = Some(0);
        parcel.insured_value.as_mut().unwrap().currency_code = "QQQ".to_owned();
    };
    check_parcel(
        change,
        expect![[r#"
        scored, item_id: S10_CHECK_DIGIT
        scored, item_id: UNKNOWN_COUNTRY
        scored, destination_country: UNKNOWN_COUNTRY
        scored, mail_class: UNKNOWN_ENUM_VALUE
        scored, contents[0].hs_code: UNKNOWN_HS_CHAPTER
        scored, contents[0].net_mass_grams: ZERO_MASS
        scored, gross_mass_grams: ZERO_MASS
        scored, insured_value.currency_code: UNKNOWN_CURRENCY"#]],
    );
}

/// The status with its violations, or the notices of the decision.
async fn call(client: &mut RiskScoringServiceClient<tonic::transport::Channel>, parcel: v1::Parcel) -> String {
    let mut text = String::new();
    match client.score_parcel(request(parcel)).await {
        Ok(reply) => {
            let decision = reply.into_inner().decision.unwrap();
            assert!((0.0..=1.0).contains(&decision.risk_score), "{}", decision.risk_score);
            writeln!(text, "scored").unwrap();
            for notice in decision.notices {
                writeln!(text, "    {}: {} ({})", notice.field, notice.text, notice.code).unwrap();
            }
        }
        Err(status) => {
            writeln!(text, "{:?}: {}", status.code(), status.message()).unwrap();
            for bad in status.get_error_details().bad_request().unwrap().field_violations.iter() {
                writeln!(text, "    {}: {} ({})", bad.field, bad.description, bad.reason).unwrap();
            }
        }
    }
    text
}

#[tokio::test]
async fn notices_are_told_in_the_language_that_the_call_asks_for_alone_in_a_batch_and_in_a_stream() {
    fn asking<T>(languages: &str, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        request.metadata_mut().insert("accept-language", languages.parse().unwrap());
        request
    }
    let (channel, _server) = start_default().await;
    let mut client = RiskScoringServiceClient::new(channel);
    let mut odd = full();
    odd.gross_mass_grams = Some(0);
    let told = |decision: v1::Decision| decision.notices.into_iter().map(|notice| notice.text).collect::<String>();
    let of_item = |item: v1::ScoreResult| match item.result.unwrap() {
        v1::score_result::Result::Decision(decision) => told(decision),
        v1::score_result::Result::Error(error) => panic!("{error:?}"),
    };
    let mut text = String::new();
    for languages in ["", "ru-KZ,ru;q=0.9", "kk", "ru;q=0"] {
        let asked = request(odd.clone());
        let alone = client.score_parcel(asking(languages, asked.clone())).await.unwrap().into_inner();
        let alone = told(alone.decision.unwrap());
        let batch = v1::ScoreParcelsRequest { requests: vec![asked.clone()] };
        let results = client.score_parcels(asking(languages, batch)).await.unwrap().into_inner().results;
        let sent = tokio_stream::iter([v1::StreamParcelsRequest { request: Some(asked) }]);
        let mut replies = client.stream_parcels(asking(languages, sent)).await.unwrap().into_inner();
        let streamed = replies.message().await.unwrap().unwrap().result.unwrap();
        assert_eq!(results.into_iter().map(of_item).collect::<Vec<_>>(), std::slice::from_ref(&alone));
        assert_eq!(of_item(streamed), alone);
        writeln!(text, "{languages}: {alone}").unwrap();
    }
    expect![[r#"
        : A mass of zero was stated; it was read as not stated.
        ru-KZ,ru;q=0.9: Указана нулевая масса; она считается неуказанной.
        kk: Масса нөл деп көрсетілген; ол көрсетілмеген деп есептелді.
        ru;q=0: A mass of zero was stated; it was read as not stated.
    "#]]
    .assert_eq(&text);
}

type Change = fn(&mut v1::Parcel);

#[tokio::test]
async fn a_call_tells_what_the_check_found() {
    let (channel, _server) = start_default().await;
    let mut client = RiskScoringServiceClient::new(channel);
    let changes: [Change; 13] = [
        |_| (),
        |parcel| parcel.item_id.clear(),
        |parcel| parcel.advised_at = None,
        |parcel| parcel.advised_at.as_mut().unwrap().seconds = -62_135_596_800,
        |parcel| parcel.advised_at.as_mut().unwrap().seconds = 253_402_300_799,
        |parcel| parcel.origin_country = "china".to_owned(),
        |parcel| parcel.contents[0].hs_code = "0".repeat(11),
        |parcel| parcel.contents = vec![v1::ContentLine::default(); 100],
        |parcel| parcel.contents[0].description = "x".repeat(2 << 20),
        |parcel| parcel.national_figures = [("tax_rate".to_owned(), f64::NAN), ("b".to_owned(), f64::INFINITY)].into(),
        |parcel| parcel.transport_mode = 99,
        |parcel| parcel.item_id = "RB123456784ZZ".to_owned(),
        |parcel| parcel.contents[0].value.as_mut().unwrap().currency_code = "QQQ".to_owned(),
    ];
    let mut told = String::new();
    for change in changes {
        let mut parcel = full();
        change(&mut parcel);
        told += &call(&mut client, parcel).await;
    }
    expect![[r#"
        scored
        InvalidArgument: 1 invalid field: item_id
            item_id: is required (REQUIRED)
        InvalidArgument: 1 invalid field: advised_at
            advised_at: is required (REQUIRED)
        InvalidArgument: 1 invalid field: advised_at
            advised_at: must be from 2000-01-01T00:00:00Z until before 2100-01-01T00:00:00Z (TIME_OUT_OF_RANGE)
        InvalidArgument: 1 invalid field: advised_at
            advised_at: must be from 2000-01-01T00:00:00Z until before 2100-01-01T00:00:00Z (TIME_OUT_OF_RANGE)
        InvalidArgument: 1 invalid field: origin_country
            origin_country: must be an ISO 3166-1 alpha-2 code: two capital letters (NOT_A_COUNTRY)
        InvalidArgument: 1 invalid field: contents[0].hs_code
            contents[0].hs_code: must be 2, 4, 6, 8 or 10 digits of the Harmonized System, without dots (NOT_AN_HS_CODE)
        InvalidArgument: 1 invalid field: contents
            contents: must have at most 99 entries, got 100 (TOO_MANY)
        InvalidArgument: 1 invalid field: contents[0].description
            contents[0].description: must be at most 65536 bytes, got 2097152 (TOO_LONG)
        InvalidArgument: 2 invalid fields: national_figures["b"], national_figures["tax_rate"]
            national_figures["b"]: must be a finite number (NOT_FINITE)
            national_figures["tax_rate"]: must be a finite number (NOT_FINITE)
        scored
            transport_mode: This release does not know the value; it was read as not stated. (UNKNOWN_ENUM_VALUE)
        scored
            item_id: The check digit does not fit the serial number. (S10_CHECK_DIGIT)
            item_id: ISO 3166-1 does not assign this code. (UNKNOWN_COUNTRY)
        scored
            contents[0].value.currency_code: ISO 4217 does not assign this code. (UNKNOWN_CURRENCY)
            contents[0].value: The configuration has no exchange rate for this currency; the amount was not used. (NO_EXCHANGE_RATE)
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn a_figure_at_the_end_of_all_numbers_gets_a_score() {
    let (channel, _server) = start_default().await;
    let mut client = RiskScoringServiceClient::new(channel);
    for figure in [f64::MAX, f64::MIN, 1e39, -1e39] {
        let mut parcel = full();
        parcel.national_figures.insert("tax_rate".to_owned(), figure);
        let explanation = v1::ExplanationLevel::Full.into();
        let request = v1::ScoreParcelRequest { explanation, ..request(parcel) };
        let decision = client.score_parcel(request).await.unwrap().into_inner().decision.unwrap();
        assert!((0.0..=1.0).contains(&decision.risk_score), "{figure:e}: {}", decision.risk_score);
        assert!(decision.raw_score_log_odds.unwrap().is_finite(), "{figure:e}");
    }
}

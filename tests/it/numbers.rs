//! Numbers of a parcel: what its amounts, words, parties, identifier and time become, and what hostile ones do.

use std::collections::BTreeMap;

use parcel_risk::features::{FeatureRow, NUMBER_FEATURES};
use parcel_risk::history::{Bucket, History};
use parcel_risk::parcel::{Draft, DraftMoney, DraftParty, DraftTime, Parcel, ParcelLimits};
use parcel_risk::text::{Characters, Words, hashed_ngrams, normalized_address, normalized_name, normalized_phone};
use parcel_risk::wire::to_draft;
use proptest::prelude::*;

use crate::fixture::{rates, whole_catalogue};
use crate::harness;

fn parcel(change: impl FnOnce(&mut Draft)) -> Parcel {
    let mut draft = to_draft(harness::parcel());
    change(&mut draft);
    draft.check(&ParcelLimits::default()).unwrap()
}

fn numbers(parcel: &Parcel) -> BTreeMap<&'static str, f32> {
    let plan = whole_catalogue();
    let mut row = FeatureRow::default();
    let history = History::empty(plan.spec().decay());
    plan.fill(&plan.keys(parcel, &rates()), &history.view(), Bucket(1), &mut row);
    NUMBER_FEATURES.iter().map(|number| number.name).zip(row.values).collect()
}

/// Asserts what the named features of a parcel are; NaN stands for missing.
#[track_caller]
fn check(change: impl FnOnce(&mut Draft), expected: &[(&str, f32)]) {
    let numbers = numbers(&parcel(change));
    for (name, expected) in expected {
        let got = numbers[name];
        assert!(got == *expected || (got.is_nan() && expected.is_nan()), "{name}: {got}, expected {expected}");
    }
}

fn money(code: &str, units: i64, nanos: i32) -> Option<DraftMoney> {
    Some(DraftMoney { currency_code: code.to_owned(), units, nanos })
}

const MISSING: f32 = f32::NAN;

#[test]
fn a_value_just_below_a_duty_free_value_is_seen() {
    let value =
        |code: &'static str, units, nanos| move |draft: &mut Draft| draft.contents[0].value = money(code, units, nanos);
    check(value("EUR", 190, 0), &[("value_to_duty_free", 0.95), ("value_near_duty_free", 1.0)]);
    check(value("EUR", 200, 0), &[("value_to_duty_free", 1.0), ("value_near_duty_free", 1.0)]);
    check(value("EUR", 100, 0), &[("value_near_duty_free", 0.0)]);
    check(value("EUR", 100_000, 0), &[("value_to_duty_free", MISSING), ("value_near_duty_free", 0.0)]);
    check(
        value("EUR", 0, 0),
        &[("value_to_duty_free", MISSING), ("value_near_duty_free", 0.0), ("value_is_round", MISSING)],
    );
    check(value("MNT", 5, 0), &[("value_to_duty_free", MISSING), ("value_near_duty_free", MISSING)]);
    check(|_| (), &[("value_to_duty_free", MISSING), ("value_cents", MISSING), ("value_last_digit", MISSING)]);
    check(value("USD", 19, 990_000_000), &[("value_cents", 99.0), ("value_last_digit", 9.0), ("value_is_round", 0.0)]);
    check(value("USD", 20, 0), &[("value_cents", 0.0), ("value_last_digit", 0.0), ("value_is_round", 1.0)]);
}

#[test]
fn masses_are_compared_with_each_other_and_with_the_limits_of_post() {
    let mass = |net, gross, pieces| {
        move |draft: &mut Draft| {
            (draft.contents[0].net_mass_grams, draft.contents[0].quantity, draft.gross_mass_grams) =
                (net, pieces, gross);
        }
    };
    check(
        mass(Some(500), Some(2000), Some(4)),
        &[
            ("net_to_gross_mass", 0.25),
            ("mass_is_whole", 1.0),
            ("log_mass_per_piece", 125.0_f32.ln_1p()),
            ("gross_mass_to_limit", 1.0),
            ("gross_mass_near_limit", 1.0),
        ],
    );
    check(
        mass(None, Some(1500), None),
        &[("mass_is_whole", 0.0), ("gross_mass_to_limit", 0.75), ("gross_mass_near_limit", 0.0)],
    );
    check(mass(None, Some(31_600), None), &[("gross_mass_to_limit", MISSING), ("gross_mass_near_limit", 0.0)]);
    check(
        mass(Some(3000), None, None),
        &[("mass_is_whole", 1.0), ("net_to_gross_mass", MISSING), ("gross_mass_near_limit", MISSING)],
    );
    check(mass(None, None, None), &[("mass_is_whole", MISSING), ("log_mass_per_piece", MISSING)]);
}

#[test]
fn lines_are_told_apart() {
    let lines = |draft: &mut Draft| {
        let line = draft.contents[0].clone();
        draft.contents = [("392690", "CN", 30), ("392310", "CN", 60), ("8517", "VN", 10)]
            .map(|(hs, origin, units)| {
                let (hs_code, origin_country) = (hs.to_owned(), origin.to_owned());
                parcel_risk::parcel::DraftLine {
                    hs_code,
                    origin_country,
                    value: money("USD", units, 0),
                    ..line.clone()
                }
            })
            .into();
    };
    check(lines, &[("n_hs_chapters", 2.0), ("n_goods_origins", 2.0), ("principal_value_share", 0.6)]);
    let none = |draft: &mut Draft| draft.contents.clear();
    check(none, &[("n_hs_chapters", MISSING), ("n_goods_origins", MISSING), ("principal_value_share", MISSING)]);
}

#[test]
fn parties_are_compared_with_the_parcel_and_with_each_other() {
    let parties = |draft: &mut Draft| {
        draft.sender = Some(DraftParty {
            name: "Юлия Хрущева 2".to_owned(),
            country: "CN".to_owned(),
            phone: "+7 701 234 56 78".to_owned(),
            email: "a@qq.com".to_owned(),
            kind: 2,
            ..DraftParty::default()
        });
        let sender = draft.sender.clone().unwrap();
        draft.addressee =
            Some(DraftParty { name: "KHRUSHCHEVA 2 Iuliia".to_owned(), country: "RU".to_owned(), kind: 1, ..sender });
    };
    check(
        parties,
        &[
            ("sender_completeness", 4.0 / 7.0),
            ("sender_country_is_origin", 1.0),
            ("addressee_country_is_destination", 0.0),
            ("sender_phone_fits_country", 0.0),
            ("addressee_phone_fits_country", 1.0),
            ("same_name", 1.0),
            ("sender_name_has_digits", 1.0),
            ("n_sender_name_words", 3.0),
            ("sender_email_is_free", 1.0),
            ("sender_is_business", 1.0),
            ("addressee_is_business", 0.0),
            ("sender_name_is_placeholder", 0.0),
        ],
    );
    let unnamed =
        |draft: &mut Draft| draft.sender = Some(DraftParty { name: "N/A".to_owned(), ..DraftParty::default() });
    check(
        unnamed,
        &[
            ("sender_name_is_placeholder", 1.0),
            ("same_name", MISSING),
            ("sender_email_is_free", MISSING),
            ("addressee_completeness", 0.0),
        ],
    );
    check(
        |_| (),
        &[("sender_name_is_placeholder", MISSING), ("sender_is_business", MISSING), ("n_sender_name_words", MISSING)],
    );
}

#[test]
fn a_description_is_judged_by_its_words_and_its_characters() {
    let described = |text: &'static str, hs: &'static str| {
        move |draft: &mut Draft| {
            (draft.contents[0].description, draft.contents[0].hs_code) = (text.to_owned(), hs.to_owned())
        }
    };
    check(
        described("phone case", "392690"),
        &[
            ("n_description_words", 2.0),
            ("description_is_generic", 0.0),
            ("description_not_of_chapter", 0.0),
            ("description_non_letters_share", 0.0),
            ("description_missing", 0.0),
        ],
    );
    check(
        described("Gift 2 pcs", "3004"),
        &[
            ("description_is_generic", 1.0),
            ("description_not_of_chapter", MISSING),
            ("log_all_description_words", 3.0_f32.ln_1p()),
        ],
    );
    check(described("детская кукла", "300490"), &[("description_not_of_chapter", 1.0)]);
    check(described("детская кукла", ""), &[("description_not_of_chapter", MISSING)]);
    check(
        described("c\u{43e}sm\u{200b}etics", "33"),
        &[("n_mixed_script_words", 1.0), ("n_invisible_chars", 1.0), ("log_description_chars", 10.0_f32.ln_1p())],
    );
    check(
        described("", "33"),
        &[("n_description_words", MISSING), ("description_missing", 1.0), ("n_invisible_chars", MISSING)],
    );
    check(described("---", "33"), &[("n_description_words", 0.0), ("description_is_generic", MISSING)]);
}

#[test]
fn an_identifier_is_compared_with_the_parcel() {
    let id = |text: &'static str, class, gross| {
        move |draft: &mut Draft| {
            (draft.item_id, draft.mail_class, draft.gross_mass_grams) = (text.to_owned(), class, gross)
        }
    };
    check(
        id("RB123456785CN", 1, Some(2001)),
        &[
            ("item_id_is_s10", 1.0),
            ("s10_check_digit_right", 1.0),
            ("s10_issuer_is_origin", 1.0),
            ("s10_indicator_reserved", 0.0),
            ("s10_letter_too_heavy", 1.0),
            ("s10_indicator_fits_class", 1.0),
        ],
    );
    check(
        id("EB123456784NL", 2, Some(2001)),
        &[
            ("s10_check_digit_right", 0.0),
            ("s10_issuer_is_origin", 0.0),
            ("s10_letter_too_heavy", 0.0),
            ("s10_indicator_fits_class", 0.0),
        ],
    );
    check(
        id("XB123456785CN", 2, None),
        &[("s10_indicator_reserved", 1.0), ("s10_indicator_fits_class", MISSING), ("s10_letter_too_heavy", MISSING)],
    );
    check(id("ZB123456785CN", 0, None), &[("s10_indicator_domestic", 1.0), ("s10_indicator_reserved", 0.0)]);
    let carrier = |draft: &mut Draft| (draft.item_id, draft.id_scheme) = ("A-1".to_owned(), 2);
    check(carrier, &[("item_id_is_s10", 0.0), ("s10_check_digit_right", MISSING), ("s10_indicator_reserved", MISSING)]);
}

#[test]
fn time_goes_round_in_weeks_years_and_days() {
    let at = |seconds, nanos| move |draft: &mut Draft| draft.advised_at = Some(DraftTime { seconds, nanos });
    // 2024-01-01 was a Monday.
    let monday = 1_704_067_200;
    check(
        at(monday, 0),
        &[("weekday_sin", 0.0), ("weekday_cos", 1.0), ("time_of_day_sin", MISSING), ("time_of_day_cos", MISSING)],
    );
    check(at(monday + 6 * 3600, 0), &[("weekday_cos", 1.0), ("time_of_day_sin", 1.0)]);
    check(at(monday, 1), &[("time_of_day_sin", 0.0), ("time_of_day_cos", 1.0)]);
    let season = |day: i64| {
        let numbers = numbers(&parcel(at(monday + day * 86_400, 0)));
        (numbers["season_sin"], numbers["season_cos"])
    };
    let ((winter, _), (spring, _), (autumn, _)) = (season(0), season(91), season(274));
    assert!(winter.abs() < 0.03 && spring > 0.99 && autumn < -0.99, "{winter} {spring} {autumn}");
    assert!(season(0).1 > 0.99 && season(183).1 < -0.99);
}

/// Texts that programs choke on, and whatever else there is.
fn hostile() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("\u{301}".repeat(32_768)),
        Just("\u{fdfa}".repeat(21_845)),
        Just("a".repeat(65_536)),
        Just("礼 ".repeat(16_384)),
        Just("\u{202e}gnp.exe\u{202c}\u{200b}\u{feff}\0\u{7f}".to_owned()),
        Just("👩\u{200d}👧\u{fe0f}🏽🇰🇿".repeat(500)),
        Just("+0000000000000000000000000000000000".to_owned()),
        Just("00".to_owned()),
        Just("@".repeat(1000)),
        "\\PC{0,40}",
        any::<String>(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn hostile_text_gives_numbers_that_are_finite_or_missing(texts in prop::collection::vec(hostile(), 8)) {
        let party = |first: usize| DraftParty {
            name: texts[first].clone(),
            street: texts[first + 1].clone(),
            locality: texts[first + 2].clone(),
            postcode: texts[(first + 3) % 8].clone(),
            country: "KZ".to_owned(),
            phone: texts[(first + 4) % 8].clone(),
            email: texts[(first + 5) % 8].clone(),
            ..DraftParty::default()
        };
        let parcel = parcel(|draft| {
            (draft.sender, draft.addressee) = (Some(party(0)), Some(party(1)));
            draft.contents = texts.iter().map(|text| {
                let mut line = draft.contents[0].clone();
                line.description = text.clone();
                line
            }).collect();
        });
        let odd: Vec<_> = numbers(&parcel).into_iter().filter(|(_, value)| value.is_infinite()).collect();
        prop_assert_eq!(odd, vec![]);
    }

    #[test]
    fn what_is_made_of_any_text_is_plain_and_in_order(text in hostile()) {
        if let Some(name) = normalized_name(&text) {
            prop_assert!(name.is_ascii() && name.split(' ').is_sorted() && !name.split(' ').any(str::is_empty), "{name}");
        }
        let digits = |phone: String| phone.len() >= 5 && phone.bytes().all(|byte| byte.is_ascii_digit());
        prop_assert!(normalized_phone(&text, Some("KZ")).is_none_or(digits));
        prop_assert!(normalized_address(Some(&text), Some(&text), Some(&text), None).is_none_or(|it| it.is_ascii()));
        let mut slots = Vec::new();
        hashed_ngrams(&text, &mut slots);
        prop_assert!(slots.is_sorted_by(|a, b| a < b));
        let characters = Characters::of(&text);
        prop_assert!(characters.n_letters + characters.n_blanks <= characters.n);
        if let Some(generic) = Words::new(&text).generic() {
            prop_assert!((0.0..=1.0).contains(&generic.share));
        }
    }
}

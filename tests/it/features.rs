//! Features: which specs compile, what is said of those that do not, and what a parcel's amounts and codes become.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use expect_test::{Expect, expect, expect_file};
use parcel_risk::engine::Explanation;
use parcel_risk::features::{FeaturePlan, FeatureRow, FeatureSpec, NUMBER_FEATURES, Part, RatesConfig};
use parcel_risk::history::{Bucket, History};
use parcel_risk::parcel::{Draft, DraftMoney, DraftParty, Parcel, ParcelLimits};
use parcel_risk::reasons::ReasonCode;
use parcel_risk::wire::to_draft;

use crate::fixture::{drafts, plan, rates, whole_catalogue};
use crate::harness;

/// What is said of the default spec with one change to it.
#[track_caller]
fn check(change: impl FnOnce(&mut FeatureSpec), expect: Expect) {
    let mut spec = FeatureSpec::default();
    change(&mut spec);
    expect.assert_eq(&FeaturePlan::compile(spec).unwrap_err().to_string());
}

#[test]
fn a_name_that_is_not_known_is_answered_with_the_one_that_was_meant() {
    check(
        |spec| spec.numbers[0] = "log_valeu".to_owned(),
        expect![[r#"numbers: "log_valeu" is not known; did you mean "log_value"?"#]],
    );
    check(|spec| spec.numbers[0] = "".to_owned(), expect![[r#"numbers: "" is not known"#]]);
    check(
        |spec| spec.keys[1].parts[0] = "sendr".to_owned(),
        expect![[r#"keys.sender.parts: "sendr" is not known; did you mean "sender"?"#]],
    );
    check(|spec| spec.keys[1].parts[0] = "zzz".to_owned(), expect![[r#"keys.sender.parts: "zzz" is not known"#]]);
    check(
        |spec| spec.keys[1].parts[0] = "national_code.tax_type".to_owned(),
        expect![[r#"keys.sender.parts: "national_code.tax_type" is not known"#]],
    );
    check(
        |spec| spec.keys[1].reason = "SENDER_HISTROY".to_owned(),
        expect![[r#"keys.sender.reason: "SENDER_HISTROY" is not known; did you mean "SENDER_HISTORY"?"#]],
    );
    check(
        |spec| spec.keys[1].reason = "sender_history".to_owned(),
        expect![[r#"keys.sender.reason: "sender_history" is not known"#]],
    );
}

#[test]
fn what_stands_twice_is_refused() {
    check(|spec| spec.numbers.push("n_lines".to_owned()), expect![[r#"features: "n_lines" stands twice"#]]);
    check(
        |spec| spec.national_figures.push("tax_rate".to_owned()),
        expect![[r#"features: "national_figures.tax_rate" stands twice"#]],
    );
    check(
        |spec| spec.keys.push(spec.keys[1].clone()),
        expect![[r#"features: "history.sender.log_odds" stands twice"#]],
    );
}

#[test]
fn a_key_backs_off_to_one_above_it() {
    check(
        |spec| spec.keys[1].back_off = Some("addressee".to_owned()),
        expect![[r#"keys.sender.back_off: "addressee" does not stand above it"#]],
    );
    check(
        |spec| spec.keys[1].back_off = Some("sender".to_owned()),
        expect![[r#"keys.sender.back_off: "sender" does not stand above it"#]],
    );
    check(
        |spec| spec.keys[1].back_off = Some("nothing".to_owned()),
        expect![[r#"keys.sender.back_off: "nothing" does not stand above it"#]],
    );
}

#[test]
fn the_fingerprint_is_a_key_of_the_spec() {
    check(
        |spec| spec.fingerprint = "consignments".to_owned(),
        expect![[r#"fingerprint: "consignments" is no key of this spec"#]],
    );
    check(|spec| spec.keys.clear(), expect![[r#"fingerprint: "consignment" is no key of this spec"#]]);
}

#[test]
fn smoothing_and_half_life_are_positive_numbers() {
    for (bad, expected) in [(0.0, "0"), (-1.0, "-1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
        let mut spec = FeatureSpec { half_life_days: bad, ..FeatureSpec::default() };
        let told = FeaturePlan::compile(spec.clone()).unwrap_err().to_string();
        assert_eq!(told, format!("half_life_days: must be a positive number, got {expected}"));
        spec.half_life_days = 1.0;
        spec.keys[2].smoothing = bad;
        let told = FeaturePlan::compile(spec).unwrap_err().to_string();
        assert_eq!(told, format!("keys.addressee.smoothing: must be a positive number, got {expected}"));
    }
}

#[test]
fn every_feature_says_what_it_is_and_in_which_unit() {
    let plan = plan();
    for feature in plan.features() {
        assert!(!feature.unit.is_empty() && feature.meaning.ends_with('.'), "{}", feature.name);
    }
    let names: BTreeSet<_> = NUMBER_FEATURES.iter().map(|number| number.name).collect();
    assert_eq!(names.len(), NUMBER_FEATURES.len(), "names of numbers are unique");
    for number in NUMBER_FEATURES {
        assert!(!number.unit.is_empty() && number.meaning.ends_with('.'), "{}", number.name);
    }
    for (name, meaning) in Part::NAMED {
        assert!(meaning.ends_with('.') && Part::from_name(name).is_some(), "{name}");
    }
    let named: BTreeSet<_> = Part::NAMED.iter().map(|(name, _)| name).collect();
    assert_eq!(named.len(), Part::NAMED.len(), "names of parts are unique");
}

#[test]
fn the_default_spec_uses_the_whole_catalogue_and_every_reason() {
    let plan = plan();
    let used: BTreeSet<&str> = plan.features().iter().map(|feature| &*feature.name).collect();
    let unused: Vec<_> =
        NUMBER_FEATURES.iter().filter(|number| !used.contains(number.name)).map(|it| it.name).collect();
    assert_eq!(unused, Vec::<&str>::new());
    let reasons: BTreeSet<_> = plan.features().iter().map(|feature| feature.reason).collect();
    // Beside those that speak for how the policy chose.
    assert_eq!(reasons, ReasonCode::ALL.iter().copied().filter(|code| !code.is_choice()).collect());
}

fn money(code: &str, units: i64) -> Option<DraftMoney> {
    Some(DraftMoney { currency_code: code.to_owned(), units, nanos: 0 })
}

/// A parcel in which nothing is wrong, of one line for each amount.
fn parcel(values: &[(&str, i64)], change: impl FnOnce(&mut Draft)) -> Parcel {
    let mut draft = to_draft(harness::parcel());
    let line = draft.contents[0].clone();
    draft.contents = values
        .iter()
        .map(|(code, units)| parcel_risk::parcel::DraftLine { value: money(code, *units), ..line.clone() })
        .collect();
    change(&mut draft);
    draft.check(&ParcelLimits::default()).unwrap()
}

/// The features of a parcel that nothing is known about, by name, under a rate for EUR alone.
fn features(parcel: &Parcel) -> BTreeMap<String, f32> {
    let plan = plan();
    let config = RatesConfig { base: "USD".to_owned(), per_base: BTreeMap::from([("EUR".to_owned(), 0.5)]) };
    let mut row = FeatureRow::default();
    let history = History::empty(plan.spec().decay());
    let rates = config.check().unwrap();
    plan.fill(&plan.keys(parcel, &rates), &history.view(), Bucket(1), &mut row);
    plan.features().iter().map(|feature| feature.name.to_string()).zip(row.values).collect()
}

#[test]
fn an_amount_is_converted_or_missing_never_taken_one_to_one() {
    let value = |values: &[(&str, i64)]| {
        let features = features(&parcel(values, |_| ()));
        (features["log_value"].exp_m1().round(), features["value_missing"])
    };
    assert_eq!(value(&[("EUR", 100)]), (200.0, 0.0), "half a euro is a dollar");
    assert_eq!(value(&[("EUR", 100), ("USD", 50)]), (250.0, 0.0), "lines are added in the base currency");
    for values in [&[("KZT", 100)][..], &[("EUR", 100), ("KZT", 1)], &[("QQQ", 1)]] {
        let (log_value, missing) = value(values);
        assert!(log_value.is_nan() && missing == 1.0, "{values:?}: {log_value}");
    }
    let beside = parcel(&[("EUR", 100)], |draft| {
        (draft.postage_paid, draft.insured_value) = (money("KZT", 9), money("EUR", 50))
    });
    let features = features(&beside);
    assert!(features["log_postage_to_value"].is_nan());
    assert_eq!(features["log_insured_to_value"], 0.5_f32.ln_1p());
}

#[test]
fn what_the_model_does_not_use_is_said() {
    let parcel = parcel(&[("EUR", 1), ("BRL", 1), ("QQQ", 2)], |draft| {
        draft.postage_paid = money("MNT", 1);
        draft.insured_value = money("USD", 1);
        draft.national_codes =
            [("tax_type", "A"), ("taxtype", "B"), ("\n", "C")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        draft.national_figures = [("tax_rate", 1.0), ("rate", 2.0)].map(|(k, v)| (k.to_owned(), v)).into();
    });
    let notices = plan().notices(&parcel, &rates());
    let told: Vec<_> = notices.iter().map(|notice| format!("{}: {}", notice.field, notice.code.as_str())).collect();
    expect![[r#"
        contents[1].value: NO_EXCHANGE_RATE
        contents[2].value: NO_EXCHANGE_RATE
        postage_paid: NO_EXCHANGE_RATE
        national_codes["\n"]: NOT_USED_BY_MODEL
        national_codes["taxtype"]: NOT_USED_BY_MODEL
        national_figures["rate"]: NOT_USED_BY_MODEL"#]]
    .assert_eq(&told.join("\n"));
}

#[test]
fn a_figure_beyond_single_precision_is_the_largest_not_infinity() {
    for (stated, read) in [(f64::MAX, f32::MAX), (f64::MIN, f32::MIN), (1e39, f32::MAX), (8.25, 8.25), (-0.0, -0.0)] {
        let parcel = parcel(&[], |draft| draft.national_figures = BTreeMap::from([("tax_rate".to_owned(), stated)]));
        assert_eq!(features(&parcel)["national_figures.tax_rate"], read, "{stated:e}");
    }
}

#[test]
fn every_feature_of_the_largest_parcel_is_finite_or_missing() {
    let parcel = parcel(&[("EUR", 1_000_000_000_000_000); 99], |draft| {
        draft.gross_mass_grams = Some(100_000_000_000);
        draft.contents.iter_mut().for_each(|line| {
            (line.quantity, line.net_mass_grams) = (Some(u32::MAX.into()), Some(100_000_000_000));
        });
        (draft.postage_paid, draft.insured_value) = (draft.contents[0].value.clone(), draft.contents[0].value.clone());
    });
    let infinite: Vec<_> = features(&parcel).into_iter().filter(|(_, value)| value.is_infinite()).collect();
    assert_eq!(infinite, []);
}

/// Every key of a parcel by its name.
fn keys(plan: &FeaturePlan, parcel: &Parcel) -> String {
    let keys = plan.keys(parcel, &rates());
    assert_eq!(keys.footprint().keys, keys.by_key().iter().flatten().copied().collect::<Vec<_>>());
    let mut text = String::new();
    for (spec, key) in plan.spec().keys.iter().zip(keys.by_key()) {
        let key = key.map_or("not stated".to_owned(), |key| format!("{:016x}", key.0));
        writeln!(text, "{}: {key}", spec.name).unwrap();
    }
    text
}

/// A parcel that states all that keys are made of.
fn fully_stated() -> Parcel {
    let party = |name: &str| DraftParty {
        name: name.to_owned(),
        street: "ул. Абая, д. 10, кв. 5".to_owned(),
        locality: "Алматы".to_owned(),
        postcode: "050000".to_owned(),
        country: "KZ".to_owned(),
        phone: "8 701 234-56-78".to_owned(),
        email: "J.Doe+x@gmail.com".to_owned(),
        ..DraftParty::default()
    };
    parcel(&[("EUR", 7)], |draft| {
        (draft.sender, draft.addressee) = (Some(party("Müller, Jürgen")), Some(party("Юлия Хрущева")));
        (draft.declarant, draft.carrier) = ("D".to_owned(), "C".to_owned());
        (draft.origin_office, draft.destination_office) = ("CNSHAA".to_owned(), "KZALAA".to_owned());
        (draft.mail_class, draft.nature_of_transaction, draft.transport_mode, draft.payment_method) = (1, 2, 3, 4);
        (draft.gross_mass_grams, draft.contents[0].net_mass_grams) = (Some(500), Some(400));
        (draft.contents[0].quantity, draft.contents[0].origin_country) = (Some(3), "VN".to_owned());
        draft.contents[0].description = "Чехол для телефона 手机壳".to_owned();
    })
}

/// Stored histories hold these: another value here makes every model ever trained forget what it knew.
#[test]
fn the_history_keys_of_a_parcel_never_change() {
    let declared = drafts()[0].clone().check(&ParcelLimits::default()).unwrap();
    let by_part = keys(&whole_catalogue(), &fully_stated());
    assert!(!by_part.contains("not stated"), "{by_part}");
    let text = format!("{}\n# One part each, of a parcel that states all.\n{by_part}", keys(&plan(), &declared));
    expect_file!["../golden/history-keys.txt"].assert_eq(&text);
}

#[test]
fn respellings_share_a_key_and_neighbors_in_a_series_do() {
    let plan = whole_catalogue();
    let key = |parcel: &Parcel, name: &str| {
        let idx = plan.spec().keys.iter().position(|key| key.name == name).unwrap();
        plan.keys(parcel, &rates()).by_key()[idx]
    };
    let other = parcel(&[("EUR", 7)], |draft| {
        let party = DraftParty {
            name: "JUERGEN MUELLER".to_owned(),
            street: "Abaya str 10 apt 5".to_owned(),
            locality: "Almaty".to_owned(),
            postcode: "050 000".to_owned(),
            country: "KZ".to_owned(),
            phone: "+77012345678".to_owned(),
            email: "jdoe@GMAIL.com".to_owned(),
            ..DraftParty::default()
        };
        (draft.sender, draft.item_id) = (Some(party), "RB123456776CN".to_owned());
        draft.contents[0].description = "手机壳 chekhol dlya TELEFONA".to_owned();
    });
    let stated = fully_stated();
    for name in
        ["sender_name", "sender_address", "sender_phone", "sender_email", "description_normalized", "s10_serial_block"]
    {
        assert!(key(&stated, name).is_some() && key(&stated, name) == key(&other, name), "{name}");
    }
    assert_ne!(key(&stated, "sender"), key(&other, "sender"), "the raw name stays apart");
    assert_eq!(key(&other, "addressee_name"), None);
    let next = parcel(&[], |draft| draft.item_id = "RB123456865CN".to_owned());
    assert_ne!(key(&next, "s10_serial_block"), key(&stated, "s10_serial_block"));
    let carrier = parcel(&[], |draft| (draft.item_id, draft.id_scheme) = ("1".to_owned(), 2));
    assert_eq!(key(&carrier, "s10_serial_block"), None);
}

/// What one of a ground's keys is made of may be missing, and the others say who it is.
#[test]
fn a_ground_is_called_not_stated_only_where_the_parcel_states_nothing_of_it() {
    let (engine, history) = (harness::engine(), harness::artifact().settled_history());
    let mut n_stated = 0;
    for draft in drafts() {
        let parcel = draft.clone().check(&ParcelLimits::default()).unwrap();
        for reason in engine.assess(&parcel, history, Bucket(u32::MAX / 2), Explanation::Full).reasons {
            if reason.evidence.iter().any(|evidence| evidence.feature.starts_with("history.")) {
                n_stated += 1;
                assert!(reason.known.is_some(), "{reason:?}");
            }
        }
    }
    assert!(n_stated > 0);
}

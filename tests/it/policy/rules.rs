//! What rules may say, what they match, and what becomes of the chance to be inspected.

use expect_test::{Expect, expect};
use parcel_risk::engine::{Decision, Engine, Explanation};
use parcel_risk::history::Bucket;
use parcel_risk::policy::{PolicySource, Route, RouteCause, Seen, named_files};
use parcel_risk::reasons::{Language, ReasonCode};
use parcel_risk::wire::{self, to_draft, v1};

use super::{compile, key, source, under};
use crate::harness::{artifact, parcel};

fn assess(engine: &Engine, parcel: v1::Parcel) -> Decision {
    let parcel = to_draft(parcel).check(&Default::default()).unwrap();
    let at = engine.bucket_of(parcel.advised_at);
    engine.assess(&parcel, artifact().settled_history(), at, Explanation::WhereDue)
}

fn rule(name: &str, when: &str, route: &str, more: &str) -> String {
    format!("[[rule]]\nname = \"{name}\"\nwhen = '''{when}'''\nroute = \"{route}\"\nreason = \"why {name}\"\n{more}\n")
}

#[track_caller]
fn refused(text: &str, expected: Expect) {
    expected.assert_eq(&compile(&source(text)).unwrap_err().to_string());
}

#[test]
fn the_policy_of_the_documentation_compiles() {
    let doc = include_str!("../../../docs/policy.md");
    let text = doc.split("```toml\n").nth(1).unwrap().split("```").next().unwrap();
    let named = named_files(text).unwrap();
    assert_eq!(named.key_file.as_deref(), Some("control.key"));
    let lists = named.lists.iter().map(|(name, _)| {
        let entries = if name == "controlled_goods" { "# chemicals\n2939\n" } else { "ACME Trading Ltd.\n" };
        (name.clone(), entries.to_owned())
    });
    let source = PolicySource { text: text.to_owned(), lists: lists.collect(), key: key(1) };
    let policy = compile(&source).unwrap();
    assert!(policy.has_budgets());
    assert_eq!(policy.utc_offset_minutes(), 300);

    let engine = crate::harness::engine().with_policy(policy.into());
    let mut watched = parcel();
    watched.sender = Some(v1::Party { name: "Acme trading, LTD".to_owned(), ..v1::Party::default() });
    let decision = assess(&engine, watched);
    assert_eq!(
        (decision.route, decision.route_cause, decision.selection_probability),
        (Route::Open, RouteCause::Rule, 1.0)
    );
    let told = wire::from_decision(decision, Language::Russian);
    assert_eq!(told.matched_rules, ["watched sender"]);
    assert_eq!(
        (told.reasons[0].code.as_str(), told.reasons[0].text.as_str()),
        ("RULE", "Отправитель в списке наблюдения.")
    );
}

#[test]
fn what_does_not_compile_is_named_with_its_place() {
    refused(
        &rule("a", "parcel.sender.nam == 'x'", "open", ""),
        expect![[r#"rule "a", line 1, column 14: there is no field `nam` here"#]],
    );
    refused(
        &rule("b", "risk_score > 0.5 &&\n  risk_skore > 0.1", "open", ""),
        expect![[r#"rule "b", line 2, column 3: there is no `risk_skore`"#]],
    );
    refused(
        &rule("c", "risk_score >", "open", ""),
        expect![[
            r#"rule "c", line 1, column 13: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"#
        ]],
    );
    refused(
        &rule("d", "listed('nobody', parcel.sender.name)", "open", ""),
        expect![[r#"rule "d", line 1, column 7: there is no list "nobody""#]],
    );
    refused(
        &rule("e", "history.sendr.seen > 1.0", "open", ""),
        expect![[r#"rule "e", line 1, column 8: there is no field `sendr` here"#]],
    );
    refused(
        &rule("f", "parcel.contents.exists(line, line.hs > '1')", "open", ""),
        expect![[r#"rule "f", line 1, column 34: there is no field `hs` here"#]],
    );
    refused(
        &rule("i", "parcel.mail_class in ['EMS', 'PARCEL']", "open", ""),
        expect![[r#"rule "i", line 1, column 19: there is no code "PARCEL" here"#]],
    );
    refused(
        &rule("g", "true", "open", "percent = 0"),
        expect![[r#"rule "g".percent: must be above 0 and at most 100"#]],
    );
    let unknown_route = compile(&source(&rule("h", "true", "jail", ""))).unwrap_err().to_string();
    assert!(unknown_route.contains("line 4") && unknown_route.contains("unknown variant `jail`"), "{unknown_route}");
    refused("[random_control]\nshare = 1.5\n", expect![[r#"random_control.share: must be from 0 to 1"#]]);
    let without_key = PolicySource { text: "[random_control]\nshare = 0.1\n".to_owned(), ..PolicySource::default() };
    expect!["random_control: draws need a key, so that nobody can foretell them: set key_file to a file of at least 32 random bytes"].assert_eq(&compile(&without_key).unwrap_err().to_string());
}

#[test]
fn what_is_not_stated_matches_nothing_and_what_fails_is_counted() {
    let text = rule("no mass", "parcel.gross_mass_grams > 10", "open", "")
        + &rule("no number", "parcel.contents[0].hs_code > 5", "open", "")
        + &rule("no mass stated", "!has(parcel.gross_mass_grams) && size(parcel.contents) == 1", "scan", "")
        + &rule("cases", "parcel.contents.exists(line, line.description.contains('case'))", "documents", "");
    let engine = under(&text);
    let decision = assess(&engine, parcel());
    let matched: Vec<_> = decision.matched_rules.iter().map(|rule| &*rule.name).collect();
    assert_eq!(matched, ["no mass stated", "cases"]);
    assert_eq!((decision.route, decision.route_cause), (Route::Scan, RouteCause::Rule));
    assert_eq!(decision.reasons[0].code, ReasonCode::Rule);
    let at = engine.bucket_of(to_draft(parcel()).check(&Default::default()).unwrap().advised_at);
    let status = engine.policy().status(at, at, &engine.flow());
    let counts: Vec<_> = status.rules.iter().map(|rule| (&*rule.name, rule.matched, rule.failed)).collect();
    assert_eq!(counts, [("no mass", 0, 0), ("no number", 0, 1), ("no mass stated", 1, 0), ("cases", 1, 0)]);
}

#[test]
fn yesterdays_parcels_are_none_of_today() {
    let engine = under("[[stream]]\nname = \"all\"\nparcels_per_day = 100\nopen = 10\n");
    let flow = engine.flow();
    let at = engine.bucket_of(to_draft(parcel()).check(&Default::default()).unwrap().advised_at);
    let seen = Seen { raw_score: 9.0, risk_score: 0.9, ..Seen::default() };
    flow.add(at, &seen, Route::Open, RouteCause::Score, true);
    let (next, day) = (Bucket(at.0 + 1), 1440);
    let of = |now: u32| {
        let status = engine.policy().status(next, Bucket(now), &flow);
        (status.streams[0].parcels, status.streams[0].routes[0].2)
    };
    assert_eq!([of(next.0), of(next.0 + day)], [(1, 1), (0, 0)]);
}

#[test]
fn chances_are_put_together_in_the_order_of_the_policy() {
    let control = "[random_control]\nshare = 0.2\n";
    let half = rule("half", "true", "open", "percent = 50");
    let tenth = rule("tenth", "true", "documents", "percent = 10");
    let spared = rule("spared", "true", "release", "percent = 25");
    let cases = [
        (String::new(), 0.0),
        (control.to_owned(), 0.2),
        (control.to_owned() + &half, 0.5 + 0.5 * 0.2),
        (control.to_owned() + &half + &tenth, 0.5 + 0.5 * 0.1 + 0.5 * 0.9 * 0.2),
        (control.to_owned() + &spared, 0.25 * 0.2 + 0.75 * 0.2),
        (spared.clone() + &half, 0.75 * 0.5),
    ];
    for (text, chance) in cases {
        let engine = under(&text);
        let n = 4_000;
        let mut inspected = 0;
        for item in 0..n {
            let decision = assess(
                &engine,
                v1::Parcel { item_id: format!("ITEM{item}"), id_scheme: v1::ItemIdScheme::Carrier.into(), ..parcel() },
            );
            assert!(
                (decision.selection_probability - chance).abs() < 1e-12,
                "{text}: {}",
                decision.selection_probability
            );
            inspected += u32::from(!decision.route.is_release());
        }
        // Four standard deviations; the draws are fixed, so this holds or does not.
        let deviation = (chance * (1.0 - chance) * f64::from(n)).sqrt();
        assert!((f64::from(inspected) - chance * f64::from(n)).abs() <= 4.0 * deviation, "{text}: {inspected} of {n}");
    }
}

#[test]
fn a_parcel_drawn_at_random_is_told_to_be_under_no_suspicion() {
    let engine = under("[random_control]\nshare = 1.0\nroute = \"scan\"\n");
    let decision = assess(&engine, parcel());
    assert_eq!((decision.route, decision.route_cause), (Route::Scan, RouteCause::RandomControl));
    let told = wire::from_decision(decision, Language::English);
    assert_eq!(told.route_cause, v1::RouteCause::RandomControl as i32);
    let reasons: Vec<_> = told.reasons.iter().map(|reason| reason.text.as_str()).collect();
    assert_eq!(reasons, ["Selected at random (control sample), no suspicion."]);
}

#[test]
fn a_policy_has_another_version_for_every_byte_and_key() {
    let version = |source: &PolicySource| compile(source).unwrap().version().to_string();
    let one = source("[random_control]\nshare = 0.1\n");
    let versions = [
        version(&one),
        version(&source("[random_control]\nshare = 0.2\n")),
        version(&PolicySource { key: key(8), ..one.clone() }),
    ];
    assert_eq!(version(&one), versions[0]);
    assert!(versions[0] != versions[1] && versions[0] != versions[2] && versions[1] != versions[2], "{versions:?}");
}

#[test]
fn released_parcels_are_audited_from_the_stated_score_on() {
    let released = |from: f64| assess(&under(&format!("[release_audit]\nfrom_risk_score = {from:?}\n")), parcel());
    assert_eq!(released(0.0).route, Route::ReleaseAudit);
    assert_eq!(released(1.0).route, Route::Release);
    assert_eq!(released(0.0).selection_probability, 0.0);
}

//! Damage by accident, by hand and by mixing: each is found, and named.

use std::collections::BTreeSet;
use std::fs;

use expect_test::expect;
use parcel_risk::artifact::GoldenParcel;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

use super::{FILES, Place, other_buckets, other_half_life, small};
use crate::fixture::curve;
use crate::table::chain;

#[test]
fn a_file_that_is_not_there_is_named() {
    let place = Place::new();
    let mut told = String::new();
    for file in FILES {
        fs::remove_file(place.path(file)).unwrap();
        told += &place.refused();
        place.restore();
    }
    expect![[r#"
        reading model/manifest.json
        No such file or directory (os error 2)
        reading model/model.bin
        No such file or directory (os error 2)
        reading model/history.bin
        No such file or directory (os error 2)
        reading model/golden.jsonl
        No such file or directory (os error 2)
        reading model/CARD.md
        No such file or directory (os error 2)
    "#]]
    .assert_eq(&told);
    place.read().unwrap();
}

#[test]
fn a_truncated_file_is_found_wherever_it_ends() {
    let place = Place::new();
    for file in FILES {
        let whole = place.bytes(file);
        let n = whole.len();
        let mut told = BTreeSet::new();
        for length in [0, 1, 8, n / 3, n / 2, n - 2, n - 1] {
            fs::write(place.path(file), &whole[..length]).unwrap();
            // Without its line end the manifest says the same, and is another artifact.
            if (file, length) == ("manifest.json", n - 1) {
                assert_ne!(place.read().unwrap().model_ref(), place.before.model_ref());
                continue;
            }
            told.insert(place.refused());
        }
        fs::write(place.path(file), [&whole[..], b"\0"].concat()).unwrap();
        told.insert(place.refused());
        fs::write(place.path(file), &whole).unwrap();
        if file == "manifest.json" {
            assert!(told.iter().all(|one| one.starts_with("manifest.json\n")), "{told:?}");
        } else {
            assert_eq!(told, [digest(file)].into());
        }
    }
    place.read().unwrap();
}

fn digest(file: &str) -> String {
    format!("{file} does not have the digest that manifest.json names: it is truncated, damaged or of another model\n")
}

#[test]
fn any_flipped_bit_is_found() {
    let place = Place::new();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for file in FILES {
        let whole = place.bytes(file);
        for _ in 0..200 {
            let at = random.next_u64() as usize % whole.len();
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (random.next_u64() % 8);
            fs::write(place.path(file), &bytes).unwrap();
            match place.read() {
                Err(told) if file == "manifest.json" => assert!(!told.is_empty()),
                Err(told) => assert_eq!(told, digest(file), "byte {at}"),
                // A figure of the manifest has no second witness, but the digest that every decision names has changed.
                Ok(read) => {
                    assert_eq!(file, "manifest.json", "byte {at} of {file}");
                    assert_ne!(read.model_ref().digest, place.before.model_ref().digest, "byte {at}");
                }
            }
        }
        fs::write(place.path(file), &whole).unwrap();
    }
    place.read().unwrap();
}

#[test]
fn a_manifest_that_does_not_fit_the_files_is_found() {
    let place = Place::new();
    let whole = place.manifest();
    let first = place.golden(0);
    let (score, item_id) = (first.decision.risk_score.to_string(), first.decision.item_id);
    let mut told = Vec::new();
    let mut format = whole.clone();
    format.format = 2;
    let mut spec = whole.clone();
    spec.feature_spec_digest = "0".repeat(64);
    let mut policy = whole.clone();
    policy.golden_policy.documents_from_risk_score = 0.9;
    let mut routed = whole.clone();
    routed.golden_policy.open_from_risk_score = 0.31;
    let mut name = whole.clone();
    name.name = "another".to_owned();
    let mut unnamed = whole.clone();
    unnamed.files.remove("history.bin");
    let mut size = whole.clone();
    size.files.get_mut("golden.jsonl").unwrap().bytes += 1;
    for manifest in [format, spec, policy, routed, name, unnamed, size] {
        place.set_manifest(&manifest);
        let refused = place.refused().replace(&whole.feature_spec_digest, "SPEC");
        told.push(refused.replace(&score, "SCORE").replace(&item_id, "ITEM"));
    }
    let unknown_key = serde_json::to_string(&whole).unwrap().replacen('{', "{\"formats\":1,", 1);
    fs::write(place.path("manifest.json"), unknown_key).unwrap();
    told.push(place.refused());
    fs::write(place.path("manifest.json"), b"\xff").unwrap();
    told.push(place.refused());
    expect![[r#"
        the artifact has format 2; this release reads 1
        the feature spec has digest SPEC, manifest.json names 0000000000000000000000000000000000000000000000000000000000000000
        golden.jsonl
        the model's own rates or thresholds are not valid: policy: must have 0 <= documents_from_risk_score <= open_from_risk_score <= 1, got 0.9 and 0.7
        golden.jsonl
        line 1: another decision about "ITEM" than expected: the identifier, which is a digest of every feature, differs, score SCORE instead of SCORE
        golden.jsonl
        line 1: another decision about "ITEM" than expected: a detail differs, score SCORE instead of SCORE
        history.bin does not have the digest that manifest.json names: it is truncated, damaged or of another model
        golden.jsonl does not have the digest that manifest.json names: it is truncated, damaged or of another model
        manifest.json
        unknown field `formats`, expected one of `format`, `name`, `version`, `notice`, `crate_version`, `feature_spec_digest`, `estimator`, `seed`, `label_delay_days`, `settings`, `data`, `blocks`, `golden_policy`, `pruning`, `metrics`, `heads`, `feature_profiles`, `files` at line 1 column 10
        manifest.json is not UTF-8
    "#]].assert_eq(&told.concat());
}

#[test]
fn files_of_another_model_are_found() {
    let place = Place::new();
    let other = tempfile::tempdir().unwrap();
    let other_model = other.path().join("model");
    small("small", |body| curve(body).c += 0.125).write(&other_model).unwrap();
    let mut told = String::new();
    for file in ["manifest.json", "model.bin", "golden.jsonl"] {
        fs::copy(other_model.join(file), place.path(file)).unwrap();
        told += &place.refused();
        place.restore();
    }
    expect![[r#"
        model.bin does not have the digest that manifest.json names: it is truncated, damaged or of another model
        model.bin does not have the digest that manifest.json names: it is truncated, damaged or of another model
        golden.jsonl does not have the digest that manifest.json names: it is truncated, damaged or of another model
    "#]]
    .assert_eq(&told);
}

#[test]
fn a_model_under_a_forged_digest_still_has_to_be_one() {
    let place = Place::new();
    let body = place.before.model().body();
    let packed = |change: fn(&mut parcel_risk::model::ModelBody)| {
        let mut body = body.clone();
        change(&mut body);
        [b"PRMODEL3".to_vec(), postcard::to_stdvec(&body).unwrap()].concat()
    };
    let mut told = String::new();
    for bytes in [
        b"PRMODEL0".to_vec(),
        packed(|_| ())[..500].to_vec(),
        packed(|body| curve(body).c = f64::NAN),
        packed(|body| curve(body).b = -1.0),
        packed(|body| body.rates.base = "US".to_owned()),
        packed(|body| *body.rates.per_base.get_mut("EUR").unwrap() = f64::NAN),
    ] {
        place.forge("model.bin", &bytes);
        told += &place.refused();
    }
    expect![[r#"
        model.bin
        not a model of format "PRMODEL3"
        model.bin
        the model is truncated or damaged
        model.bin
        the model is inconsistent: a calibration that falls or is not finite
        model.bin
        the model is inconsistent: a calibration that falls or is not finite
        golden.jsonl
        the model's own rates or thresholds are not valid: currency: "US" is no ISO 4217 code
        golden.jsonl
        the model's own rates or thresholds are not valid: currency.per_base.EUR: must be a positive number, got NaN
    "#]]
    .assert_eq(&told);
}

#[test]
fn a_history_under_a_forged_digest_still_has_to_be_the_models() {
    let place = Place::new();
    let snapshot = place.before.snapshot();
    let mut told = String::new();
    for bytes in [
        b"PRHIST00".to_vec(),
        snapshot.to_bytes()[..1000].to_vec(),
        // All that a server reads is there.
        [snapshot.to_bytes(), vec![0]].concat(),
        other_half_life(&snapshot, 364.0),
        other_half_life(&snapshot, -365.0),
        other_buckets(&snapshot),
    ] {
        place.forge("history.bin", &bytes);
        told += &place.refused();
    }
    expect![[r#"
        history.bin
        not a history of format "PRHIST04"
        history.bin
        the history is truncated or damaged
        history.bin
        the history is truncated or damaged
        history.bin was folded with other buckets or another half-life than the model's features
        history.bin
        the history is inconsistent: a half-life that is not positive
        history.bin was folded with other buckets or another half-life than the model's features
    "#]]
    .assert_eq(&told);
}

#[test]
fn only_the_golden_decisions_find_a_model_that_scores_a_little_otherwise() {
    let place = Place::new();
    let changed = |line: usize, change: fn(&mut GoldenParcel)| {
        let mut lines: Vec<GoldenParcel> = (0..5).map(|idx| place.golden(idx)).collect();
        change(&mut lines[line - 1]);
        lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect::<String>()
    };
    let expected = |line: usize, part: &str, recorded: f64| {
        let GoldenParcel { parcel, decision } = place.golden(line - 1);
        let (item_id, got) = (parcel.item_id, decision.risk_score);
        format!(
            "golden.jsonl\nline {line}: another decision about {item_id:?} than expected: {part} differs, score {got} instead of {recorded}\n"
        )
    };
    let score = place.golden(2).decision.risk_score;
    let next = f64::from_bits(score.to_bits() + 1);
    let cases: [(String, String); 6] = [
        (
            changed(3, |it| it.decision.risk_score = f64::from_bits(it.decision.risk_score.to_bits() + 1)),
            expected(3, "the score", next),
        ),
        (changed(3, |it| it.decision.risk_percentile += 0.5), expected(3, "the percentile", score)),
        (changed(3, |it| it.decision.route = 1 + it.decision.route % 2), expected(3, "the route", score)),
        (changed(3, |it| it.decision.reasons.clear()), expected(3, "a reason", score)),
        (
            changed(3, |it| it.decision.decision_id.clear()),
            expected(3, "the identifier, which is a digest of every feature,", score),
        ),
        (changed(3, |it| it.decision.policy_version.clear()), expected(3, "a detail", score)),
    ];
    let restore = place.bytes("golden.jsonl");
    for (golden, expected) in cases {
        place.forge("golden.jsonl", golden.as_bytes());
        assert_eq!(place.refused(), expected);
        place.forge("golden.jsonl", &restore);
    }
    let mut told = String::new();
    for golden in [
        String::new(),
        "\n".to_owned(),
        changed(2, |it| it.parcel.item_id.clear()),
        changed(1, |it| it.parcel.contents[0].hs_code = "x".to_owned()),
        "{\"parcel\":{},\"decision\":{},\"more\":1}\n".to_owned(),
    ] {
        place.forge("golden.jsonl", golden.as_bytes());
        told += &place.refused();
    }
    expect![[r#"
        golden.jsonl
        there is no golden decision
        golden.jsonl
        line 1 is not a parcel with its decision
        EOF while parsing a value at line 1 column 0
        golden.jsonl
        line 2: the parcel is refused: 1 invalid field: item_id
        golden.jsonl
        line 1: the parcel is refused: 1 invalid field: contents[0].hs_code
        golden.jsonl
        line 1 is not a parcel with its decision
        unknown field `more`, expected `parcel` or `decision` at line 1 column 33
    "#]]
    .assert_eq(&told);
    place.forge("golden.jsonl", &restore);
    place.read().unwrap();
}

#[test]
fn a_model_without_a_golden_decision_is_not_put_together() {
    let whole = small("small", |_| ());
    let (manifest, model, snapshot) = (whole.manifest().clone(), whole.model(), whole.snapshot());
    let refused = parcel_risk::artifact::Artifact::assemble(manifest, model, &snapshot, Vec::new()).unwrap_err();
    expect![[r#"
        golden.jsonl
        there is no golden decision
    "#]]
    .assert_eq(&chain(&refused));
}

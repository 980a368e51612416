//! The page: well formed, self-contained, the same again, and not to be written into by data.

use expect_test::expect_file;
use parcel_risk::evaluation::{Evaluation, ModelIdentity};
use parcel_risk::report::{
    DataFacts, EffectBin, FeatureInsight, HeadFigures, Insight, Occasion, ReasonInsight, Report, ScoreBin,
};
use parcel_risk::train::TrainConfig;
use serde_json::json;

use crate::fixture::{quick, read, train, train_csv, valid_csv};

/// A report with one of everything; every name that could come from data is `name`.
fn report(name: &str) -> Report {
    let figure = |value: f64| json!({"value": value, "low_95": value - 0.05, "high_95": value + 0.04});
    let bins = json!([
        {"weight": 50.0, "mean_risk_score": 0.05, "infringement_share": 0.04},
        {"weight": 50.0, "mean_risk_score": 0.55, "infringement_share": 0.6}
    ]);
    let at = |share: f64, precision: f64| {
        json!({
            "share": share, "parcels": (100.0 * share).round() as u64, "precision": figure(precision),
            "recall": figure(share * 2.0), "lift": figure(precision * 3.0), "normalized_precision": figure(precision),
            "precision_ceiling": 1.0, "recall_ceiling": share * 3.0, "expected_precision": precision + 0.01,
            "expected_precision_excess": figure(0.01), "expected_calibration_error_within": null,
            "reliability_within": bins,
        })
    };
    let slice = |dimension: &str, auroc: f64| {
        json!({
            "name": format!("{dimension}_{name}"), "dimension": dimension, "value": name, "parcels": 60,
            "infringements": 20, "base_rate": figure(0.33), "auroc": figure(auroc), "average_precision": null,
            "precision_at_tenth": figure(0.9), "expected_calibration_error": 0.02,
        })
    };
    let selected = |share: f64| {
        json!({
            "share": share, "selection_rate": figure(0.2), "ratio": figure(2.0), "precision": figure(0.5),
            "false_positive_rate": null, "flagged": true,
        })
    };
    let evaluation: Evaluation = serde_json::from_value(json!({
        "parcels": 1100, "infringements": 330, "weight": 1100.0, "label_delay_days": 14,
        "base_rate": figure(0.3), "average_precision": figure(0.8), "auroc": figure(0.9), "log_loss": figure(0.4),
        "log_loss_skill": figure(0.3), "brier": figure(0.1), "brier_skill": figure(0.3),
        "expected_calibration_error": figure(0.06), "calibration_slope": figure(1.0),
        "calibration_intercept": figure(-0.1),
        "capacity": [at(0.1, 0.9), at(0.2, 0.8)],
        "slices": [slice("history", 0.7), slice(name, 0.99)],
        "baselines": [{
            "name": name, "average_precision": figure(0.3), "average_precision_lead": figure(0.5),
            "capacity": [{"share": 0.1, "precision": figure(0.3)}, {"share": 0.2, "precision": null}],
        }],
        "reliability": bins,
        "selection": [{
            "dimension": name,
            "groups": [{
                "value": name, "parcels": 200, "infringements": 20, "base_rate": figure(0.1),
                "capacity": [selected(0.1), selected(0.2)],
            }],
        }],
        "revenue": {
            "infringements": 3, "total": 300.0, "share_of_largest_50": figure(0.5), "winsorized_at": 100.0,
            "capacity": [{"share": 0.1, "found": figure(0.4), "normalized": figure(0.5), "found_winsorized": null}],
        },
        "drift": {"score_ks": figure(0.1), "score_psi": figure(0.3)},
        "novelty": [{"key": name, "parcels": 90, "unseen": figure(0.2)}],
        "observed_label_delay": {"parcels": 9, "quantiles": [{"share": 0.5, "days": figure(12.0)}]},
        "bootstrap": {"replicates": 100, "seed": 1, "days": 30},
        "model": {"name": name, "version": name, "digest": ""},
        "data_digest": "dd",
    }))
    .unwrap();
    let effect = |low: f64, mean_contribution: f64| EffectBin { low, high: low + 1.0, rows: 10, mean_contribution };
    let feature = FeatureInsight {
        name: name.to_owned(),
        meaning: name.to_owned(),
        unit: name.to_owned(),
        reason: name.to_owned(),
        mean_absolute: 0.5,
        shift: Some(0.3),
        missing: Some(EffectBin { low: f64::NAN, high: f64::NAN, rows: 5, mean_contribution: 0.1 }),
        effect: vec![effect(-1.0, -0.4), effect(0.5, 0.6)],
    };
    let facts = |digest: &str| DataFacts {
        digest: digest.to_owned(),
        parcels: 1234,
        rejected: 1,
        labeled: 1100,
        infringements: 330,
        from_day: "2020-01-01".to_owned(),
        until_day: "2020-12-31".to_owned(),
    };
    let reason = |code: &str, mean_absolute| ReasonInsight { code: code.to_owned(), mean_absolute };
    Report {
        occasion: Occasion::Evaluation { trained_on: facts("aa"), knows_future: false },
        model: ModelIdentity { name: name.to_owned(), version: name.to_owned(), digest: "ff".to_owned() },
        estimator: "boosting".to_owned(),
        program_version: "0.0.0".to_owned(),
        data: facts("dd"),
        insight: Insight {
            scores: vec![
                ScoreBin { from: 0.0, to: 0.1, clean: 900, infringing: 30 },
                ScoreBin { from: 0.1, to: 1.0, clean: 0, infringing: 300 },
            ],
            explained: 25,
            reasons: vec![reason(name, 0.5), reason("TIMING", 0.0)],
            features: vec![feature],
            score_shift: None,
        },
        heads: vec![HeadFigures {
            kind: name.to_owned(),
            infringements: 30,
            auroc: evaluation.auroc,
            average_precision: None,
            expected_calibration_error: None,
        }],
        evaluation,
        command: format!("parcel-risk evaluate --name '{name}'"),
        settings: vec![("train.name".to_owned(), format!("{name:?}"))],
        digests: vec![(name.to_owned(), "ff".to_owned())],
    }
}

/// The elements as a tree: every tag that opens is closed by its own, in order, and only what may is alone.
fn check_well_formed(html: &str) {
    let body = html.strip_prefix("<!DOCTYPE html>\n").expect("the standard's mode");
    let mut open: Vec<&str> = Vec::new();
    for piece in body.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').unwrap_or_else(|| panic!("no end of {piece:?}"));
        assert!(!text.contains('>'), "a bare > in {text:?}");
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "in {open:?}");
            continue;
        }
        // Names of attributes stand outside of the quotes.
        let names: Vec<&str> = tag.split('"').step_by(2).collect();
        assert_eq!(tag.matches('"').count() % 2, 0, "{tag}");
        assert!(!names.iter().any(|name| name.trim_start().starts_with("on")), "a handler in {tag}");
        let name = tag.split([' ', '/']).next().unwrap();
        if tag.ends_with('/') {
            let alone = ["meta", "wbr", "rect", "line", "circle", "polyline", "polygon"];
            assert!(alone.contains(&name), "{tag} needs an end tag");
        } else {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

/// Nothing to load, nothing to run, and every table can be scrolled by itself.
fn check_self_contained(html: &str) {
    let low = html.to_lowercase();
    for bad in
        ["<script", "<link", "<img", "<iframe", "<object", "http:", "https:", " src=", " href=", "url(", "@import"]
    {
        assert!(!low.contains(bad), "{bad}");
    }
}

#[test]
fn a_small_report_looks_like_this() {
    let html = report("a_b").to_html();
    check_well_formed(&html);
    expect_file!["../golden/report.html"].assert_eq(&html);
}

#[test]
fn a_hostile_name_stays_text() {
    let hostile = "</style></td><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\u{202e}";
    let html = report(hostile).to_html();
    check_well_formed(&html);
    assert!(!html.contains("<script") && !html.contains("<img") && !html.contains('\u{202e}'));
    // As many elements as with a plain name, so none came from it; where a name may break is the program's own.
    let elements = |html: &str| html.matches('<').count() - html.matches("<wbr/>").count();
    assert_eq!(elements(&html), elements(&report("plain").to_html()));
    assert_eq!(html.matches("&lt;script&gt;").count(), html.matches("&lt;/script&gt;").count());
}

#[test]
fn what_is_not_known_is_left_out_and_the_page_still_stands() {
    let mut bare = report("a");
    let empty = json!({
        "parcels": 0, "infringements": 0, "weight": 0.0, "label_delay_days": 14, "capacity": [], "slices": [],
        "bootstrap": {"replicates": 0, "seed": 1, "days": 0}, "model": {"name": "", "version": "", "digest": ""},
        "data_digest": "",
    });
    bare.evaluation = serde_json::from_value(empty).unwrap();
    bare.insight = Insight::default();
    bare.heads = Vec::new();
    let html = bare.to_html();
    check_well_formed(&html);
    assert!(!html.contains("NaN"));
    let headings: Vec<_> = html.split("<h2").skip(1).map(|rest| rest.split(['>', '<']).nth(1).unwrap()).collect();
    assert_eq!(headings, ["In short", "What the data was", "How to reproduce it", "What the words mean"]);
}

#[test]
fn a_training_writes_a_page_that_loads_nothing_and_is_the_same_again() {
    let config = || TrainConfig { boosting_trees: 20, bootstrap_replicates: 20, ..quick() };
    let dataset = read(&[train_csv(), valid_csv()]);
    let artifact = train(&dataset, config()).unwrap();
    let html = artifact.report().unwrap();
    check_well_formed(html);
    check_self_contained(html);
    assert_eq!(html.matches("<table").count(), html.matches("<div class=\"scroll\"").count());
    assert_eq!(html.matches("<table").count(), html.matches("<caption").count());
    assert_eq!(html.matches("<figure").count(), html.matches("role=\"img\"").count());
    assert!(!html.contains("NaN"));
    for digest in [&artifact.model_ref().digest, &dataset.digest, &artifact.manifest().feature_spec_digest] {
        assert!(html.contains(digest), "{digest}");
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let again = pool.install(|| train(&dataset, config()).unwrap());
    assert_eq!(again.report(), Some(html));

    // It stands beside the files of the artifact, and does not keep the directory from being replaced.
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model");
    artifact.write(&path).unwrap();
    assert_eq!(std::fs::read_to_string(path.join("report.html")).unwrap(), html);
    assert!(!artifact.manifest().files.contains_key("report.html"));
    again.write(&path).unwrap();
}

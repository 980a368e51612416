//! What is deployed beside the program names only what the program has.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use parcel_risk::telemetry::{Kind, METRICS};

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|err| panic!("{}: {err}", path.display()))
}

/// Every name by which a query may ask.
fn series() -> BTreeSet<String> {
    let of = |metric: &parcel_risk::telemetry::Metric| match metric.kind {
        Kind::Counter | Kind::Gauge => vec![metric.series()],
        Kind::Histogram => ["bucket", "sum", "count"].map(|part| format!("{}_{part}", metric.series())).to_vec(),
    };
    METRICS.iter().flat_map(of).collect()
}

/// Words that begin as metrics do.
fn asked(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("parcelrisk_")).map(str::to_owned).collect()
}

#[track_caller]
fn all_exist(text: &str) {
    let (asked, series) = (asked(text), series());
    assert!(asked.len() > 5, "queries are where this test looks for them: {asked:?}");
    let unknown: Vec<_> = asked.difference(&series).collect();
    assert!(unknown.is_empty(), "no such metric: {unknown:?}");
}

#[test]
fn every_alert_asks_for_metrics_that_exist_and_is_explained() {
    let alerts = read("deploy/prometheus/alerts.yaml");
    all_exist(&alerts);
    let manual = read("docs/operations.md");
    let names: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert!(names.len() > 5, "{names:?}");
    let unexplained: Vec<_> = names.iter().filter(|name| !manual.contains(&format!("| `{name}` |"))).collect();
    assert!(unexplained.is_empty(), "docs/operations.md lacks {unexplained:?}");
}

#[test]
fn every_query_of_the_dashboard_asks_for_metrics_that_exist() {
    let dashboard: serde_json::Value = serde_json::from_str(&read("deploy/grafana/parcel-risk.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let queries = panels.iter().flat_map(|panel| panel["targets"].as_array().unwrap());
    let mut text = dashboard["templating"].to_string();
    for query in queries {
        let query = query["expr"].as_str().unwrap();
        assert!(!asked(query).is_empty(), "{query}");
        text = format!("{text}\n{query}");
    }
    all_exist(&text);
}

#[test]
fn what_is_deployed_sets_only_what_can_be_set() {
    let manifests = read("deploy/kubernetes/parcel-risk.yaml");
    let (_, mounted) = manifests.split_once("parcel-risk.toml: |\n").unwrap();
    let (mounted, _) = mounted.split_once("\n---").unwrap();
    let config = |text: &str| -> parcel_risk::config::Config { toml::from_str(text).unwrap() };
    config(mounted).check().unwrap();
    let mut unit = config(&read("deploy/systemd/parcel-risk.toml"));
    assert_eq!(unit.ledger.path, "/var/lib/parcel-risk/ledger.db", "the unit's StateDirectory");
    unit.clone().check().unwrap();
    let image = config(&read("deploy/container.toml"));
    assert!(image.clone().check().is_err(), "nothing is open beyond this machine without word of it");
    unit.serve.listen = image.serve.listen;
    unit.identity.insecure_plaintext = true;
    unit.identity.insecure_anonymous = true;
    unit.check().unwrap();
}

/// A variable beats the file that whoever runs the server writes, and nothing in that file says so.
#[test]
fn nothing_that_is_deployed_sets_a_setting_by_a_variable() {
    for file in ["deploy/Dockerfile", "deploy/systemd/parcel-risk.service", "deploy/kubernetes/parcel-risk.yaml"] {
        let text = read(file);
        let words = text.split(|c: char| !c.is_ascii_uppercase() && c != '_');
        let set: BTreeSet<_> = words.filter(|word| word.starts_with("PARCEL_RISK_")).collect();
        assert!(set.is_subset(&BTreeSet::from(["PARCEL_RISK_CONFIG"])), "{file}: {set:?}");
    }
}

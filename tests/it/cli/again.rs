//! What a model says of its training is enough to train it again.

use std::fs;
use std::path::Path;

use parcel_risk::artifact::{Artifact, Manifest};

use super::{MAPPING, TRAIN, few_trees, printed};

/// What a training made in `dir/out`.
fn trained(dir: &Path, out: &str, args: &[&str]) -> Artifact {
    let out = dir.join(out);
    printed(&[&["train", "--data", TRAIN, "--out", out.to_str().unwrap()], args].concat());
    Artifact::read(&out).unwrap()
}

#[test]
fn a_model_is_trained_again_from_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    // Nothing as it is by default that changes the model.
    let settings = "[train]\nname = \"own\"\nseed = 7\nboosting_trees = 10\nboosting_models = 2\nboosting_l2_rows = 1e-3\n\
                    bootstrap_replicates = 20\ncalibrate_share = 0.1\nnotice = \"Of \\\"few\\\" trees.\"\n\
                    [currency]\nbase = \"EUR\"\nper_base = { KRW = 1300.5, USD = 1.1 }\n\
                    [limits]\ndescription_bytes_read = 100\n[policy]\nopen_from_risk_score = 0.6\n";
    fs::write(path("own.toml"), settings).unwrap();
    let spec = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("config/features.toml")).unwrap();
    let spec = spec.replace("half_life_days = ", "half_life_days = 1");
    fs::write(path("spec.toml"), spec).unwrap();
    let args = ["--config", &path("own.toml"), "--features", &path("spec.toml"), "--mapping", MAPPING];
    let once = trained(dir.path(), "once", &args);

    let show = |what: &str| printed(&["model", "inspect", &path("once"), "--show", what]);
    let settings = show("settings");
    assert!(settings.starts_with("# With features of its own"), "{settings}");
    fs::write(path("settings.toml"), settings).unwrap();
    fs::write(path("features.toml"), show("spec")).unwrap();
    let args = ["--config", &path("settings.toml"), "--features", &path("features.toml"), "--mapping", MAPPING];
    let again = trained(dir.path(), "again", &args);
    assert_eq!(again.model_ref(), once.model_ref());

    let page = fs::read_to_string(path("once/report.html")).unwrap();
    let command =
        "parcel-risk train --data TABLES --mapping MAPPING --config SETTINGS --features FEATURES --out DIRECTORY";
    assert!(page.contains(command), "{page}");
    let mapping = once.manifest().data.reading.mapping_digest.clone().unwrap();
    assert!(page.contains(&mapping) && page.contains("1300.5") && page.contains("Of \\&quot;few"), "{page}");
}

#[test]
fn whatever_makes_another_model_makes_another_version() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let config = few_trees(dir.path());
    let config = config.to_str().unwrap();
    let mapping = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(MAPPING)).unwrap();
    fs::write(path("mapping.toml"), mapping.replace("unit = \"kg\"", "unit = \"g\"")).unwrap();
    let models = [
        trained(dir.path(), "a", &["--config", config, "--mapping", MAPPING]),
        trained(dir.path(), "b", &["--config", config, "--mapping", MAPPING, "--seed", "2"]),
        trained(dir.path(), "c", &["--config", config, "--mapping", &path("mapping.toml")]),
    ];
    let version = |model: &Artifact| model.model_ref().version.clone();
    for (idx, model) in models.iter().enumerate() {
        assert_eq!(version(model)[..11], version(&models[0])[..11], "the last day of the data");
        assert!(models[..idx].iter().all(|other| version(other) != version(model)), "{}", version(model));
    }
}

#[test]
fn a_model_of_a_release_that_recorded_no_settings_is_read_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let config = few_trees(dir.path());
    trained(dir.path(), "model", &["--config", config.to_str().unwrap(), "--mapping", MAPPING]);
    let manifest: Manifest = serde_json::from_slice(&fs::read(path("model/manifest.json")).unwrap()).unwrap();
    let mut older = serde_json::to_value(manifest).unwrap();
    older.as_object_mut().unwrap().remove("settings");
    older["data"].as_object_mut().unwrap().remove("reading");
    fs::write(path("model/manifest.json"), older.to_string()).unwrap();
    printed(&["model", "verify", &path("model")]);
    super::refused(
        &["model", "inspect", &path("model"), "--show", "settings"],
        dir.path(),
        expect_test::expect!["parcel-risk: the model was trained by a release that recorded no settings\n"],
    );
}

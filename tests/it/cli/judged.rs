//! What `evaluate` takes from its model, and what it warns of.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{MAPPING, TRAIN, VALID, printed, run};

/// A model made in no time, of a label delay that is not the default.
fn trained_with_a_delay(dir: &Path) -> (PathBuf, PathBuf) {
    let (config, model) = (dir.join("few.toml"), dir.join("model"));
    fs::write(&config, "[train]\nboosting_trees = 5\nbootstrap_replicates = 20\n").unwrap();
    let train = ["train", "--label-delay-days", "40", "--mapping", MAPPING, "--data", TRAIN];
    let places = ["--config", config.to_str().unwrap(), "--out", model.to_str().unwrap()];
    printed(&[&train[..], &places].concat());
    (config, model)
}

#[test]
fn a_model_is_judged_by_its_own_label_delay_and_a_warm_up_that_it_knows_is_warned_of() {
    let dir = tempfile::tempdir().unwrap();
    let (config, model) = trained_with_a_delay(dir.path());
    let evaluated = |more: &[&str]| {
        let args = ["evaluate", "--config", config.to_str().unwrap(), "--model", model.to_str().unwrap()];
        let output = run(&[&args[..], &["--mapping", MAPPING, "--format", "json"], more].concat());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        (serde_json::from_slice::<Value>(&output.stdout).unwrap(), said)
    };
    let (own, said) = evaluated(&["--data", VALID]);
    assert_eq!((own["label_delay_days"].as_u64(), said.as_str()), (Some(40), ""));
    assert_eq!(evaluated(&["--data", VALID, "--label-delay-days", "40"]).0, own);
    let (other, _) = evaluated(&["--data", VALID, "--label-delay-days", "0"]);
    assert_eq!(other["label_delay_days"], 0);
    assert_ne!(other["average_precision"], own["average_precision"], "outcomes that are known earlier move scores");

    let (_, said) = evaluated(&["--warm-up", TRAIN, "--data", VALID]);
    assert_eq!(
        said,
        "warning: this warm-up begins before the model's own data ended; its history holds these parcels already, and \
         counts them twice\n"
    );
}

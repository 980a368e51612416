//! What `evaluate` takes from its model, and what it warns of.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect;
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

#[test]
fn a_warm_up_that_is_later_than_the_data_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("m.csv");
    let features = ["features", "--out", out.to_str().unwrap()];
    let said = expect![[r#"
        parcel-risk: tests/fixtures/customs-declarations/valid.csv:row 373 (line 374) of --warm-up was advised after tests/fixtures/customs-declarations/train.csv:row 1 (line 2) of --data, which would be scored by what came later: --warm-up is for tables from before --data
    "#]];
    // In the order of the file, and where the year stands behind its quarter; the built-in model knows neither.
    for data in [&[TRAIN][..], &[VALID, TRAIN]] {
        let tables = [&["--mapping", MAPPING, "--warm-up", VALID, "--data"][..], data].concat();
        for command in [&features[..], &["evaluate"]] {
            let output = run(&[command, &tables].concat());
            assert_eq!(output.status.code(), Some(1));
            said.assert_eq(&String::from_utf8(output.stderr).unwrap());
        }
    }
    assert!(!out.exists());
}

#[test]
fn a_page_about_the_models_own_data_does_not_say_that_nothing_was_known() {
    let dir = tempfile::tempdir().unwrap();
    let (config, model) = trained_with_a_delay(dir.path());
    let page = dir.path().join("page.html");
    let of_page = |data: &str| {
        let args = ["evaluate", "--config", config.to_str().unwrap(), "--model", model.to_str().unwrap()];
        printed(&[&args[..], &["--mapping", MAPPING, "--report", page.to_str().unwrap(), "--data", data]].concat());
        let page = fs::read_to_string(&page).unwrap();
        ["no parcel was scored by what became known later", "the figures flatter"].map(|words| page.contains(words))
    };
    assert_eq!(of_page(VALID), [true, false]);
    assert_eq!(of_page(TRAIN), [false, true]);
}

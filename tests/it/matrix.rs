//! The matrix that `features` writes: what training learns from, to the bit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use expect_test::expect;
use parcel_risk::table::MATRIX_COLUMNS;

use crate::fixture::{self, DELAY_DAYS, bits};

const MAPPING: &str = "models/mappings/customs-declarations.toml";
const TRAIN: &str = "tests/fixtures/customs-declarations/train.csv";
const VALID: &str = "tests/fixtures/customs-declarations/valid.csv";

fn run(threads: usize, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_parcel-risk"))
        .args(args)
        .env("RAYON_NUM_THREADS", threads.to_string())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap()
}

/// The matrix of a call, which must succeed and print nothing.
#[track_caller]
fn written(dir: &Path, name: &str, threads: usize, args: &[&str]) -> PathBuf {
    let out = dir.join(name);
    let output = run(threads, &[&["features", "--mapping", MAPPING, "--out", out.to_str().unwrap()], args].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stdout.is_empty() && output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    out
}

fn header_and_records(path: &Path) -> (Vec<String>, Vec<csv::StringRecord>) {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    (header, reader.records().map(Result::unwrap).collect())
}

#[test]
fn what_is_written_is_what_training_learns_from_to_the_bit() {
    let dir = tempfile::tempdir().unwrap();
    let (header, records) = header_and_records(&written(dir.path(), "m.csv", 2, &["--data", TRAIN, VALID]));
    let rows = fixture::rows();
    let matrix = fixture::replayed(rows, DELAY_DAYS);
    let plan = fixture::plan();
    let names = plan.features().iter().map(|feature| feature.name.to_string());
    assert_eq!(header, MATRIX_COLUMNS.into_iter().map(str::to_owned).chain(names).collect::<Vec<_>>());
    assert_eq!(records.len(), rows.len());
    for ((record, row), values) in records.iter().zip(rows).zip(matrix.values.outer_iter()) {
        assert_eq!(&record[0], row.parcel.item_id());
        let value = |cell: &str| if cell.is_empty() { f32::NAN } else { cell.parse().unwrap() };
        let read: Vec<f32> = record.iter().skip(MATRIX_COLUMNS.len()).map(value).collect();
        assert_eq!(bits(&read), bits(values), "{}", &record[0]);
        assert_eq!(&record[2], row.outcome.unwrap().infringement.to_string());
    }
    let of_rows = |at: usize| records[at].iter().take(MATRIX_COLUMNS.len()).collect::<Vec<_>>().join(",");
    expect!["55920693,2020-01-01T00:00:00Z,false,,1,"].assert_eq(&of_rows(0));
}

#[test]
fn neither_threads_nor_the_order_of_the_files_change_a_byte() {
    let dir = tempfile::tempdir().unwrap();
    let bytes = |name: &str, threads, args: &[&str]| fs::read(written(dir.path(), name, threads, args)).unwrap();
    let one = bytes("one.csv", 1, &["--data", TRAIN, VALID]);
    assert!(one == bytes("three.csv", 3, &["--data", TRAIN, VALID]), "three threads");
    // The quarter stands before its year, so the rows must be sorted first.
    assert!(one == bytes("sorted.csv", 2, &["--data", VALID, TRAIN]), "sorted");
}

#[test]
fn rows_of_the_warm_up_are_seen_and_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let (_, all) = header_and_records(&written(dir.path(), "all.csv", 2, &["--data", TRAIN, VALID]));
    let (_, warm) = header_and_records(&written(dir.path(), "warm.csv", 2, &["--warm-up", TRAIN, "--data", VALID]));
    let (_, cold) = header_and_records(&written(dir.path(), "cold.csv", 2, &["--data", VALID]));
    assert_eq!(warm, all[all.len() - warm.len()..]);
    assert_eq!(cold.len(), warm.len());
    assert_ne!(cold, warm, "an empty history knows less");
}

#[test]
fn a_model_brings_its_features_and_its_label_delay_and_none_of_its_history() {
    let dir = tempfile::tempdir().unwrap();
    let model = dir.path().join("model");
    let config = dir.path().join("few.toml");
    fs::write(&config, "[train]\nboosting_trees = 5\nbootstrap_replicates = 20\n").unwrap();
    let (model, config) = (model.to_str().unwrap(), config.to_str().unwrap());
    let mut train = vec!["train", "--config", config, "--mapping", MAPPING, "--data", TRAIN, "--out", model];
    train.extend(["--label-delay-days", "40"]);
    assert!(run(2, &train).status.success());
    let of_model = fs::read(written(dir.path(), "a.csv", 2, &["--model", model, "--data", VALID])).unwrap();
    let plain = |days: &str| {
        let name = format!("{days}.csv");
        fs::read(written(dir.path(), &name, 2, &["--label-delay-days", days, "--data", VALID])).unwrap()
    };
    assert!(of_model == plain("40"), "the spec is the same, and so is the delay");
    assert!(of_model != plain("14"), "the delay matters");
}

#[test]
#[cfg(feature = "parquet")]
fn parquet_says_what_each_column_is() {
    use parquet::file::reader::{FileReader as _, SerializedFileReader};
    use parquet::record::Field;

    let dir = tempfile::tempdir().unwrap();
    let path = written(dir.path(), "m.parquet", 2, &["--data", VALID]);
    let reader = SerializedFileReader::new(fs::File::open(path).unwrap()).unwrap();
    let file = reader.metadata().file_metadata();
    let column = |idx: usize| file.schema_descr().column(idx).self_type().clone();
    let of_rows = (0..7).map(|idx| format!("{} {}", column(idx).name(), column(idx).get_physical_type()));
    let of_rows: Vec<_> = of_rows.collect();
    expect!["item_id BYTE_ARRAY, advised_at INT64, label BOOLEAN, kind BYTE_ARRAY, weight DOUBLE, selection_probability DOUBLE, log_value FLOAT"]
        .assert_eq(&of_rows.join(", "));
    let kept = file.key_value_metadata().unwrap();
    let of = |key: &str| kept.iter().find(|kept| kept.key == key).and_then(|kept| kept.value.clone()).unwrap();
    let features: serde_json::Value = serde_json::from_str(&of("parcel_risk.features")).unwrap();
    assert_eq!(features.as_object().unwrap().len(), fixture::plan().features().len());
    expect![[r#"{"meaning":"Past inspections, decayed, of parcels with the same hs4. Missing where one of them is not stated.","reason":"GOODS_HISTORY","unit":"ln(1 + inspections)"}"#]]
        .assert_eq(&features["history.hs4.log_inspected"].to_string());
    assert_eq!(of("parcel_risk.label_delay_days"), "14");
    assert_eq!(of("parcel_risk.feature_spec_digest"), fixture::plan().spec().digest());

    let (header, records) = header_and_records(&written(dir.path(), "m.csv", 2, &["--data", VALID]));
    let rows: Vec<_> = reader.get_row_iter(None).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), records.len());
    for (row, record) in rows.iter().zip(&records) {
        for ((name, field), (column, cell)) in row.get_column_iter().zip(header.iter().zip(record)) {
            assert_eq!(name, column);
            match field {
                Field::Float(value) => assert_eq!(value.to_bits(), cell.parse::<f32>().unwrap().to_bits(), "{name}"),
                Field::Null => assert_eq!(cell, "", "{name}"),
                Field::Str(text) => assert_eq!(text, cell),
                Field::Bool(label) => assert_eq!(label.to_string(), cell),
                Field::Double(number) => assert_eq!(*number, cell.parse::<f64>().unwrap()),
                Field::TimestampMicros(at) => assert!(*at > 1_600_000_000_000_000 && cell.starts_with("2021-")),
                other => panic!("{name} is {other:?}"),
            }
        }
    }
}

#[test]
fn a_matrix_that_cannot_be_is_refused_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let said = |args: &[&str]| {
        let output = run(2, args);
        assert_eq!(output.status.code(), Some(1));
        String::from_utf8(output.stderr).unwrap().replace(&dir.path().display().to_string(), "DIR")
    };
    let jsonl = path("m.jsonl");
    expect![[r#"
        parcel-risk: DIR/m.jsonl must end in .parquet, .csv or .csv.gz
    "#]]
    .assert_eq(&said(&["features", "--mapping", MAPPING, "--data", VALID, "--out", &jsonl]));
    let (empty, out) = (path("empty.csv"), path("m.csv"));
    fs::write(&empty, "item_id,id_scheme,advised_at\n").unwrap();
    expect![[r#"
        parcel-risk: there is no readable row in DIR/empty.csv
    "#]]
    .assert_eq(&said(&["features", "--data", &empty, "--out", &out]));
    fs::write(&empty, "item_id,id_scheme,advised_at\nA1,CARRIER,2021-01-01\nA2,CARRIER,someday\n").unwrap();
    expect![[r#"
        parcel-risk: 1 of 2 rows could not be read, more than the 1 % allowed
        1 of 2 rows rejected: UNREADABLE 1
          DIR/empty.csv:row 2 (line 3), column "advised_at": must be an RFC 3339 date, or date and time; UTC where no offset is stated
    "#]]
    .assert_eq(&said(&["features", "--data", &empty, "--out", &out]));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no file is begun that is not finished");
    let both = ["features", "--model", "m", "--features", "f", "--data", VALID, "--out", &out];
    assert_eq!(run(2, &both).status.code(), Some(2));
}

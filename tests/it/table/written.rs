//! What is written reads back as it was.

use std::fs;
use std::path::Path;

use expect_test::expect;
use parcel_risk::parcel::{Draft, DraftMoney};
use parcel_risk::table::{Columns, RowOutcome, RowPosition, TableRow, TableWriter};

use super::{customs_mapping, fixture, rows};

fn write(path: &Path, rows: &[TableRow]) {
    let mut writer = TableWriter::create(path, Columns::of(rows)).unwrap();
    rows.iter().for_each(|row| writer.write(row).unwrap());
    writer.finish().unwrap();
}

fn said(row: TableRow) -> (Draft, Option<RowOutcome>, f64, Option<f64>) {
    (row.draft, row.outcome, row.weight, row.selection_probability)
}

#[test]
fn the_customs_sample_survives_every_format() {
    let mapping = customs_mapping();
    let original = rows(&fixture("train.csv"), Some(&mapping));
    let dir = tempfile::tempdir().unwrap();
    for name in [
        "t.csv",
        "t.csv.gz",
        "t.jsonl",
        #[cfg(feature = "parquet")]
        "t.parquet",
    ] {
        let path = dir.path().join(name);
        write(&path, &original);
        let again = rows(&path, None);
        assert_eq!(again.len(), original.len(), "{name}");
        for (row, before) in again.into_iter().zip(original.clone()) {
            if name == "t.jsonl" {
                assert_eq!(row.draft, before.draft, "{name} row {}", row.position.row);
            } else {
                assert_eq!(said(row), said(before), "{name}");
            }
        }
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), if cfg!(feature = "parquet") { 4 } else { 3 });
}

#[test]
fn a_table_has_the_columns_that_any_row_states_in_the_order_of_the_contract() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv");
    write(&path, &rows(&fixture("valid.csv"), Some(&customs_mapping())));
    let text = fs::read_to_string(path).unwrap();
    let head: Vec<&str> = text.lines().take(2).collect();
    expect![[r#"
        item_id,id_scheme,advised_at,origin_country,destination_country,destination_office,carrier,declarant,transport_mode,sender.party_id,addressee.party_id,contents[0].hs_code,contents[0].net_mass_grams,contents[0].value.currency_code,contents[0].value.amount,contents[0].origin_country,outcome.infringement,national_codes.import_type,national_codes.import_use,national_codes.origin_indicator,national_codes.payment_type,national_codes.process_type,national_codes.tax_type,national_figures.tax_rate
        68281886,CARRIER,2021-01-04T00:00:00Z,CN,KR,30,,8KGAMAY,AIR,U7VHXHV,0ZF6UHY,420329,1261000,KRW,317645.9,CN,false,11,21,Y,43,B,FCN1,0
    "#]].assert_eq(&format!("{}\n", head.join("\n")));
}

#[test]
fn what_a_table_can_not_hold_is_refused_and_no_half_table_is_left() {
    let position = || RowPosition { file: "t.csv".into(), row: 7, line: None };
    let mut row = TableRow::new(position());
    row.draft.gross_mass_grams = Some(-5);
    let dir = tempfile::tempdir().unwrap();
    let refused = |name: &str, columns: Columns, row: &TableRow| {
        let mut writer = TableWriter::create(&dir.path().join(name), columns).unwrap();
        format!("{}\n", writer.write(row).unwrap_err()).replace(&format!("{}/", dir.path().display()), "")
    };
    let mut text = refused("t.jsonl", Columns::default(), &row);
    text += &refused("u.csv", Columns::default(), &row);
    row.draft.postage_paid = Some(DraftMoney { units: 1, nanos: -1, ..DraftMoney::default() });
    text += &refused("v.csv", Columns::of([&row]), &row);
    expect![[r#"
        t.jsonl can't hold what t.csv:row 7 states: gross_mass_grams: must be between 0 and 100000000000, got -5
        u.csv has no column for gross_mass_grams, which t.csv:row 7 states
        v.csv can't hold what t.csv:row 7 states: postage_paid.amount: must have nanos between 0 and 999999999
    "#]]
    .assert_eq(&text);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

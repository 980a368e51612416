//! What is refused, and in which words.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use expect_test::{Expect, expect};
use flate2::Compression;
use flate2::write::GzEncoder;
use parcel_risk::table::{Mapping, TableReader};

use super::{check_file, customs_mapping, fixture, report};

pub(super) const HEADER: &str = "item_id,id_scheme,advised_at,contents[0].net_mass_grams";

/// Reads a contract table in CSV of these rows.
#[track_caller]
pub(super) fn check_rows(rows: &str, expect: Expect) {
    check_file("t.csv", format!("{HEADER}\n{rows}").as_bytes(), None, expect);
}

pub(super) fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn columns_that_the_mapping_names_and_the_table_lacks_are_all_named_with_the_nearest() {
    let header = "Declaration ID,date,Office,Net Mass\n";
    let mapping = r#"
        [columns]
        "Declaration ID" = "item_id"
        "Date" = "advised_at"
        "Office ID" = "destination_office"
        "Fraud" = { field = "outcome.infringement", infringement = ["1"] }
    "#;
    check_file(
        "t.csv",
        header.as_bytes(),
        Some(&Mapping::parse(mapping).unwrap()),
        expect![[r#"
            t.csv lacks columns that the mapping names:
              "Date" (the nearest that it has is "date")
              "Fraud"
              "Office ID" (the nearest that it has is "Office")
        "#]],
    );
}

#[test]
fn a_row_that_is_broken_is_rejected_and_the_scan_goes_on() {
    check_rows(
        "A,CARRIER,2020-01-01,5\nB,CARRIER,2020-01-01\n\nC,CARRIER,2020-01-01,5,6\nD,CARRIER,2020-01-01,7\n",
        expect![[r#"
        row 1 is a parcel
        t.csv:row 2 (line 3): must have 4 cells, has 3 [WRONG_NUMBER_OF_CELLS]
        t.csv:row 3 (line 4): must have 4 cells, has 5 [WRONG_NUMBER_OF_CELLS]
        row 4 is a parcel
    "#]],
    );
}

#[test]
fn every_cell_that_does_not_fit_names_its_column_and_never_shows_itself() {
    check_rows(
        "A,CARRIER,2020-01-01,-5\nB,CARRIER,01.02.2020,5\nC,CARRIER,2020-01-01,Jane\nD,COURIER,2020-01-01,5\nE,CARRIER,,1e30\n,S10,1999-01-01,5\n",
        expect![[r#"
            t.csv:row 1 (line 2), column "contents[0].net_mass_grams": must be between 0 and 100000000000, got -5 [OUT_OF_RANGE]
            t.csv:row 2 (line 3), column "advised_at": must be an RFC 3339 date, or date and time; UTC where no offset is stated [UNREADABLE]
            t.csv:row 3 (line 4), column "contents[0].net_mass_grams": must be a decimal number [UNREADABLE]
            t.csv:row 4 (line 5), column "id_scheme": must be one of S10, CARRIER [UNKNOWN_CODE]
            t.csv:row 5 (line 6), column "contents[0].net_mass_grams": must be a number of at most 18 digits before the point [UNREADABLE]
            t.csv:row 6 (line 7), column "item_id": item_id: is required; advised_at: must be from 2000-01-01T00:00:00Z until before 2100-01-01T00:00:00Z [REQUIRED]
        "#]],
    );
}

#[test]
fn a_weight_and_a_time_of_an_outcome_that_cannot_be_are_rejected_where_they_stand() {
    let header = "item_id,id_scheme,advised_at,weight,outcome.infringement,outcome.known_at";
    let row = |more: &str| format!("A,CARRIER,2020-01-01,{more}\n");
    let rows = [
        "0,1,2000-01-01",
        "1000000,0,2099-12-31",
        "1e10,1,",
        "1e-9,1,",
        "-1,1,",
        "1,1,1970-01-01",
        "1,0,9990-01-01",
        "1,,0001-01-01",
    ];
    let table = format!("{header}\n{}B,CARRIER,1999-01-01,1,1,2100-01-01\n", rows.map(row).concat());
    check_file(
        "t.csv",
        table.as_bytes(),
        None,
        expect![[r#"
        row 1 is a parcel
        row 2 is a parcel
        t.csv:row 3 (line 4), column "weight": must be 0, or a decimal number from 1e-6 to 1e6 [UNREADABLE]
        t.csv:row 4 (line 5), column "weight": must be 0, or a decimal number from 1e-6 to 1e6 [UNREADABLE]
        t.csv:row 5 (line 6), column "weight": must be 0, or a decimal number from 1e-6 to 1e6 [UNREADABLE]
        t.csv:row 6 (line 7), column "outcome.known_at": must be from 2000-01-01T00:00:00Z until before 2100-01-01T00:00:00Z [TIME_OUT_OF_RANGE]
        t.csv:row 7 (line 8), column "outcome.known_at": must be from 2000-01-01T00:00:00Z until before 2100-01-01T00:00:00Z [TIME_OUT_OF_RANGE]
        row 8 is a parcel
        t.csv:row 9 (line 10), column "advised_at": advised_at: must be from 2000-01-01T00:00:00Z until before 2100-01-01T00:00:00Z; outcome.known_at: must be from 2000-01-01T00:00:00Z until before 2100-01-01T00:00:00Z [TIME_OUT_OF_RANGE]
    "#]],
    );
}

#[test]
fn text_that_is_not_utf_8_is_rejected_where_it_is_read() {
    let mut bytes = format!("{HEADER}\nA,CARRIER,2020-01-01,5\n").into_bytes();
    bytes.extend_from_slice(b"\xff,CARRIER,2020-01-01,5\nB,CARRIER,2020-01-01,5\n");
    check_file(
        "t.csv",
        &bytes,
        None,
        expect![[r#"
        row 1 is a parcel
        t.csv:row 2 (line 3), column "item_id": must be UTF-8 [NOT_UTF8]
        row 3 is a parcel
    "#]],
    );
    check_file(
        "t.csv",
        b"item_id,\xff\n",
        None,
        expect![[r#"
        t.csv: the name of column 2 is not UTF-8
    "#]],
    );
}

#[test]
fn codes_that_the_mapping_does_not_translate_are_rejected() {
    let mapping = r#"
        [columns]
        "Id" = "item_id"
        "Day" = "advised_at"
        "Mode" = { field = "transport_mode", codes = { "10" = "MARITIME", "0" = "" } }
        [constants]
        id_scheme = "CARRIER"
    "#;
    let table = "Id,Day,Mode\nA,2020-01-01,10\nB,2020-01-01,60\nC,2020-01-01,0\nD,2020-01-01,\n";
    check_file(
        "t.csv",
        table.as_bytes(),
        Some(&Mapping::parse(mapping).unwrap()),
        expect![[r#"
        row 1 is a parcel
        t.csv:row 2 (line 3), column "Mode": must be one of the codes that the mapping translates [UNKNOWN_CODE]
        row 3 is a parcel
        row 4 is a parcel
    "#]],
    );
}

#[test]
fn numbers_of_a_list_of_somebody_else_never_read_as_ours() {
    let mapping = "[columns]\n\"Id\" = \"item_id\"\n\"Mode\" = \"transport_mode\"\n";
    check_file(
        "t.csv",
        b"Id,Mode\nA,1\n",
        Some(&Mapping::parse(mapping).unwrap()),
        expect![[r#"
        t.csv:row 1 (line 2), column "Mode": must be one of MARITIME, RAIL, ROAD, AIR, MAIL, MULTIMODAL, OTHER [UNKNOWN_CODE]
    "#]],
    );
}

#[test]
fn a_column_that_is_no_field_names_the_nearest() {
    check_file(
        "t.csv",
        b"item_id,contents[0].hscode,Importer ID\n",
        None,
        expect![[r#"
            t.csv has columns that need a mapping:
              "contents[0].hscode" is no field of a parcel; did you mean "contents[0].hs_code"?
              "Importer ID" is no field of a parcel
        "#]],
    );
}

#[test]
fn columns_that_would_overwrite_each_other_are_refused() {
    check_file(
        "t.csv",
        b"item_id,carrier,item_id,carrier\n",
        None,
        expect![[r#"
            t.csv has more than one column of each of these names:
              "carrier"
              "item_id"
        "#]],
    );
    check_file(
        "t.csv",
        b"postage_paid.units,postage_paid.amount\n",
        None,
        expect![[r#"
        t.csv: columns "postage_paid.units" and "postage_paid.amount" both fill postage_paid
    "#]],
    );
}

#[test]
fn a_file_that_is_not_a_table_says_so() {
    check_file(
        "t.csv",
        b"",
        None,
        expect![[r#"
        t.csv is empty: a header with the names of the columns was expected
    "#]],
    );
    check_file(
        "t.csv.gz",
        b"item_id,advised_at\nA,2020-01-01\n",
        None,
        expect![[r#"
        t.csv.gz is not a gzip file, or is damaged
        invalid gzip header
    "#]],
    );
    check_file(
        "t.xlsx",
        b"",
        None,
        expect![[r#"
        t.xlsx must end in .csv, .csv.gz, .parquet or .jsonl, or be - for JSON lines on standard input
    "#]],
    );
    expect![[r#"
        opening t.csv
        No such file or directory (os error 2)
    "#]]
    .assert_eq(&report(Path::new("/nowhere/t.csv"), None));
}

#[cfg(feature = "parquet")]
#[test]
fn a_file_that_is_not_parquet_says_so() {
    check_file(
        "t.parquet",
        b"",
        None,
        expect![[r#"
        t.parquet is empty: a header with the names of the columns was expected
    "#]],
    );
    check_file(
        "t.parquet",
        b"item_id,advised_at\nA,2020-01-01\n",
        None,
        expect![[r#"
        t.parquet is not a Parquet file, or is damaged
        Parquet error: Invalid Parquet file. Corrupt footer
    "#]],
    );
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_build_without_parquet_names_the_feature() {
    check_file(
        "t.parquet",
        b"",
        None,
        expect![[r#"
        t.parquet is Parquet, which this build can't read: build it with the feature `parquet`
    "#]],
    );
}

#[test]
fn a_gzip_that_ends_too_early_is_an_error_after_the_last_whole_row() {
    let table = fs::read(fixture("valid.csv")).unwrap();
    let whole = gzipped(&table);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv.gz");
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();

    let mapping = customs_mapping();
    let mut reader = TableReader::open(&path, Some(&mapping)).unwrap();
    let broken = reader.find_map(|row| row.err()).expect("a half table never ends as a whole one");
    assert!(broken.to_string().contains("t.csv.gz after row "), "{broken}");
    assert!(reader.next().is_none(), "nothing follows an error of the file");
}

#[test]
fn one_line_of_broken_json_is_rejected_and_the_scan_goes_on() {
    let parcel = r#"{"itemId": "A", "idScheme": "ITEM_ID_SCHEME_CARRIER", "advisedAt": "2020-01-01T00:00:00Z"}"#;
    let lines = format!("{parcel}\n{{\"itemId\": \n\n{{\"itemid\": \"A\"}}\n{parcel}");
    check_file(
        "t.jsonl",
        lines.as_bytes(),
        None,
        expect![[r#"
        row 1 is a parcel
        t.jsonl:row 2 (line 2): must be a JSON object on one line: it ends too early [NOT_JSON]
        t.jsonl:row 3 (line 4): must be a Parcel in proto3 JSON: it has no field "itemid", at byte 9 [NOT_A_PARCEL]
        row 4 is a parcel
    "#]],
    );
    check_file("t.jsonl", b"", None, expect![[""]]);
    check_file(
        "t.jsonl",
        b"",
        Some(&customs_mapping()),
        expect![[r#"
        t.jsonl holds parcels, one a line: a mapping has nothing to map in it
    "#]],
    );
}

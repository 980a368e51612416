//! Parquet as others write it: types that the contract's own tables don't have.

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;

use expect_test::expect;
use parcel_risk::table::Mapping;
use parquet::data_type::{
    ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType, Int32Type, Int64Type,
};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::{report, rows};

const SCHEMA: &str = "message table {
    required int64 id (INTEGER(64, true));
    optional int64 stamp (TIMESTAMP(NANOS, true));
    optional int32 day (DATE);
    optional fixed_len_byte_array(5) mass (DECIMAL(10, 3));
    optional double rate;
    optional int32 pieces (INTEGER(32, false));
    optional binary seller;
    optional group goods { optional binary code (STRING); }
}";

const MAPPING: &str = r#"
    [columns]
    id = "item_id"
    stamp = "advised_at"
    day = "outcome.known_at"
    mass = { field = "contents[0].net_mass_grams", unit = "kg" }
    rate = "national_figures.rate"
    pieces = "contents[0].quantity"
    seller = "sender.party_id"
    [constants]
    id_scheme = "CARRIER"
    "outcome.infringement" = "1"
"#;

/// Three rows: one that states everything, one that states nothing more than it must, one broken.
fn write_foreign(path: &Path) {
    let schema = Arc::new(parse_message_type(SCHEMA).unwrap());
    let properties = Arc::new(WriterProperties::builder().build());
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, properties).unwrap();
    let mut group = writer.next_row_group().unwrap();
    macro_rules! column {
        ($type:ty, $values:expr, $levels:expr) => {{
            let mut column = group.next_column().unwrap().unwrap();
            column.typed::<$type>().write_batch(&$values, $levels, None).unwrap();
            column.close().unwrap();
        }};
    }
    let bytes = |bytes: &'static [u8]| ByteArray::from(bytes);
    let noon = 1_577_880_000_000_000_000;
    column!(Int64Type, [7, 8, 9], None);
    column!(Int64Type, [noon, noon + 1, noon], Some(&[1, 1, 1]));
    column!(Int32Type, [18_262], Some(&[1, 0, 0]));
    column!(FixedLenByteArrayType, [FixedLenByteArray::from(vec![0, 0, 0, 4, 210])], Some(&[1, 0, 0]));
    column!(DoubleType, [0.1, f64::NAN], Some(&[1, 1, 0]));
    column!(Int32Type, [-1], Some(&[1, 0, 0]));
    column!(ByteArrayType, [bytes(b"Jane"), bytes(b"\xff")], Some(&[1, 0, 1]));
    column!(ByteArrayType, [bytes(b"A")], Some(&[2, 0, 1]));
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn dates_decimals_and_missing_values_are_read_as_they_are_meant() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.parquet");
    write_foreign(&path);
    let mapping = Mapping::parse(MAPPING).unwrap();

    let seller = "seller = \"sender.party_id\"\n";
    let without_seller = Mapping::parse(&MAPPING.replace(seller, "")).unwrap();
    let [full, empty, _] = <[_; 3]>::try_from(rows(&path, Some(&without_seller))).unwrap();
    let draft = &full.draft;
    expect![[r#"
        7 Some(DraftTime { seconds: 1577880000, nanos: 0 })
        Some(RowOutcome { infringement: true, known_at: Some(DraftTime { seconds: 1577836800, nanos: 0 }), kind: None, revenue: None })
        [DraftLine { description: "", hs_code: "", quantity: Some(4294967295), net_mass_grams: Some(1234), value: None, origin_country: "" }]
        {"rate": 0.1}
    "#]].assert_eq(&format!(
        "{} {:?}\n{:?}\n{:?}\n{:?}\n",
        draft.item_id, draft.advised_at, full.outcome, draft.contents, draft.national_figures
    ));
    let draft = &empty.draft;
    expect![[r#"
        8 Some(DraftTime { seconds: 1577880000, nanos: 1 })
        Some(RowOutcome { infringement: true, known_at: None, kind: None, revenue: None })
        []
        {}
    "#]]
    .assert_eq(&format!(
        "{} {:?}\n{:?}\n{:?}\n{:?}\n",
        draft.item_id, draft.advised_at, empty.outcome, draft.contents, draft.national_figures
    ));
    expect![[r#"
        row 1 is a parcel
        row 2 is a parcel
        t.parquet:row 3, column "seller": must be UTF-8 [NOT_UTF8]
    "#]]
    .assert_eq(&report(&path, Some(&mapping)));
}

#[test]
fn nested_columns_are_refused_where_they_would_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.parquet");
    write_foreign(&path);
    expect![[r#"
        t.parquet: column "goods" holds nested values, where text, numbers, dates or times of day and date were expected
    "#]]
    .assert_eq(&report(&path, None));
    let mapping = Mapping::parse("[columns]\nid = \"item_id\"\ngoods = \"contents[0].hs_code\"\n").unwrap();
    expect![[r#"
        t.parquet: column "goods" holds nested values, where text, numbers, dates or times of day and date were expected
    "#]]
    .assert_eq(&report(&path, Some(&mapping)));
}

#[test]
fn a_file_that_was_cut_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.parquet");
    write_foreign(&path);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 20]).unwrap();
    let text = report(&path, Some(&Mapping::parse(MAPPING).unwrap()));
    assert!(text.starts_with("t.parquet is not a Parquet file, or is damaged\n"), "{text}");
}

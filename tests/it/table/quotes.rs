//! Quotes: where a table ends, and where one that was never closed began.

use std::fs;

use expect_test::expect;
use parcel_risk::table::TableReader;

use super::check_file;
use super::refused::{HEADER, check_rows, gzipped};

#[test]
fn a_quote_that_is_never_closed_takes_the_rest_of_the_table_with_it_and_names_its_line() {
    // In front of a cell, two rows from the end; the cells before it may have lines of their own.
    let opened = "\"A\n1\",CARRIER,2020-01-01,5\n\n\"B,CARRIER,2020-01-01,5\nC,CARRIER,2020-01-01,5\n";
    check_rows(
        opened,
        expect![[r#"
            t.csv:row 1 (line 2), column "item_id": must be 1 to 64 printable ASCII characters without spaces [NOT_CARRIER_ID]
            t.csv: the quoted cell that begins on line 5 never ends; close its quote, or write a quote that belongs to the text twice, in a cell within quotes
        "#]],
    );
    let table = gzipped(format!("{HEADER}\n{opened}").as_bytes());
    check_file(
        "t.csv.gz",
        &table,
        None,
        expect![[r#"
            t.csv.gz:row 1 (line 2), column "item_id": must be 1 to 64 printable ASCII characters without spaces [NOT_CARRIER_ID]
            t.csv.gz: the quoted cell that begins on line 5 never ends; close its quote, or write a quote that belongs to the text twice, in a cell within quotes
        "#]],
    );
    // In the last column, where the row has as many cells as it should; with a quote that is written twice, and at the very end.
    for rows in
        ["A,a\nB,\"b\nC,c\n", "A,a\nB,\"b\"\"\nC,c", "A,a\nB,\"", "A,a\nB,\"\n.\n", "A,a\nB,\"b\n.", "A,a\n\n\n\"B"]
    {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        fs::write(&path, format!("item_id,carrier\n{rows}")).unwrap();
        let read: Vec<_> = TableReader::open(&path, None).unwrap().collect();
        let line = if rows.contains("\n\n") { "line 5" } else { "line 3" };
        assert!(matches!(&read[..], [Ok(_), Err(error)] if error.to_string().contains(line)), "{rows:?}: {read:?}");
    }
    check_file(
        "t.csv",
        b"item_id,\"advised_at\n",
        None,
        expect![[r#"
            t.csv: the quoted cell that begins on line 1 never ends; close its quote, or write a quote that belongs to the text twice, in a cell within quotes
        "#]],
    );
}

#[test]
fn a_table_is_whole_however_its_last_row_ends() {
    for end in ["", "\"\"", "5", "\"5\"", "5\n", "5\r\n", "5\r", "\"5\"\n\n\r\n"] {
        let table = format!("\u{feff}{HEADER}\n\"A,\"\"1\",CARRIER,2020-01-01,5\nB,CARRIER,2020-01-01,{end}");
        for (name, bytes) in [("t.csv", table.clone().into_bytes()), ("t.csv.gz", gzipped(table.as_bytes()))] {
            let whole = expect!["row 1 is a parcel\nrow 2 is a parcel\n"];
            check_file(name, &bytes, None, whole);
        }
    }
    // What stands behind every file is a row like any other where a file has it.
    check_rows(
        ".\n\n.\n",
        expect![[r#"
            t.csv:row 1 (line 2): must have 4 cells, has 1 [WRONG_NUMBER_OF_CELLS]
            t.csv:row 2 (line 3): must have 4 cells, has 1 [WRONG_NUMBER_OF_CELLS]
        "#]],
    );
    for empty in ["", "\n\n", "\u{feff}", "\u{feff}\r\n"] {
        check_file(
            "t.csv",
            empty.as_bytes(),
            None,
            expect![["
                t.csv is empty: a header with the names of the columns was expected
            "]],
        );
    }
}

#[test]
fn a_quote_that_is_never_closed_does_not_fill_the_memory() {
    let mut table = format!("{HEADER}\nA,CARRIER,2020-01-01,5\n\"B").into_bytes();
    table.resize(table.len() + 17 * 1024 * 1024, b'x');
    check_file(
        "t.csv.gz",
        &gzipped(&table),
        None,
        expect![[r#"
        row 1 is a parcel
        t.csv.gz: row 2 is longer than 16777216 bytes; is a quote not closed?
    "#]],
    );
}

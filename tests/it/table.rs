//! Tables: what is read, what is refused and in which words, and that writing loses nothing.

#[cfg(feature = "parquet")]
mod foreign_parquet;
mod mapping;
mod quotes;
mod refused;
mod written;

use std::fs;
use std::path::Path;

use expect_test::{Expect, expect};
use parcel_risk::parcel::{DraftMoney, DraftTime, ParcelLimits};
use parcel_risk::table::{Mapping, RejectCounts, RowOutcome, TableReader, TableRow};

use crate::fixture::{customs_mapping, fixture};

/// An error and its causes, a line each.
pub(crate) fn chain(problem: &dyn std::error::Error) -> String {
    let mut text = format!("{problem}\n");
    let mut source = problem.source();
    while let Some(problem) = source {
        text += &format!("{problem}\n");
        source = problem.source();
    }
    text
}

/// What reading and checking `path` says, without the directory that the test happens to have.
fn report(path: &Path, mapping: Option<&Mapping>) -> String {
    let mut text = String::new();
    match TableReader::open(path, mapping) {
        Err(problem) => text += &chain(&problem),
        Ok(reader) => {
            let check = reader.row_check(ParcelLimits::default());
            for row in reader {
                match row.map(|row| row.and_then(|row| check.check(row))) {
                    Ok(Ok(row)) => text += &format!("row {} is a parcel\n", row.position.row),
                    Ok(Err(reject)) => text += &format!("{reject} [{}]\n", reject.reason),
                    Err(problem) => text += &chain(&problem),
                }
            }
        }
    }
    text.replace(&format!("{}/", path.parent().unwrap().display()), "")
}

/// Reads a file of these bytes.
#[track_caller]
fn check_file(name: &str, bytes: &[u8], mapping: Option<&Mapping>, expect: Expect) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    fs::write(&path, bytes).unwrap();
    expect.assert_eq(&report(&path, mapping));
}

fn rows(path: &Path, mapping: Option<&Mapping>) -> Vec<TableRow> {
    TableReader::open(path, mapping).unwrap().map(|row| row.unwrap().unwrap()).collect()
}

#[test]
fn the_public_customs_declarations_become_parcels() {
    let mapping = customs_mapping();
    let mut counts = RejectCounts::default();
    let (mut n_infringements, mut first) = (0, None);
    for name in ["train.csv", "valid.csv"] {
        let reader = TableReader::open(&fixture(name), Some(&mapping)).unwrap();
        let check = reader.row_check(ParcelLimits::default());
        for row in reader {
            match row.unwrap().and_then(|row| check.check(row)) {
                Ok(row) => {
                    counts.accepted();
                    n_infringements += u32::from(row.outcome.as_ref().is_some_and(|outcome| outcome.infringement));
                    first.get_or_insert(row);
                }
                Err(reject) => counts.rejected(reject),
            }
        }
    }
    expect!["0 of 1955 rows rejected; 454 infringements"]
        .assert_eq(&format!("{counts}; {n_infringements} infringements"));
    let parcel = first.unwrap().parcel;
    let line = parcel.principal_line().unwrap();
    expect![[r#"
        Carrier("55920693")
        Some(Mail)
        Some(420292)
        Some(Grams(316000))
        Some(Money { currency: KRW, units: 189, nanos: 600000000 })
        {"import_type": "11", "import_use": "21", "origin_indicator": "G", "payment_type": "43", "process_type": "B", "tax_type": "FCN1"}
        {"tax_rate": 3.2}
    "#]].assert_eq(&format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n",
        parcel.item_id,
        parcel.transport_mode,
        line.hs_code,
        line.net_mass,
        line.value,
        parcel.national_codes,
        parcel.national_figures
    ));
}

#[test]
fn a_label_needs_a_finding_and_a_currency_an_amount() {
    let table = "item_id,outcome.infringement,outcome.known_at,outcome.kind,outcome.revenue,weight,selection_probability,postage_paid.currency_code,postage_paid.amount\n\
        A,true,2020-02-01T09:00:00+09:00,narcotics,1250.5,2.5,0.01,EUR,1.5\n\
        B,,2020-02-01,narcotics,70,,,EUR,\n\
        C,0,,,,,,,-0.05\n";
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("t.csv");
    fs::write(&path, table).unwrap();
    let [a, b, c] = <[TableRow; 3]>::try_from(rows(&path, None)).unwrap();

    let known_at = Some(DraftTime { seconds: 1_580_515_200, nanos: 0 });
    let kind = Some("narcotics".to_owned());
    assert_eq!(a.outcome, Some(RowOutcome { infringement: true, known_at, kind, revenue: Some(1250.5) }));
    assert_eq!((a.weight, a.selection_probability), (2.5, Some(0.01)));
    let euros = DraftMoney { currency_code: "EUR".to_owned(), units: 1, nanos: 500_000_000 };
    assert_eq!(a.draft.postage_paid, Some(euros));

    assert_eq!((b.outcome, b.weight, b.selection_probability), (None, 1.0, None));
    assert_eq!(b.draft.postage_paid, None, "a currency alone is not an amount of zero");

    assert_eq!(c.outcome, Some(RowOutcome::default()));
    assert_eq!(c.draft.postage_paid, Some(DraftMoney { units: 0, nanos: -50_000_000, ..DraftMoney::default() }));
}

#[test]
fn a_reader_and_its_check_may_move_to_another_thread() {
    fn moves<T: Send>() {}
    moves::<TableReader>();
    moves::<parcel_risk::table::RowCheck>();
}

//! A ledger that is opened to be written to: what is missing or damaged is not gone on without, and what was never whole is cut off.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parcel_risk::history::Bucket;
use parcel_risk::ledger::{Clock, Content, Kind, Ledger, LedgerError, verify};

use super::{Place, records_of};

const N_RECORDS: usize = 40;
const RECORD_BYTES: usize = 1500;

fn open(place: &Place) -> Result<Ledger, LedgerError> {
    Ledger::open(&place.path(), &place.config, place.clock.clone())
}

/// The next record of a ledger, of some length.
fn record(ledger: &Ledger) -> Content {
    let kind = if ledger.head().seq == 0 { Kind::Grounds } else { Kind::Model };
    Content::new(kind, Bucket(1), vec![7; RECORD_BYTES])
}

/// A ledger of some records, with so many microseconds between one and the next.
fn written(apart: i64) -> Place {
    let now = Arc::new(AtomicI64::new(1_800_000_000_000_000));
    let mut place = Place::new();
    place.clock = Clock::at_micros(Arc::clone(&now));
    let ledger = open(&place).unwrap();
    for _ in 0..N_RECORDS {
        ledger.append(record(&ledger)).unwrap();
        now.fetch_add(apart, Ordering::SeqCst);
    }
    drop(ledger);
    place
}

fn note(place: &Place) -> PathBuf {
    place.dir.path().join("ledger.db.head")
}

/// Whether it is refused, and left as it is.
fn refused(place: &Place) -> String {
    let before = fs::read(place.path()).ok();
    let refused = open(place).unwrap_err().to_string();
    assert!(fs::read(place.path()).ok() == before, "{refused}");
    refused
}

#[test]
fn less_than_was_noted_is_not_gone_on_with_unless_the_note_is_moved_away() {
    let place = written(1000);
    let (path, note) = (place.path(), note(&place));
    let (bytes, records) = records_of(&path);
    let noted = fs::read(&note).unwrap();
    let says = |found: &str| {
        format!(
            "the ledger {} {found}, but {} says that there were 40 records. Put all of it back; or, to go on with what is there, \
             move {} away",
            path.display(),
            note.display(),
            note.display()
        )
    };
    for n in [1, 20, N_RECORDS - 1] {
        fs::write(&path, &bytes[..records[n - 1].end]).unwrap();
        assert_eq!(refused(&place), says(&format!("ends with record {n}")));
        // In the middle of a record too.
        fs::write(&path, &bytes[..records[n].end - 1]).unwrap();
        assert_eq!(refused(&place), says(&format!("ends with record {n}")));
    }
    fs::write(&path, &bytes[..16]).unwrap();
    assert_eq!(refused(&place), says("ends with record 0"));
    fs::write(&path, []).unwrap();
    assert_eq!(refused(&place), says("is empty"));
    fs::remove_file(&path).unwrap();
    assert_eq!(refused(&place), says("is gone"));

    // Another ledger, as long and longer.
    let other = written(2000);
    fs::copy(other.path(), &path).unwrap();
    assert_eq!(refused(&place), says("holds another record 40"));
    let ledger = open(&other).unwrap();
    ledger.append(record(&ledger)).unwrap();
    drop(ledger);
    fs::copy(other.path(), &path).unwrap();
    assert_eq!(refused(&place), says("holds another record 40"));

    assert!(fs::read(&note).unwrap() == noted, "whoever refuses notes nothing");
    fs::write(&path, &bytes[..records[19].end]).unwrap();
    fs::rename(&note, place.dir.path().join("away")).unwrap();
    let ledger = open(&place).unwrap();
    ledger.append(record(&ledger)).unwrap();
    drop(ledger);
    assert_eq!(verify(&path, None).unwrap().head.seq, 21);
    open(&place).unwrap();
}

//! A ledger that is opened to write: what is missing or damaged is not gone on without, and what was never whole is cut off.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parcel_risk::history::Bucket;
use parcel_risk::ledger::{Clock, Content, Kind, Ledger, LedgerError, is_ready, verify};

use super::{Place, parcels, records_of, requests, stop};
use crate::harness::within;

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
fn a_file_that_is_no_ledger_is_left_as_it_is_however_short() {
    let (place, other) = (Place::new(), Place::new());
    drop(open(&other).unwrap());
    let head = fs::read(other.path()).unwrap();
    for begun in [&head[..0], &head[..7], &head[..]] {
        fs::write(place.path(), begun).unwrap();
        is_ready(&place.config).unwrap();
        open(&place).unwrap();
    }
    for bytes in [&b"x"[..], b"hello123", b"prledger of last year"] {
        fs::write(place.path(), bytes).unwrap();
        assert!(refused(&place).ends_with("is no ledger of the form that this release reads"));
        is_ready(&place.config).unwrap_err();
    }
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

#[test]
fn damage_in_the_middle_is_no_end_that_was_not_written_whole() {
    let place = written(1000);
    let (bytes, records) = records_of(&place.path());
    // As of a backup, which has none.
    fs::remove_file(note(&place)).unwrap();
    let refuses = |changed: &[u8], seq: usize| {
        fs::write(place.path(), changed).unwrap();
        let says = format!("record {seq} of the ledger can't be read: it was changed, or does not belong here");
        assert_eq!(refused(&place), says);
    };
    for n in [0, 20, N_RECORDS - 2] {
        let record = records[n].clone();
        // Its length, the check of it, its number, what it says, its digest.
        for at in [0, 5, 16, 60, RECORD_BYTES / 2, record.len() - 1] {
            let mut changed = bytes.clone();
            changed[record.start + at] ^= 4;
            refuses(&changed, n + 1);
        }
        refuses(&[&bytes[..record.start], &bytes[record.end..]].concat(), n + 1);
        refuses(&[&bytes[..record.start], &[0; 100], &bytes[record.start..]].concat(), n + 1);
    }
    // More than one, and the last of them too.
    let mut changed = bytes.clone();
    [20, 21, 25, N_RECORDS - 1].into_iter().for_each(|n| changed[records[n].start + 700] ^= 4);
    refuses(&changed, 21);
}

/// Cuts off what follows the last whole record, and goes on.
fn goes_on_after(place: &Place, changed: &[u8], n_whole: usize) {
    fs::write(place.path(), changed).unwrap();
    let ledger = open(place).unwrap();
    assert_eq!(ledger.head().seq, n_whole as i64);
    ledger.append(record(&ledger)).unwrap();
    drop(ledger);
    assert_eq!(verify(&place.path(), None).unwrap().head.seq, n_whole as i64 + 1);
    fs::remove_file(note(place)).unwrap();
}

#[test]
fn records_of_which_the_disk_had_some_pages_when_the_power_went_are_cut_off() {
    const PAGE: usize = 4096;
    let place = written(1000);
    let (bytes, records) = records_of(&place.path());
    fs::remove_file(note(&place)).unwrap();
    let whole_before = |at: usize| records.iter().filter(|record| record.end <= at).count();
    let n_pages = bytes.len() / PAGE;
    for gaps in [[3..4, 3..4], [5..8, 8..9], [2..3, 7..9], [10..n_pages, 10..n_pages], [9..10, 12..13]] {
        let mut torn = bytes.clone();
        gaps.iter().for_each(|gap| torn[gap.start * PAGE..gap.end * PAGE].fill(0));
        goes_on_after(&place, &torn, whole_before(gaps[0].start * PAGE));
    }
    // What was on the disk before the records ends within the first page of them.
    let (until, page_end) = (records[19].end, records[19].end.div_ceil(PAGE) * PAGE);
    let mut torn = bytes.clone();
    torn[until..page_end].fill(0);
    goes_on_after(&place, &torn, 20);
    // The last one alone, changed: it may have been on its way.
    let last = records[N_RECORDS - 1].clone();
    let mut torn = bytes.clone();
    torn[last.start + 100] ^= 4;
    goes_on_after(&place, &torn, N_RECORDS - 1);
}

#[test]
fn a_page_that_was_lost_long_before_the_last_records_came_is_damage() {
    let place = written(20_000_000);
    let (bytes, _) = records_of(&place.path());
    fs::remove_file(note(&place)).unwrap();
    let mut changed = bytes.clone();
    changed[4 * 4096..5 * 4096].fill(0);
    fs::write(place.path(), &changed).unwrap();
    assert!(refused(&place).ends_with("it was changed, or does not belong here"));
}

#[tokio::test]
async fn what_is_made_is_its_owners_alone_and_what_was_there_keeps_its_mode() {
    let place = Place::new();
    let file = |ending: &str| place.dir.path().join(format!("ledger.db{ending}"));
    let mode = |ending: &str| fs::metadata(file(ending)).unwrap().permissions().mode() & 0o777;
    let serve = async || {
        let (mut client, server, recorder) = place.serve().await;
        within(client.score_parcels(requests(&parcels(3)))).await.unwrap();
        assert!(recorder.save_history().unwrap());
        stop(client, server, recorder).await;
    };
    let made = ["", ".head", ".history"];
    serve().await;
    made.into_iter().for_each(|ending| assert_eq!(mode(ending), 0o600, "{ending}"));
    made.into_iter().for_each(|ending| fs::set_permissions(file(ending), Permissions::from_mode(0o640)).unwrap());
    serve().await;
    made.into_iter().for_each(|ending| assert_eq!(mode(ending), 0o640, "{ending}"));
}

#[test]
fn a_file_that_is_moved_away_while_it_is_written_to_is_missed_and_nothing_is_put_in_its_place() {
    let place = Place::new();
    let ledger = open(&place).unwrap();
    ledger.append(record(&ledger)).unwrap();
    let until = |is_failing: bool| {
        let since = Instant::now();
        while ledger.is_failing() != is_failing {
            assert!(since.elapsed() < Duration::from_secs(30), "{is_failing}");
            thread::sleep(Duration::from_millis(10));
        }
    };
    let (path, away) = (place.path(), place.dir.path().join("away"));
    fs::rename(&path, &away).unwrap();
    until(true);
    // It waits in memory.
    ledger.append(record(&ledger)).unwrap_err();
    thread::sleep(Duration::from_millis(300));
    assert!(!path.exists() && ledger.erase_before(i64::MAX).is_err() && !path.exists());
    // Nor is a copy taken for it: whoever reads has the first one open.
    fs::copy(&away, &path).unwrap();
    thread::sleep(Duration::from_millis(300));
    assert!(ledger.is_failing() && fs::read(&path).unwrap() == fs::read(&away).unwrap());
    fs::rename(&away, &path).unwrap();
    until(false);
    ledger.append(record(&ledger)).unwrap();
    assert_eq!((ledger.head().seq, ledger.counts().failures), (3, 1));
    drop(ledger);
    assert_eq!(verify(&path, None).unwrap().head.seq, 3);

    let ledger = open(&place).unwrap();
    fs::remove_file(&path).unwrap();
    drop(ledger);
    assert!(refused(&place).contains(" is gone, "));
}

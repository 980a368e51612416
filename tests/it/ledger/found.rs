//! Records found by what they are about, whether that is in memory, on disk, damaged or gone.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use parcel_risk::history::Bucket;
use parcel_risk::ledger::{Content, Kind, Ledger, Listing, Reader, Request, item_key};

use super::Place;

/// Enough that some of them are on disk: a run that four became, and one more.
const N_RECORDS: i64 = 200_000;

fn id(n: i64) -> [u8; 16] {
    i128::from(n).cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835).to_le_bytes()
}

/// One in ten is about an item of ten, one in seven has a request, one in a thousand is of route 5.
fn decision(n: i64) -> Content {
    let item = if n % 10 == 0 { format!("OFTEN-{}", n % 100) } else { format!("ITEM-{n}") };
    Content {
        item: Some(item_key(&item).0),
        decision_id: Some(id(n)),
        route: Some(if n % 1000 == 0 { 5 } else { 1 }),
        risk_score: Some((n % 4000) as f64 / 4000.0),
        request: (n % 7 == 0).then(|| Request { id: format!("r{n}"), digest: [1; 16] }),
        ..Content::new(Kind::Decision, Bucket(1), n.to_le_bytes().to_vec())
    }
}

fn all_is_found(reader: &Reader) {
    let number = |seq: i64| reader.record(seq).unwrap().map(|record| record.content);
    assert_eq!(number(N_RECORDS + 1), None);
    for n in (1..=N_RECORDS).step_by(997).chain([1, N_RECORDS]) {
        let expected = decision(n);
        assert_eq!(number(n).as_ref(), Some(&expected));
        assert_eq!(reader.decision(&id(n)).unwrap().unwrap().seq, n);
        assert!(reader.decision(&id(-n)).unwrap().is_none());
        let request = Request { id: format!("r{n}"), digest: [1; 16] };
        assert_eq!(reader.answer_to(&request).unwrap().map(|record| record.seq), (n % 7 == 0).then_some(n));
        if n % 10 != 0 {
            let about = reader.about(&format!("ITEM-{n}")).unwrap();
            assert_eq!(about.iter().map(|record| record.seq).collect::<Vec<_>>(), [n]);
        }
    }
    let often: Vec<_> = reader.about("OFTEN-30").unwrap().iter().map(|record| record.seq).collect();
    assert_eq!(often, (30..=N_RECORDS).step_by(100).collect::<Vec<_>>());

    let listing = |routes, min_risk_score| Listing { from_micros: None, until_micros: None, routes, min_risk_score };
    let page = listing(vec![5], 0.7).page(reader, None, 100).unwrap();
    let expected: Vec<_> = (1..=N_RECORDS).rev().filter(|n| n % 4000 == 3000).collect();
    assert_eq!((page.seqs, page.before), (expected, None));
    let page = listing(vec![1, 5], 0.0).page(reader, Some(70_001), 3).unwrap();
    assert_eq!(page.seqs, [70_000, 69_999, 69_998]);
    let time = reader.record(50_000).unwrap().unwrap().recorded_at_micros;
    let first = reader.first_since(time).unwrap();
    let time_of = |seq| reader.record(seq).unwrap().unwrap().recorded_at_micros;
    assert!(time_of(first) == time && time_of(first - 1) < time, "{first}");
    let mut after = Vec::new();
    let scanned = reader.scan::<parcel_risk::ledger::LedgerError>(N_RECORDS - 2, |record| {
        after.push(record.seq);
        Ok(())
    });
    scanned.unwrap();
    assert_eq!(after, [N_RECORDS - 1, N_RECORDS]);
}

fn runs(index: &Path) -> Vec<std::path::PathBuf> {
    let Ok(entries) = fs::read_dir(index) else { return Vec::new() };
    let mut runs: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    runs
}

#[test]
fn every_record_is_found_in_memory_on_disk_and_where_what_it_is_found_by_is_damaged_or_gone() {
    let place = Place::new();
    let index = place.dir.path().join("ledger.db.index");
    let open = || Ledger::open(&place.path(), &place.config, place.clock.clone()).unwrap();
    let mut ledger = open();
    for n in 1..=N_RECORDS {
        ledger.append(decision(n)).unwrap();
    }
    all_is_found(&ledger.reader().unwrap());
    let since = Instant::now();
    let sizes = || runs(&index).iter().map(|run| fs::metadata(run).map_or(0, |run| run.len())).collect::<Vec<_>>();
    while !matches!(sizes()[..], [merged, one] if merged > 3 * one) {
        assert!(since.elapsed() < Duration::from_secs(60), "nothing comes to disk, or becomes one");
        std::thread::sleep(Duration::from_millis(20));
    }
    all_is_found(&ledger.reader().unwrap());
    // The same decision, old and new, is known whoever asks.
    for n in [5, 60_000, N_RECORDS] {
        let again = ledger.append(Content { request: None, ..decision(n) }).unwrap();
        assert!(matches!(again, parcel_risk::ledger::Appended::Known { seq, .. } if seq == n), "{n}: {again:?}");
    }
    drop(ledger);
    all_is_found(&Reader::open(&place.path()).unwrap());

    for damaged in [1, 0] {
        let damaged = runs(&index).remove(damaged);
        let mut bytes = fs::read(&damaged).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&damaged, bytes).unwrap();
        ledger = open();
        all_is_found(&ledger.reader().unwrap());
        drop(ledger);
    }
    // As left by one that was killed when runs had become one, and by one that was killed before.
    fs::copy(runs(&index).pop().unwrap(), index.join("0000000000000777.run")).unwrap();
    fs::write(index.join("0000000000000001.merged"), "half").unwrap();
    all_is_found(&Reader::open(&place.path()).unwrap());
    ledger = open();
    all_is_found(&ledger.reader().unwrap());
    let is_left = |name: &str, bytes: &[u8]| fs::read(index.join(name)).is_ok_and(|found| found.starts_with(bytes));
    assert!(!is_left("0000000000000777.run", b"") && !is_left("0000000000000001.merged", b"half"));
    drop(ledger);
    fs::remove_dir_all(&index).unwrap();
    ledger = open();
    all_is_found(&ledger.reader().unwrap());
    // Of another ledger.
    drop(ledger);
    let other = Place::new();
    let ledger = Ledger::open(&other.path(), &other.config, other.clock.clone()).unwrap();
    ledger.append(Content::new(Kind::Grounds, Bucket(1), b"{}".to_vec())).unwrap();
    drop(ledger);
    fs::rename(&index, other.dir.path().join("ledger.db.index")).unwrap();
    let ledger = Ledger::open(&other.path(), &other.config, other.clock.clone()).unwrap();
    let reader = ledger.reader().unwrap();
    assert_eq!((reader.head().unwrap().seq, reader.decision(&id(1)).unwrap()), (1, None));
}

//! Bytes of unknown origin: refused, or a history that can be used.

use std::io::{Read as _, Write as _};

use expect_test::{Expect, expect};
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use parcel_risk::history::{Bucket, DueOutcome, History, Snapshot, SnapshotError};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Happening, config, folded, key};

const MAGIC: &[u8] = b"PRHIST02";
const PLAIN_MAGIC: &[u8] = b"PRHIST03";

fn snapshot() -> Snapshot {
    let happening = |idx: u32| {
        let keys = vec![key(idx as u8), key((idx * 7) as u8)];
        Happening {
            at: Bucket(1000 + idx / 9),
            keys,
            infringement: idx.is_multiple_of(2).then_some(idx.is_multiple_of(3)),
        }
    };
    let happenings: Vec<_> = (0..60).map(happening).collect();
    let due = vec![DueOutcome { at: Bucket(2000), infringement: true, keys: vec![key(3)] }];
    Snapshot::of(&folded(&happenings), due)
}

fn inflated(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    DeflateDecoder::new(bytes.strip_prefix(MAGIC).unwrap()).read_to_end(&mut plain).unwrap();
    plain
}

fn deflated(plain: &[u8]) -> Vec<u8> {
    let mut packed = DeflateEncoder::new(MAGIC.to_vec(), Compression::new(1));
    packed.write_all(plain).unwrap();
    packed.finish().unwrap()
}

/// What is accepted must serve: it settles, every count that is read is one, and it packs to what it is.
fn usable(read: Result<Snapshot, SnapshotError>) -> Result<(), TestCaseError> {
    let Ok(snapshot) = read else { return Ok(()) };
    let settled = snapshot.settled();
    for (key, _) in &snapshot.entries {
        for at in [Bucket(0), Bucket(1500), Bucket(u32::MAX)] {
            let counts = settled.read(*key, at);
            let all = [counts.seen, counts.inspected, counts.infringements];
            prop_assert!(all.iter().all(|count| count.is_finite() && *count >= 0.0), "{counts:?}");
        }
    }
    prop_assert_eq!(&Snapshot::from_bytes(&snapshot.to_bytes()).unwrap(), &snapshot);
    let plain = snapshot.to_plain_bytes();
    prop_assert_eq!(&Snapshot::from_bytes(&plain).unwrap(), &snapshot);
    let (history, due) = History::from_bytes(&plain).unwrap();
    prop_assert_eq!(&Snapshot::of(&history, due.clone()), &snapshot);
    prop_assert_eq!(Snapshot::of(&history.settled(&due), Vec::new()), Snapshot::of(&settled, Vec::new()));
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_are_refused_or_a_history(bytes in vec(any::<u8>(), 0..200)) {
        usable(Snapshot::from_bytes(&bytes))?;
        usable(Snapshot::from_bytes(&[MAGIC, &bytes].concat()))?;
        usable(Snapshot::from_bytes(&[PLAIN_MAGIC, &bytes].concat()))?;
        usable(Snapshot::from_bytes(&deflated(&bytes)))?;
    }

    #[test]
    fn changed_columns_are_refused_or_a_history(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let mut plain = inflated(&snapshot().to_bytes());
        for (at, byte) in changes {
            let at = at.index(plain.len());
            plain[at] = byte;
        }
        if let Some(cut) = cut {
            plain.truncate(cut.index(plain.len()));
        }
        usable(Snapshot::from_bytes(&deflated(&plain)))?;
    }

    #[test]
    fn a_damaged_file_is_refused_or_a_history(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        for mut bytes in [snapshot().to_bytes(), snapshot().to_plain_bytes()] {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            usable(Snapshot::from_bytes(&bytes))?;
            usable(Snapshot::from_bytes(&bytes[..at]))?;
        }
    }
}

#[track_caller]
fn check_refused(bytes: &[u8], expect: Expect) {
    expect.assert_eq(&Snapshot::from_bytes(bytes).unwrap_err().to_string());
}

#[test]
fn each_refusal_says_what_is_wrong() {
    let whole = snapshot().to_bytes();
    check_refused(b"", expect![[r#"not a history of format "PRHIST02""#]]);
    check_refused(b"PRHIST01", expect![[r#"not a history of format "PRHIST02""#]]);
    check_refused(MAGIC, expect!["the history is truncated or damaged"]);
    check_refused(&whole[..whole.len() / 2], expect!["the history is truncated or damaged"]);
    check_refused(
        &deflated(&[inflated(&whole).as_slice(), &[0]].concat()),
        expect!["the history is truncated or damaged"],
    );
    check_refused(&[whole.as_slice(), &[0]].concat(), expect!["the history is truncated or damaged"]);
    let plain = snapshot().to_plain_bytes();
    check_refused(PLAIN_MAGIC, expect!["the history is truncated or damaged"]);
    check_refused(&plain[..plain.len() / 2], expect!["the history is truncated or damaged"]);
    check_refused(&[plain.as_slice(), &[0]].concat(), expect!["the history is truncated or damaged"]);

    let mut idle = snapshot();
    idle.decay.half_life_days = 0.0;
    check_refused(&idle.to_bytes(), expect!["the history is inconsistent: a half-life that is not positive"]);
    check_refused(&idle.to_plain_bytes(), expect!["the history is inconsistent: a half-life that is not positive"]);
    let mut endless = snapshot();
    endless.decay.half_life_days = f64::INFINITY;
    check_refused(&endless.to_bytes(), expect!["the history is inconsistent: a half-life that is not positive"]);
    let mut twice = snapshot();
    twice.entries.insert(1, twice.entries[1]);
    check_refused(&twice.to_bytes(), expect!["the history is inconsistent: keys out of order"]);
    let mut backwards = snapshot();
    backwards.entries.reverse();
    check_refused(&backwards.to_bytes(), expect!["the history is inconsistent: keys out of order"]);
    check_refused(&backwards.to_plain_bytes(), expect!["the history is inconsistent: keys out of order"]);
}

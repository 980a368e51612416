//! Bytes of unknown origin: refused, or a history that can be used.

use bytes::Bytes;
use expect_test::{Expect, expect};
use parcel_risk::history::{Bucket, DueOutcome, Snapshot, SnapshotError, Stored};
use proptest::collection::vec;
use proptest::prelude::*;

use super::{Happening, config, folded, key};

const MAGIC: &[u8] = b"PRHIST04";

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
    let bytes = Bytes::from(snapshot.to_bytes());
    let read = || Stored::read(bytes.clone()).unwrap();
    let (history, due) = read().unsettled().unwrap();
    prop_assert_eq!(&Snapshot::of(&history, due.clone()), &snapshot);
    prop_assert_eq!(Snapshot::of(&read().settled(), Vec::new()), Snapshot::of(&settled, Vec::new()));
    prop_assert_eq!(&history.clone().into_bytes(&due), &bytes);
    prop_assert_eq!(&history.clone().owned().into_bytes(&due), &bytes);
    prop_assert_eq!(Snapshot::of(&history.settled(&due), Vec::new()), Snapshot::of(&settled, Vec::new()));
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_are_refused_or_a_history(bytes in vec(any::<u8>(), 0..200)) {
        usable(Snapshot::from_bytes(&bytes))?;
        usable(Snapshot::from_bytes(&[MAGIC, &bytes].concat()))?;
    }

    #[test]
    fn changed_rows_are_refused_or_a_history(
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in any::<Option<prop::sample::Index>>(),
    ) {
        let mut bytes = snapshot().to_bytes();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        usable(Snapshot::from_bytes(&bytes))?;
    }

    #[test]
    fn a_damaged_file_is_refused_or_a_history(at in any::<prop::sample::Index>(), bit in 0..8_u8) {
        let mut bytes = snapshot().to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        usable(Snapshot::from_bytes(&bytes))?;
        usable(Snapshot::from_bytes(&bytes[..at]))?;
    }
}

/// Where the first two counts of one form begin, and how many bytes each has, its key the first eight of them.
fn first_rows(bytes: &[u8]) -> (usize, usize) {
    let mut at = MAGIC.len() + 12;
    for row_bytes in [16, 32, 40] {
        let n_rows = u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
        at += 8;
        if n_rows > 1 {
            return (at, row_bytes);
        }
        at += n_rows * row_bytes;
    }
    panic!("the first shard has no two counts of one form");
}

#[track_caller]
fn check_refused(bytes: &[u8], expect: Expect) {
    expect.assert_eq(&Snapshot::from_bytes(bytes).unwrap_err().to_string());
}

#[test]
fn each_refusal_says_what_is_wrong() {
    let whole = snapshot().to_bytes();
    check_refused(b"", expect![[r#"not a history of format "PRHIST04""#]]);
    check_refused(b"PRHIST03", expect![[r#"not a history of format "PRHIST04""#]]);
    check_refused(MAGIC, expect!["the history is truncated or damaged"]);
    check_refused(&whole[..whole.len() / 2], expect!["the history is truncated or damaged"]);
    check_refused(&[whole.as_slice(), &[0]].concat(), expect!["the history is truncated or damaged"]);

    let mut idle = snapshot();
    idle.decay.half_life_days = 0.0;
    check_refused(&idle.to_bytes(), expect!["the history is inconsistent: a half-life that is not positive"]);
    let mut endless = snapshot();
    endless.decay.half_life_days = f64::INFINITY;
    check_refused(&endless.to_bytes(), expect!["the history is inconsistent: a half-life that is not positive"]);

    let (first, row_bytes) = first_rows(&whole);
    let mut twice = whole.clone();
    twice.copy_within(first..first + 8, first + row_bytes);
    check_refused(&twice, expect!["the history is inconsistent: an entity twice"]);
    let mut elsewhere = whole.clone();
    elsewhere[first + 4] ^= 1;
    check_refused(&elsewhere, expect!["the history is inconsistent: an entity among others"]);
}

//! Neighboring runs written as one.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use xxhash_rust::xxh3::Xxh3;

use super::run::{COLUMN_WIDTHS, Meta, Run, entry_bytes};
use super::{LedgerError, secret};

/// Bytes of a column that are copied together.
const COPIED_TOGETHER: u64 = 1 << 18;
/// Keys of a run that are read together.
const KEYS_TOGETHER: u64 = 4096;
/// The disk is asked for as many bytes at a time: all of them at the end would keep it from the ledger's own for long.
const SYNCED_TOGETHER: usize = 4 << 20;

/// Writes runs, each of which begins with the record after the last of the one before, as one that takes the first one's place.
/// It takes little memory. `None` where it is over before.
///
/// # Errors
/// [`LedgerError`] where one can't be read, or the new one not be written; the old ones are there then.
pub(super) fn merge(runs: &[Arc<Run>], is_over: &AtomicBool) -> Result<Option<Run>, LedgerError> {
    let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return Ok(None) };
    let meta = Meta {
        first_seq: first.first_seq(),
        n_records: runs.iter().map(|run| run.n_records()).sum(),
        n_keys: runs.iter().map(|run| run.meta().n_keys).sum(),
        grounds: runs.iter().flat_map(|run| run.grounds()).copied().collect(),
        ..last.meta().clone()
    };
    let (path, new) = (first.path(), first.path().with_extension("merged"));
    let is_whole = write(&new, &meta, runs, is_over);
    if !matches!(is_whole, Ok(true)) {
        // Whoever opens the ledger next takes it away where this fails.
        let _ = fs::remove_file(&new);
        return is_whole.map(|_| None);
    }
    // Read before it takes the place of what it is made of.
    let merged = Run::made(&new)?;
    fs::rename(&new, path).map_err(LedgerError::file("writing", path))?;
    Ok(Some(merged.moved_to(path)))
}

/// Whether it came to its end.
fn write(new: &Path, meta: &Meta, runs: &[Arc<Run>], is_over: &AtomicBool) -> Result<bool, LedgerError> {
    let writing = |error| LedgerError::file("writing", new)(error);
    let file = secret::begin(new, secret::OWNERS_ALONE).map_err(writing)?;
    let mut output = Checked { file: BufWriter::new(file), check: Xxh3::new(), n_unsynced: 0 };
    output.write(&meta.to_bytes()).map_err(writing)?;
    for (column, width) in COLUMN_WIDTHS.into_iter().enumerate() {
        for run in runs {
            let n_bytes = run.n_records() * width;
            let mut from = 0;
            while from < n_bytes {
                if is_over.load(Ordering::Relaxed) {
                    return Ok(false);
                }
                let mut some = vec![0; usize::try_from(COPIED_TOGETHER.min(n_bytes - from)).unwrap_or(0)];
                run.read_column(&mut some, column, from)?;
                output.write(&some).map_err(writing)?;
                from += some.len() as u64;
            }
        }
    }
    let mut n_before = 0;
    let mut keys = Vec::with_capacity(runs.len());
    for run in runs {
        keys.push(Keys::of(run, u32::try_from(n_before).unwrap_or(u32::MAX))?);
        n_before += run.n_records();
    }
    let mut n_written: u64 = 0;
    // Of equal ones the oldest first, as each run has them.
    while let Some((_, oldest)) = keys.iter().enumerate().filter_map(|(idx, keys)| Some((keys.next?, idx))).min() {
        let Some(taken) = keys.get_mut(oldest) else { break };
        if let Some(one) = taken.take()? {
            output.write(&entry_bytes(one)).map_err(writing)?;
        }
        n_written += 1;
        if n_written.is_multiple_of(KEYS_TOGETHER) && is_over.load(Ordering::Relaxed) {
            return Ok(false);
        }
    }
    output.end().map_err(writing)?;
    Ok(true)
}

/// The keys of a run in order, with places of their records in what it becomes a part of.
struct Keys<'a> {
    run: &'a Run,
    /// Records of the runs before it.
    n_before: u32,
    n_read: u64,
    read: std::vec::IntoIter<(u64, u32)>,
    next: Option<(u64, u32)>,
}

impl<'a> Keys<'a> {
    fn of(run: &'a Run, n_before: u32) -> Result<Self, LedgerError> {
        let mut keys = Self { run, n_before, n_read: 0, read: Vec::new().into_iter(), next: None };
        keys.take()?;
        Ok(keys)
    }

    fn take(&mut self) -> Result<Option<(u64, u32)>, LedgerError> {
        if self.read.len() == 0 {
            let some = self.run.entries(self.n_read..self.n_read + KEYS_TOGETHER)?;
            self.n_read += some.len() as u64;
            self.read = some.into_iter();
        }
        let next = self.read.next().map(|(key, place)| (key, place + self.n_before));
        Ok(std::mem::replace(&mut self.next, next))
    }
}

/// A file with a check of all of it at its end.
struct Checked {
    file: BufWriter<File>,
    check: Xxh3,
    n_unsynced: usize,
}

impl Checked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.check.update(bytes);
        self.file.write_all(bytes)?;
        self.n_unsynced += bytes.len();
        if self.n_unsynced >= SYNCED_TOGETHER {
            self.n_unsynced = 0;
            self.file.flush()?;
            self.file.get_ref().sync_data()?;
        }
        Ok(())
    }

    fn end(mut self) -> io::Result<()> {
        let check = self.check.digest();
        self.file.write_all(&check.to_le_bytes())?;
        self.file.flush()?;
        self.file.get_ref().sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::super::index::Key;
    use super::super::log::End;
    use super::super::part::{Indexed, Part, Wanted};
    use super::super::record::Head;
    use super::*;

    const N_RUNS: i64 = 4;
    const N_RECORDS: i64 = 3000;

    /// A hash that lies anywhere, one that lies near many others, and one of ten that many have.
    fn keys(seq: i64) -> [Option<Key>; 3] {
        let spread = seq.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15);
        [Some(Key(spread)), Some(Key(u64::MAX / 3 + seq.cast_unsigned())), Some(Key((spread % 10) << 60))]
    }

    fn end(seq: i64) -> End {
        End { offset: seq.cast_unsigned() * 100 + 100, head: Head { seq, ..Head::default() } }
    }

    fn runs(dir: &Path) -> Vec<Arc<Run>> {
        let run = |n: i64| {
            let (before, last) = (n * N_RECORDS, (n + 1) * N_RECORDS);
            let mut part = Part::after(end(before));
            for seq in before + 1..=last {
                part.add(&Indexed {
                    offset: seq.cast_unsigned() * 100,
                    recorded_at_micros: seq * 7,
                    is_grounds: seq % 1000 == 1,
                    decided: (seq % 2 == 0).then_some(((seq % 3) as u8, seq as f64)),
                    keys: keys(seq),
                });
            }
            part.reach(end(last));
            Arc::new(Run::write(dir, &part).unwrap())
        };
        (0..N_RUNS).map(run).collect()
    }

    /// All that is found, newest first.
    fn found(runs: &[Arc<Run>], key: Key) -> Vec<(i64, u64)> {
        runs.iter().rev().flat_map(|run| run.find(key).unwrap()).collect()
    }

    #[test]
    fn in_one_run_is_found_what_was_in_all() {
        let dir = tempfile::tempdir().unwrap();
        let runs = runs(dir.path());
        let merged = merge(&runs, &AtomicBool::new(false)).unwrap().unwrap();
        let merged = [Arc::new(merged)];
        let n_records = N_RUNS * N_RECORDS;
        let ends = |run: &Run| (run.end().offset, run.end().head);
        assert_eq!((merged[0].first_seq(), ends(&merged[0])), (1, ends(&runs[3])));
        assert_eq!(merged[0].grounds(), (1..=n_records).step_by(1000).collect::<Vec<_>>());
        for seq in (1..=n_records).step_by(7).chain([n_records]) {
            for key in keys(seq).into_iter().flatten() {
                let of_one = found(&merged, key);
                assert!(of_one.contains(&(seq, seq.cast_unsigned() * 100)), "{seq}");
                assert_eq!(of_one, found(&runs, key), "{seq}");
            }
            assert_eq!(merged[0].offset_of(seq).unwrap(), Some(seq.cast_unsigned() * 100));
            assert_eq!(merged[0].time_of(seq).unwrap(), Some(seq * 7));
        }
        let none = [0, 1, u64::MAX / 3 - 1, u64::MAX / 3, u64::MAX / 3 + 20_000, u64::MAX];
        for key in none.map(Key) {
            assert_eq!(found(&merged, key), found(&runs, key), "{key:?}");
        }
        let decisions = |most| {
            let wanted = Wanted { routes: vec![1, 2], min_risk_score: 4000.0, since: 3000, before: 9000, most };
            let mut found = Vec::new();
            merged[0].decisions(&wanted, &mut found).unwrap();
            found
        };
        let expected: Vec<_> = (4000..9000).rev().filter(|seq| seq % 2 == 0 && seq % 3 != 0).collect();
        assert_eq!(decisions(10_000), expected);
        assert_eq!(decisions(3), expected[..3]);
    }

    #[test]
    fn what_is_over_before_leaves_all_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let runs = runs(dir.path());
        assert!(merge(&runs, &AtomicBool::new(true)).unwrap().is_none());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), runs.len());
        assert_eq!(found(&runs, Key(0)), found(&self::runs(dir.path()), Key(0)));
    }
}

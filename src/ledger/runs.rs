//! All runs of a ledger, oldest first: what is looked up in each of them, and which of them are to become one.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::LedgerError;
use super::index::{Key, PART_RECORDS};
use super::part::{Wanted, newest_until};
use super::run::Run;

/// As many neighbors of a size become one: each look-up asks every run, and each run is an open file.
const TOGETHER: usize = 4;
/// Runs of as many parts become no larger, 2 GB each: to write one takes seconds, and a failure writes it again.
const MOST_PARTS: u64 = 1024;

/// How often a directory is read while runs in it become one.
const MOST_LOOKS: usize = 20;

/// Runs, of which each begins with the record after the last of the one before. A copy is cheap, and looked into without a lock.
#[derive(Clone, Debug, Default)]
pub(super) struct Runs(Arc<Vec<Arc<Run>>>);

impl Runs {
    /// All runs of a directory that belong together, from the first record on; what is damaged or missing ends them.
    pub(super) fn load(dir: &Path) -> Self {
        // What is gone each time has not become a part of a larger one: it leads nowhere.
        (0..MOST_LOOKS).find_map(|_| Self::try_load(dir)).unwrap_or_default()
    }

    /// `None` where one was gone before it could be read: it has become a part of a larger one meanwhile.
    fn try_load(dir: &Path) -> Option<Self> {
        let mut paths = files(dir);
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "run"));
        paths.sort();
        let mut runs: Vec<Arc<Run>> = Vec::new();
        for path in paths {
            let next = runs.last().map_or(1, |run| run.end().head.seq + 1);
            // It is left over of those that have become one.
            if first_seq(&path).is_some_and(|first_seq| first_seq < next) {
                continue;
            }
            let run = match Run::open(&path) {
                Ok(run) => run,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
                Err(_) => None,
            };
            let Some(run) = run.filter(|run| run.first_seq() == next) else { break };
            runs.push(Arc::new(run));
        }
        Some(Self(Arc::new(runs)))
    }

    /// Takes away what else is in the directory: what is left over or damaged would stay for good.
    pub(super) fn tidy(&self, dir: &Path) {
        for path in files(dir) {
            if !self.0.iter().any(|run| run.path() == path) {
                // It is found again the next time.
                let _ = fs::remove_file(path);
            }
        }
    }

    pub(super) fn newest(&self) -> Option<&Arc<Run>> {
        self.0.last()
    }

    pub(super) fn push(&mut self, run: Run) {
        Arc::make_mut(&mut self.0).push(Arc::new(run));
    }

    /// `merged` takes the place of all that it is made of.
    pub(super) fn replace(&mut self, merged: Run) {
        let (first, last) = (merged.first_seq(), merged.end().head.seq);
        let runs = Arc::make_mut(&mut self.0);
        let range =
            runs.partition_point(|run| run.first_seq() < first)..runs.partition_point(|run| run.first_seq() <= last);
        runs.splice(range, [Arc::new(merged)]);
    }

    /// Neighbors that are to become one; none where there are few enough.
    pub(super) fn to_merge(&self) -> Option<&[Arc<Run>]> {
        let sizes: Vec<u64> = self.0.iter().map(|run| run.n_records()).collect();
        self.0.get(neighbors(&sizes)?)
    }

    /// Adds number and place of each record with this key, newest first.
    pub(super) fn find(&self, key: Key, found: &mut Vec<(i64, u64)>) -> Result<(), LedgerError> {
        self.0.iter().rev().try_for_each(|run| {
            found.extend(run.find(key)?);
            Ok(())
        })
    }

    pub(super) fn offset_of(&self, seq: i64) -> Result<Option<u64>, LedgerError> {
        self.run_of(seq).map_or(Ok(None), |run| run.offset_of(seq))
    }

    pub(super) fn time_of(&self, seq: i64) -> Result<Option<i64>, LedgerError> {
        self.run_of(seq).map_or(Ok(None), |run| run.time_of(seq))
    }

    /// Number of the newest grounds that are not after `seq`.
    pub(super) fn grounds_of(&self, seq: i64) -> Option<i64> {
        self.0.iter().rev().find_map(|run| newest_until(run.grounds(), seq))
    }

    /// As [`Part::decisions`](super::part::Part::decisions).
    pub(super) fn decisions(&self, wanted: &Wanted, found: &mut Vec<i64>) -> Result<(), LedgerError> {
        for run in self.0.iter().rev() {
            if found.len() >= wanted.most || run.end().head.seq < wanted.since {
                break;
            }
            if run.first_seq() < wanted.before {
                run.decisions(wanted, found)?;
            }
        }
        Ok(())
    }

    fn run_of(&self, seq: i64) -> Option<&Run> {
        let place = self.0.partition_point(|run| run.end().head.seq < seq);
        self.0.get(place).map(AsRef::as_ref)
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
}

/// By the name of a file.
fn first_seq(path: &Path) -> Option<i64> {
    path.file_stem()?.to_str()?.parse().ok()
}

/// Which neighbors are to become one: the oldest of the smallest size of which there are as many. Whatever is smaller and older than
/// one of a size counts as of that size; else it would stand between others for good.
fn neighbors(sizes: &[u64]) -> Option<Range<usize>> {
    let parts: Vec<u64> = sizes.iter().map(|n_records| (n_records / PART_RECORDS as u64).max(1)).collect();
    let size = |place: usize| parts.get(place).map_or(0, |parts| parts.ilog(TOGETHER as u64));
    let is_full = |place: usize| parts.get(place).is_some_and(|parts| *parts >= MOST_PARTS);
    let mut found = None;
    let mut start = 0;
    while start < parts.len() {
        let end = (start..parts.len()).find(|place| is_full(*place)).unwrap_or(parts.len());
        let largest = (start..end).map(size).max();
        let Some(last) = (start..end).rev().find(|place| Some(size(*place)) == largest) else {
            start = end + 1;
            continue;
        };
        if last + 1 - start >= TOGETHER {
            found = Some(start..start + TOGETHER);
        }
        start = last + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sizes in parts.
    fn merging(parts: &[u64]) -> Option<Range<usize>> {
        neighbors(&parts.iter().map(|parts| parts * PART_RECORDS as u64 + 100).collect::<Vec<_>>())
    }

    #[test]
    fn a_run_that_leads_nowhere_ends_them() {
        let dir = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("0000000000000001.run")).unwrap();
        let runs = Runs::load(dir.path());
        assert!(runs.newest().is_none());
        runs.tidy(dir.path());
        assert!(files(dir.path()).is_empty());
    }

    #[test]
    fn neighbors_of_a_size_become_one_and_the_largest_stay() {
        assert_eq!(merging(&[]), None);
        assert_eq!(merging(&[16, 16, 16, 4, 4, 1, 1, 1]), None);
        assert_eq!(merging(&[16, 16, 16, 4, 4, 1, 1, 1, 1]), Some(5..9));
        assert_eq!(merging(&[1, 1, 1, 1, 1]), Some(0..4), "the oldest");
        assert_eq!(merging(&[4, 4, 4, 5, 1]), Some(0..4), "a little more is no other size");
        assert_eq!(merging(&[16, 1, 16, 4, 16, 1]), Some(0..4), "what is smaller goes along");
        assert_eq!(merging(&[1024, 1024, 1024, 1024, 256, 256]), None);
        assert_eq!(merging(&[1024, 4, 4, 4, 1024, 1, 1, 1]), None);
    }

    #[test]
    fn there_are_never_many_and_no_record_is_written_often() {
        // One after the other, and many at once while others become one.
        for at_once in [1, 7, 37] {
            let mut sizes: Vec<u64> = Vec::new();
            let (mut n, mut most, mut n_written) = (0, 0, 0);
            while n < 3071 {
                for _ in 0..at_once {
                    sizes.push(PART_RECORDS as u64);
                    n += 1;
                }
                let mut n_merges = 0;
                while let Some(range) = neighbors(&sizes) {
                    let merged: u64 = sizes[range.clone()].iter().sum();
                    n_written += merged / PART_RECORDS as u64;
                    sizes.splice(range, [merged]);
                    n_merges += 1;
                    if at_once > 1 && n_merges % 5 == 0 && n < 3071 {
                        sizes.push(PART_RECORDS as u64);
                        n += 1;
                    }
                }
                assert_eq!(sizes.iter().sum::<u64>(), n * PART_RECORDS as u64);
                most = most.max(sizes.len());
            }
            // Three of each of five sizes, and the largest.
            assert!(most <= 18, "{most} of {at_once} at once");
            assert!(n_written <= 5 * n, "{n_written} of {n}");
        }
    }
}

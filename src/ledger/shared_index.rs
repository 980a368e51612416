//! An index that one adds to and many look at. Nobody holds its lock while a disk is read, or whoever writes would wait for that.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::LedgerError;
use super::index::{Index, Key};
use super::log::End;
use super::merge::merge;
use super::part::{Indexed, Wanted};
use super::run::Run;
use super::runs::Runs;

/// What is in memory is looked at under the lock, and the runs after it.
#[derive(Debug)]
pub(super) struct SharedIndex(RwLock<Index>);

impl SharedIndex {
    pub(super) fn new(index: Index) -> Self {
        Self(RwLock::new(index))
    }

    fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<R>(&self, change: impl FnOnce(&mut Index) -> R) -> R {
        change(&mut self.0.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// What `look` finds in memory, and the runs as they were at the same moment.
    fn look<R>(&self, look: impl FnOnce(&Index) -> R) -> (R, Runs) {
        let index = self.read();
        (look(&index), index.runs().clone())
    }

    /// The end of what it knows.
    pub(super) fn end(&self) -> End {
        self.read().end()
    }

    /// Adds records after the last, the last of which ends there.
    pub(super) fn add(&self, indexed: &[Indexed], end: End) {
        self.change(|index| {
            indexed.iter().for_each(|one| index.add(one));
            index.reach(end);
        });
    }

    /// Number and place of the records in memory with this key, newest first; another key of the same hash is possible.
    pub(super) fn recent(&self, key: Key) -> Vec<(i64, u64)> {
        self.read().recent(key)
    }

    /// As [`Self::recent`], of all records.
    pub(super) fn find(&self, key: Key) -> Result<Vec<(i64, u64)>, LedgerError> {
        let (mut found, runs) = self.look(|index| index.recent(key));
        runs.find(key, &mut found)?;
        Ok(found)
    }

    /// Where a record begins.
    pub(super) fn offset_of(&self, seq: i64) -> Result<Option<u64>, LedgerError> {
        let (found, runs) = self.look(|index| index.recent_offset_of(seq));
        found.map_or_else(|| runs.offset_of(seq), |found| Ok(Some(found)))
    }

    /// When a record was written.
    pub(super) fn time_of(&self, seq: i64) -> Result<Option<i64>, LedgerError> {
        let (found, runs) = self.look(|index| index.recent_time_of(seq));
        found.map_or_else(|| runs.time_of(seq), |found| Ok(Some(found)))
    }

    /// Number of the newest grounds that are not after `seq`.
    pub(super) fn grounds_of(&self, seq: i64) -> Option<i64> {
        let (found, runs) = self.look(|index| index.recent_grounds_of(seq));
        found.or_else(|| runs.grounds_of(seq))
    }

    /// Numbers of the decisions that are wanted, newest first.
    pub(super) fn decisions(&self, wanted: &Wanted) -> Result<Vec<i64>, LedgerError> {
        let (mut found, runs) = self.look(|index| index.recent_decisions(wanted));
        runs.decisions(wanted, &mut found)?;
        Ok(found)
    }

    /// Makes a run of the oldest part, where another full one comes after it: a decision that is on its way now finds
    /// those of the last moments in memory. Whether there was one.
    pub(super) fn seal_one(&self) -> Result<bool, LedgerError> {
        let (oldest, path) = {
            let index = self.read();
            let Some(oldest) = index.to_seal() else { return Ok(false) };
            (oldest, index.path().to_owned())
        };
        let run = Run::write(&path, &oldest)?;
        self.change(|index| index.sealed(run));
        Ok(true)
    }

    /// Makes one run of some, where there are too many. Whether it did.
    pub(super) fn merge_some(&self, is_over: &AtomicBool) -> Result<bool, LedgerError> {
        let runs = self.read().runs().clone();
        let Some(together) = runs.to_merge() else { return Ok(false) };
        let Some(merged) = merge(together, is_over)? else { return Ok(false) };
        let first = merged.path().to_owned();
        self.change(|index| index.merged(merged));
        for run in together.iter().filter(|run| run.path() != first) {
            // Whoever opens the ledger next takes it away where this fails.
            let _ = fs::remove_file(run.path());
        }
        Ok(true)
    }
}

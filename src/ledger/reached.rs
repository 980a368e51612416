//! How far a ledger has come: what of it is written, and what of that the disk has.
//!
//! Told and read without a lock that is held for longer than a copy, so that whoever asks the disk, at a lower priority, keeps
//! nobody waiting who writes.

use std::fs::File;
use std::io;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use crossbeam_utils::atomic::AtomicCell;

use super::log::End;

/// The ends that matter.
#[derive(Debug)]
pub(super) struct Reached {
    /// What is written to; `None` while it must be opened anew.
    file: ArcSwapOption<File>,
    written: AtomicCell<End>,
    /// Never ahead of what the disk has.
    on_disk: AtomicCell<End>,
}

impl Reached {
    /// Of a file that the disk has up to `end`.
    pub(super) fn new(file: Arc<File>, end: End) -> Self {
        Self { file: ArcSwapOption::from(Some(file)), written: AtomicCell::new(end), on_disk: AtomicCell::new(end) }
    }

    /// The end of what is written.
    pub(super) fn written(&self) -> End {
        self.written.load()
    }

    /// The end of what the disk is known to have.
    pub(super) fn on_disk(&self) -> End {
        self.on_disk.load()
    }

    /// Whether the disk is known to have all that is written.
    pub(super) fn is_on_disk(&self) -> bool {
        self.on_disk().offset >= self.written().offset
    }

    /// It is written up to `end`, and can be found there.
    pub(super) fn wrote(&self, end: End) {
        self.written.store(end);
    }

    /// The disk has it up to `end`.
    pub(super) fn synced(&self, end: End) {
        self.on_disk.store(end);
    }

    /// Another handle on the ledger is written to from now on, by which the disk has it up to `end`.
    pub(super) fn opened(&self, file: Arc<File>, end: End) {
        self.synced(end);
        self.file.store(Some(file));
    }

    /// Nothing is written any more, nor is the disk asked for what was, until it is [opened](Self::opened).
    pub(super) fn closed(&self) {
        self.file.store(None);
    }

    /// Asks the disk for all that is written and that it is not known to have; whether there was any. For one thread at a
    /// time: of two requests one may hear of a failure, and the other that all is well.
    ///
    /// # Errors
    /// Where the disk did not take it: by which handle it must not be asked again, and why.
    pub(super) fn sync(&self) -> Result<bool, (Arc<File>, io::Error)> {
        // The end first: of a ledger that is opened anew meanwhile, the new handle has the disk have that much already.
        let end = self.written();
        let Some(file) = self.file.load_full().filter(|_| self.on_disk().offset < end.offset) else { return Ok(false) };
        if let Err(error) = file.sync_data() {
            return Err((file, error));
        }
        if self.on_disk().offset < end.offset {
            self.synced(end);
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(offset: u64) -> End {
        End { offset, ..End::default() }
    }

    #[test]
    fn the_disk_is_asked_for_what_is_new_and_for_that_alone() {
        let reached = Reached::new(Arc::new(tempfile::tempfile().unwrap()), end(16));
        assert!(reached.is_on_disk() && !reached.sync().unwrap());
        for offset in [20, 99] {
            reached.wrote(end(offset));
            assert!(!reached.is_on_disk());
            assert!(reached.sync().unwrap() && reached.on_disk().offset == offset);
            assert!(reached.is_on_disk() && !reached.sync().unwrap());
        }
    }

    #[test]
    fn what_the_disk_did_not_take_it_is_not_known_to_have_until_it_is_opened_anew() {
        let (reads, _writes) = io::pipe().unwrap();
        // A pipe can't be synced.
        let reached = Reached::new(Arc::new(std::os::fd::OwnedFd::from(reads).into()), end(16));
        reached.wrote(end(20));
        assert!(reached.sync().is_err());
        reached.closed();
        assert!(!reached.sync().unwrap() && !reached.is_on_disk(), "nobody is asked");
        reached.opened(Arc::new(tempfile::tempfile().unwrap()), end(20));
        reached.wrote(end(30));
        assert!(reached.sync().unwrap() && reached.is_on_disk());
    }
}

//! The thread that waits for the disk, while records go on being written.
//!
//! Nobody waits for it, so it makes room for whoever answers calls: it has a lower priority, and holds no lock, or they would
//! have to wait for a thread of a lower priority.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use super::LedgerError;
use super::log::End;

/// Under full load it gets about a tenth of a core by it: enough to ask the disk a hundred times a second.
const NICENESS: i32 = 10;

/// Asks the disk for one file after the other.
pub(super) struct Disk {
    ask: Sender<Arc<File>>,
    told: Receiver<io::Result<()>>,
    /// What it was asked for and has not told of yet.
    asked: Option<End>,
}

impl Disk {
    /// # Errors
    /// [`LedgerError::Thread`].
    pub(super) fn start() -> Result<Self, LedgerError> {
        let (ask, asked) = mpsc::channel::<Arc<File>>();
        let (tell, told) = mpsc::channel();
        let run = move || {
            // The thread's own, on Linux. Where it is refused nothing is lost but time.
            let _ = rustix::process::nice(NICENESS);
            // Until nobody asks or listens any more.
            asked.iter().all(|file| tell.send(file.sync_data()).is_ok())
        };
        thread::Builder::new().name("ledger-disk".to_owned()).spawn(run).map_err(LedgerError::Thread)?;
        Ok(Self { ask, told, asked: None })
    }

    /// Whether it has not told yet of what it was asked for.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// Asks for all that is written of a file, up to `end`.
    pub(super) fn ask(&mut self, file: Arc<File>, end: End) {
        // The thread is there as long as this is.
        if self.ask.send(file).is_ok() {
            self.asked = Some(end);
        }
    }

    /// What it was asked for, and whether the disk has that; `None` where that is not known yet, or nothing was asked.
    ///
    /// * `waits`: until it is known.
    pub(super) fn told(&mut self, waits: bool) -> Option<(End, io::Result<()>)> {
        self.asked?;
        let told = if waits { self.told.recv().ok() } else { self.told.try_recv().ok() };
        told.and_then(|told| Some((self.asked.take()?, told)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_tells_once_of_each_time_that_it_was_asked() {
        let mut disk = Disk::start().unwrap();
        assert!(!disk.is_asked() && disk.told(true).is_none(), "nothing was asked");
        let file = Arc::new(tempfile::tempfile().unwrap());
        for offset in [16, 99] {
            disk.ask(Arc::clone(&file), End { offset, ..End::default() });
            assert!(disk.is_asked());
            let (end, done) = disk.told(true).unwrap();
            assert!(end.offset == offset && done.is_ok());
            assert!(!disk.is_asked() && disk.told(false).is_none());
        }
    }

    #[test]
    fn a_failure_is_told() {
        let mut disk = Disk::start().unwrap();
        let (reads, _writes) = io::pipe().unwrap();
        disk.ask(Arc::new(std::os::fd::OwnedFd::from(reads).into()), End::default());
        assert!(disk.told(true).unwrap().1.is_err(), "a pipe can't be synced");
    }
}

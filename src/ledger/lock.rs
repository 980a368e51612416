//! One process a ledger.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::LedgerError;
use super::config::beside;

/// How long a lock is waited for.
const PATIENCE: Duration = Duration::from_millis(500);

/// Held for as long as a process writes a ledger; the system lets it go with the process, however that ends.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

impl Lock {
    /// On a file beside the ledger, which can be held before there is one.
    pub(super) fn take(ledger: &Path) -> Result<Self, LedgerError> {
        let path = beside(ledger, ".lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(LedgerError::file("opening", &path))?;
        let since = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { _file: file }),
                // A process that the last holder was starting holds it too, for a moment.
                Err(TryLockError::WouldBlock) if since.elapsed() < PATIENCE => thread::sleep(PATIENCE / 20),
                Err(TryLockError::WouldBlock) => return Err(LedgerError::InUse { path: ledger.to_owned() }),
                Err(TryLockError::Error(source)) => return Err(LedgerError::file("locking", path)(source)),
            }
        }
    }
}

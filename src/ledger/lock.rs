//! One process a ledger.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::LedgerError;
use super::config::beside;

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
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LedgerError::InUse { path: ledger.to_owned() }),
            Err(TryLockError::Error(source)) => Err(LedgerError::file("locking", path)(source)),
        }
    }
}

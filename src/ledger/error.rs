//! Why a ledger can't be used.

use std::io;
use std::path::PathBuf;

/// What is wrong, and with which file.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Another process has it.
    #[error("the ledger {path} is in use by another process", path = path.display())]
    InUse {
        /// The ledger.
        path: PathBuf,
    },
    /// A file can't be made, read or locked.
    #[error("{what} {path}", path = path.display())]
    File {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// SQLite says no.
    #[error("the ledger {path}", path = path.display())]
    Database {
        /// The ledger.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// Made by a later release, or no ledger at all.
    #[error("the ledger {path} has the schema {found}, and this release reads up to {known}", path = path.display())]
    Schema {
        /// The ledger.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest known.
        known: i64,
    },
    /// There is none, and none is to be made.
    #[error("there is no ledger {path}", path = path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// A record can't be unpacked.
    #[error("record {seq} of the ledger can't be read: {what}")]
    Record {
        /// Its number.
        seq: i64,
        /// What is wrong with it.
        what: String,
    },
    /// The key file is not one.
    #[error("the ledger's key file {path} {what}", path = path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The machine can't start a thread.
    #[error("starting the ledger's writer")]
    Thread(#[source] io::Error),
}

impl LedgerError {
    pub(super) fn file(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }

    pub(super) fn database(path: impl Into<PathBuf>) -> impl FnOnce(rusqlite::Error) -> Self {
        let path = path.into();
        move |source| Self::Database { path, source }
    }
}

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
    /// Made by another release, or no ledger at all.
    #[error("{path} is no ledger of the form that this release reads", path = path.display())]
    Format {
        /// The file.
        path: PathBuf,
    },
    /// There is none, and none is to be made.
    #[error("there is no ledger {path}", path = path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// It is less than what was written to it.
    #[error(
        "the ledger {path} {found}, but {note} says that there were {noted} records. Put all of it back; or, to go on with \
         what is there, move {note} away",
        path = path.display(),
        note = note.display()
    )]
    Less {
        /// The ledger.
        path: PathBuf,
        /// What is there.
        found: String,
        /// Number of the last record that is known to have been written.
        noted: i64,
        /// The file that says so.
        note: PathBuf,
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
    /// The key file is missing, and parties were kept under it.
    #[error(
        "the ledger's key file {path} is gone, under which the parties in the ledger are kept. Put it back; or, to go on \
         under another key, by which nobody is known for who they were before, make one: 32 random bytes, mode 0600",
        path = path.display()
    )]
    KeyGone {
        /// The file.
        path: PathBuf,
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
}

//! Files with certificates and keys, and why one is not used.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// Why a file is not used. It never quotes what the file holds.
#[derive(Debug, thiserror::Error)]
#[error("{key}: {path} {what}", path = path.display())]
pub struct FileError {
    /// The setting that names it.
    pub key: &'static str,
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub what: String,
}

/// A file that a setting names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) key: &'static str,
    pub(super) path: PathBuf,
}

impl Named {
    pub(super) fn error(&self, what: impl Into<String>) -> FileError {
        FileError { key: self.key, path: self.path.clone(), what: what.into() }
    }

    /// All of it.
    pub(super) fn read(&self) -> Result<Vec<u8>, FileError> {
        let file = self.open(&self.path)?;
        self.read_from(file)
    }

    /// As [`Named::read`], where nobody but its owner and group may read it, and only the owner change it.
    pub(super) fn read_secret(&self) -> Result<Vec<u8>, FileError> {
        let file = self.open(&self.path)?;
        let mode = file.metadata().map_err(|error| self.io(&error))?.mode();
        if mode & 0o037 != 0 {
            return Err(
                self.error("can be read by everybody or changed by others: its mode must be 0600, or 0640 at most")
            );
        }
        self.read_from(file)
    }

    fn open(&self, path: &Path) -> Result<File, FileError> {
        File::open(path).map_err(|error| self.io(&error))
    }

    fn read_from(&self, file: File) -> Result<Vec<u8>, FileError> {
        let mut bytes = Vec::new();
        file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|error| self.io(&error))?;
        if bytes.len() as u64 > MAX_BYTES {
            return Err(self.error("is larger than 1 MiB"));
        }
        Ok(bytes)
    }

    fn io(&self, error: &io::Error) -> FileError {
        self.error(format!("can't be read: {error}"))
    }
}

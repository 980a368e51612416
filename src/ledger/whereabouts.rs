//! Which file a ledger was opened as: what stands in its place later need not be the same.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// A file, by what the system knows it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Whereabouts {
    device: u64,
    inode: u64,
}

impl Whereabouts {
    /// Of a file that is open.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::from(&metadata))
    }

    /// Whether the file stands there still; so it is taken to where the system does not say.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        match fs::metadata(path) {
            Ok(metadata) => Self::from(&metadata) == *self,
            Err(error) => error.kind() != io::ErrorKind::NotFound,
        }
    }

    /// Opens the file to write once more. Where it is gone none is made, and another one is not taken for it: whoever reads beside
    /// has the first one open.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        if Self::of(&file)? != *self {
            return Err(io::Error::new(io::ErrorKind::NotFound, "another file stands where it was"));
        }
        Ok(file)
    }
}

impl From<&Metadata> for Whereabouts {
    fn from(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino() }
    }
}

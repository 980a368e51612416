//! A directory to which others may write: nothing in it is trusted to be what its name says.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, OFlags, openat};

use super::ArtifactError;

/// An open directory. It stays the same one whatever becomes of its path.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    directory: OwnedFd,
}

impl Folder {
    /// Opens `root`, which may be a link, and then one directory in the other by its name, which may not.
    pub(super) fn open<'a>(root: &Path, names: impl IntoIterator<Item = &'a str>) -> Result<Self, ArtifactError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let io =
            |path: &Path, error: rustix::io::Errno| ArtifactError::Io { path: path.to_owned(), source: error.into() };
        let mut path = root.to_owned();
        let mut directory = openat(CWD, root, flags, Mode::empty()).map_err(|error| io(root, error))?;
        for name in names {
            path.push(name);
            // A name with a slash in it could lead out again.
            if name.is_empty() || name.contains('/') || name == ".." || name == "." {
                return Err(ArtifactError::NotPlain { path });
            }
            directory = match openat(&directory, name, flags | OFlags::NOFOLLOW, Mode::empty()) {
                Ok(directory) => directory,
                Err(rustix::io::Errno::LOOP | rustix::io::Errno::NOTDIR) => {
                    return Err(ArtifactError::NotPlain { path });
                }
                Err(error) => return Err(io(&path, error)),
            };
        }
        Ok(Self { path, directory })
    }

    /// Reads a plain file of at most `max_bytes`; one that is not there is `None`.
    pub(super) fn read(&self, file: &'static str, max_bytes: u64) -> Result<Option<Vec<u8>>, ArtifactError> {
        let path = self.path.join(file);
        // A pipe with nobody at its other end would hold an opening without NONBLOCK for good.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = match openat(&self.directory, file, flags, Mode::empty()) {
            Ok(opened) => File::from(opened),
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(rustix::io::Errno::LOOP) => return Err(ArtifactError::NotPlain { path }),
            Err(error) => return Err(ArtifactError::Io { path, source: error.into() }),
        };
        let io = |source: io::Error| ArtifactError::Io { path: path.clone(), source };
        let metadata = opened.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(ArtifactError::NotPlain { path });
        }
        let too_large = || ArtifactError::TooLarge { file, max: max_bytes };
        if metadata.len() > max_bytes {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        // It may grow while it is read.
        opened.take(max_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() as u64 > max_bytes { Err(too_large()) } else { Ok(Some(bytes)) }
    }
}

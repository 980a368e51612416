//! Files with a secret in them, or with what is nobody's business.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use super::LedgerError;

/// What is in a file that only its owner may read; `None` where there is none.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, LedgerError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LedgerError::file("reading", path)(error)),
    };
    let metadata = file.metadata().map_err(LedgerError::file("reading", path))?;
    if metadata.mode() & 0o077 != 0 {
        let what = "may be read by others than its owner: its mode must be 0600";
        return Err(LedgerError::Key { path: path.to_owned(), what });
    }
    let mut secret = Vec::new();
    file.read_to_end(&mut secret).map_err(LedgerError::file("reading", path))?;
    Ok(Some(secret))
}

/// The mode of what is made: for its owner alone.
pub(super) const OWNERS_ALONE: u32 = 0o600;

/// Writes a file by the way of `new`, which takes its place when it is whole. It is its owner's alone; but one that was there keeps
/// its mode, which somebody may have set on purpose.
pub(super) fn put(path: &Path, new: &Path, bytes: &[u8]) -> io::Result<()> {
    put_by(path, new, bytes, |_| Ok(()))
}

/// As [`put`], and a loss of power leaves the one or the other.
pub(super) fn put_on_disk(path: &Path, new: &Path, bytes: &[u8]) -> io::Result<()> {
    put_by(path, new, bytes, File::sync_all)
}

fn put_by(path: &Path, new: &Path, bytes: &[u8], end: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let mode = fs::metadata(path).map_or(OWNERS_ALONE, |before| before.mode() & 0o777);
    let put = begin(new, mode).and_then(|mut file| {
        file.write_all(bytes)?;
        end(&file)?;
        fs::rename(new, path)
    });
    if put.is_err() {
        // What is written of it takes room on a disk that may be full, from records that have none then.
        let _ = fs::remove_file(new);
    }
    put
}

/// A file to be written, of this mode; what stood there before is gone.
pub(super) fn begin(new: &Path, mode: u32) -> io::Result<File> {
    let file = OpenOptions::new().write(true).create(true).truncate(true).mode(OWNERS_ALONE).open(new)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

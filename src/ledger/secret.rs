//! Files with a secret in them.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
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

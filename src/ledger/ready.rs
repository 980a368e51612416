//! Whether a ledger can be opened as it is set, without making anything.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::checkpoint::Signing;
use super::log::{FIRST_RECORD, is_begun, open_to_read};
use super::privacy::has_pseudonyms;
use super::{Grounds, Keeping, LedgerConfig, LedgerError, Reader};

/// What stands in the way of a ledger.
#[derive(Debug, thiserror::Error)]
#[error("{key}")]
pub struct NotReady {
    /// The setting by which it does.
    pub key: &'static str,
    /// Why.
    pub source: LedgerError,
}

/// Looks at the files that a ledger is opened with: for whoever asks whether a server would start, beside one that runs too.
///
/// # Errors
/// [`NotReady`] for the first that can't be used.
pub fn is_ready(config: &LedgerConfig) -> Result<(), NotReady> {
    let Some(path) = config.path() else { return Ok(()) };
    let by = |key| move |source| NotReady { key, source };
    there_or_can_be(path, can_be_written).map_err(by("ledger.path"))?;
    if let Some(key) = config.key_path() {
        there_or_can_be(&key, |_| Keeping::new(config, None).map(drop)).map_err(by("ledger.key_file"))?;
        // There it would be made, unless it was.
        if !key.exists() && are_pseudonyms_kept(path).map_err(by("ledger.path"))? {
            return Err(by("ledger.key_file")(LedgerError::KeyGone { path: key }));
        }
    }
    Signing::open(path, config).map_err(by("ledger.checkpoint_key"))?;
    Ok(())
}

fn there_or_can_be(path: &Path, check: impl FnOnce(&Path) -> Result<(), LedgerError>) -> Result<(), LedgerError> {
    if path.exists() {
        return check(path);
    }
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = LedgerError::file("opening", path);
    match fs::metadata(directory) {
        Ok(there) if there.is_dir() => Ok(()),
        Ok(_) => Err(failed(io::ErrorKind::NotADirectory.into())),
        Err(error) => Err(failed(error)),
    }
}

fn are_pseudonyms_kept(path: &Path) -> Result<bool, LedgerError> {
    begun(path)?.as_ref().map_or(Ok(false), has_pseudonyms)
}

/// The grounds that the last record of the ledger at `path` rests on; `None` where there is none, or nothing in it. Makes no
/// file.
///
/// # Errors
/// [`LedgerError`] where it can't be read.
pub fn standing_grounds(path: &Path) -> Result<Option<Arc<Grounds>>, LedgerError> {
    begun(path)?.map_or(Ok(None), |reader| reader.last_grounds())
}

/// A ledger in which something was recorded.
fn begun(path: &Path) -> Result<Option<Reader>, LedgerError> {
    let has_records = fs::metadata(path).is_ok_and(|ledger| ledger.len() > FIRST_RECORD);
    has_records.then(|| Reader::open(path)).transpose()
}

fn can_be_written(path: &Path) -> Result<(), LedgerError> {
    let file = OpenOptions::new().read(true).write(true).open(path).map_err(LedgerError::file("opening", path))?;
    let is_begun = is_begun(&file).map_err(LedgerError::file("reading", path))?;
    if is_begun { Ok(()) } else { open_to_read(path).map(drop) }
}

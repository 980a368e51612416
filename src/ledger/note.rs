//! The end of the chain as it is noted beside a ledger: the ledger itself does not show that its end was cut off.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::config::beside;
use super::index::Index;
use super::log::{FIRST_RECORD, read_one};
use super::record::Head;
use super::verify::Known;
use super::{LedgerError, secret};
use crate::features::hex;

fn path_of(ledger: &Path) -> PathBuf {
    beside(ledger, ".head")
}

/// Notes an end that the disk has.
pub(super) fn note(ledger: &Path, head: &Head) -> io::Result<()> {
    let text = format!("{} {}\n", head.seq, hex(&head.digest));
    secret::put(&path_of(ledger), &beside(ledger, ".head.new"), text.as_bytes())
}

/// The end of the chain as it was noted last.
pub(super) fn noted(ledger: &Path) -> Option<Known> {
    let text = fs::read_to_string(path_of(ledger)).ok()?;
    let (seq, digest) = text.trim_end().split_once(' ')?;
    Some((seq.parse().ok()?, digest.to_owned()))
}

/// Before a ledger is opened to write, for that would make one: whether there is none where one was.
///
/// # Errors
/// [`LedgerError::Less`].
pub(super) fn check_there(ledger: &Path, known: &Known) -> Result<(), LedgerError> {
    match fs::metadata(ledger) {
        Ok(metadata) if metadata.len() < FIRST_RECORD => less(ledger, known, "is empty".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => less(ledger, known, "is gone".to_owned()),
        // Whoever opens it hears of what else is wrong.
        _ => Ok(()),
    }
}

/// Whether a ledger holds the end that was noted of it. Whoever goes on without says to all later that nothing is missing.
///
/// # Errors
/// [`LedgerError::Less`] where it does not.
pub(super) fn check_end(ledger: &Path, known: &Known, file: &File, index: &Index) -> Result<(), LedgerError> {
    let (seq, digest) = known;
    let last = index.end().head.seq;
    if last < *seq {
        return less(ledger, known, format!("ends with record {last}"));
    }
    let Some(offset) = index.offset_of(*seq)? else { return Ok(()) };
    let framed = read_one(file, offset).map_err(LedgerError::file("reading", ledger))?;
    match framed {
        Some(framed) if hex(&framed.decoded.record.digest) == *digest => Ok(()),
        _ => less(ledger, known, format!("holds another record {seq}")),
    }
}

fn less(ledger: &Path, (seq, _): &Known, found: String) -> Result<(), LedgerError> {
    // Of one in which nothing was recorded nothing can be missing.
    if *seq < 1 {
        return Ok(());
    }
    Err(LedgerError::Less { path: ledger.to_owned(), found, noted: *seq, note: path_of(ledger) })
}

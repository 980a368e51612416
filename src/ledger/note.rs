//! The end of the chain as it is noted beside a ledger: the ledger itself does not show that its end was cut off.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::config::beside;
use super::record::Head;
use super::verify::Known;
use crate::features::hex;

fn path_of(ledger: &Path) -> PathBuf {
    beside(ledger, ".head")
}

/// Notes an end that the disk has.
pub(super) fn note(ledger: &Path, head: &Head) -> io::Result<()> {
    let (path, new) = (path_of(ledger), beside(ledger, ".head.new"));
    let mut file = File::create(&new)?;
    writeln!(file, "{} {}", head.seq, hex(&head.digest))?;
    fs::rename(new, path)
}

/// The end of the chain as it was noted last.
pub(super) fn noted(ledger: &Path) -> Option<Known> {
    let text = fs::read_to_string(path_of(ledger)).ok()?;
    let (seq, digest) = text.trim_end().split_once(' ')?;
    Some((seq.parse().ok()?, digest.to_owned()))
}

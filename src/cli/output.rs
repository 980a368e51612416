//! Standard output, line by line.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context as _;
use jiff::civil::Date;

use crate::table::RejectCounts;

/// Where results go: a file, or standard output.
pub(super) fn open(path: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    Ok(match path {
        None => Box::new(BufWriter::new(io::stdout().lock())),
        Some(path) => {
            let file = File::create(path).with_context(|| format!("creating {}", path.display()))?;
            Box::new(BufWriter::new(file))
        }
    })
}

/// Prints one text to standard output.
pub(super) fn print(text: &str) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// The beginning of a day (UTC) in microseconds since 1970.
pub(super) fn start_of_day_micros(day: Date) -> anyhow::Result<i64> {
    let days = day.since((jiff::Unit::Day, Date::constant(1970, 1, 1)))?.get_days();
    i64::from(days).checked_mul(86_400_000_000).context("a day that is too far off")
}

/// Whether the failure is only that nobody reads any more.
pub(super) fn reader_has_left(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>()).any(|io| io.kind() == io::ErrorKind::BrokenPipe)
}

/// Fails where more rows were rejected than the configuration allows.
pub(super) fn fail_if_too_many(rejects: &RejectCounts, max_reject_share: f64) -> anyhow::Result<()> {
    anyhow::ensure!(!rejects.exceeds(max_reject_share), "more rows were rejected than train.max_reject_share allows");
    Ok(())
}

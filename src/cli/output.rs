//! Where results go: standard output, or a file that is whole or not there.

use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, StdoutLock, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use jiff::civil::Date;

use crate::table::{PendingFile, RejectCounts};
use crate::train::LabeledParcel;

/// What names standard input among inputs, and standard output where something is written.
pub(super) const STANDARD_STREAM: &str = "-";

/// Where results go: standard output, or a file that has its name once [`Out::finish`] has succeeded.
pub(super) struct Out {
    to: To,
    path: Option<PathBuf>,
}

enum To {
    Standard(BufWriter<StdoutLock<'static>>),
    /// A device or a pipe, which no file may take the place of.
    Stream(BufWriter<File>),
    File(BufWriter<PendingFile>),
}

impl Out {
    /// Begins; `-` is standard output. What can't be written is found here, before there is anything to write.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        if path == Path::new(STANDARD_STREAM) {
            return Ok(Self { to: To::Standard(BufWriter::new(io::stdout().lock())), path: None });
        }
        // A link stays, and what it leads to is replaced.
        let to = match fs::canonicalize(path) {
            Ok(real) if !real.is_file() => File::create(real).map(|file| To::Stream(BufWriter::new(file))),
            Ok(real) => PendingFile::create(&real).map(|file| To::File(BufWriter::new(file))),
            Err(_) => PendingFile::create(path).map(|file| To::File(BufWriter::new(file))),
        };
        let to = to.with_context(|| format!("creating {}", path.display()))?;
        Ok(Self { to, path: Some(path.to_owned()) })
    }

    /// Writes what comes next.
    pub(super) fn write(&mut self, text: &str) -> anyhow::Result<()> {
        let written = match &mut self.to {
            To::Standard(out) => out.write_all(text.as_bytes()),
            To::Stream(out) => out.write_all(text.as_bytes()),
            To::File(out) => out.write_all(text.as_bytes()),
        };
        named(written, self.path.as_deref())
    }

    /// Writes what is left and gives a file its name.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        let finished = match self.to {
            To::Standard(mut out) => out.flush(),
            To::Stream(mut out) => out.flush(),
            To::File(out) => out.into_inner().map_err(io::IntoInnerError::into_error).and_then(PendingFile::keep),
        };
        named(finished, self.path.as_deref())
    }
}

fn named(written: io::Result<()>, path: Option<&Path>) -> anyhow::Result<()> {
    match path {
        None => Ok(written?),
        Some(path) => written.with_context(|| format!("writing {}", path.display())),
    }
}

/// Fails where the file that `flag` names is one of those that are read, by whichever name: an input would be lost, and one
/// that is still being read would grow by what is written.
pub(super) fn refuse_input_as_output<'a>(
    flag: &str,
    out: Option<&Path>,
    inputs: impl IntoIterator<Item = &'a Path>,
) -> anyhow::Result<()> {
    // A standard stream may be a file too.
    let found = |path: &Path, stream: &str| {
        let path = if path == Path::new(STANDARD_STREAM) { Path::new(stream) } else { path };
        let file = fs::metadata(path).ok().filter(Metadata::is_file)?;
        Some((file.dev(), file.ino()))
    };
    let Some(out) = out else { return Ok(()) };
    let Some(written) = found(out, "/dev/stdout") else { return Ok(()) };
    let what = if out == Path::new(STANDARD_STREAM) { "standard output" } else { flag };
    match inputs.into_iter().find(|input| found(input, "/dev/stdin") == Some(written)) {
        None => Ok(()),
        Some(input) => anyhow::bail!("{what} would replace {}, which is read: name another file", input.display()),
    }
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

/// What a reader must know of rows whose `item_id` stood before, where there are any.
pub(super) fn repeats(n_repeated: u64, n_rows: u64) -> Option<String> {
    (n_repeated > 0).then(|| format!("{n_repeated} of {n_rows} rows repeat an item_id: they add nothing to history"))
}

/// Tells it on standard error.
pub(super) fn warn_of_repeats(n_repeated: u64, n_rows: u64) {
    if let Some(repeats) = repeats(n_repeated, n_rows) {
        eprintln!("warning: {repeats}");
    }
}

/// Fails where the warm-up reaches past the first row that counts, which would be scored by what came after it.
///
/// * `last`: of the warm-up, in order of time; `first`: of the data.
pub(super) fn refuse_later_warm_up(last: Option<&LabeledParcel>, first: Option<&LabeledParcel>) -> anyhow::Result<()> {
    let Some((last, first)) = last.zip(first) else { return Ok(()) };
    anyhow::ensure!(
        last.parcel.advised_at <= first.parcel.advised_at,
        "{} of --warm-up was advised after {} of --data, which would be scored by what came later: --warm-up is for \
         tables from before --data",
        last.position,
        first.position
    );
    Ok(())
}

/// Fails where more rows were rejected than the configuration allows.
pub(super) fn fail_if_too_many(rejects: &RejectCounts, max_reject_share: f64) -> anyhow::Result<()> {
    anyhow::ensure!(!rejects.exceeds(max_reject_share), "more rows were rejected than train.max_reject_share allows");
    Ok(())
}

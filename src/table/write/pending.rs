//! A file that has its name only once it is whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file under a name of its own beside the one it will have; removed where it is not kept.
#[derive(Debug)]
pub(crate) struct PendingFile {
    file: File,
    pending: PathBuf,
    path: PathBuf,
    kept: bool,
}

impl PendingFile {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        // Of this process alone, so that two writers of one table don't mix their rows.
        name.push(format!(".{}.part", std::process::id()));
        let pending = path.with_file_name(name);
        let file = File::create(&pending)?;
        Ok(Self { file, pending, path: path.to_owned(), kept: false })
    }

    /// Gives the file its name, in place of one that is there.
    pub(crate) fn keep(mut self) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.pending, &self.path)?;
        self.kept = true;
        Ok(())
    }
}

impl Write for PendingFile {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.file.write(buf)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for PendingFile {
    fn drop(&mut self) {
        if !self.kept {
            // The error that led here is the one to report.
            let _ = fs::remove_file(&self.pending);
        }
    }
}

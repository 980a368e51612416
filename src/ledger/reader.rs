//! Records out of the ledger, also while it is being written.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use super::LedgerError;
use super::grounds::Grounds;
use super::index::Index;
use super::log::{FIRST_RECORD, Framed, Frames, Next, open_to_read, read_one};
use super::record::{Head, Record};
use super::shared_index::SharedIndex;

/// The end that reads.
pub struct Reader {
    path: PathBuf,
    file: File,
    /// The writer's own, or made when it is first needed.
    index: OnceLock<Arc<SharedIndex>>,
    /// Those that were read last, with their number: most decisions that are read together rest on the same.
    pub(super) grounds: Mutex<Option<(i64, Arc<Grounds>)>>,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens a ledger, also one that is being written. What is looked up is what it held when that was first done.
    ///
    /// # Errors
    /// [`LedgerError`] where there is none, or none that this release reads.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self { path: path.to_owned(), file: open_to_read(path)?, index: OnceLock::new(), grounds: Mutex::default() })
    }

    /// Beside the writer in the same process: it finds all that is written.
    pub(super) fn beside(path: &Path, index: Arc<SharedIndex>) -> Result<Self, LedgerError> {
        let reader = Self::open(path)?;
        reader.index.get_or_init(|| index);
        Ok(reader)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn index(&self) -> Result<&SharedIndex, LedgerError> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let index = Arc::new(SharedIndex::new(Index::read(&self.path, &self.file)?));
        Ok(self.index.get_or_init(|| index))
    }

    /// The end of the chain as it stands.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger can't be read.
    pub fn head(&self) -> Result<Head, LedgerError> {
        Ok(self.index()?.end().head)
    }

    /// Hands over every record after `after`, in order, until `take` fails. The last one may be on its way still: it is
    /// left out.
    ///
    /// # Errors
    /// [`LedgerError`], or what `take` fails with.
    pub fn scan<E: From<LedgerError>>(
        &self,
        after: i64,
        mut take: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let first = after.saturating_add(1).max(1);
        let offset = if first == 1 { Some(FIRST_RECORD) } else { self.index()?.offset_of(first)? };
        // None after the last.
        let Some(offset) = offset else { return Ok(()) };
        let mut seq = first;
        self.each_from(offset, |next| {
            if let Next::Record(framed) = next {
                seq = framed.decoded.record.seq.saturating_add(1);
                return take(framed.decoded.record);
            }
            let what = "it is no record".to_owned();
            Err(E::from(LedgerError::Record { seq, what }))
        })?;
        Ok(())
    }

    /// Hands over what stands in the file from `offset` on, until it ends or `take` fails; how many bytes are left of a
    /// record that is not all there.
    pub(super) fn each_from<E: From<LedgerError>>(
        &self,
        offset: u64,
        mut take: impl FnMut(Next) -> Result<(), E>,
    ) -> Result<u64, E> {
        let reading = |error| E::from(LedgerError::file("reading", &self.path)(error));
        let mut frames = Frames::from(&self.file, offset).map_err(reading)?;
        loop {
            match frames.read().map_err(reading)? {
                Next::End { n_torn } => return Ok(n_torn),
                next => take(next)?,
            }
        }
    }

    /// The record of this number that begins there.
    pub(super) fn record_at(&self, seq: i64, offset: u64) -> Result<Record, LedgerError> {
        let framed = self.framed_at(offset)?.filter(|framed| framed.decoded.record.seq == seq);
        let framed = framed.ok_or_else(|| LedgerError::Record { seq, what: "it is not where it was".to_owned() })?;
        Ok(framed.decoded.record)
    }

    pub(super) fn framed_at(&self, offset: u64) -> Result<Option<Framed>, LedgerError> {
        read_one(&self.file, offset).map_err(LedgerError::file("reading", &self.path))
    }
}

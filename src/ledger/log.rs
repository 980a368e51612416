//! The file of a ledger: a head of sixteen bytes, then record after record, as they were written.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader};
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FallocateFlags;

use super::LedgerError;
use super::frame::{self, Decoded, PREFIX_BYTES};
use super::record::{Content, Digest, Head, Kind};
use super::secret::OWNERS_ALONE;
use crate::history::Bucket;

/// What every ledger begins with, and the version of its form.
const MAGIC: [u8; 16] = *b"prledger\x03\0\0\0\0\0\0\0";
/// Where the first record begins.
pub(super) const FIRST_RECORD: u64 = MAGIC.len() as u64;
/// Room that the disk is asked to hold at a time.
const RESERVED_BYTES: u64 = 256 << 10;
/// Memory that is kept for records on their way.
const KEPT_BYTES: usize = 8 << 20;
/// Read at once when records are read one after the other.
const READ_BYTES: usize = 1 << 20;

/// Opens a ledger to read, beside whoever writes it.
pub(super) fn open_to_read(path: &Path) -> Result<File, LedgerError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(LedgerError::Missing { path: path.to_owned() });
        }
        Err(error) => return Err(LedgerError::file("opening", path)(error)),
    };
    check_magic(&file, path)?;
    Ok(file)
}

/// Opens a ledger to write, and makes it where there is none.
pub(super) fn open_to_write(path: &Path) -> Result<File, LedgerError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(OWNERS_ALONE);
    let opened = options.open(path);
    let file = opened.map_err(LedgerError::file("opening", path))?;
    if is_begun(&file).map_err(LedgerError::file("reading", path))? {
        let write = || {
            file.write_all_at(&MAGIC, 0)?;
            file.sync_all()
        };
        write().map_err(LedgerError::file("writing", path))?;
    }
    check_magic(&file, path)?;
    Ok(file)
}

/// Whether not even its head was written whole: nothing was ever recorded. What is as short and says something else is no ledger.
pub(super) fn is_begun(file: &File) -> io::Result<bool> {
    let mut found = [0; MAGIC.len()];
    let n = fill_from(file, 0, &mut found)?;
    Ok(n < MAGIC.len() && found.get(..n) == MAGIC.get(..n))
}

fn check_magic(file: &File, path: &Path) -> Result<(), LedgerError> {
    let mut found = [0; MAGIC.len()];
    match file.read_exact_at(&mut found, 0) {
        Ok(()) if found == MAGIC => Ok(()),
        Ok(()) => Err(LedgerError::Format { path: path.to_owned() }),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(LedgerError::Format { path: path.to_owned() })
        }
        Err(error) => Err(LedgerError::file("reading", path)(error)),
    }
}

/// A record as it stands in the file.
pub(super) struct Framed {
    /// Where it begins.
    pub(super) offset: u64,
    /// All its bytes.
    pub(super) bytes: Vec<u8>,
    pub(super) decoded: Decoded,
}

impl Framed {
    /// Where the next one begins.
    pub(super) fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

/// What comes next in a file of records.
pub(super) enum Next {
    /// A record.
    Record(Box<Framed>),
    /// Nothing; but so many bytes are left of one that is not all there.
    End { n_torn: u64 },
    /// Bytes that are no record.
    Unreadable,
}

/// Records one after the other.
pub(super) struct Frames {
    file: BufReader<FromOffset>,
    offset: u64,
}

/// A file read from a place of its own, whoever else reads it.
struct FromOffset {
    file: File,
    at: u64,
}

impl io::Read for FromOffset {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.file.read_at(buffer, self.at)?;
        self.at += n as u64;
        Ok(n)
    }
}

impl Frames {
    /// Those that begin at `offset`.
    pub(super) fn from(file: &File, offset: u64) -> io::Result<Self> {
        let file = FromOffset { file: file.try_clone()?, at: offset };
        Ok(Self { file: BufReader::with_capacity(READ_BYTES, file), offset })
    }

    /// The next one.
    pub(super) fn read(&mut self) -> io::Result<Next> {
        let mut bytes = vec![0; PREFIX_BYTES];
        let n = self.fill(&mut bytes)?;
        let Ok(prefix) = <[u8; PREFIX_BYTES]>::try_from(bytes.as_slice()) else { return Ok(Next::Unreadable) };
        if n < PREFIX_BYTES {
            return Ok(Next::End { n_torn: n as u64 });
        }
        let Some(n_following) = frame::n_following(prefix) else { return Ok(Next::Unreadable) };
        bytes.resize(PREFIX_BYTES + n_following, 0);
        let rest = bytes.get_mut(PREFIX_BYTES..).unwrap_or_default();
        let n = fill(&mut self.file, rest)?;
        if n < n_following {
            return Ok(Next::End { n_torn: (PREFIX_BYTES + n) as u64 });
        }
        let offset = self.offset;
        self.offset += bytes.len() as u64;
        let decoded = frame::decode(&bytes);
        Ok(decoded.map_or(Next::Unreadable, |decoded| Next::Record(Box::new(Framed { offset, bytes, decoded }))))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        fill(&mut self.file, bytes)
    }
}

/// Reads as much as there is; how much that was.
fn fill(from: &mut impl io::Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut n = 0;
    while let Some(room) = bytes.get_mut(n..).filter(|room| !room.is_empty()) {
        match from.read(room) {
            Ok(0) => break,
            Ok(more) => n += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(n)
}

/// Reads as much as there is from `offset` on; how much that was.
pub(super) fn fill_from(file: &File, offset: u64, bytes: &mut [u8]) -> io::Result<usize> {
    fill(&mut FromOffset { file: file.try_clone()?, at: offset }, bytes)
}

/// The record that begins at `offset`; `None` where there is none.
pub(super) fn read_one(file: &File, offset: u64) -> io::Result<Option<Framed>> {
    let mut prefix = [0; PREFIX_BYTES];
    if let Err(error) = file.read_exact_at(&mut prefix, offset) {
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    let Some(n_following) = frame::n_following(prefix) else { return Ok(None) };
    let mut bytes = vec![0; PREFIX_BYTES + n_following];
    if let Err(error) = file.read_exact_at(&mut bytes, offset) {
        return if error.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(error) };
    }
    Ok(frame::decode(&bytes).map(|decoded| Framed { offset, bytes, decoded }))
}

/// An erasure happens in no bucket of its own: it is handed over in that of the last record that is written, and others may wait
/// before it. In the bucket of the one before it then.
fn in_order(content: &Content, bucket: Bucket) -> Cow<'_, Content> {
    if content.kind == Kind::Erasure && content.bucket < bucket {
        return Cow::Owned(Content { bucket, ..content.clone() });
    }
    Cow::Borrowed(content)
}

/// An end of a file of records.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct End {
    /// Where the next record begins.
    pub(super) offset: u64,
    /// The last record.
    pub(super) head: Head,
}

/// The end that writes.
pub(super) struct Log {
    file: Arc<File>,
    end: End,
    /// Up to here the disk was asked to hold room.
    reserved: u64,
    /// Bytes of records on their way; kept, so that its memory is.
    bytes: Vec<u8>,
}

impl Log {
    /// Of a file whose records end there; what comes after is cut off.
    pub(super) fn new(file: File, end: End) -> io::Result<Self> {
        if file.metadata()?.len() > end.offset {
            file.set_len(end.offset)?;
        }
        Ok(Self { reserved: end.offset, file: Arc::new(file), end, bytes: Vec::new() })
    }

    /// The same file, which hears of the same failures.
    pub(super) fn handle(&self) -> Arc<File> {
        Arc::clone(&self.file)
    }

    /// Asks the disk for all that is written.
    pub(super) fn ask_the_disk(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Writes records one after the other in one go; the new end, which is the log's once it is [taken](Self::take).
    /// `placed` is told of each where it begins and what its digest is.
    pub(super) fn write<'a>(
        &mut self,
        records: impl Iterator<Item = (i64, &'a Content)>,
        mut placed: impl FnMut(u64, i64, &'a Content, i64),
    ) -> io::Result<End> {
        self.bytes.clear();
        let End { offset: start, mut head } = self.end;
        for (recorded_at_micros, content) in records {
            let offset = start + self.bytes.len() as u64;
            let seq = head.seq + 1;
            let dated = in_order(content, head.bucket);
            let digest: Digest = frame::encode(&mut self.bytes, &head.digest, seq, recorded_at_micros, &dated)
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a record is too long"))?;
            head = Head { seq, recorded_at_micros, bucket: dated.bucket, digest };
            placed(offset, seq, content, recorded_at_micros);
        }
        let end = start + self.bytes.len() as u64;
        self.reserve(end);
        self.file.write_all_at(&self.bytes, start)?;
        self.bytes.shrink_to(KEPT_BYTES);
        Ok(End { offset: end, head })
    }

    /// Has the disk hold room beyond the end of the file, which stays where it is. A file system that has blocks for what is
    /// written need not look for some with each write; one that can't do so, or is full, does as it did.
    fn reserve(&mut self, until: u64) {
        if until > self.reserved {
            let _ = rustix::fs::fallocate(&self.file, FallocateFlags::KEEP_SIZE, until, RESERVED_BYTES);
            self.reserved = until + RESERVED_BYTES;
        }
    }

    /// Records end there from now on.
    pub(super) fn take(&mut self, end: End) {
        self.end = end;
    }

    /// Writes anew what lies between two ends, and asks the disk for it: what a failure may have lost on its way to the
    /// disk still is in memory, where the system keeps it. Fails where it is not.
    pub(super) fn write_anew(&self, from: End) -> io::Result<()> {
        let lost = || io::Error::new(io::ErrorKind::InvalidData, "records that were taken can't be read any more");
        let n = usize::try_from(self.end.offset.saturating_sub(from.offset)).map_err(|_| lost())?;
        let mut bytes = vec![0; n];
        self.file.read_exact_at(&mut bytes, from.offset)?;
        let (mut at, mut digest) = (0, from.head.digest);
        while at < n {
            let rest = bytes.get(at..).unwrap_or_default();
            let prefix = rest.first_chunk().copied().and_then(frame::n_following).ok_or_else(lost)?;
            let one = rest.get(..PREFIX_BYTES + prefix).ok_or_else(lost)?;
            let decoded = frame::decode(one).filter(|decoded| decoded.follows(&digest, one)).ok_or_else(lost)?;
            digest = decoded.record.digest;
            at += one.len();
        }
        if digest != self.end.head.digest {
            return Err(lost());
        }
        self.file.write_all_at(&bytes, from.offset)?;
        self.file.sync_data()
    }
}

//! Parcels, and the texts of outcomes, erased by their age. Their records stay, with the digests of what was erased, and so
//! the chain can still be verified.

use std::os::unix::fs::FileExt as _;
use std::sync::atomic::Ordering;

use serde::{Deserialize, Serialize};

use super::index::Key;
use super::log::{Frames, Next};
use super::pending::Appended;
use super::record::{Content, Kind};
use super::{Ledger, LedgerError, Reader};

/// The body of the record of an erasure: as JSON, so that an auditor can read it without any program of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptErasure {
    /// Number of the first record whose parcel is erased.
    pub from: i64,
    /// Number of the last.
    pub through: i64,
    /// All of them were recorded before this, in microseconds since 1970.
    pub recorded_before_micros: i64,
}

impl KeptErasure {
    /// From a record's body.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_body(body: &[u8]) -> Result<Self, String> {
        serde_json::from_slice(body).map_err(|error| error.to_string())
    }
}

/// Parcels that are written over with zeros at a time; nobody waits long for the disk.
const WRITTEN_TOGETHER: u64 = 10_000;

impl Ledger {
    /// Erases the parcels of all records that were written before `micros`, in microseconds since 1970, and the texts of
    /// outcomes; how many.
    ///
    /// That they are to be erased is recorded first. Where the erasing is broken off, the next one completes it.
    ///
    /// # Errors
    /// [`LedgerError`] where the ledger can't be read or written.
    pub fn erase_before(&self, micros: i64) -> Result<u64, LedgerError> {
        self.erase_while(micros, &|| true)
    }

    /// As [`Self::erase_before`], broken off where `goes_on` no longer says so, which it is asked before each parcel.
    pub(super) fn erase_while(&self, micros: i64, goes_on: &dyn Fn() -> bool) -> Result<u64, LedgerError> {
        let reader = self.reader()?;
        let through = reader.first_since(micros)? - 1;
        let last = last_erasure(&reader)?;
        let done_through = last.map_or(0, |last| last.through);
        // The last erasure, of an earlier process or of this one, may have been broken off. The next one begins where it stopped,
        // and says so: of two that are broken off one after the other the first is not forgotten.
        let is_done = done_through <= self.wiped_through.load(Ordering::Relaxed);
        let left = match last.filter(|_| !is_done) {
            Some(last) => self.first_kept(&reader, &last, goes_on)?,
            None => None,
        };
        let from = left.unwrap_or(done_through + 1);
        if through > done_through {
            let erasure = KeptErasure { from, through, recorded_before_micros: micros };
            let body = serde_json::to_vec(&erasure).expect("numbers always encode");
            let seq = self.head().seq + 1;
            let appended = self.append(Content::new(Kind::Erasure, self.head().bucket, body));
            if !matches!(appended, Ok(Appended::Recorded { .. })) {
                return Err(LedgerError::Record { seq, what: "it can't be written".to_owned() });
            }
        }
        let through = through.max(done_through);
        let n_wiped = self.wipe(&reader, from, through, goes_on)?;
        if goes_on() {
            self.wiped_through.store(through, Ordering::Relaxed);
        }
        Ok(n_wiped)
    }

    /// Number of the first record of an erasure whose parcel is still there.
    fn first_kept(
        &self,
        reader: &Reader,
        erasure: &KeptErasure,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<Option<i64>, LedgerError> {
        let path = self.path();
        let Some(offset) = reader.index()?.offset_of(erasure.from)? else { return Ok(None) };
        let reading = |error| LedgerError::file("reading", path)(error);
        let file = self.desk.place.open(path).map_err(LedgerError::file("opening", path))?;
        // The zeros that are read there may not be on the disk yet.
        file.sync_data().map_err(LedgerError::file("writing", path))?;
        let mut frames = Frames::from(&file, offset).map_err(reading)?;
        while let Next::Record(framed) = frames.read().map_err(reading)? {
            let record = &framed.decoded.record;
            if record.seq > erasure.through {
                break;
            }
            if !goes_on() || record.content.parcel.as_ref().is_some_and(|parcel| !parcel.is_empty()) {
                return Ok(Some(record.seq));
            }
        }
        Ok(None)
    }

    /// Writes zeros over the parcels and texts of some records.
    fn wipe(&self, reader: &Reader, from: i64, through: i64, goes_on: &dyn Fn() -> bool) -> Result<u64, LedgerError> {
        let path = self.path();
        let Some(offset) = reader.index()?.offset_of(from)? else { return Ok(0) };
        let writing = |error| LedgerError::file("writing", path)(error);
        let file = self.desk.place.open(path).map_err(LedgerError::file("opening", path))?;
        let mut frames = Frames::from(&file, offset).map_err(LedgerError::file("reading", path))?;
        let mut n_wiped = 0;
        while let Next::Record(framed) = frames.read().map_err(LedgerError::file("reading", path))? {
            if framed.decoded.record.seq > through || !goes_on() {
                break;
            }
            let Some(at) = framed.decoded.parcel_at.filter(|_| framed.decoded.record.content.parcel.is_some()) else {
                continue;
            };
            let zeros = vec![0; framed.bytes.len().saturating_sub(at)];
            if zeros.is_empty() {
                continue;
            }
            file.write_all_at(&zeros, framed.offset + at as u64).map_err(writing)?;
            n_wiped += 1;
            if n_wiped % WRITTEN_TOGETHER == 0 {
                file.sync_data().map_err(writing)?;
            }
        }
        if n_wiped > 0 {
            file.sync_data().map_err(writing)?;
        }
        Ok(n_wiped)
    }
}

fn last_erasure(reader: &Reader) -> Result<Option<KeptErasure>, LedgerError> {
    let Some(&(seq, offset)) = reader.index()?.find(Key::OF_ERASURES)?.first() else { return Ok(None) };
    let record = reader.record_at(seq, offset)?;
    let unreadable = |what| LedgerError::Record { seq, what };
    KeptErasure::from_body(&record.content.body).map(Some).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::{Clock, LedgerConfig};
    use super::*;
    use crate::history::Bucket;

    #[test]
    fn an_erasure_ends_where_the_server_does_and_the_next_completes_it() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("ledger.db"), &LedgerConfig::default(), Clock::system()).unwrap();
        for _ in 0..30 {
            let content = Content::new(Kind::Model, Bucket(1), Vec::new());
            ledger.append(Content { parcel: Some(vec![7; 9]), ..content }).unwrap();
        }
        let n_asked = Cell::new(0);
        let goes_on = || n_asked.replace(n_asked.get() + 1) < 10;
        assert_eq!(ledger.erase_while(i64::MAX, &goes_on).unwrap(), 10);
        assert_eq!(ledger.erase_while(i64::MAX, &|| true).unwrap(), 20);
        assert_eq!(ledger.erase_while(i64::MAX, &|| true).unwrap(), 0);
    }
}

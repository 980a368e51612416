//! Where records are found by what they are about: the newest in memory, all others in sorted runs on disk.
//!
//! The log is the truth. What is here can be thrown away: whoever opens the ledger makes it again.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::LedgerError;
use super::config::beside;
use super::log::{self, End, FIRST_RECORD, Frames, Next};
use super::part::{Indexed, Part, Wanted, newest_until};
use super::record::{Content, Head, Kind};
use super::run::Run;
use super::runs::Runs;
use super::tail::is_torn;

/// Records of a part: at this many it is full, and becomes a run.
pub(super) const PART_RECORDS: usize = 32_768;

/// A hash of something that a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(pub(super) u64);

impl Key {
    /// Of all erasures.
    pub(super) const OF_ERASURES: Self = Self(0x5e7a_11ed_0b11_7e5a);
    /// Of all that became of models.
    pub(super) const OF_MODELS: Self = Self(0x0de1_50f7_4e1e_d6e2);

    /// Of an item.
    pub(super) fn of_item(item: u64) -> Self {
        Self(xxh3_64_with_seed(&item.to_le_bytes(), 1))
    }

    /// Of a decision.
    pub(super) fn of_decision(id: &[u8; 16]) -> Self {
        Self(xxh3_64_with_seed(id, 2))
    }

    /// Of a request.
    pub(super) fn of_request(id: &str) -> Self {
        Self(xxh3_64_with_seed(id.as_bytes(), 3))
    }

    /// Of the decision that a record is, and of the request that it answers. A repeat is not found by the decision that it
    /// names: whoever looks one up, before each that is written too, would read all of its repeats first.
    pub(super) fn of_answer(content: &Content) -> [Option<Self>; 2] {
        let decision = content.decision_id.as_ref().filter(|_| content.kind == Kind::Decision);
        let request = content.request.as_ref();
        [decision.map(Self::of_decision), request.map(|request| Self::of_request(&request.id))]
    }
}

/// Runs, oldest first, and then parts, oldest first; each begins with the record after the last of the one before.
#[derive(Debug)]
pub(super) struct Index {
    path: PathBuf,
    runs: Runs,
    parts: Vec<Arc<Part>>,
    /// What is added to.
    open: Part,
    end: End,
}

impl Index {
    /// As far as it is on disk and belongs to this log; the rest is to be read from there on.
    fn load(ledger: &Path, file: &File) -> Self {
        let path = beside(ledger, ".index");
        let runs = Runs::load(&path);
        let last_is_of_log = runs.newest().is_none_or(|run| {
            let framed = log::read_one(file, run.last_offset()).ok().flatten();
            framed.is_some_and(|framed| {
                framed.decoded.record.digest == run.end().head.digest && framed.end() == run.end().offset
            })
        });
        // Else they are of another ledger that stood here before.
        let runs = if last_is_of_log { runs } else { Runs::default() };
        let end = runs.newest().map_or(End { offset: FIRST_RECORD, ..End::default() }, |run| run.end());
        Self { path, open: Part::after(end), runs, parts: Vec::new(), end }
    }

    /// Of a log, to read beside whoever writes it: up to the last record that is whole.
    pub(super) fn read(ledger: &Path, file: &File) -> Result<Self, LedgerError> {
        let mut index = Self::load(ledger, file);
        match index.catch_up(ledger, file)? {
            Tail::Whole | Tail::Torn { .. } => Ok(index),
            Tail::Changed { seq } => Err(changed(seq)),
        }
    }

    /// Of a log that is opened to be written: where its end is not whole because its writer was stopped in the middle,
    /// what is left of the last record is to be cut off, and is told.
    pub(super) fn recover(ledger: &Path, file: &File, known_seq: i64) -> Result<(Self, u64), LedgerError> {
        let mut index = Self::load(ledger, file);
        // What else is there is of no use, and would stand in the way of what is.
        index.runs.tidy(&index.path);
        match index.catch_up(ledger, file)? {
            Tail::Whole => Ok((index, 0)),
            Tail::Torn { n_bytes } => Ok((index, n_bytes)),
            // After a loss of power the last records may be there in part. One that was known to be on disk is not
            // lost like that, nor is one that others stand behind which were.
            Tail::Changed { seq } => {
                let reading = |error| LedgerError::file("reading", ledger)(error);
                if seq <= known_seq || !is_torn(file, &index.end).map_err(reading)? {
                    return Err(changed(seq));
                }
                let n_bytes = file.metadata().map_err(reading)?.len();
                let n_torn = n_bytes.saturating_sub(index.end.offset);
                Ok((index, n_torn))
            }
        }
    }

    /// Reads on from where it ends.
    fn catch_up(&mut self, ledger: &Path, file: &File) -> Result<Tail, LedgerError> {
        let reading = |error| LedgerError::file("reading", ledger)(error);
        let mut frames = Frames::from(file, self.end.offset).map_err(reading)?;
        loop {
            let seq = self.end.head.seq + 1;
            match frames.read().map_err(reading)? {
                Next::End { n_torn: 0 } => return Ok(Tail::Whole),
                Next::End { n_torn } => return Ok(Tail::Torn { n_bytes: n_torn }),
                Next::Unreadable => return Ok(Tail::Changed { seq }),
                Next::Record(framed) => {
                    let record = &framed.decoded.record;
                    if record.seq != seq || !framed.decoded.follows(&self.end.head.digest, &framed.bytes) {
                        return Ok(Tail::Changed { seq });
                    }
                    let head = Head {
                        seq,
                        recorded_at_micros: record.recorded_at_micros,
                        bucket: record.content.bucket,
                        digest: record.digest,
                    };
                    self.add(&Indexed::of(framed.offset, record.recorded_at_micros, &record.content));
                    self.reach(End { offset: framed.end(), head });
                }
            }
        }
    }

    /// Adds the record after the last.
    pub(super) fn add(&mut self, indexed: &Indexed) {
        self.open.add(indexed);
    }

    /// Records end there now. Where enough have come together they are a part of their own.
    pub(super) fn reach(&mut self, end: End) {
        self.end = end;
        self.open.reach(end);
        if self.open.len() >= PART_RECORDS {
            let next = self.open.next(end);
            let full = std::mem::replace(&mut self.open, next);
            self.parts.push(Arc::new(full));
        }
    }

    /// The end of what it knows.
    pub(super) fn end(&self) -> End {
        self.end
    }

    /// Number and place of each record in memory with this key, newest first.
    pub(super) fn recent(&self, key: Key) -> Vec<(i64, u64)> {
        self.in_memory().flat_map(|part| part.find(key)).collect()
    }

    /// Where a record begins.
    pub(super) fn offset_of(&self, seq: i64) -> Result<Option<u64>, LedgerError> {
        self.recent_offset_of(seq).map_or_else(|| self.runs.offset_of(seq), |found| Ok(Some(found)))
    }

    /// Where a record in memory begins.
    pub(super) fn recent_offset_of(&self, seq: i64) -> Option<u64> {
        self.in_memory().find_map(|part| part.offset_of(seq))
    }

    /// When a record in memory was written.
    pub(super) fn recent_time_of(&self, seq: i64) -> Option<i64> {
        self.in_memory().find_map(|part| part.time_of(seq))
    }

    /// Number of the newest grounds in memory that are not after `seq`.
    pub(super) fn recent_grounds_of(&self, seq: i64) -> Option<i64> {
        self.in_memory().find_map(|part| newest_until(part.grounds(), seq))
    }

    /// As [`Part::decisions`], of all in memory.
    pub(super) fn recent_decisions(&self, wanted: &Wanted) -> Vec<i64> {
        let mut found = Vec::new();
        self.in_memory().for_each(|part| part.decisions(wanted, &mut found));
        found
    }

    fn in_memory(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.open).chain(self.parts.iter().rev().map(AsRef::as_ref))
    }

    /// Where its runs are.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn runs(&self) -> &Runs {
        &self.runs
    }

    /// The oldest part, where another full one comes after it.
    pub(super) fn to_seal(&self) -> Option<Arc<Part>> {
        self.parts.first().filter(|_| self.parts.len() >= 2).cloned()
    }

    /// The oldest part is a run now.
    pub(super) fn sealed(&mut self, run: Run) {
        self.runs.push(run);
        self.parts.remove(0);
    }

    /// Some runs are one now.
    pub(super) fn merged(&mut self, run: Run) {
        self.runs.replace(run);
    }
}

/// How a log ends.
enum Tail {
    Whole,
    /// In the middle of a record.
    Torn {
        n_bytes: u64,
    },
    /// With bytes that do not belong there.
    Changed {
        seq: i64,
    },
}

fn changed(seq: i64) -> LedgerError {
    LedgerError::Record { seq, what: "it was changed, or does not belong here".to_owned() }
}

impl Indexed {
    /// What is found of a record that begins at `offset`.
    pub(super) fn of(offset: u64, recorded_at_micros: i64, content: &Content) -> Self {
        let route = content.route.and_then(|route| u8::try_from(route).ok());
        let [decision, request] = Key::of_answer(content);
        Self {
            offset,
            recorded_at_micros,
            is_grounds: content.kind == Kind::Grounds,
            decided: route.zip(content.risk_score).filter(|_| content.kind == Kind::Decision),
            keys: [
                match content.kind {
                    Kind::Erasure => Some(Key::OF_ERASURES),
                    Kind::Model => Some(Key::OF_MODELS),
                    // It says nothing of the item that its decision does not, and any number of them may be written.
                    Kind::Repeat => None,
                    _ => content.item.map(Key::of_item),
                },
                decision,
                request,
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Bucket;
    use crate::ledger::Request;

    #[test]
    fn a_repeat_is_found_by_its_request_alone() {
        let of = |kind| {
            let request = Some(Request { id: "r1".to_owned(), digest: [9; 16] });
            let content = Content {
                item: Some(7),
                decision_id: Some([3; 16]),
                request,
                ..Content::new(kind, Bucket(5), Vec::new())
            };
            Indexed::of(16, 99, &content).keys
        };
        let request = Some(Key::of_request("r1"));
        assert_eq!(of(Kind::Decision), [Some(Key::of_item(7)), Some(Key::of_decision(&[3; 16])), request]);
        assert_eq!(of(Kind::Repeat), [None, None, request]);
    }
}

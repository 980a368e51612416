//! Some records one after the other, and how they are found: on disk, sorted by what they are about.
//!
//! ```text
//! "prrun" and version, 8 · length of the head, u32 · head
//! places in the log, u64 each · times, i64 · routes, u8 · scores, f64 · keys, sorted: hash u64 and place u32
//! check of all before, u64
//! ```

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

use super::index::Key;
use super::log::End;
use super::part::{Part, Wanted};
use super::record::Head;
use super::{LedgerError, secret};
use crate::history::Bucket;

/// A run of another version is made again: those of the first had repeats under the keys of their decisions.
const MAGIC: [u8; 8] = *b"prrun\x02\0\0";
/// Bytes of each column for a record: place in the log, time, route, score.
pub(super) const COLUMN_WIDTHS: [u64; 4] = [8, 8, 1, 8];
/// The columns, by their places there.
const OFFSETS: usize = 0;
const TIMES: usize = 1;
const ROUTES: usize = 2;
const SCORES: usize = 3;
/// Bytes of all columns for a record.
const COLUMN_BYTES: u64 = COLUMN_WIDTHS[OFFSETS] + COLUMN_WIDTHS[TIMES] + COLUMN_WIDTHS[ROUTES] + COLUMN_WIDTHS[SCORES];
/// Bytes of a key with the place of its record.
const ENTRY_BYTES: u64 = 12;
/// Keys that are read together around the place where one is looked for: a page of memory.
const READ_TOGETHER: u64 = 341;
/// Hashes lie evenly, so that by their order a place is guessed at once, or nearly. After as many guesses they do not, and
/// halves are taken.
const GUESSES: usize = 8;
/// Records whose routes and scores are read together.
const ROUTES_TOGETHER: u64 = 16_384;

/// A part on disk.
#[derive(Debug)]
pub(super) struct Run {
    path: PathBuf,
    file: File,
    meta: Meta,
    last_offset: u64,
    /// Where the columns begin.
    columns: u64,
}

/// The head of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Meta {
    pub(super) first_seq: i64,
    pub(super) n_records: u64,
    pub(super) n_keys: u64,
    pub(super) grounds: Vec<i64>,
    pub(super) end_offset: u64,
    pub(super) last_recorded_at_micros: i64,
    pub(super) last_bucket: u32,
    pub(super) last_digest: [u8; 32],
}

impl Meta {
    /// What a run begins with.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let head = postcard::to_stdvec(self).expect("numbers always encode");
        [&MAGIC[..], &(head.len() as u32).to_le_bytes(), &head].concat()
    }
}

impl Run {
    /// Writes a part into a directory.
    pub(super) fn write(dir: &Path, part: &Part) -> Result<Self, LedgerError> {
        let Head { recorded_at_micros, bucket, digest, .. } = part.end().head;
        let meta = Meta {
            first_seq: part.first_seq(),
            n_records: part.len() as u64,
            n_keys: part.entries.len() as u64,
            grounds: part.grounds().to_vec(),
            end_offset: part.end().offset,
            last_recorded_at_micros: recorded_at_micros,
            last_bucket: bucket.0,
            last_digest: digest,
        };
        let mut keys: Vec<_> = part.entries.iter().map(|(key, place, _)| (*key, *place)).collect();
        keys.sort_unstable();
        let mut bytes = meta.to_bytes();
        bytes.reserve(COLUMN_BYTES as usize * part.len() + ENTRY_BYTES as usize * keys.len() + 8);
        part.offsets.iter().for_each(|offset| bytes.extend_from_slice(&offset.to_le_bytes()));
        part.times.iter().for_each(|time| bytes.extend_from_slice(&time.to_le_bytes()));
        bytes.extend_from_slice(&part.routes);
        part.scores.iter().for_each(|score| bytes.extend_from_slice(&score.to_le_bytes()));
        keys.into_iter().for_each(|one| bytes.extend_from_slice(&entry_bytes(one)));
        let check = xxh3_64(&bytes);
        bytes.extend_from_slice(&check.to_le_bytes());
        fs::create_dir_all(dir).map_err(LedgerError::file("making", dir))?;
        let path = dir.join(format!("{:016}.run", meta.first_seq));
        let new = path.with_extension("new");
        secret::put(&path, &new, &bytes).map_err(LedgerError::file("writing", &path))?;
        Self::made(&path)
    }

    /// One that was written just now.
    pub(super) fn made(path: &Path) -> Result<Self, LedgerError> {
        let reading = LedgerError::file("reading", path);
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "it is not what was written");
        Self::open(path).and_then(|run| run.ok_or_else(damaged)).map_err(reading)
    }

    /// A file, read once as a whole; `None` where it is damaged, or of another form.
    ///
    /// # Errors
    /// [`io::Error`] where it can't be read.
    pub(super) fn open(path: &Path) -> io::Result<Option<Self>> {
        let mut file = File::open(path)?;
        let n_bytes = file.metadata()?.len();
        let (mut begin, mut head) = ([0; MAGIC.len() + 4], Vec::new());
        if n_bytes < (begin.len() + 8) as u64 {
            return Ok(None);
        }
        file.read_exact(&mut begin)?;
        let [.., a, b, c, d] = begin;
        let n_head = u32::from_le_bytes([a, b, c, d]);
        (&file).take(n_head.into()).read_to_end(&mut head)?;
        let Ok(meta) = postcard::from_bytes::<Meta>(&head) else { return Ok(None) };
        let columns = begin.len() as u64 + u64::from(n_head);
        let times = |n: u64, n_bytes: u64| u128::from(n) * u128::from(n_bytes);
        let n_expected =
            u128::from(columns + 8) + times(meta.n_records, COLUMN_BYTES) + times(meta.n_keys, ENTRY_BYTES);
        if !begin.starts_with(&MAGIC) || u128::from(n_bytes) != n_expected || meta.n_records == 0 {
            return Ok(None);
        }
        let mut check = Xxh3::new();
        check.update(&begin);
        check.update(&head);
        let mut left = n_bytes - 8 - columns;
        let mut some = vec![0; 1 << 18];
        while left > 0 {
            let n = some.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let some = some.get_mut(..n).unwrap_or_default();
            file.read_exact(some)?;
            check.update(some);
            left -= n as u64;
        }
        let mut stated = [0; 8];
        file.read_exact(&mut stated)?;
        if check.digest().to_le_bytes() != stated {
            return Ok(None);
        }
        let mut last_offset = [0; 8];
        file.read_exact_at(&mut last_offset, columns + (meta.n_records - 1) * 8)?;
        let last_offset = u64::from_le_bytes(last_offset);
        Ok(Some(Self { path: path.to_owned(), file, meta, last_offset, columns }))
    }

    /// The same file, which is there now.
    pub(super) fn moved_to(self, path: &Path) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn meta(&self) -> &Meta {
        &self.meta
    }

    pub(super) fn n_records(&self) -> u64 {
        self.meta.n_records
    }

    pub(super) fn first_seq(&self) -> i64 {
        self.meta.first_seq
    }

    /// Its last record.
    pub(super) fn end(&self) -> End {
        let Meta { first_seq, n_records, end_offset, last_recorded_at_micros, last_bucket, last_digest, .. } =
            self.meta;
        let head = Head {
            seq: first_seq + n_records.cast_signed() - 1,
            recorded_at_micros: last_recorded_at_micros,
            bucket: Bucket(last_bucket),
            digest: last_digest,
        };
        End { offset: end_offset, head }
    }

    /// Where its last record begins in the log.
    pub(super) fn last_offset(&self) -> u64 {
        self.last_offset
    }

    pub(super) fn grounds(&self) -> &[i64] {
        &self.meta.grounds
    }

    pub(super) fn offset_of(&self, seq: i64) -> Result<Option<u64>, LedgerError> {
        self.number_at(OFFSETS, seq).map(|found| found.map(u64::from_le_bytes))
    }

    pub(super) fn time_of(&self, seq: i64) -> Result<Option<i64>, LedgerError> {
        self.number_at(TIMES, seq).map(|found| found.map(i64::from_le_bytes))
    }

    fn number_at(&self, column: usize, seq: i64) -> Result<Option<[u8; 8]>, LedgerError> {
        let place = u64::try_from(seq - self.meta.first_seq).ok().filter(|place| *place < self.meta.n_records);
        let Some(place) = place else { return Ok(None) };
        let mut number = [0; 8];
        self.read_column(&mut number, column, place * 8)?;
        Ok(Some(number))
    }

    /// Number and place of each record with this key, newest first.
    pub(super) fn find(&self, Key(key): Key) -> Result<Vec<(i64, u64)>, LedgerError> {
        let mut found = Vec::new();
        let (mut at, mut entries) = self.first_at_least(key)?;
        loop {
            let n_same = entries.iter().take_while(|(one, _)| *one == key).count();
            for (_, place) in entries.iter().take(n_same) {
                let seq = self.meta.first_seq + i64::from(*place);
                found.extend(self.offset_of(seq)?.map(|offset| (seq, offset)));
            }
            at += entries.len() as u64;
            if n_same < entries.len() || at >= self.meta.n_keys {
                break;
            }
            entries = self.entries(at..at + READ_TOGETHER)?;
        }
        found.sort_unstable_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        Ok(found)
    }

    /// Place of the first key that is not before this one, with some keys from there on; the end and none where all are.
    fn first_at_least(&self, key: u64) -> Result<(u64, Vec<(u64, u32)>), LedgerError> {
        // Where it may be, and between which keys.
        let (mut places, mut keys) = (0..self.meta.n_keys, (0, u64::MAX));
        for n_guesses in 0.. {
            let n = places.end.saturating_sub(places.start);
            if n == 0 {
                break;
            }
            let part_before = if n_guesses < GUESSES {
                u128::from(key.saturating_sub(keys.0)) * u128::from(n)
                    / u128::from(keys.1.saturating_sub(keys.0)).max(1)
            } else {
                u128::from(n / 2)
            };
            let start = places.start + (part_before as u64).saturating_sub(READ_TOGETHER / 2).min(n - 1);
            let mut entries = self.entries(start..start + READ_TOGETHER)?;
            let (Some((first, _)), Some((last, _))) = (entries.first(), entries.last()) else { break };
            if *last < key {
                (places.start, keys.0) = (start + entries.len() as u64, *last);
            } else if *first >= key && start > places.start {
                (places.end, keys.1) = (start, *first);
            } else {
                let n_before = entries.partition_point(|(one, _)| *one < key);
                return Ok((start + n_before as u64, entries.split_off(n_before)));
            }
        }
        Ok((places.start, self.entries(places.start..places.start + READ_TOGETHER)?))
    }

    /// Some keys with the places of their records, by their order; fewer where it ends.
    pub(super) fn entries(&self, places: Range<u64>) -> Result<Vec<(u64, u32)>, LedgerError> {
        let n = places.end.min(self.meta.n_keys).saturating_sub(places.start) * ENTRY_BYTES;
        let mut bytes = vec![0; usize::try_from(n).unwrap_or(0)];
        let begin = self.columns + self.meta.n_records * COLUMN_BYTES;
        self.read_at(&mut bytes, begin + places.start * ENTRY_BYTES)?;
        Ok(bytes.chunks_exact(ENTRY_BYTES as usize).filter_map(entry).collect())
    }

    /// As [`Part::decisions`]; from the end on, as far as is needed.
    pub(super) fn decisions(&self, wanted: &Wanted, found: &mut Vec<i64>) -> Result<(), LedgerError> {
        let Meta { first_seq, n_records, .. } = self.meta;
        let Range { start: begin, mut end } = wanted.places(first_seq, n_records);
        while end > begin && found.len() < wanted.most {
            let start = end.saturating_sub(ROUTES_TOGETHER).max(begin);
            let n = usize::try_from(end - start).unwrap_or(0);
            let (mut routes, mut scores) = (vec![0; n], vec![0; n * 8]);
            self.read_column(&mut routes, ROUTES, start)?;
            self.read_column(&mut scores, SCORES, start * 8)?;
            let scores = scores.chunks_exact(8).filter_map(|bytes| Some(f64::from_le_bytes(bytes.try_into().ok()?)));
            wanted.find(first_seq + start.cast_signed(), &routes, &scores.collect::<Vec<_>>(), found);
            end = start;
        }
        Ok(())
    }

    /// Bytes of a column, by its place in [`COLUMN_WIDTHS`], from one of its bytes on.
    pub(super) fn read_column(&self, bytes: &mut [u8], column: usize, from: u64) -> Result<(), LedgerError> {
        let before: u64 = COLUMN_WIDTHS.iter().take(column).sum();
        self.read_at(bytes, self.columns + self.meta.n_records * before + from)
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<(), LedgerError> {
        self.file.read_exact_at(bytes, offset).map_err(LedgerError::file("reading", &self.path))
    }
}

fn entry(bytes: &[u8]) -> Option<(u64, u32)> {
    let (key, place) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*key), u32::from_le_bytes(place.try_into().ok()?)))
}

/// A key with the place of its record, as it is written.
pub(super) fn entry_bytes((key, place): (u64, u32)) -> [u8; ENTRY_BYTES as usize] {
    let mut bytes = [0; ENTRY_BYTES as usize];
    let (one, two) = bytes.split_at_mut(8);
    one.copy_from_slice(&key.to_le_bytes());
    two.copy_from_slice(&place.to_le_bytes());
    bytes
}

//! Some records one after the other, and how they are found: on disk, sorted by what they are about.
//!
//! ```text
//! "prrun" and version, 8 · length of the head, u32 · head
//! places in the log, u64 each · times, i64 · routes, u8 · scores, f64 · keys, sorted: hash u64 and place u32
//! check of all before, u64
//! ```

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::index::Key;
use super::log::End;
use super::part::{Part, routed};
use super::record::Head;
use super::{LedgerError, secret};
use crate::history::Bucket;

/// A run of another version is made again: those of the first had repeats under the keys of their decisions.
const MAGIC: [u8; 8] = *b"prrun\x02\0\0";
/// Bytes of a key with the place of its record.
const ENTRY_BYTES: u64 = 12;
/// Keys that are read together around the place where one is looked for. Hashes lie evenly, so that it is nearly always
/// among them.
const READ_TOGETHER: u64 = 1024;

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

#[derive(Debug, Serialize, Deserialize)]
struct Meta {
    first_seq: i64,
    n_records: u64,
    n_keys: u64,
    grounds: Vec<i64>,
    end_offset: u64,
    last_recorded_at_micros: i64,
    last_bucket: u32,
    last_digest: [u8; 32],
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
        let head = postcard::to_stdvec(&meta).expect("numbers always encode");
        let mut keys: Vec<_> = part.entries.iter().map(|(key, place, _)| (*key, *place)).collect();
        keys.sort_unstable();
        let mut bytes = Vec::with_capacity(head.len() + 25 * part.len() + 12 * keys.len() + 64);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&(head.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&head);
        part.offsets.iter().for_each(|offset| bytes.extend_from_slice(&offset.to_le_bytes()));
        part.times.iter().for_each(|time| bytes.extend_from_slice(&time.to_le_bytes()));
        bytes.extend_from_slice(&part.routes);
        part.scores.iter().for_each(|score| bytes.extend_from_slice(&score.to_le_bytes()));
        for (key, place) in keys {
            bytes.extend_from_slice(&key.to_le_bytes());
            bytes.extend_from_slice(&place.to_le_bytes());
        }
        let check = xxh3_64(&bytes);
        bytes.extend_from_slice(&check.to_le_bytes());
        fs::create_dir_all(dir).map_err(LedgerError::file("making", dir))?;
        let path = dir.join(format!("{:016}.run", meta.first_seq));
        let new = path.with_extension("new");
        secret::put(&path, &new, &bytes).map_err(LedgerError::file("writing", &path))?;
        Self::of(&path, &bytes).ok_or_else(|| damaged(&path))
    }

    /// All runs of a directory that belong together, from the first record on; what is damaged or missing ends them.
    pub(super) fn load_all(dir: &Path) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
        let mut paths: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "run"));
        paths.sort();
        let mut runs: Vec<Self> = Vec::new();
        for path in paths {
            let next = runs.last().map_or(1, |run| run.end().head.seq + 1);
            let run = fs::read(&path).ok().and_then(|bytes| Self::of(&path, &bytes));
            let Some(run) = run.filter(|run| run.meta.first_seq == next) else { break };
            runs.push(run);
        }
        runs
    }

    fn of(path: &Path, bytes: &[u8]) -> Option<Self> {
        let (all, check) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
        if xxh3_64(all).to_le_bytes() != *check {
            return None;
        }
        let rest = all.strip_prefix(&MAGIC)?;
        let (n_head, rest) = rest.split_first_chunk::<4>()?;
        let n_head = usize::try_from(u32::from_le_bytes(*n_head)).ok()?;
        let (meta, rest) =
            postcard::take_from_bytes::<Meta>(rest.get(..n_head)?).map(|(meta, _)| (meta, rest.get(n_head..))).ok()?;
        let rest = rest?;
        if rest.len() as u64 != meta.n_records * 25 + meta.n_keys * ENTRY_BYTES || meta.n_records == 0 {
            return None;
        }
        let last = usize::try_from(meta.n_records - 1).ok()? * 8;
        let last_offset = u64::from_le_bytes(rest.get(last..last + 8)?.try_into().ok()?);
        let columns = (MAGIC.len() + 4 + n_head) as u64;
        Some(Self { path: path.to_owned(), file: File::open(path).ok()?, meta, last_offset, columns })
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
        self.number_at(0, seq).map(|found| found.map(u64::from_le_bytes))
    }

    pub(super) fn time_of(&self, seq: i64) -> Result<Option<i64>, LedgerError> {
        self.number_at(self.meta.n_records * 8, seq).map(|found| found.map(i64::from_le_bytes))
    }

    fn number_at(&self, column: u64, seq: i64) -> Result<Option<[u8; 8]>, LedgerError> {
        let place = u64::try_from(seq - self.meta.first_seq).ok().filter(|place| *place < self.meta.n_records);
        let Some(place) = place else { return Ok(None) };
        let mut number = [0; 8];
        self.read_at(&mut number, self.columns + column + place * 8)?;
        Ok(Some(number))
    }

    /// Number and place of each record with this key, newest first.
    pub(super) fn find(&self, Key(key): Key) -> Result<Vec<(i64, u64)>, LedgerError> {
        let (n_keys, n_records) = (self.meta.n_keys, self.meta.n_records);
        let keys = self.columns + n_records * 25;
        let expected = ((u128::from(key) * u128::from(n_keys)) >> 64) as u64;
        let mut width = READ_TOGETHER;
        let entries = loop {
            let start = expected.saturating_sub(width / 2);
            let end = (start + width).min(n_keys);
            let mut bytes = vec![0; usize::try_from((end - start) * ENTRY_BYTES).unwrap_or(0)];
            self.read_at(&mut bytes, keys + start * ENTRY_BYTES)?;
            let entries: Vec<(u64, u32)> = bytes.chunks_exact(ENTRY_BYTES as usize).filter_map(entry).collect();
            let is_before = start == 0 || entries.first().is_some_and(|(first, _)| *first < key);
            let is_after = end == n_keys || entries.last().is_some_and(|(last, _)| *last > key);
            if is_before && is_after {
                break entries;
            }
            width *= 8;
        };
        let mut found = Vec::new();
        let from = entries.partition_point(|(one, _)| *one < key);
        for (_, place) in entries.iter().skip(from).take_while(|(one, _)| *one == key) {
            let seq = self.meta.first_seq + i64::from(*place);
            found.extend(self.offset_of(seq)?.map(|offset| (seq, offset)));
        }
        found.sort_unstable_by_key(|(seq, _)| std::cmp::Reverse(*seq));
        Ok(found)
    }

    /// As [`Part::routed`].
    pub(super) fn routed(
        &self,
        route: u8,
        since: i64,
        before: i64,
        most: usize,
        found: &mut Vec<(i64, f64)>,
    ) -> Result<(), LedgerError> {
        let n = usize::try_from(self.meta.n_records).unwrap_or(0);
        let mut bytes = vec![0; n * 9];
        self.read_at(&mut bytes, self.columns + self.meta.n_records * 16)?;
        let (routes, scores) = bytes.split_at_checked(n).unwrap_or_default();
        let scores: Vec<f64> =
            scores.chunks_exact(8).filter_map(|bytes| Some(f64::from_le_bytes(bytes.try_into().ok()?))).collect();
        routed(self.meta.first_seq, routes, &scores, (route, since, before, most), found);
        Ok(())
    }

    fn read_at(&self, bytes: &mut [u8], offset: u64) -> Result<(), LedgerError> {
        self.file.read_exact_at(bytes, offset).map_err(LedgerError::file("reading", &self.path))
    }
}

fn entry(bytes: &[u8]) -> Option<(u64, u32)> {
    let (key, place) = bytes.split_first_chunk::<8>()?;
    Some((u64::from_le_bytes(*key), u32::from_le_bytes(place.try_into().ok()?)))
}

fn damaged(path: &Path) -> LedgerError {
    let source = std::io::Error::new(std::io::ErrorKind::InvalidData, "it is not what was written");
    LedgerError::file("reading", path)(source)
}

//! A history as bytes: sorted, checked on reading, equal for equal histories.

use std::io::{Read as _, Write as _};
use std::sync::PoisonError;

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};

use super::{Bucket, BucketWidth, Decay, DueOutcome, EntityKey, Entry, History, Replay};

/// Everything a history holds, with the outcomes that were still to come.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// How counts age.
    pub decay: Decay,
    /// Entries in order of their keys.
    pub entries: Vec<(EntityKey, Entry)>,
    /// Outcomes still to come, earliest first.
    pub due: Vec<DueOutcome>,
}

/// Why bytes are no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// Another kind of file, or a version that this release does not read.
    #[error("not a history of format {MAGIC:?}")]
    Format,
    /// The bytes end early or do not decode.
    #[error("the history is truncated or damaged")]
    Damaged,
    /// It decodes to something that no fold makes.
    #[error("the history is inconsistent: {0}")]
    Inconsistent(&'static str),
}

const MAGIC: &str = "PRHIST01";
/// Bound on what is inflated, against a file that grows without end.
const MAX_INFLATED_BYTES: u64 = 4 << 30;

/// Column by column: keys as differences, so that like stands beside like and packs well.
#[derive(Serialize, Deserialize)]
struct Columns {
    width: BucketWidth,
    half_life_days: f64,
    key_steps: Vec<u64>,
    closed_until: Vec<u32>,
    closed: [Vec<f32>; 3],
    pending_in: Vec<u32>,
    pending: [Vec<u32>; 3],
    due_at: Vec<u32>,
    due_infringement: Vec<bool>,
    due_keys: Vec<Vec<u64>>,
}

impl Snapshot {
    /// Takes all of a history.
    pub fn of(history: &History, due: Vec<DueOutcome>) -> Self {
        let mut entries: Vec<_> = Vec::with_capacity(history.n_entities());
        for shard in &history.shards {
            let shard = shard.read().unwrap_or_else(PoisonError::into_inner);
            entries.extend(shard.iter().map(|(key, entry)| (*key, *entry)));
        }
        entries.sort_unstable_by_key(|(key, _)| *key);
        Self { decay: history.decay, entries, due }
    }

    /// The history it was taken of, without the outcomes still to come.
    pub fn to_history(&self) -> History {
        let history = History::empty(self.decay);
        for (key, entry) in &self.entries {
            let mut shard = history.shard(*key).write().unwrap_or_else(PoisonError::into_inner);
            shard.insert(*key, *entry);
        }
        history
    }

    /// The history once everything that was still to come has come in: what a server starts from.
    pub fn settled(&self) -> History {
        let mut replay = Replay::from(self.to_history(), self.due.clone());
        replay.advance(Bucket(u32::MAX));
        replay.finish().0
    }

    /// Packs it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut previous = 0;
        let key_steps = self.entries.iter().map(|(key, _)| {
            let step = key.0.wrapping_sub(previous);
            previous = key.0;
            step
        });
        let columns = Columns {
            width: self.decay.width,
            half_life_days: self.decay.half_life_days,
            key_steps: key_steps.collect(),
            closed_until: self.entries.iter().map(|(_, entry)| entry.closed_until.0).collect(),
            closed: [0, 1, 2].map(|idx| self.entries.iter().map(|(_, entry)| entry.closed[idx]).collect()),
            pending_in: self.entries.iter().map(|(_, entry)| entry.pending_in.0).collect(),
            pending: [0, 1, 2].map(|idx| self.entries.iter().map(|(_, entry)| entry.pending[idx]).collect()),
            due_at: self.due.iter().map(|due| due.at.0).collect(),
            due_infringement: self.due.iter().map(|due| due.infringement).collect(),
            due_keys: self.due.iter().map(|due| due.keys.iter().map(|key| key.0).collect()).collect(),
        };
        let plain = postcard::to_stdvec(&columns).expect("plain columns always encode");
        let mut packed = DeflateEncoder::new(MAGIC.as_bytes().to_vec(), Compression::new(6));
        packed.write_all(&plain).expect("writing to memory does not fail");
        packed.finish().expect("writing to memory does not fail")
    }

    /// Unpacks and checks it.
    ///
    /// # Errors
    /// [`SnapshotError`]: another format, damaged, or holding what no fold makes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let packed = bytes.strip_prefix(MAGIC.as_bytes()).ok_or(SnapshotError::Format)?;
        let mut plain = Vec::new();
        let mut inflated = DeflateDecoder::new(packed).take(MAX_INFLATED_BYTES);
        inflated.read_to_end(&mut plain).map_err(|_| SnapshotError::Damaged)?;
        if inflated.into_inner().total_in() != packed.len() as u64 {
            return Err(SnapshotError::Damaged);
        }
        let (columns, rest) = postcard::take_from_bytes::<Columns>(&plain).map_err(|_| SnapshotError::Damaged)?;
        if !rest.is_empty() {
            return Err(SnapshotError::Damaged);
        }
        columns.check()
    }
}

impl Columns {
    fn check(self) -> Result<Snapshot, SnapshotError> {
        use SnapshotError::Inconsistent;
        let decay = Decay { width: self.width, half_life_days: self.half_life_days };
        if !(decay.half_life_days.is_finite() && decay.half_life_days > 0.0) {
            return Err(Inconsistent("a half-life that is not positive"));
        }
        let n = self.key_steps.len();
        let same_length = self.closed_until.len() == n
            && self.pending_in.len() == n
            && self.closed.iter().all(|column| column.len() == n)
            && self.pending.iter().all(|column| column.len() == n);
        let n_due = self.due_at.len();
        if !same_length || self.due_infringement.len() != n_due || self.due_keys.len() != n_due {
            return Err(Inconsistent("columns of different lengths"));
        }
        if self.closed.iter().flatten().any(|count| !count.is_finite() || *count < 0.0) {
            return Err(Inconsistent("a count that is no count"));
        }
        let mut entries = Vec::with_capacity(n);
        let mut key = 0_u64;
        for idx in 0..n {
            let step = self.key_steps[idx];
            key = match key.checked_add(step) {
                Some(next) if step > 0 || idx == 0 => next,
                _ => return Err(Inconsistent("keys out of order")),
            };
            let entry = Entry {
                closed_until: Bucket(self.closed_until[idx]),
                closed: [0, 1, 2].map(|column: usize| self.closed[column][idx]),
                pending_in: Bucket(self.pending_in[idx]),
                pending: [0, 1, 2].map(|column: usize| self.pending[column][idx]),
            };
            if entry.closed_until > entry.pending_in {
                return Err(Inconsistent("closed later than pending"));
            }
            entries.push((EntityKey(key), entry));
        }
        let due = self.due_at.into_iter().zip(self.due_infringement).zip(self.due_keys);
        let due = due
            .map(|((at, infringement), keys)| DueOutcome {
                at: Bucket(at),
                infringement,
                keys: keys.into_iter().map(EntityKey).collect(),
            })
            .collect();
        Ok(Snapshot { decay, entries, due })
    }
}

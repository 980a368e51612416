//! A history as bytes: sorted, checked on reading, equal for equal histories.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};

use super::columns::{ActivityColumns, CountColumns, NormColumns};
use super::shards::Change as _;
use super::{Activity, Bucket, BucketWidth, Decay, DueOutcome, EntityKey, Entry, History, HistoryView, Norm, Replay};

/// Everything a history holds, with the outcomes that were still to come.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// How counts age.
    pub decay: Decay,
    /// Counts in order of their keys.
    pub entries: Vec<(EntityKey, Entry)>,
    /// Activity in order of its keys.
    pub activity: Vec<(EntityKey, Activity)>,
    /// What is usual, in order of its keys.
    pub norms: Vec<(EntityKey, Norm)>,
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

const MAGIC: &str = "PRHIST02";
/// Bound on what is inflated, against a file that grows without end.
const MAX_INFLATED_BYTES: u64 = 4 << 30;

/// Column by column: keys as differences, so that like stands beside like and packs well.
#[derive(Serialize, Deserialize)]
struct Columns {
    width: BucketWidth,
    half_life_days: f64,
    counts: CountColumns,
    activity: ActivityColumns,
    norms: NormColumns,
    due_at: Vec<u32>,
    due_infringement: Vec<bool>,
    due_keys: Vec<Vec<u64>>,
}

impl Snapshot {
    /// Takes all of a history. Nothing may be folded meanwhile.
    pub fn of(history: &History, due: Vec<DueOutcome>) -> Self {
        history.settle();
        let HistoryView { shards, decay } = history.view();
        Self {
            decay,
            entries: shards.sorted(|shard| &shard.entries),
            activity: shards.sorted(|shard| &shard.activity),
            norms: shards.sorted(|shard| &shard.norms),
            due,
        }
    }

    /// The history it was taken of, without the outcomes still to come.
    pub fn to_history(&self) -> History {
        let mut history = History::empty(self.decay);
        let shards = &mut history.shards;
        shards.reserve(self.entries.len(), self.activity.len(), self.norms.len());
        for &(key, entry) in &self.entries {
            shards.change(key, |shard| _ = shard.entries.insert(key, entry));
        }
        for &(key, entity) in &self.activity {
            shards.change(key, |shard| _ = shard.activity.insert(key, entity));
        }
        for &(key, norm) in &self.norms {
            shards.change(key, |shard| _ = shard.norms.insert(key, norm));
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
        let columns = Columns {
            width: self.decay.width,
            half_life_days: self.decay.half_life_days,
            counts: CountColumns::of(&self.entries),
            activity: ActivityColumns::of(&self.activity),
            norms: NormColumns::of(&self.norms),
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
        let n_due = self.due_at.len();
        if self.due_infringement.len() != n_due || self.due_keys.len() != n_due {
            return Err(Inconsistent("columns of different lengths"));
        }
        let due = self.due_at.into_iter().zip(self.due_infringement).zip(self.due_keys);
        let due = due
            .map(|((at, infringement), keys)| DueOutcome {
                at: Bucket(at),
                infringement,
                keys: keys.into_iter().map(EntityKey).collect(),
            })
            .collect();
        let (entries, activity, norms) = (self.counts.check()?, self.activity.check()?, self.norms.check()?);
        Ok(Snapshot { decay, entries, activity, norms, due })
    }
}

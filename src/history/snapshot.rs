//! A history as bytes: checked on reading, and equal for equal histories.

use bytes::{Buf as _, BufMut as _, Bytes};

use SnapshotError::{Damaged, Inconsistent};

use super::due::DueColumns;
use super::shards::{KeySet, Shards};
use super::table::{Slabs, Table};
use super::{
    Activity, BucketWidth, Decay, DueOutcome, EntityKey, Entry, Event, History, HistoryView, Norm, Sequence, Workers,
};

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

/// A history as it was read.
#[derive(Debug)]
pub struct Stored {
    settled: History,
    /// What [`Stored::unsettled`] reads.
    before: Bytes,
}

/// Rows as they lie in memory, shard by shard, each kind and each form of it in order of the keys: of the history once all that
/// was still to come has come in. After them the counts that this changes, as they were, and what was still to come.
const MAGIC: &str = "PRHIST04";

impl Snapshot {
    /// Takes all of a history. Nothing may be folded meanwhile.
    pub fn of(history: &History, due: Vec<DueOutcome>) -> Self {
        history.catch_up();
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
        let shards = Shards::of_rows(&self.entries, &self.activity, &self.norms);
        History { shards, ..History::empty(self.decay) }
    }

    /// The history once everything that was still to come has come in: what a server starts from.
    pub fn settled(&self) -> History {
        self.to_history().settled(&self.due)
    }

    /// As [`History::into_bytes`].
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_history().into_bytes(&self.due)
    }

    /// Reads and checks what [`Snapshot::to_bytes`] made.
    ///
    /// # Errors
    /// [`SnapshotError`]: another format, damaged, or holding what no fold makes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let (history, due) = Stored::read_settled(Bytes::copy_from_slice(bytes))?.unsettled()?;
        Ok(Self::of(&history, due))
    }
}

impl Stored {
    /// Reads and checks what [`History::into_bytes`] or [`History::to_bytes`] made. What does not change stays where it lies in
    /// `bytes`: reading takes neither room nor time for it, and keeps all of them.
    ///
    /// # Errors
    /// [`SnapshotError`]: another format, damaged, or holding what no fold makes.
    pub fn read(bytes: Bytes) -> Result<Self, SnapshotError> {
        let stored = Self::read_settled(bytes)?;
        stored.before()?;
        Ok(stored)
    }

    /// As [`Stored::read`], without a look at what only [`Stored::unsettled`] has a use for: where that is read next, or was
    /// before.
    ///
    /// # Errors
    /// As there.
    pub fn read_settled(mut bytes: Bytes) -> Result<Self, SnapshotError> {
        if !bytes.starts_with(MAGIC.as_bytes()) {
            return Err(SnapshotError::Format);
        }
        bytes.advance(MAGIC.len());
        let width = BucketWidth::from_seconds(bytes.try_get_u32_le().map_err(|_| Damaged)?).ok_or(Damaged)?;
        let half_life_days = bytes.try_get_f64_le().map_err(|_| Damaged)?;
        let decay = decay(width, half_life_days)?;
        let shards = Shards::take(&mut bytes)?;
        Ok(Self { settled: History { shards, ..History::empty(decay) }, before: bytes })
    }

    /// The history once everything that was still to come has come in: what a server starts from.
    pub fn settled(self) -> History {
        self.settled
    }

    /// The history as it was, and the outcomes that were still to come.
    ///
    /// # Errors
    /// [`SnapshotError`]: damaged, or holding what no fold makes.
    pub fn unsettled(self) -> Result<(History, Vec<DueOutcome>), SnapshotError> {
        let (counts, due) = self.before()?;
        let mut history = self.settled;
        history.shards.put_back(&keys_of(&due), &counts);
        Ok((history, due))
    }

    /// The counts that settling changed, as they were, and the outcomes that were still to come.
    fn before(&self) -> Result<(Table<Entry>, Vec<DueOutcome>), SnapshotError> {
        let mut bytes = self.before.clone();
        let counts = Slabs::<Entry>::take(&mut bytes)?.indexed(|_| true)?;
        let Ok((due, [])) = postcard::take_from_bytes::<DueColumns>(&bytes) else { return Err(Damaged) };
        Ok((counts, due.check()?))
    }
}

impl History {
    /// All of it, where nothing is still to come. Nothing may be folded meanwhile.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.catch_up();
        self.bytes_with(&Table::default(), &[])
    }

    /// All of it, and the outcomes that are still to come.
    pub fn into_bytes(self, due: &[DueOutcome]) -> Vec<u8> {
        self.catch_up();
        let before = self.shards.read().counts_of(keys_of(due));
        self.settled(due).bytes_with(&before, due)
    }

    /// * `before`: counts as they were before what was `due` had come in.
    fn bytes_with(&self, before: &Table<Entry>, due: &[DueOutcome]) -> Vec<u8> {
        let mut bytes = MAGIC.as_bytes().to_vec();
        bytes.put_u32_le(self.decay.width.into());
        bytes.put_f64_le(self.decay.half_life_days);
        self.shards.read().write(&mut bytes);
        before.write(&mut bytes);
        postcard::to_extend(&DueColumns::of(due), bytes).expect("plain columns always encode")
    }

    /// The same, with nothing left where it was read from.
    #[must_use]
    pub fn owned(mut self) -> Self {
        self.shards.own_all();
        self
    }

    /// The history once all that was still to come has come in.
    #[must_use]
    pub fn settled(self, due: &[DueOutcome]) -> Self {
        let mut due: Vec<_> = due.iter().collect();
        due.sort_by_key(|outcome| outcome.at);
        let mut sequence = Sequence::of(Workers::All);
        for &DueOutcome { at, infringement, ref keys } in due {
            self.fold_in_turn(&Event::Outcome { at, keys, infringement }, &mut sequence);
        }
        self.fold_sequence(&mut sequence);
        self
    }
}

fn keys_of(due: &[DueOutcome]) -> KeySet {
    due.iter().flat_map(|due| due.keys.iter().copied()).collect()
}

fn decay(width: BucketWidth, half_life_days: f64) -> Result<Decay, SnapshotError> {
    if half_life_days.is_finite() && half_life_days > 0.0 {
        Ok(Decay { width, half_life_days })
    } else {
        Err(Inconsistent("a half-life that is not positive"))
    }
}

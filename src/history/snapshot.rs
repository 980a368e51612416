//! A history as bytes: sorted, checked on reading, equal for equal histories.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};

use SnapshotError::{Damaged, Inconsistent};

use super::columns::{ActivityColumns, CountColumns, NormColumns};
use super::due::DueColumns;
use super::inflate::inflated;
use super::plain::{self, PlainRows, take_u64};
use super::rows::{self, Rows};
use super::shards::Shards;
use super::{Activity, BucketWidth, Decay, DueOutcome, EntityKey, Entry, History, HistoryView, Norm};

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
    #[error("not a history of format {PACKED:?}")]
    Format,
    /// The bytes end early or do not decode.
    #[error("the history is truncated or damaged")]
    Damaged,
    /// It decodes to something that no fold makes.
    #[error("the history is inconsistent: {0}")]
    Inconsistent(&'static str),
}

/// Columns, deflated: what travels with a model.
const PACKED: &str = "PRHIST02";
/// Rows as they are: what a server writes when it ends and reads when it starts.
const PLAIN: &str = "PRHIST03";

/// Column by column: keys as differences, so that like stands beside like and packs well.
#[derive(Serialize, Deserialize)]
struct Columns {
    width: BucketWidth,
    half_life_days: f64,
    counts: CountColumns,
    activity: ActivityColumns,
    norms: NormColumns,
    due: DueColumns,
}

/// What bytes hold, with the rows where they lie.
struct Read<C, A, N> {
    decay: Decay,
    counts: C,
    activity: A,
    norms: N,
    due: Vec<DueOutcome>,
}

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

    /// Packs it.
    pub fn to_bytes(&self) -> Vec<u8> {
        let columns = Columns {
            width: self.decay.width,
            half_life_days: self.decay.half_life_days,
            counts: CountColumns::of(&self.entries),
            activity: ActivityColumns::of(&self.activity),
            norms: NormColumns::of(&self.norms),
            due: DueColumns::of(&self.due),
        };
        let plain = postcard::to_stdvec(&columns).expect("plain columns always encode");
        drop(columns);
        let mut packed = DeflateEncoder::new(PACKED.as_bytes().to_vec(), Compression::new(6));
        packed.write_all(&plain).expect("writing to memory does not fail");
        packed.finish().expect("writing to memory does not fail")
    }

    /// As rows of one length: larger than packed, and written and read in a fraction of the time.
    pub fn to_plain_bytes(&self) -> Vec<u8> {
        let mut bytes = PLAIN.as_bytes().to_vec();
        bytes.extend_from_slice(&u64::from(u32::from(self.decay.width)).to_le_bytes());
        bytes.extend_from_slice(&self.decay.half_life_days.to_bits().to_le_bytes());
        plain::write(&self.entries, &mut bytes);
        plain::write(&self.activity, &mut bytes);
        plain::write(&self.norms, &mut bytes);
        postcard::to_extend(&DueColumns::of(&self.due), bytes).expect("plain columns always encode")
    }

    /// Reads and checks what [`Snapshot::to_bytes`] or [`Snapshot::to_plain_bytes`] made.
    ///
    /// # Errors
    /// [`SnapshotError`]: another format, damaged, or holding what no fold makes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SnapshotError> {
        match bytes.strip_prefix(PLAIN.as_bytes()) {
            Some(plain) => read_plain(plain)?.snapshot(),
            None => read_packed(bytes.strip_prefix(PACKED.as_bytes()).ok_or(SnapshotError::Format)?)?.snapshot(),
        }
    }
}

impl History {
    /// The history that [`Snapshot::from_bytes`] would give, without a snapshot on the way, and the outcomes still to come.
    ///
    /// # Errors
    /// As there.
    pub fn from_bytes(bytes: &[u8]) -> Result<(Self, Vec<DueOutcome>), SnapshotError> {
        match bytes.strip_prefix(PLAIN.as_bytes()) {
            Some(plain) => read_plain(plain)?.history(),
            None => read_packed(bytes.strip_prefix(PACKED.as_bytes()).ok_or(SnapshotError::Format)?)?.history(),
        }
    }

    /// The history once all that was still to come has come in.
    #[must_use]
    pub fn settled(mut self, due: &[DueOutcome]) -> Self {
        let mut due: Vec<_> = due.iter().collect();
        due.sort_by_key(|outcome| outcome.at);
        self.shards.add_outcomes(&due, &self.decay);
        self
    }
}

impl<C: Rows<Entry>, A: Rows<Activity>, N: Rows<Norm>> Read<C, A, N> {
    fn snapshot(self) -> Result<Snapshot, SnapshotError> {
        let Self { decay, counts, activity, norms, due } = self;
        Ok(Snapshot {
            decay,
            entries: rows::all(&counts)?,
            activity: rows::all(&activity)?,
            norms: rows::all(&norms)?,
            due,
        })
    }

    fn history(self) -> Result<(History, Vec<DueOutcome>), SnapshotError> {
        let Self { decay, counts, activity, norms, due } = self;
        rows::check(&counts)?;
        rows::check(&activity)?;
        rows::check(&norms)?;
        Ok((History { shards: Shards::of_rows(&counts, &activity, &norms), ..History::empty(decay) }, due))
    }
}

fn read_packed(packed: &[u8]) -> Result<Read<impl Rows<Entry>, impl Rows<Activity>, impl Rows<Norm>>, SnapshotError> {
    let Columns { width, half_life_days, counts, activity, norms, due } = inflated(packed)?;
    let (decay, due) = (decay(width, half_life_days)?, due.check()?);
    Ok(Read { decay, counts: counts.check()?, activity: activity.check()?, norms: norms.check()?, due })
}

fn read_plain(mut bytes: &[u8]) -> Result<Read<impl Rows<Entry>, impl Rows<Activity>, impl Rows<Norm>>, SnapshotError> {
    let seconds = u32::try_from(take_u64(&mut bytes)?).ok().and_then(BucketWidth::from_seconds);
    let half_life_days = f64::from_bits(take_u64(&mut bytes)?);
    let decay = decay(seconds.ok_or(Damaged)?, half_life_days)?;
    let (counts, activity, norms) =
        (PlainRows::take(&mut bytes)?, PlainRows::take(&mut bytes)?, PlainRows::take(&mut bytes)?);
    Ok(Read { decay, counts, activity, norms, due: whole::<DueColumns>(bytes)?.check()? })
}

/// What `bytes` are, to the last of them.
fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, SnapshotError> {
    match postcard::take_from_bytes(bytes) {
        Ok((all, [])) => Ok(all),
        _ => Err(Damaged),
    }
}

fn decay(width: BucketWidth, half_life_days: f64) -> Result<Decay, SnapshotError> {
    if half_life_days.is_finite() && half_life_days > 0.0 {
        Ok(Decay { width, half_life_days })
    } else {
        Err(Inconsistent("a half-life that is not positive"))
    }
}

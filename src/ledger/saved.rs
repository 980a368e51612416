//! History as it stood at a record, beside the ledger: a restart reads that, and the records after it.
//!
//! It can be thrown away. One that is damaged, or that is of another ledger or of other grounds, is left aside, and the
//! ledger is folded from its beginning.

use std::borrow::Cow;
use std::fs;
use std::path::Path;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::config::beside;
use super::grounds::Grounds;
use super::record::{Digest, Head};
use super::{LedgerError, Reader, secret};
use crate::history::{History, Stored};
use crate::policy::Flow;

const MAGIC: [u8; 8] = *b"prlive\x02\0";

/// What the file ends with until it is whole, where decisions wait for it.
pub(super) const AT_REST: &str = ".history.new";
/// The same where calls go on, which may end at the same time.
pub(super) const BESIDE_CALLS: &str = ".history.beside";

/// Takes away what whoever was killed over it had written: it may be as large as all else, on a disk that is full.
pub(super) fn take_away_unfinished(ledger: &Path) {
    for new in [AT_REST, BESIDE_CALLS] {
        let _ = fs::remove_file(beside(ledger, new));
    }
}

/// What a server knew when the record `seq` was the last.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved<'a> {
    seq: i64,
    digest: Digest,
    /// The grounds that it stood on, as JSON.
    #[serde(with = "serde_bytes")]
    grounds: Vec<u8>,
    /// Items that were advised, in order.
    items: Vec<u64>,
    #[serde(with = "serde_bytes")]
    flow: Vec<u8>,
    /// Where it is read it stays where it lies: it may be larger than all else that a server holds.
    #[serde(borrow, with = "serde_bytes")]
    history: Cow<'a, [u8]>,
}

/// What was saved, read again.
pub(super) struct Restored {
    pub(super) seq: i64,
    pub(super) items: Vec<u64>,
    pub(super) history: History,
    flow: Vec<u8>,
}

/// What grounds must have alike for the same records to give the same history, and the same flow.
fn of_history(grounds: &Grounds) -> impl PartialEq + '_ {
    let Grounds { model_digest, feature_spec_digest, genesis_until, bucket_seconds, history_max_entities, .. } =
        grounds;
    (model_digest, feature_spec_digest, genesis_until, bucket_seconds, history_max_entities)
}

impl<'a> Saved<'a> {
    pub(super) fn of(head: &Head, grounds: &Grounds, mut items: Vec<u64>, flow: &Flow, history: &History) -> Self {
        items.sort_unstable();
        Self {
            seq: head.seq,
            digest: head.digest,
            grounds: serde_json::to_vec(grounds).expect("texts and finite numbers always encode"),
            items,
            flow: flow.to_bytes(),
            history: Cow::Owned(history.to_bytes()),
        }
    }

    /// Writes it, in the place of an earlier one.
    ///
    /// * `new`: what the file ends with until it is whole.
    pub(super) fn write(&self, ledger: &Path, new: &str) -> Result<(), LedgerError> {
        let (path, new) = (beside(ledger, ".history"), beside(ledger, new));
        let n_bytes = self.history.len() + self.flow.len() + self.grounds.len() + 10 * self.items.len() + 64;
        let mut bytes = Vec::with_capacity(n_bytes);
        bytes.extend_from_slice(&MAGIC);
        bytes = postcard::to_extend(self, bytes).expect("numbers and bytes always encode");
        let check = xxh3_64(&bytes);
        bytes.extend_from_slice(&check.to_le_bytes());
        secret::put_on_disk(&path, &new, &bytes).map_err(LedgerError::file("writing", path))
    }

    fn read(bytes: &'a [u8], reader: &Reader, grounds: &Grounds) -> Option<Self> {
        let (all, check) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
        if xxh3_64(all).to_le_bytes() != *check {
            return None;
        }
        let (saved, rest) = postcard::take_from_bytes::<Self>(all.strip_prefix(&MAGIC)?).ok()?;
        let of = Grounds::from_body(&saved.grounds).ok()?;
        let is_of_ledger = reader.record(saved.seq).ok()??.digest == saved.digest;
        (rest.is_empty() && is_of_ledger && of_history(&of) == of_history(grounds)).then_some(saved)
    }
}

impl Restored {
    /// Reads what was saved of a ledger; `None` where nothing was that is whole, of this ledger and these grounds, and holds a
    /// history that a fold makes.
    pub(super) fn read(reader: &Reader, grounds: &Grounds) -> Option<Self> {
        let bytes = Bytes::from(fs::read(beside(reader.path(), ".history")).ok()?);
        let Saved { seq, items, flow, history, .. } = Saved::read(&bytes, reader, grounds)?;
        let history = Stored::read(bytes.slice_ref(&history)).ok()?.settled();
        // Most of it changes in time, and the file's bytes would stay for what does not.
        Some(Self { seq, items, history: history.owned(), flow })
    }

    /// Whether the flow is of the same days; it then stands as it stood.
    pub(super) fn put_flow(&self, flow: &Flow) -> bool {
        flow.put_bytes(&self.flow)
    }
}

//! What a result of an inspection is about, and whether it is new.

use prost::Message as _;
use uuid::Uuid;

use super::frame::digest_of;
use super::grounds::Grounds;
use super::imported::KeptImport;
use super::kept::KeptDecision;
use super::outcome::KeptOutcome;
use super::record::{Digest, Kind, Record};
use super::{LedgerError, Reader};
use crate::features::{KeptKeys, ParcelKeys};
use crate::history::EntityKey;
use crate::parcel::AdvisedAt;
use crate::wire::{CheckedOutcome, v1};

/// What is known of an item: its decisions and its outcomes.
#[derive(Debug)]
pub struct Item {
    /// Number, identifier and keys of each decision and of each parcel that was imported, oldest first; keys where they are
    /// those of today's features.
    decisions: Vec<(i64, Uuid, Option<Vec<EntityKey>>)>,
    /// Each with the digest of its texts, by which they are known again where they were erased.
    outcomes: Vec<(KeptOutcome, Option<Digest>)>,
}

impl Item {
    /// Looks an item up, for a server that decides on `grounds`.
    ///
    /// # Errors
    /// [`LedgerError`] where a record can't be read.
    pub fn read(reader: &Reader, item_id: &str, grounds: &Grounds) -> Result<Self, LedgerError> {
        let mut item = Self { decisions: Vec::new(), outcomes: Vec::new() };
        for record in reader.about(item_id)? {
            let unreadable = |what| LedgerError::Record { seq: record.seq, what };
            match record.content.kind {
                Kind::Decision => {
                    let kept = KeptDecision::from_body(&record.content.body).map_err(unreadable)?;
                    let decision = kept.decision().map_err(unreadable)?;
                    let Some(id) = record.content.decision_id.filter(|_| decision.item_id == item_id) else { continue };
                    let keys = keys_of(reader, record.seq, grounds, kept.keys)?;
                    item.decisions.push((record.seq, Uuid::from_bytes(id), keys));
                }
                Kind::Outcome => {
                    let kept = KeptOutcome::of(&record.content).map_err(unreadable)?;
                    if kept.item_id == item_id {
                        item.outcomes.push((kept, record.parcel_digest));
                    }
                }
                Kind::Imported => {
                    let kept = KeptImport::from_body(&record.content.body).map_err(unreadable)?;
                    if kept.item_id == item_id {
                        let keys = keys_of(reader, record.seq, grounds, kept.keys)?;
                        item.decisions.push((record.seq, Uuid::nil(), keys));
                    }
                }
                Kind::Grounds | Kind::Repeat | Kind::Model | Kind::Erasure => {}
            }
        }
        Ok(item)
    }

    /// Whether results of it are known, and none of an inspection that ended then.
    pub(super) fn has_others_than(&self, inspected_at: AdvisedAt) -> bool {
        let at = (inspected_at.seconds(), i32::try_from(inspected_at.nanos()).unwrap_or(0));
        !self.outcomes.is_empty() && self.outcomes.iter().all(|(kept, _)| kept.inspected_at != at)
    }

    /// What is to be recorded of a result: `None` where it is recorded already.
    ///
    /// The first result of an inspection that says what was found goes into history. One that takes its place does not: history
    /// cannot take back what it has counted. It is learned from with the next training.
    pub fn with(&mut self, checked: &CheckedOutcome) -> Option<KeptOutcome> {
        let (stated, texts) = in_two(&checked.stated);
        let digest = texts.as_deref().map(digest_of);
        let inspected_at = (checked.inspected_at.seconds(), i32::try_from(checked.inspected_at.nanos()).unwrap_or(0));
        let same = self.outcomes.iter().rev().find(|(kept, _)| kept.inspected_at == inspected_at);
        if same.is_some_and(|(kept, of_texts)| kept.stated == stated && *of_texts == digest) {
            return None;
        }
        let correction = same.is_some();
        let of_same = self.outcomes.iter().filter(|(kept, _)| kept.inspected_at == inspected_at);
        let is_counted = of_same.into_iter().any(|(kept, _)| kept.folded.is_some());
        // One that is on record for no decision of this item may have been made while no record could be written: what was
        // found counts all the same.
        let named = checked.decision_id.and_then(|id| self.decisions.iter().find(|(_, decision, _)| *decision == id));
        let about = named.or(self.decisions.last());
        let keys = about.and_then(|(.., keys)| keys.as_ref()).filter(|_| !is_counted);
        let folded = checked
            .infringement
            .zip(keys)
            .map(|(infringement, keys)| (infringement, keys.iter().map(|key| key.0).collect()));
        let kept = KeptOutcome {
            stated,
            item_id: checked.stated.item_id.clone(),
            inspected_at,
            decision: about.map(|(seq, ..)| *seq),
            correction,
            folded,
            texts,
        };
        self.outcomes.push((kept.clone(), digest));
        Some(kept)
    }
}

/// What was stated, and apart from it its texts, where there are any: both in the contract's encoding.
fn in_two(stated: &v1::Outcome) -> (Vec<u8>, Option<Vec<u8>>) {
    let v1::Outcome { recorded_by, override_reason, .. } = stated.clone();
    let texts = v1::Outcome { recorded_by, override_reason, ..v1::Outcome::default() }.encode_to_vec();
    let without = v1::Outcome { recorded_by: String::new(), override_reason: String::new(), ..stated.clone() };
    (without.encode_to_vec(), (!texts.is_empty()).then_some(texts))
}

/// The keys under which a record counts, where they are those of today's features.
fn keys_of(
    reader: &Reader,
    seq: i64,
    grounds: &Grounds,
    keys: KeptKeys,
) -> Result<Option<Vec<EntityKey>>, LedgerError> {
    let on = reader.grounds_of(seq)?;
    let alike = on.is_some_and(|on| on.feature_spec_digest == grounds.feature_spec_digest);
    Ok(alike.then(|| ParcelKeys::from(keys).footprint().keys.clone()))
}

/// Every outcome that is about a decision, oldest first: all that is left of what was stated.
///
/// # Errors
/// [`LedgerError`] where a record can't be read.
pub fn outcomes_of(reader: &Reader, decision: &Record, item_id: &str) -> Result<Vec<Vec<u8>>, LedgerError> {
    let mut stated = Vec::new();
    for record in reader.about(item_id)?.iter().filter(|record| record.content.kind == Kind::Outcome) {
        let kept = KeptOutcome::of(&record.content).map_err(|what| LedgerError::Record { seq: record.seq, what })?;
        if kept.decision == Some(decision.seq) {
            stated.push(kept.all_stated());
        }
    }
    Ok(stated)
}

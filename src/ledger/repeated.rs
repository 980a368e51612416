//! What is recorded already: no decision stands twice, and no request is answered twice.

use super::LedgerError;
use super::fresh::Fresh;
use super::index::Key;
use super::record::{Content, Head, Kind};
use super::writer::Desk;

/// The record that another one must not be written beside: whether it answered the same request, its number and its time.
/// Looked for among those that are written and among those that are about to be, which come after `head`. Whoever has a
/// request with an identifier of its own has looked for an old answer before, and holds the identifier since.
pub(super) fn known(
    desk: &Desk,
    content: &Content,
    is_first: bool,
    fresh: &Fresh<'_>,
    head: Head,
) -> Result<Option<(bool, i64, i64)>, LedgerError> {
    let find = |key: Key, recent_only: bool, is_same: &dyn Fn(&Content) -> bool| {
        let fresh = fresh.find(key, is_same).map(|(place, micros)| (head.seq + 1 + place as i64, micros));
        if fresh.is_some() { Ok(fresh) } else { desk.written(key, recent_only, is_same) }
    };
    if let Some(request) = &content.request {
        let same_request = |other: &Content| other.request.as_ref().is_some_and(|other| other.id == request.id);
        if let Some((seq, micros)) = find(Key::of_request(&request.id), true, &same_request)? {
            return Ok(Some((true, seq, micros)));
        }
    }
    let Some(id) = content.decision_id.as_ref().filter(|_| content.kind == Kind::Decision) else { return Ok(None) };
    let same_decision = |other: &Content| other.kind == Kind::Decision && other.decision_id.as_ref() == Some(id);
    Ok(find(Key::of_decision(id), is_first, &same_decision)?.map(|(seq, micros)| (false, seq, micros)))
}

impl Desk {
    /// Number and time of the written record with this key that is the same. Of an item that was never decided about,
    /// nothing can stand but what was written at this moment.
    fn written(
        &self,
        key: Key,
        recent_only: bool,
        is_same: &dyn Fn(&Content) -> bool,
    ) -> Result<Option<(i64, i64)>, LedgerError> {
        let found = if recent_only { self.index.recent(key) } else { self.index.find(key)? };
        if found.is_empty() {
            return Ok(None);
        }
        let reader = super::Reader::open(&self.path)?;
        for (seq, offset) in found {
            let record = reader.record_at(seq, offset)?;
            if is_same(&record.content) {
                return Ok(Some((seq, record.recorded_at_micros)));
            }
        }
        Ok(None)
    }
}

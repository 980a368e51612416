//! What is recorded already: no decision stands twice, and no request is answered twice.

use super::LedgerError;
use super::index::Key;
use super::record::{Content, Head, Kind};
use super::writer::Desk;

/// A record to be written: as it was handed over, or what stands for it.
pub(super) enum Repeatable<'a> {
    As(&'a Content),
    Repeat(Box<Content>),
}

impl Repeatable<'_> {
    pub(super) fn content(&self) -> &Content {
        match self {
            Self::As(content) => content,
            Self::Repeat(content) => content,
        }
    }
}

/// The record that another one must not be written beside: whether it answered the same request, its number and its time.
/// Looked for among those that are written and among those that are about to be, which come after `head`. Whoever has a
/// request with an identifier of its own has looked for an old answer before, and holds the identifier since.
pub(super) fn known(
    desk: &Desk,
    content: &Content,
    is_first: bool,
    fresh: &[(i64, Repeatable<'_>)],
    head: Head,
) -> Result<Option<(bool, i64, i64)>, LedgerError> {
    let decision = content.decision_id.as_ref().filter(|_| content.kind == Kind::Decision);
    let same_request = |other: &Content| {
        let id = |content: &Content| content.request.as_ref().map(|request| request.id.clone());
        content.request.is_some() && id(other) == id(content)
    };
    let same_decision =
        |other: &Content| decision.is_some() && other.kind == Kind::Decision && other.decision_id.as_ref() == decision;
    let among = fresh.iter().zip(head.seq + 1..);
    let found = |is_same: &dyn Fn(&Content) -> bool| {
        among.clone().find(|((_, other), _)| is_same(other.content())).map(|((micros, _), seq)| (seq, *micros))
    };
    if let Some((seq, micros)) = found(&same_request) {
        return Ok(Some((true, seq, micros)));
    }
    if let Some(request) = &content.request
        && let Some(written) = desk.written(Key::of_request(&request.id), true, &same_request)?
    {
        return Ok(Some((true, written.0, written.1)));
    }
    if let Some((seq, micros)) = found(&same_decision) {
        return Ok(Some((false, seq, micros)));
    }
    let Some(id) = decision else { return Ok(None) };
    Ok(desk.written(Key::of_decision(id), is_first, &same_decision)?.map(|(seq, micros)| (false, seq, micros)))
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
        let found = {
            let index = self.index.read();
            if recent_only { index.recent(key) } else { index.find(key)? }
        };
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

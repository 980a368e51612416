//! Records found by what they are about.

use std::sync::{Arc, PoisonError};

use super::grounds::Grounds;
use super::index::Key;
use super::kept::{item_key, replied};
use super::part::Wanted;
use super::record::{Kind, Record, Request};
use super::{LedgerError, Reader};
use crate::wire::v1;

impl Reader {
    /// The record of this number.
    ///
    /// # Errors
    /// [`LedgerError`] where it can't be read.
    pub fn record(&self, seq: i64) -> Result<Option<Record>, LedgerError> {
        let offset = self.index()?.offset_of(seq)?;
        offset.map(|offset| self.record_at(seq, offset)).transpose()
    }

    /// The decision of this identifier.
    ///
    /// # Errors
    /// [`LedgerError`] where it can't be read.
    pub fn decision(&self, decision_id: &[u8; 16]) -> Result<Option<Record>, LedgerError> {
        let is_it = |record: &Record| {
            record.content.kind == Kind::Decision && record.content.decision_id.as_ref() == Some(decision_id)
        };
        Ok(self.with_key(Key::of_decision(decision_id))?.into_iter().find(is_it))
    }

    /// The record that answered a request: a decision, or a repeat that names one.
    ///
    /// # Errors
    /// [`LedgerError`] where it can't be read.
    pub fn answer_to(&self, request: &Request) -> Result<Option<Record>, LedgerError> {
        let is_it = |record: &Record| record.content.request.as_ref().is_some_and(|answered| answered.id == request.id);
        Ok(self.with_key(Key::of_request(&request.id))?.into_iter().find(is_it))
    }

    /// Every record about an item, oldest first, but those of requests that were answered with a decision that stood
    /// already. Another item of the same hash is possible, if hardly: compare what the
    /// records say.
    ///
    /// # Errors
    /// [`LedgerError`] where one can't be read.
    pub fn about(&self, item_id: &str) -> Result<Vec<Record>, LedgerError> {
        let item = item_key(item_id).0;
        let mut records = self.with_key(Key::of_item(item))?;
        records.retain(|record| record.content.item == Some(item));
        records.reverse();
        Ok(records)
    }

    /// Records that the index has under a key, newest first.
    fn with_key(&self, key: Key) -> Result<Vec<Record>, LedgerError> {
        let found = self.index()?.find(key)?;
        found.into_iter().map(|(seq, offset)| self.record_at(seq, offset)).collect()
    }

    /// What became of models, oldest first.
    ///
    /// # Errors
    /// [`LedgerError`] where one can't be read.
    pub fn model_events(&self) -> Result<Vec<Record>, LedgerError> {
        let mut records = self.with_key(Key::OF_MODELS)?;
        records.retain(|record| record.content.kind == Kind::Model);
        records.reverse();
        Ok(records)
    }

    /// The grounds that the record of this number rests on.
    ///
    /// # Errors
    /// [`LedgerError`] where they can't be read.
    pub fn grounds_of(&self, seq: i64) -> Result<Option<Arc<Grounds>>, LedgerError> {
        let Some(seq) = self.index()?.grounds_of(seq) else { return Ok(None) };
        let mut of_late = self.grounds.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, grounds)) = &*of_late
            && *known == seq
        {
            return Ok(Some(Arc::clone(grounds)));
        }
        let Some(record) = self.record(seq)? else { return Ok(None) };
        let grounds = Grounds::from_body(&record.content.body).map_err(|what| LedgerError::Record { seq, what })?;
        let (_, grounds) = of_late.insert((seq, Arc::new(grounds)));
        Ok(Some(Arc::clone(grounds)))
    }

    /// The grounds that the last record rests on; `None` where there is none.
    ///
    /// # Errors
    /// [`LedgerError`] where they can't be read.
    pub fn last_grounds(&self) -> Result<Option<Arc<Grounds>>, LedgerError> {
        self.grounds_of(self.head()?.seq)
    }

    /// Whether records rest on any grounds of which `holds` is true, the last ones first.
    ///
    /// # Errors
    /// [`LedgerError`] where they can't be read.
    pub fn any_grounds(&self, holds: impl Fn(&Grounds) -> bool) -> Result<bool, LedgerError> {
        let mut seq = self.head()?.seq;
        while let Some(since) = self.index()?.grounds_of(seq) {
            if self.grounds_of(since)?.is_some_and(|grounds| holds(&grounds)) {
                return Ok(true);
            }
            seq = since - 1;
        }
        Ok(false)
    }

    /// The decision of a record as it was replied.
    ///
    /// # Errors
    /// [`LedgerError`] where it or its grounds can't be read.
    pub fn replied(&self, record: &Record) -> Result<v1::Decision, LedgerError> {
        let none = || LedgerError::Record { seq: record.seq, what: "it rests on no grounds".to_owned() };
        let grounds = self.grounds_of(record.seq)?.ok_or_else(none)?;
        replied(record, &grounds.model_of(record.content.item.unwrap_or_default()))
    }

    /// The grounds that stood until those of record `seq` took their place; `None` where there were none.
    ///
    /// # Errors
    /// [`LedgerError`] where they can't be read.
    pub fn grounds_before(&self, seq: i64) -> Result<Option<Arc<Grounds>>, LedgerError> {
        let found = self.index()?.grounds_of(seq);
        match found {
            Some(since) if since > 1 => self.grounds_of(since - 1),
            _ => Ok(None),
        }
    }

    /// Number of the first record that is not before `micros`, in microseconds since 1970; one past the last where all are.
    ///
    /// Times never go back, so halving finds it.
    ///
    /// # Errors
    /// [`LedgerError`] where the index can't be read.
    pub fn first_since(&self, micros: i64) -> Result<i64, LedgerError> {
        let index = self.index()?;
        let (mut low, mut high) = (1, index.end().head.seq + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            if index.time_of(middle)?.is_some_and(|time| time < micros) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Numbers of the decisions that are wanted, newest first.
    ///
    /// # Errors
    /// [`LedgerError`] where the index can't be read.
    pub(super) fn decisions(&self, wanted: &Wanted) -> Result<Vec<i64>, LedgerError> {
        self.index()?.decisions(wanted)
    }
}

//! Records found by what they are about.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rusqlite::{OptionalExtension as _, params};

use super::grounds::Grounds;
use super::kept::item_key;
use super::record::{Record, Request};
use super::{LedgerError, Reader};

/// Connections that read, lent and given back.
#[derive(Debug)]
pub struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Reader>>,
}

/// More than this many are let go again.
const MOST_IDLE: usize = 8;

impl Readers {
    /// None is opened yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), idle: Mutex::default() }
    }

    /// Lends one to `work`.
    ///
    /// # Errors
    /// [`LedgerError`] where none can be opened, or what `work` fails with.
    pub fn with<R>(&self, work: impl FnOnce(&Reader) -> Result<R, LedgerError>) -> Result<R, LedgerError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let lent = idle().pop();
        let reader = lent.map_or_else(|| Reader::open(&self.path), Ok)?;
        let done = work(&reader);
        // One that failed may be of a database that is no more.
        if done.is_ok() {
            let mut idle = idle();
            if idle.len() < MOST_IDLE {
                idle.push(reader);
            }
        }
        done
    }
}

impl Reader {
    /// The record of this number.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn record(&self, seq: i64) -> Result<Option<Record>, LedgerError> {
        Ok(self.select("seq = ?1", [seq])?.pop())
    }

    /// The decision of this identifier.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn decision(&self, decision_id: &[u8; 16]) -> Result<Option<Record>, LedgerError> {
        Ok(self.select("kind = 1 AND decision_id = ?1", [decision_id.as_slice()])?.pop())
    }

    /// The decision that answered a request.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn answer_to(&self, request: &Request) -> Result<Option<Record>, LedgerError> {
        Ok(self.select("request_id = ?1", [&request.id])?.pop())
    }

    /// Every record about an item, oldest first. Another item of the same hash is possible, if hardly: compare what the
    /// records say.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn about(&self, item_id: &str) -> Result<Vec<Record>, LedgerError> {
        self.select("item = ?1 ORDER BY seq", [item_key(item_id).0.cast_signed()])
    }

    /// What became of models, oldest first.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn model_events(&self) -> Result<Vec<Record>, LedgerError> {
        self.select("kind = 4 ORDER BY seq", [])
    }

    /// The grounds that the record of this number rests on.
    ///
    /// # Errors
    /// [`LedgerError`] where they can't be read.
    pub fn grounds_of(&self, seq: i64) -> Result<Option<Grounds>, LedgerError> {
        let found = self.select("kind = 0 AND seq <= ?1 ORDER BY seq DESC LIMIT 1", [seq])?.pop();
        let parsed = found.map(|record| {
            Grounds::from_body(&record.content.body).map_err(|what| LedgerError::Record { seq: record.seq, what })
        });
        parsed.transpose()
    }

    /// Number of the first record that is not before `micros`, in microseconds since 1970; one past the last where all are.
    ///
    /// Times never go back, so halving finds it.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn first_since(&self, micros: i64) -> Result<i64, LedgerError> {
        let sql = "SELECT recorded_at_micros FROM records WHERE seq = ?1";
        let time_of = |seq: i64| {
            let mut statement = self.connection().prepare_cached(sql)?;
            statement.query_row([seq], |row| row.get::<_, i64>(0)).optional()
        };
        let (mut low, mut high) = (1, self.head()?.seq + 1);
        while low < high {
            let middle = low + (high - low) / 2;
            let time = time_of(middle).map_err(self.database_error())?;
            if time.is_some_and(|time| time < micros) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Numbers of decisions with a route and at least a score, newest first, from those before `before` and not before
    /// `since`: of the `most` that the index has there. With the number at which the look-out ended.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn routed(&self, route: i64, since: i64, before: i64, most: usize) -> Result<Vec<(i64, f64)>, LedgerError> {
        let sql = "SELECT seq, risk_score FROM records INDEXED BY decision_by_route \
                   WHERE kind = 1 AND route = ?1 AND seq >= ?2 AND seq < ?3 ORDER BY seq DESC LIMIT ?4";
        let all = || {
            let mut statement = self.connection().prepare_cached(sql)?;
            let most = i64::try_from(most).unwrap_or(i64::MAX);
            let rows =
                statement.query_map(params![route, since, before, most], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        all().map_err(self.database_error())
    }
}

//! Records in and out of the database.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension as _, Row, Statement, TransactionBehavior, params};

use super::LedgerError;
use super::config::Sync;
use super::record::{Content, Head, Kind, Record, Request, chained, digest_of};
use super::schema::{open_to_read, open_to_write};
use crate::history::Bucket;

/// Where a record went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placed {
    /// It is a new one.
    New { seq: i64 },
    /// The same decision is recorded already, or the same request was answered.
    Known { seq: i64, recorded_at_micros: i64 },
}

/// The one connection that writes.
pub(super) struct Store {
    connection: Connection,
    head: Head,
}

const INSERT: &str = "INSERT INTO records (seq, kind, bucket, recorded_at_micros, item, decision_id, route, risk_score, \
                      request_id, request_digest, body, parcel, parcel_digest, digest) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14) ON CONFLICT DO NOTHING";
const COLUMNS: &str = "seq, kind, bucket, recorded_at_micros, item, decision_id, route, risk_score, request_id, \
                       request_digest, body, parcel, parcel_digest, digest";

impl Store {
    pub(super) fn open(path: &Path, sync: Sync) -> Result<Self, LedgerError> {
        let connection = open_to_write(path, sync)?;
        let head = head(&connection).map_err(LedgerError::database(path))?;
        Ok(Self { connection, head })
    }

    pub(super) fn head(&self) -> Head {
        self.head
    }

    /// Moves all that is written from the log of changes into the database, and asks the disk for it: what an earlier
    /// failure may have lost on its way to the disk is written a second time.
    pub(super) fn write_through(&self) -> rusqlite::Result<()> {
        let busy: i64 = self.connection.query_row("PRAGMA wal_checkpoint(FULL)", [], |row| row.get(0))?;
        if busy == 0 { Ok(()) } else { Err(rusqlite::Error::QueryReturnedNoRows) }
    }

    /// Writes records, all or none.
    pub(super) fn append<'a>(
        &mut self,
        batch: impl Iterator<Item = (i64, &'a Content)>,
    ) -> rusqlite::Result<Vec<Placed>> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut head = self.head;
        let mut placed = Vec::with_capacity(batch.size_hint().0);
        {
            let mut insert = transaction.prepare_cached(INSERT)?;
            for (recorded_at_micros, content) in batch {
                if let Some(next) = put(&mut insert, &head, recorded_at_micros, content)? {
                    placed.push(Placed::New { seq: next.seq });
                    head = next;
                    continue;
                }
                let (by_request, known) = known(&transaction, content)?;
                placed.push(known);
                // The decision stands already, but the request that asked for it again is a new one.
                if !by_request && content.request.is_some() {
                    let repeat = Content { kind: Kind::Repeat, parcel: None, body: Vec::new(), ..content.clone() };
                    head = put(&mut insert, &head, recorded_at_micros, &repeat)?.unwrap_or(head);
                }
            }
        }
        transaction.commit()?;
        self.head = head;
        Ok(placed)
    }
}

/// Writes a record after `head`; the new head, or `None` where the same decision or request is there already.
fn put(
    insert: &mut Statement<'_>,
    head: &Head,
    recorded_at_micros: i64,
    content: &Content,
) -> rusqlite::Result<Option<Head>> {
    let seq = head.seq + 1;
    let parcel_digest = content.parcel.as_deref().map(digest_of);
    let digest = chained(&head.digest, seq, recorded_at_micros, content, parcel_digest.as_ref());
    let n_inserted = insert.execute(params![
        seq,
        content.kind as i64,
        content.bucket.0,
        recorded_at_micros,
        content.item.map(u64::cast_signed),
        content.decision_id.as_ref().map(<[u8; 16]>::as_slice),
        content.route,
        content.risk_score,
        content.request.as_ref().map(|request| request.id.as_str()),
        content.request.as_ref().map(|request| request.digest.as_slice()),
        content.body,
        content.parcel,
        parcel_digest.as_ref().map(<[u8; 32]>::as_slice),
        digest.as_slice(),
    ])?;
    Ok((n_inserted > 0).then_some(Head { seq, recorded_at_micros, bucket: content.bucket, digest }))
}

/// The record that one could not be written beside, and whether it answered the same request.
fn known(connection: &Connection, content: &Content) -> rusqlite::Result<(bool, Placed)> {
    let placed = |row: &Row<'_>| Ok(Placed::Known { seq: row.get(0)?, recorded_at_micros: row.get(1)? });
    if let Some(request) = &content.request {
        let sql = "SELECT seq, recorded_at_micros FROM records WHERE request_id = ?1";
        if let Some(found) = connection.query_row(sql, [&request.id], placed).optional()? {
            return Ok((true, found));
        }
    }
    let sql = "SELECT seq, recorded_at_micros FROM records WHERE kind = 1 AND decision_id = ?1";
    let decision_id = content.decision_id.as_ref().map(<[u8; 16]>::as_slice);
    Ok((false, connection.query_row(sql, [decision_id], placed)?))
}

fn head(connection: &Connection) -> rusqlite::Result<Head> {
    let last = "SELECT seq, recorded_at_micros, bucket, digest FROM records ORDER BY seq DESC LIMIT 1";
    let found = connection.query_row(last, [], |row| {
        Ok(Head { seq: row.get(0)?, recorded_at_micros: row.get(1)?, bucket: Bucket(row.get(2)?), digest: row.get(3)? })
    });
    Ok(found.optional()?.unwrap_or_default())
}

/// A connection that reads.
pub struct Reader {
    path: PathBuf,
    connection: Connection,
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Reader {
    /// Opens a ledger, also one that is being written.
    ///
    /// # Errors
    /// [`LedgerError`] where there is none, or none that this release reads.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self { path: path.to_owned(), connection: open_to_read(path)? })
    }

    /// The end of the chain as it stands.
    ///
    /// # Errors
    /// [`LedgerError::Database`].
    pub fn head(&self) -> Result<Head, LedgerError> {
        head(&self.connection).map_err(LedgerError::database(&self.path))
    }

    /// Hands over every record after `after`, in order, until `take` fails.
    ///
    /// # Errors
    /// [`LedgerError`], or what `take` fails with.
    pub fn scan<E: From<LedgerError>>(
        &self,
        after: i64,
        mut take: impl FnMut(Record) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = format!("SELECT {COLUMNS} FROM records WHERE seq > ?1 ORDER BY seq");
        let database = |source| E::from(LedgerError::Database { path: self.path.clone(), source });
        let mut statement = self.connection.prepare(&sql).map_err(database)?;
        let mut rows = statement.query([after]).map_err(database)?;
        while let Some(row) = rows.next().map_err(database)? {
            take(record(row).map_err(database)?)?;
        }
        Ok(())
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) fn database_error(&self) -> impl Fn(rusqlite::Error) -> LedgerError + '_ {
        |source| LedgerError::Database { path: self.path.clone(), source }
    }

    /// The records that a condition selects, at most `limit`.
    pub(super) fn select(&self, condition: &str, values: impl rusqlite::Params) -> Result<Vec<Record>, LedgerError> {
        let sql = format!("SELECT {COLUMNS} FROM records WHERE {condition}");
        let all = || {
            let mut statement = self.connection.prepare_cached(&sql)?;
            let rows = statement.query_map(values, record)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        all().map_err(LedgerError::database(&self.path))
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let unknown = |number| rusqlite::Error::IntegralValueOutOfRange(1, number);
    let kind = row.get::<_, i64>(1)?;
    let request: Option<String> = row.get(8)?;
    let request_digest: Option<[u8; 16]> = row.get(9)?;
    Ok(Record {
        seq: row.get(0)?,
        recorded_at_micros: row.get(3)?,
        content: Content {
            kind: Kind::from_number(kind).ok_or_else(|| unknown(kind))?,
            bucket: Bucket(row.get(2)?),
            item: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
            decision_id: row.get(5)?,
            route: row.get(6)?,
            risk_score: row.get(7)?,
            request: request.zip(request_digest).map(|(id, digest)| Request { id, digest }),
            body: row.get(10)?,
            parcel: row.get(11)?,
        },
        parcel_digest: row.get(12)?,
        digest: row.get(13)?,
    })
}

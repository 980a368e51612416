//! The database behind a ledger, and how an older one becomes one of today.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::LedgerError;
use super::config::Sync;

/// Each step makes the next version of the schema; their number is the version.
///
/// One table and no second copy of anything: what is looked up by stands in columns, and the chain covers all of them.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE records (
        seq INTEGER PRIMARY KEY,
        kind INTEGER NOT NULL,
        bucket INTEGER NOT NULL,
        recorded_at_micros INTEGER NOT NULL,
        item INTEGER,
        decision_id BLOB,
        route INTEGER,
        risk_score REAL,
        request_id TEXT,
        request_digest BLOB,
        body BLOB NOT NULL,
        parcel BLOB,
        parcel_digest BLOB,
        digest BLOB NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX decision_by_id ON records (decision_id) WHERE kind = 1;
    CREATE UNIQUE INDEX decision_by_request ON records (request_id) WHERE request_id IS NOT NULL;
    CREATE INDEX record_by_item ON records (item, seq) WHERE item IS NOT NULL;
    CREATE INDEX decision_by_route ON records (route, seq, risk_score) WHERE kind = 1;
    CREATE INDEX grounds ON records (seq) WHERE kind = 0;
"];

/// Says that a database is a ledger of ours: `prLG`.
const APPLICATION_ID: i64 = 0x7072_4c47;

/// Opens a ledger to write, and makes it where there is none.
pub(super) fn open_to_write(path: &Path, sync: Sync) -> Result<Connection, LedgerError> {
    let connection = Connection::open(path).map_err(LedgerError::database(path))?;
    set_up(&connection, sync).map_err(LedgerError::database(path))?;
    let found = version(&connection).map_err(LedgerError::database(path))?;
    let known = MIGRATIONS.len() as i64;
    let done = usize::try_from(found).ok().filter(|done| *done <= MIGRATIONS.len());
    let done = done.ok_or_else(|| LedgerError::Schema { path: path.to_owned(), found, known })?;
    for (idx, migration) in MIGRATIONS.iter().enumerate().skip(done) {
        let version = idx + 1;
        let step = format!(
            "BEGIN IMMEDIATE; {migration} PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {version}; COMMIT;"
        );
        connection.execute_batch(&step).map_err(LedgerError::database(path))?;
    }
    Ok(connection)
}

/// Opens a ledger to read, beside whoever writes it.
pub(super) fn open_to_read(path: &Path) -> Result<Connection, LedgerError> {
    if !path.exists() {
        return Err(LedgerError::Missing { path: path.to_owned() });
    }
    // To write, though nothing is written: the shared index of what was written last may have to be made anew.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(LedgerError::database(path))?;
    let set = || {
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch("PRAGMA query_only = ON;")?;
        version(&connection)
    };
    let found = set().map_err(LedgerError::database(path))?;
    let known = MIGRATIONS.len() as i64;
    if found != known {
        return Err(LedgerError::Schema { path: path.to_owned(), found, known });
    }
    Ok(connection)
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

fn set_up(connection: &Connection, sync: Sync) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    // FULL asks the disk at every commit. NORMAL asks it before and after a checkpoint only, which keeps the database
    // whole; between those the ledger asks by itself.
    let synchronous = match sync {
        Sync::Batch => "NORMAL",
        Sync::Always => "FULL",
    };
    connection.execute_batch(&format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}; PRAGMA wal_autocheckpoint = 8000; \
         PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;"
    ))
}

//! Whether a ledger is whole: the first record that was changed, removed or put elsewhere.

use std::fmt;
use std::path::Path;

use super::record::{Digest, Head, Kind, Record, chained, digest_of};
use super::{LedgerError, Reader, sync};
use crate::features::hex;
use crate::history::Bucket;

/// A ledger that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The end of its chain. Whoever keeps number and digest elsewhere can tell later whether all up to here still stands.
    pub head: Head,
    /// Decisions.
    pub decisions: u64,
    /// Outcomes.
    pub outcomes: u64,
}

/// The first record that is not what it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Its number.
    pub seq: i64,
    /// What is wrong with it.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "record {}: {}", self.seq, self.what)
    }
}

/// Why a ledger is not known to be whole.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It is not.
    #[error("{0}")]
    Fault(Fault),
    /// It can't be read at all.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// A record that is known to have been written: its number and the hexadecimal of its digest.
pub type Known = (i64, String);

/// Checks every record of a ledger against the one before, and its end against `known` and against what the server noted
/// beside it.
///
/// A chain does not show that records are missing at its end; those two do. `known` is to come from where nobody who can
/// write to the ledger can write too.
///
/// # Errors
/// [`VerifyError`].
pub fn verify(path: &Path, known: Option<&Known>) -> Result<Verified, VerifyError> {
    let reader = Reader::open(path)?;
    let noted = sync::noted(path);
    let known: Vec<&Known> = known.into_iter().chain(&noted).collect();
    let mut chain = Chain::default();
    let scanned = reader.scan(0, |record| chain.add(&record, &known).map_err(VerifyError::Fault));
    let fault = |seq, what: String| VerifyError::Fault(Fault { seq, what });
    match scanned {
        Ok(()) => {}
        Err(VerifyError::Ledger(LedgerError::Database { source, .. })) => {
            return Err(fault(chain.head.seq + 1, format!("it can't be read: {source}")));
        }
        Err(error) => return Err(error),
    }
    if let Some((last, _)) = known.iter().filter(|(seq, _)| *seq > chain.head.seq).max_by_key(|(seq, _)| *seq) {
        let next = chain.head.seq + 1;
        return Err(fault(next, format!("it is missing, with all after it: there were {last} records")));
    }
    let damaged = |source| LedgerError::Database { path: path.to_owned(), source };
    let found = reader.connection().query_row("PRAGMA integrity_check(1)", [], |row| row.get::<_, String>(0));
    let found = found.map_err(damaged)?;
    if found != "ok" {
        return Err(fault(0, format!("all are whole, but what they are looked up by is not: {found}")));
    }
    Ok(Verified { head: chain.head, decisions: chain.decisions, outcomes: chain.outcomes })
}

#[derive(Default)]
struct Chain {
    head: Head,
    decisions: u64,
    outcomes: u64,
}

impl Chain {
    fn add(&mut self, record: &Record, known: &[&Known]) -> Result<(), Fault> {
        let next = self.head.seq + 1;
        let fault = |seq, what: &str| Err(Fault { seq, what: what.to_owned() });
        if record.seq != next {
            return fault(next, "it is missing");
        }
        match (&record.content.parcel, &record.parcel_digest) {
            (Some(parcel), Some(digest)) if digest_of(parcel) == *digest => {}
            (None, None) => {}
            (None, Some(_)) => return fault(next, "its parcel was removed"),
            _ => return fault(next, "its parcel was changed"),
        }
        let Record { recorded_at_micros, content, parcel_digest, digest, .. } = record;
        let expected = chained(&self.head.digest, next, *recorded_at_micros, content, parcel_digest.as_ref());
        if expected != *digest {
            return fault(next, "it was changed, or does not belong here");
        }
        if *recorded_at_micros < self.head.recorded_at_micros || content.bucket < self.head.bucket {
            return fault(next, "it is dated before the one before it");
        }
        if next == 1 && content.kind != Kind::Grounds {
            return fault(next, "the ledger does not begin with its grounds");
        }
        if known.iter().any(|(seq, known)| *seq == next && *known != hex(digest)) {
            return fault(next, "it is another than the one that is known to have been written");
        }
        match content.kind {
            Kind::Decision => self.decisions += 1,
            Kind::Outcome => self.outcomes += 1,
            Kind::Grounds | Kind::Repeat | Kind::Model => {}
        }
        let (bucket, digest): (Bucket, Digest) = (content.bucket, *digest);
        self.head = Head { seq: next, recorded_at_micros: *recorded_at_micros, bucket, digest };
        Ok(())
    }
}

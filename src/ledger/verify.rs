//! Whether a ledger is whole: the first record that was changed, removed or put elsewhere.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use super::erase::KeptErasure;
use super::frame::digest_of;
use super::log::{FIRST_RECORD, Framed, Next};
use super::record::{Digest, Head, Kind, Record};
use super::{LedgerError, Reader, note};
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
    /// Parcels of the past that were imported.
    pub imported: u64,
    /// Parcels that were erased by their age.
    pub erased: u64,
    /// Bytes after the last record, of one that was not written whole: nobody was told of it.
    pub n_torn: u64,
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

/// Reads `NUMBER:DIGEST`.
pub fn known_record(text: &str) -> Option<Known> {
    let (seq, digest) = text.split_once(':')?;
    let is_digest = digest.len() == 2 * size_of::<Digest>() && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some((seq.parse().ok()?, digest.to_ascii_lowercase())).filter(|_| is_digest)
}

/// Checks every record of a ledger against the one before, and its end against `known` and against what the server noted
/// beside it.
///
/// A chain does not show that records are missing at its end; those two do. `known` is to come from where nobody who can
/// write to the ledger can write too.
///
/// # Errors
/// [`VerifyError`].
pub fn verify(path: &Path, known: Option<&Known>) -> Result<Verified, VerifyError> {
    verify_against(path, known.map_or(&[], std::slice::from_ref))
}

/// As [`verify`], against any number of records.
///
/// # Errors
/// [`VerifyError`].
pub fn verify_against(path: &Path, known: &[Known]) -> Result<Verified, VerifyError> {
    let reader = Reader::open(path)?;
    let noted = note::noted(path);
    let known: Vec<&Known> = known.iter().chain(&noted).collect();
    let mut by_seq: HashMap<i64, Vec<&str>> = HashMap::new();
    known.iter().for_each(|(seq, digest)| by_seq.entry(*seq).or_default().push(digest));
    let mut chain = Chain::default();
    let n_torn = reader.each_from::<VerifyError>(FIRST_RECORD, |next| match next {
        Next::Record(framed) => chain.add(&framed, &by_seq).map_err(VerifyError::Fault),
        _ => Err(VerifyError::Fault(Fault { seq: chain.head.seq + 1, what: CHANGED.to_owned() })),
    })?;
    if let Some((last, _)) = known.iter().filter(|(seq, _)| *seq > chain.head.seq).max_by_key(|(seq, _)| *seq) {
        let what = format!("it is missing, with all after it: there were {last} records");
        return Err(VerifyError::Fault(Fault { seq: chain.head.seq + 1, what }));
    }
    if let Some(seq) = chain.without_parcel.first() {
        return Err(VerifyError::Fault(Fault { seq: *seq, what: "its parcel was removed".to_owned() }));
    }
    Ok(Verified {
        head: chain.head,
        decisions: chain.decisions,
        outcomes: chain.outcomes,
        imported: chain.imported,
        erased: chain.erased,
        n_torn,
    })
}

/// What is said of a record whose digest is not that of what it says, or of bytes that are none.
const CHANGED: &str = "it was changed, or does not belong here";

#[derive(Default)]
struct Chain {
    head: Head,
    decisions: u64,
    outcomes: u64,
    imported: u64,
    erased: u64,
    /// Records whose parcel is not there, and no erasure told of it yet.
    without_parcel: Vec<i64>,
}

impl Chain {
    fn add(&mut self, framed: &Framed, known: &HashMap<i64, Vec<&str>>) -> Result<(), Fault> {
        let next = self.head.seq + 1;
        let fault = |what: &str| Err(Fault { seq: next, what: what.to_owned() });
        let record = &framed.decoded.record;
        if !framed.decoded.follows(&self.head.digest, &framed.bytes) {
            return if record.seq > next { fault("it is missing") } else { fault(CHANGED) };
        }
        if record.seq != next {
            return fault(CHANGED);
        }
        match (&record.content.parcel, &record.parcel_digest) {
            (Some(parcel), Some(digest)) if digest_of(parcel) == *digest => {}
            (None, None) => {}
            // There is to be an erasure among the records after it.
            (None, Some(_)) => self.without_parcel.push(next),
            _ => return fault("its parcel was changed"),
        }
        let Record { recorded_at_micros, content, digest, .. } = record;
        if *recorded_at_micros < self.head.recorded_at_micros || content.bucket < self.head.bucket {
            return fault("it is dated before the one before it");
        }
        if next == 1 && content.kind != Kind::Grounds {
            return fault("the ledger does not begin with its grounds");
        }
        if known.get(&next).is_some_and(|known| known.iter().any(|known| *known != hex(digest))) {
            return fault("it is another than the one that is known to have been written");
        }
        match content.kind {
            Kind::Decision => self.decisions += 1,
            Kind::Outcome => self.outcomes += 1,
            Kind::Imported => self.imported += 1,
            Kind::Erasure => {
                let erasure = KeptErasure::from_body(&content.body);
                // Only what is older than itself.
                let through = erasure.map_or(0, |erasure| erasure.through.min(next - 1));
                self.erased += self.without_parcel.extract_if(.., |seq| *seq <= through).count() as u64;
            }
            Kind::Grounds | Kind::Repeat | Kind::Model => {}
        }
        let (bucket, digest): (Bucket, Digest) = (content.bucket, *digest);
        self.head = Head { seq: next, recorded_at_micros: *recorded_at_micros, bucket, digest };
        Ok(())
    }
}

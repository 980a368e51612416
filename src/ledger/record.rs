//! One record of the ledger, and what binds it to the one before.

use crate::history::Bucket;

/// What a record is about. The numbers stand in ledgers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The grounds that decisions from here on rest on: model, policy, what is kept. The first record is one, and so is
    /// each change of them.
    Grounds = 0,
    /// A decision, with its parcel.
    Decision = 1,
    /// The result of an inspection.
    Outcome = 2,
    /// A request with an identifier of its own that was answered with a decision that stood already.
    Repeat = 3,
    /// What became of a model: rejected, staged, promoted, rolled back. Which one decides follows from the grounds alone.
    Model = 4,
    /// A parcel of the past, imported with what was found of it: decided about by nobody here.
    Imported = 5,
    /// Parcels of old records were erased.
    Erasure = 6,
}

impl Kind {
    /// By its number.
    pub fn from_number(number: i64) -> Option<Self> {
        let all =
            [Self::Grounds, Self::Decision, Self::Outcome, Self::Repeat, Self::Model, Self::Imported, Self::Erasure];
        all.into_iter().find(|kind| *kind as i64 == number)
    }
}

/// SHA-256.
pub type Digest = [u8; 32];

/// What a record says; its place, time and digests come with the writing.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// What it is about.
    pub kind: Kind,
    /// The bucket that it happened in: never before that of the record before.
    pub bucket: Bucket,
    /// Hash of the item's identifier, by which records of one item are found.
    pub item: Option<u64>,
    /// The decision that it is, or that it is about.
    pub decision_id: Option<[u8; 16]>,
    /// A decision's route, by the contract's number.
    pub route: Option<i64>,
    /// A decision's risk score.
    pub risk_score: Option<f64>,
    /// The client's idempotency key.
    pub request: Option<Request>,
    /// The record itself, packed by its kind.
    pub body: Vec<u8>,
    /// The parcel as kept, or the texts of an outcome, encoded. They alone may be erased later: the chain
    /// holds their digest.
    pub parcel: Option<Vec<u8>>,
}

impl Content {
    /// A record about nothing in particular.
    pub fn new(kind: Kind, bucket: Bucket, body: Vec<u8>) -> Self {
        Self {
            kind,
            bucket,
            item: None,
            decision_id: None,
            route: None,
            risk_score: None,
            request: None,
            body,
            parcel: None,
        }
    }

    /// Bytes of what it holds, beside some two hundred more as a record.
    pub(super) fn n_bytes(&self) -> usize {
        self.body.len()
            + self.parcel.as_ref().map_or(0, Vec::len)
            + self.request.as_ref().map_or(0, |request| request.id.len())
    }
}

/// A client's idempotency key, and what it was used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The key.
    pub id: String,
    /// Digest of the request that came with it.
    pub digest: [u8; 16],
}

/// A record as it stands in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// Its number, from 1, without gaps.
    pub seq: i64,
    /// When it was written, in microseconds since 1970: never before the record before.
    pub recorded_at_micros: i64,
    /// What it says.
    pub content: Content,
    /// Digest of the parcel as kept, or of the texts.
    pub parcel_digest: Option<Digest>,
    /// Digest of all of the above and of the record before.
    pub digest: Digest,
}

/// The end of the chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Number of the last record; 0 where there is none.
    pub seq: i64,
    /// Its time.
    pub recorded_at_micros: i64,
    /// Its bucket.
    pub bucket: Bucket,
    /// Its digest; zeros where there is none.
    pub digest: Digest,
}

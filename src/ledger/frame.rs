//! A record as bytes: what stands in the file, and what binds it to the record before.
//!
//! ```text
//! length of the rest, u32 · check of the length, u32
//! kind u8 · which of the optional parts there are, u8 · bucket u32 · number i64 · time i64
//! [item u64] [decision 16] [route u8] [risk score f64] [request: digest 16, length u16, text] [parcel: digest 32, length u32]
//! length of the body u32 · body · digest 32 · [parcel]
//! ```
//!
//! All numbers are little-endian. The digest covers every byte before it and the digest of the record before. The parcel
//! is covered by its own digest, so that it can be erased.

use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::xxh3_64;

use super::record::{Content, Digest, Kind, Record, Request};
use crate::history::Bucket;

/// Bytes before those that the length counts.
pub(super) const PREFIX_BYTES: usize = 8;
/// Longest record: what is longer was never written.
pub const MAX_RECORD_BYTES: usize = 64 << 20;

const ITEM: u8 = 1;
const DECISION: u8 = 2;
const ROUTE: u8 = 4;
const SCORE: u8 = 8;
const REQUEST: u8 = 16;
const PARCEL: u8 = 32;

/// Adds a record to `bytes`; the digest that binds the next one to it. `None` where a part is longer than any may be:
/// nothing is added then.
pub(super) fn encode(
    bytes: &mut Vec<u8>,
    previous: &Digest,
    seq: i64,
    recorded_at_micros: i64,
    content: &Content,
) -> Option<Digest> {
    let start = bytes.len();
    let parcel = content.parcel.as_deref();
    let id_bytes = content.request.as_ref().map_or(0, |request| request.id.len());
    let n_bytes = 192 + content.n_bytes();
    if n_bytes > MAX_RECORD_BYTES || id_bytes > usize::from(u16::MAX) {
        return None;
    }
    bytes.reserve(n_bytes);
    bytes.extend_from_slice(&[0; PREFIX_BYTES]);
    let has = |there: bool, flag: u8| if there { flag } else { 0 };
    let parts = has(content.item.is_some(), ITEM)
        | has(content.decision_id.is_some(), DECISION)
        | has(content.route.is_some(), ROUTE)
        | has(content.risk_score.is_some(), SCORE)
        | has(content.request.is_some(), REQUEST)
        | has(parcel.is_some(), PARCEL);
    bytes.extend_from_slice(&[content.kind as u8, parts]);
    bytes.extend_from_slice(&content.bucket.0.to_le_bytes());
    bytes.extend_from_slice(&seq.to_le_bytes());
    bytes.extend_from_slice(&recorded_at_micros.to_le_bytes());
    if let Some(item) = content.item {
        bytes.extend_from_slice(&item.to_le_bytes());
    }
    if let Some(id) = &content.decision_id {
        bytes.extend_from_slice(id);
    }
    if let Some(route) = content.route {
        bytes.push(u8::try_from(route).unwrap_or(u8::MAX));
    }
    if let Some(score) = content.risk_score {
        bytes.extend_from_slice(&score.to_le_bytes());
    }
    if let Some(Request { id, digest }) = &content.request {
        bytes.extend_from_slice(digest);
        bytes.extend_from_slice(&(id_bytes as u16).to_le_bytes());
        bytes.extend_from_slice(id.as_bytes());
    }
    if let Some(parcel) = parcel {
        bytes.extend_from_slice(&digest_of(parcel));
        bytes.extend_from_slice(&(parcel.len() as u32).to_le_bytes());
    }
    bytes.extend_from_slice(&(content.body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(&content.body);
    let rest = bytes.len() - start - PREFIX_BYTES + size_of::<Digest>() + parcel.map_or(0, <[u8]>::len);
    if let Some(prefix) = bytes.get_mut(start..start + PREFIX_BYTES) {
        prefix.copy_from_slice(&prefix_of(rest as u32));
    }
    let digest = chained(previous, bytes.get(start..).unwrap_or_default());
    bytes.extend_from_slice(&digest);
    bytes.extend_from_slice(parcel.unwrap_or_default());
    Some(digest)
}

/// A length and its check: a length that was changed is told from a record that is not all there.
fn prefix_of(rest: u32) -> [u8; PREFIX_BYTES] {
    let [a, b, c, d] = rest.to_le_bytes();
    let [e, f, g, h] = (xxh3_64(&[a, b, c, d]) as u32).to_le_bytes();
    [a, b, c, d, e, f, g, h]
}

/// The number of bytes that follow a prefix; `None` where it is none.
pub(super) fn n_following(prefix: [u8; PREFIX_BYTES]) -> Option<usize> {
    let [a, b, c, d, ..] = prefix;
    let rest = u32::from_le_bytes([a, b, c, d]);
    let n = usize::try_from(rest).ok()?;
    (n <= MAX_RECORD_BYTES && prefix == prefix_of(rest)).then_some(n)
}

/// A record read from its bytes.
pub(super) struct Decoded {
    /// What it says; its digest is the one that it states.
    pub(super) record: Record,
    /// How many of its bytes the digest covers.
    n_covered: usize,
    /// Where its parcel begins, where it has one.
    pub(super) parcel_at: Option<usize>,
}

impl Decoded {
    /// Whether it follows the record whose digest is `previous`, and nothing of it but the parcel was changed.
    pub(super) fn follows(&self, previous: &Digest, bytes: &[u8]) -> bool {
        bytes.get(..self.n_covered).is_some_and(|covered| chained(previous, covered) == self.record.digest)
    }
}

/// Reads a record, prefix included; `None` where it is none.
pub(super) fn decode(bytes: &[u8]) -> Option<Decoded> {
    let mut rest = Rest { bytes, at: PREFIX_BYTES };
    let [kind, parts] = rest.array()?;
    let bucket = Bucket(u32::from_le_bytes(rest.array()?));
    let seq = i64::from_le_bytes(rest.array()?);
    let recorded_at_micros = i64::from_le_bytes(rest.array()?);
    let has = |flag: u8| parts & flag != 0;
    let item = if has(ITEM) { Some(u64::from_le_bytes(rest.array()?)) } else { None };
    let decision_id = if has(DECISION) { Some(rest.array()?) } else { None };
    let route = if has(ROUTE) { Some(i64::from(u8::from_le_bytes(rest.array()?))) } else { None };
    let risk_score = if has(SCORE) { Some(f64::from_le_bytes(rest.array()?)) } else { None };
    let request = if has(REQUEST) {
        let digest = rest.array()?;
        let n = u16::from_le_bytes(rest.array()?);
        let id = String::from_utf8(rest.take(n.into())?.to_vec()).ok()?;
        Some(Request { id, digest })
    } else {
        None
    };
    let parcel = if has(PARCEL) {
        let digest: Digest = rest.array()?;
        Some((digest, usize::try_from(u32::from_le_bytes(rest.array()?)).ok()?))
    } else {
        None
    };
    let n_body = usize::try_from(u32::from_le_bytes(rest.array()?)).ok()?;
    let body = rest.take(n_body)?.to_vec();
    let n_covered = rest.at;
    let digest = rest.array()?;
    let parcel_at = parcel.map(|_| rest.at);
    let (parcel_digest, n_parcel) = parcel.unzip();
    let kept = n_parcel.map(|n| rest.take(n)).map_or(Some(None), |kept| kept.map(Some))?;
    if rest.at != bytes.len() || parts >= PARCEL << 1 {
        return None;
    }
    // Erased: nothing but zeros, which no parcel is.
    let parcel = kept.filter(|kept| kept.iter().any(|byte| *byte != 0) || kept.is_empty()).map(<[u8]>::to_vec);
    let kind = Kind::from_number(kind.into())?;
    let content = Content { kind, bucket, item, decision_id, route, risk_score, request, body, parcel };
    Some(Decoded { record: Record { seq, recorded_at_micros, content, parcel_digest, digest }, n_covered, parcel_at })
}

/// Bytes that are still to be read.
struct Rest<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Rest<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(n)?)?;
        self.at += n;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }
}

/// The digest that binds a record to the one before.
fn chained(previous: &Digest, covered: &[u8]) -> Digest {
    let mut hasher = Sha256::new_with_prefix(previous);
    hasher.update(covered);
    hasher.finalize().into()
}

/// Digest of a parcel as kept.
pub(super) fn digest_of(parcel: &[u8]) -> Digest {
    Sha256::digest(parcel).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content() -> Content {
        Content {
            item: Some(7),
            decision_id: Some([3; 16]),
            route: Some(2),
            risk_score: Some(0.25),
            request: Some(Request { id: "r1".to_owned(), digest: [9; 16] }),
            parcel: Some(vec![1, 2, 3]),
            ..Content::new(Kind::Decision, Bucket(5), vec![4; 100])
        }
    }

    #[test]
    fn what_is_written_is_read_whatever_parts_there_are() {
        let bare = Content::new(Kind::Outcome, Bucket(6), Vec::new());
        for content in [content(), bare] {
            let mut bytes = Vec::new();
            let digest = encode(&mut bytes, &[1; 32], 17, 99, &content).unwrap();
            let n = n_following(bytes[..PREFIX_BYTES].try_into().unwrap()).unwrap();
            assert_eq!(n + PREFIX_BYTES, bytes.len());
            let decoded = decode(&bytes).unwrap();
            let Record { seq, recorded_at_micros, .. } = decoded.record;
            assert_eq!((seq, recorded_at_micros, decoded.record.digest), (17, 99, digest));
            assert_eq!(decoded.record.content, content);
            assert!(decoded.follows(&[1; 32], &bytes) && !decoded.follows(&[2; 32], &bytes));
        }
    }

    #[test]
    fn any_bit_that_is_changed_shows() {
        let mut bytes = Vec::new();
        encode(&mut bytes, &[1; 32], 17, 99, &content()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let is_length =
                n_following(changed[..PREFIX_BYTES].try_into().unwrap()) == Some(bytes.len() - PREFIX_BYTES);
            let is_whole = is_length
                && decode(&changed).is_some_and(|decoded| {
                    let parcel = decoded.record.content.parcel.as_deref().map(digest_of);
                    decoded.follows(&[1; 32], &changed) && parcel == decoded.record.parcel_digest
                });
            assert!(!is_whole, "bit {bit}");
        }
    }
}

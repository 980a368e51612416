//! What stands behind the last whole record of a ledger: is it of records that were on their way when the power went?
//!
//! A loss of power leaves those of the last pages that the disk happened to have. The others read as zeros, and so whole records
//! may stand behind one that is not. What was damaged later has records behind it too, and those are not to be cut off.

use std::fs::File;
use std::io;

use super::frame::{PREFIX_BYTES, n_following};
use super::log::{End, Framed, fill_from, read_one};

/// Read at once while a record is looked for.
const READ_BYTES: usize = 1 << 20;
/// What comes to the disk whole or not at all.
const PAGE_BYTES: u64 = 4096;
/// The disk is asked a hundred times a second: what came so long before the last record it has, or it is broken.
const MOST_MICROS: i64 = 60_000_000;

/// Whether what stands behind `end`, where the next record should, may be cut off: where no record stands behind it; or where a
/// page of it never came to the disk, and what does stand behind it is all of one time: the disk was known to have none of it.
pub(super) fn is_torn(file: &File, end: &End) -> io::Result<bool> {
    let n_bytes = file.metadata()?.len();
    let Some(first) = next_record(file, end, end.offset, n_bytes)? else { return Ok(true) };
    if !has_gap(file, end.offset, n_bytes)? {
        return Ok(false);
    }
    let since = first.decoded.record.recorded_at_micros;
    let mut next = Some(first);
    while let Some(framed) = next {
        if framed.decoded.record.recorded_at_micros.saturating_sub(since) > MOST_MICROS {
            return Ok(false);
        }
        // Most follow one another.
        let following = read_one(file, framed.end())?;
        next = if following.is_some() { following } else { next_record(file, end, framed.end(), n_bytes)? };
    }
    Ok(true)
}

/// The first record from `offset` on that comes after the one at `end`.
fn next_record(file: &File, end: &End, mut offset: u64, n_bytes: u64) -> io::Result<Option<Framed>> {
    while let Some(at) = next_prefix(file, offset, n_bytes)? {
        if let Some(framed) = read_one(file, at)?
            && comes_after(file, end, &framed)?
        {
            return Ok(Some(framed));
        }
        offset = at + 1;
    }
    Ok(None)
}

fn comes_after(file: &File, end: &End, framed: &Framed) -> io::Result<bool> {
    let (head, record) = (&end.head, &framed.decoded.record);
    // The one that should stand there is known to be none.
    let least = head.seq + if framed.offset == end.offset { 2 } else { 1 };
    if record.seq < least || record.recorded_at_micros < head.recorded_at_micros || record.content.bucket < head.bucket
    {
        return Ok(false);
    }
    // Where another one stands behind it they are bound to each other; parts of a parcel that look like a record are not.
    let next = read_one(file, framed.end())?;
    Ok(next.is_none_or(|next| next.decoded.follows(&record.digest, &next.bytes)))
}

/// The first place from `offset` on where a record may begin: its length is one, and no longer than the file.
fn next_prefix(file: &File, mut offset: u64, n_bytes: u64) -> io::Result<Option<u64>> {
    let mut bytes = vec![0; READ_BYTES];
    loop {
        let n = fill_from(file, offset, &mut bytes)?;
        let read = bytes.get(..n).unwrap_or_default();
        for (at, prefix) in (offset..).zip(read.windows(PREFIX_BYTES)) {
            let following = prefix.first_chunk().copied().and_then(n_following);
            if following.is_some_and(|n| at + (PREFIX_BYTES + n) as u64 <= n_bytes) {
                return Ok(Some(at));
            }
        }
        if n < READ_BYTES {
            return Ok(None);
        }
        // One may begin in these bytes and end in the next.
        offset += (READ_BYTES - PREFIX_BYTES + 1) as u64;
    }
}

/// Whether a page of what should be a record at `offset` never came to the disk.
fn has_gap(file: &File, offset: u64, n_bytes: u64) -> io::Result<bool> {
    let mut prefix = [0; PREFIX_BYTES];
    let n = fill_from(file, offset, &mut prefix)?;
    let following = n_following(prefix).filter(|_| n == PREFIX_BYTES);
    let until = (offset + (PREFIX_BYTES + following.unwrap_or(0)) as u64).min(n_bytes);
    let page_after = |at: u64| (at / PAGE_BYTES + 1) * PAGE_BYTES;
    // The page in which it begins holds its length, where that came to the disk.
    let mut at = if following.is_some() { page_after(offset) } else { offset };
    while at < until {
        let next = page_after(at);
        let mut page = vec![0; usize::try_from(next - at).unwrap_or(0)];
        if fill_from(file, at, &mut page)? == page.len() && page.iter().all(|byte| *byte == 0) {
            return Ok(true);
        }
        at = next;
    }
    Ok(false)
}

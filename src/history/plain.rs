//! A history as rows of one length: larger than packed columns, and written and read in a tenth of the time.

use std::marker::PhantomData;

use super::SnapshotError::{self, Damaged, Inconsistent};
use super::rows::Rows;
use super::{Activity, Bucket, EntityKey, Entry, Norm};

/// A value as numbers of four bytes.
pub(super) trait Words: Copy {
    /// How many.
    const N: usize;
    /// Gives each to `put`.
    fn write(&self, put: impl FnMut(u32));
    /// Takes each from `next`.
    fn read(next: impl FnMut() -> u32) -> Self;
}

impl Words for Entry {
    const N: usize = 8;

    fn write(&self, mut put: impl FnMut(u32)) {
        put(self.closed_until.0);
        self.closed.iter().for_each(|count| put(count.to_bits()));
        put(self.pending_in.0);
        self.pending.iter().for_each(|count| put(*count));
    }

    fn read(mut next: impl FnMut() -> u32) -> Self {
        Self {
            closed_until: Bucket(next()),
            closed: [0; 3].map(|_| f32::from_bits(next())),
            pending_in: Bucket(next()),
            pending: [0; 3].map(|_| next()),
        }
    }
}

impl Words for Activity {
    const N: usize = 13;

    fn write(&self, mut put: impl FnMut(u32)) {
        put(self.first.0);
        put(self.last.0);
        self.recent.iter().for_each(|count| put(count.to_bits()));
        self.counterparts.iter().for_each(|bits| two(*bits, &mut put));
        put(self.pending_in.0);
        put(self.pending);
        two(self.pending_counterparts, &mut put);
    }

    fn read(mut next: impl FnMut() -> u32) -> Self {
        Self {
            first: Bucket(next()),
            last: Bucket(next()),
            recent: [0; 3].map(|_| f32::from_bits(next())),
            counterparts: [0; 2].map(|_| of_two(&mut next)),
            pending_in: Bucket(next()),
            pending: next(),
            pending_counterparts: of_two(&mut next),
        }
    }
}

impl Words for Norm {
    const N: usize = 14;

    fn write(&self, mut put: impl FnMut(u32)) {
        put(self.closed_until.0);
        self.closed.iter().for_each(|sum| two(sum.to_bits(), &mut put));
        put(self.pending_in.0);
        self.pending.iter().for_each(|sum| two(sum.cast_unsigned(), &mut put));
    }

    fn read(mut next: impl FnMut() -> u32) -> Self {
        Self {
            closed_until: Bucket(next()),
            closed: [0; 3].map(|_| f64::from_bits(of_two(&mut next))),
            pending_in: Bucket(next()),
            pending: [0; 3].map(|_| of_two(&mut next).cast_signed()),
        }
    }
}

fn two(bits: u64, put: &mut impl FnMut(u32)) {
    put(bits as u32);
    put((bits >> 32) as u32);
}

fn of_two(next: &mut impl FnMut() -> u32) -> u64 {
    u64::from(next()) | u64::from(next()) << 32
}

/// Writes rows, with their number before them.
pub(super) fn write<T: Words>(rows: &[(EntityKey, T)], bytes: &mut Vec<u8>) {
    bytes.reserve(8 + rows.len() * PlainRows::<T>::ROW_BYTES);
    bytes.extend_from_slice(&(rows.len() as u64).to_le_bytes());
    for (key, value) in rows {
        bytes.extend_from_slice(&key.0.to_le_bytes());
        value.write(|word| bytes.extend_from_slice(&word.to_le_bytes()));
    }
}

/// Rows where they lie.
pub(super) struct PlainRows<'a, T> {
    rows: &'a [u8],
    of: PhantomData<fn() -> T>,
}

impl<'a, T: Words> PlainRows<'a, T> {
    const ROW_BYTES: usize = 8 + 4 * T::N;

    /// The rows at the beginning of `bytes`, which then begins after them.
    pub(super) fn take(bytes: &mut &'a [u8]) -> Result<Self, SnapshotError> {
        let n_rows = usize::try_from(take_u64(bytes)?).map_err(|_| Damaged)?;
        let n_bytes = n_rows.checked_mul(Self::ROW_BYTES).ok_or(Damaged)?;
        let (rows, rest) = bytes.split_at_checked(n_bytes).ok_or(Damaged)?;
        *bytes = rest;
        let rows = Self { rows, of: PhantomData };
        if (1..n_rows).all(|idx| rows.key(idx - 1) < rows.key(idx)) {
            Ok(rows)
        } else {
            Err(Inconsistent("keys out of order"))
        }
    }

    fn row(&self, idx: usize) -> impl FnMut() -> u32 {
        let row = self.rows.get(idx * Self::ROW_BYTES..).unwrap_or_default();
        let mut words = row.as_chunks::<4>().0.iter();
        move || words.next().map_or(0, |word| u32::from_le_bytes(*word))
    }
}

impl<T: Words> Rows<T> for PlainRows<'_, T> {
    fn len(&self) -> usize {
        self.rows.len() / Self::ROW_BYTES
    }

    fn key(&self, idx: usize) -> EntityKey {
        EntityKey(of_two(&mut self.row(idx)))
    }

    fn value(&self, idx: usize) -> T {
        let mut next = self.row(idx);
        of_two(&mut next);
        T::read(next)
    }
}

/// The number at the beginning of `bytes`, which then begins after it.
pub(super) fn take_u64(bytes: &mut &[u8]) -> Result<u64, SnapshotError> {
    let (number, rest) = bytes.split_first_chunk::<8>().ok_or(Damaged)?;
    *bytes = rest;
    Ok(u64::from_le_bytes(*number))
}

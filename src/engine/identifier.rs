//! The identifier of a decision: a hash of its grounds.

use std::cell::RefCell;

use uuid::Uuid;
use xxhash_rust::xxh3::xxh3_128;

use crate::parcel::AdvisedAt;

/// What a decision rests on, as bytes: each ground after its length.
///
/// They are gathered, and hashed at once: in pieces of a few bytes it takes several times as long.
#[derive(Debug, Default)]
pub(super) struct Grounds(Vec<u8>);

thread_local! {
    /// Room that a thread gathers grounds in.
    static GROUNDS: RefCell<Grounds> = RefCell::default();
}

/// A feature after its length.
const FEATURE_BYTES: usize = size_of::<u64>() + size_of::<f32>();

impl Grounds {
    /// The identifier by the grounds that `add` adds to none.
    pub(super) fn identify(advised_at: AdvisedAt, add: impl FnOnce(&mut Self)) -> Uuid {
        GROUNDS.with_borrow_mut(|grounds| {
            grounds.0.clear();
            add(grounds);
            grounds.identifier(advised_at)
        })
    }

    /// Adds a ground.
    pub(super) fn add(&mut self, ground: &[u8]) {
        self.0.extend_from_slice(&(ground.len() as u64).to_le_bytes());
        self.0.extend_from_slice(ground);
    }

    /// Adds features, each a ground of its own. All missing values are one, whatever bits they are made of.
    pub(super) fn add_features(&mut self, values: &[f32]) {
        let begin = self.0.len();
        self.0.resize(begin + FEATURE_BYTES * values.len(), 0);
        for (room, value) in self.0[begin..].as_chunks_mut::<FEATURE_BYTES>().0.iter_mut().zip(values) {
            let bits = if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() };
            let (length, ground) = room.split_at_mut(size_of::<u64>());
            length.copy_from_slice(&(size_of::<f32>() as u64).to_le_bytes());
            ground.copy_from_slice(&bits.to_le_bytes());
        }
    }

    /// UUIDv7 (RFC 9562): the milliseconds of `advised_at`, then bits of the hash.
    fn identifier(&self, advised_at: AdvisedAt) -> Uuid {
        let hash = xxh3_128(&self.0).to_be_bytes();
        let mut bits = [0; 10];
        bits.copy_from_slice(&hash[..10]);
        let milliseconds = advised_at.seconds().unsigned_abs() * 1000 + u64::from(advised_at.nanos() / 1_000_000);
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &bits).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn features_are_grounds_like_others(values in prop::collection::vec(any::<f32>(), 0..9)) {
            let (mut together, mut alone) = (Grounds::default(), Grounds::default());
            for grounds in [&mut together, &mut alone] {
                grounds.add(b"first");
            }
            together.add_features(&values);
            for value in values {
                let bits = if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() };
                alone.add(&bits.to_le_bytes());
            }
            prop_assert_eq!(together.0, alone.0);
        }
    }
}

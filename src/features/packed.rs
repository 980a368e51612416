//! Keys and features of one parcel as bytes: a ledger keeps them with every decision, so they are packed, and quickly.
//!
//! ```text
//! keys:     those that there are · activity: number, then place, flag and counterpart of each · norms that there are
//! features: number, two bits for each, then those that are neither 0, missing nor 1 · counts that there are
//! "that there are": number, one bit for each place, then each that there is
//! ```
//!
//! Hashes and floats are little-endian; numbers and counts are of seven bits a byte, the lowest first.

use super::row::{FeatureRow, KeptKeys, ParcelKeys};
use crate::history::{Counts, EntityKey};

/// What of a feature its two bits tell.
const ZERO: u8 = 0;
const MISSING: u8 = 1;
const ONE: u8 = 2;
const STATED: u8 = 3;

impl ParcelKeys {
    /// Adds to `out` all that [`KeptKeys::unpack`] reads.
    pub fn pack(&self, out: &mut Vec<u8>) {
        out.reserve(16 * (self.by_key.len() + self.norms.len()) + 64);
        put_there(out, &self.by_key, |out, key| out.extend_from_slice(&key.0.to_le_bytes()));
        let place = |key: &EntityKey| self.by_key.iter().position(|known| known.as_ref() == Some(key));
        let activity = self.footprint.activity.iter();
        put_number(out, activity.clone().filter(|(key, _)| place(key).is_some()).count() as u64);
        for (place, counterpart) in activity.filter_map(|(key, counterpart)| Some((place(key)?, counterpart))) {
            put_number(out, place as u64);
            out.push(u8::from(counterpart.is_some()));
            counterpart.iter().for_each(|hash| out.extend_from_slice(&hash.to_le_bytes()));
        }
        put_there(out, &self.norms, |out, (key, number)| {
            out.extend_from_slice(&key.0.to_le_bytes());
            out.extend_from_slice(&number.to_le_bytes());
        });
    }
}

impl KeptKeys {
    /// Takes what [`ParcelKeys::pack`] added from the beginning of `bytes`; `None` where it is not that.
    pub fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        let by_key = there(bytes, |bytes| array(bytes).map(u64::from_le_bytes))?;
        let n_activity = number(bytes)?;
        let mut activity = Vec::new();
        for _ in 0..n_activity {
            let place = u32::try_from(number(bytes)?).ok()?;
            let [has_counterpart] = array(bytes)?;
            let counterpart = if has_counterpart == 0 { None } else { Some(u64::from_le_bytes(array(bytes)?)) };
            activity.push((place, counterpart));
        }
        let norms = there(bytes, |bytes| Some((u64::from_le_bytes(array(bytes)?), f64::from_le_bytes(array(bytes)?))))?;
        Some(Self { by_key, activity, norms })
    }
}

impl FeatureRow {
    /// Adds to `out` all that [`FeatureRow::unpack`] reads: what was known under each key as whole numbers, which is how
    /// reasons tell of it.
    pub fn pack(&self, out: &mut Vec<u8>) {
        put_number(out, self.values.len() as u64);
        // Room for all, of which some is given back: to ask for each whether there is any would cost more than the packing.
        let (start, n_codes) = (out.len(), self.values.len().div_ceil(4));
        out.resize(start + n_codes + 4 * self.values.len(), 0);
        let (codes, stated) = out.get_mut(start..).unwrap_or_default().split_at_mut(n_codes);
        let mut n_stated = 0;
        for (code, four) in codes.iter_mut().zip(self.values.chunks(4)) {
            for (place, value) in four.iter().enumerate() {
                let what = what(value.to_bits());
                *code |= what << (2 * place);
                if let Some(room) = stated.get_mut(n_stated..n_stated + 4) {
                    room.copy_from_slice(&value.to_le_bytes());
                }
                n_stated += if what == STATED { 4 } else { 0 };
            }
        }
        out.truncate(start + n_codes + n_stated);
        put_there(out, &self.counts, |out, Counts { seen, inspected, infringements }| {
            // None is negative or as large as u64. `round` is a call into the platform's library, for each of them.
            [seen, inspected, infringements].into_iter().for_each(|count| put_number(out, (count + 0.5) as u64));
        });
    }

    /// Takes what [`FeatureRow::pack`] added from the beginning of `bytes`; `None` where it is not that. There are no rates.
    pub fn unpack(bytes: &mut &[u8]) -> Option<Self> {
        let n = usize::try_from(number(bytes)?).ok()?;
        let (bits, rest) = bytes.split_at_checked(n.div_ceil(4))?;
        *bytes = rest;
        let mut values = Vec::with_capacity(n);
        for idx in 0..n {
            values.push(match bits.get(idx / 4)? >> (idx % 4 * 2) & 3 {
                ZERO => 0.0,
                MISSING => f32::NAN,
                ONE => 1.0,
                _ => f32::from_le_bytes(array(bytes)?),
            });
        }
        let counts = there(bytes, |bytes| {
            let mut count = || number(bytes).map(|count| count as f64);
            Some(Counts { seen: count()?, inspected: count()?, infringements: count()? })
        })?;
        Some(Self { values, counts, rates: Vec::new() })
    }
}

/// By the bits of a feature: minus zero is another number than zero.
fn what(bits: u32) -> u8 {
    const SIGN: u32 = 1 << 31;
    if bits == 0 {
        ZERO
    } else if bits == 1.0_f32.to_bits() {
        ONE
    } else if bits & !SIGN > f32::INFINITY.to_bits() {
        MISSING
    } else {
        STATED
    }
}

fn put_there<T>(out: &mut Vec<u8>, items: &[Option<T>], put: impl Fn(&mut Vec<u8>, &T)) {
    put_number(out, items.len() as u64);
    let bits_of = |eight: &[Option<T>]| eight.iter().rev().fold(0, |bits, item| bits << 1 | u8::from(item.is_some()));
    out.extend(items.chunks(8).map(bits_of));
    items.iter().flatten().for_each(|item| put(out, item));
}

fn there<T>(bytes: &mut &[u8], take: impl Fn(&mut &[u8]) -> Option<T>) -> Option<Vec<Option<T>>> {
    let n = usize::try_from(number(bytes)?).ok()?;
    let (bits, rest) = bytes.split_at_checked(n.div_ceil(8))?;
    *bytes = rest;
    let is_there = |idx: usize| bits.get(idx / 8).is_some_and(|byte| byte >> (idx % 8) & 1 == 1);
    (0..n).map(|idx| if is_there(idx) { take(bytes).map(Some) } else { Some(None) }).collect()
}

fn put_number(out: &mut Vec<u8>, mut number: u64) {
    // Most are.
    if number < 0x80 {
        out.push(number as u8);
        return;
    }
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..u64::BITS).step_by(7) {
        let [byte] = array(bytes)?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn array<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::history::Footprint;

    fn keys(by_key: Vec<Option<u64>>, activity: Vec<(u32, Option<u64>)>, norms: Vec<Option<(u64, f64)>>) -> ParcelKeys {
        KeptKeys { by_key, activity, norms }.into()
    }

    proptest! {
        #[test]
        fn keys_come_back_as_they_are_kept(
            by_key in prop::collection::vec(any::<Option<u64>>(), 0..40),
            activity in prop::collection::vec((0_u32..50, any::<Option<u64>>()), 0..5),
            norms in prop::collection::vec(any::<Option<(u64, i32)>>(), 0..10),
        ) {
            let norms = norms.into_iter().map(|norm| norm.map(|(key, number)| (key, f64::from(number)))).collect();
            let keys = keys(by_key, activity, norms);
            let mut bytes = Vec::new();
            keys.pack(&mut bytes);
            bytes.push(7);
            let mut rest = bytes.as_slice();
            prop_assert_eq!(KeptKeys::unpack(&mut rest), Some(KeptKeys::from(&keys)));
            prop_assert_eq!(rest, [7]);
        }

        #[test]
        fn features_come_back_to_the_bit_and_counts_as_whole_numbers(
            values in prop::collection::vec(prop_oneof![Just(0.0), Just(-0.0), Just(1.0), Just(f32::NAN), any::<f32>()], 0..200),
            counts in prop::collection::vec(any::<Option<[u32; 3]>>(), 0..40),
        ) {
            let of = |[seen, inspected, infringements]: [f64; 3]| Counts { seen, inspected, infringements };
            let row = FeatureRow {
                values,
                counts: counts.iter().map(|counts| counts.map(|all| of(all.map(|n| f64::from(n) + 0.25)))).collect(),
                rates: vec![0.5],
            };
            let mut bytes = Vec::new();
            row.pack(&mut bytes);
            let mut rest = bytes.as_slice();
            let again = FeatureRow::unpack(&mut rest).unwrap();
            prop_assert!(rest.is_empty());
            let bits = |row: &FeatureRow| row.values.iter().map(|v| if v.is_nan() { 1 } else { v.to_bits() }).collect::<Vec<_>>();
            prop_assert_eq!(bits(&again), bits(&row));
            let whole: Vec<_> = counts.iter().map(|counts| counts.map(|all| of(all.map(f64::from)))).collect();
            prop_assert_eq!(again.counts, whole);
        }

        #[test]
        fn bytes_of_anything_are_read_or_not_and_never_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = KeptKeys::unpack(&mut bytes.as_slice());
            let _ = FeatureRow::unpack(&mut bytes.as_slice());
        }
    }

    #[test]
    fn a_number_that_is_too_long_is_none_and_takes_no_memory() {
        assert_eq!(KeptKeys::unpack(&mut [0xff; 30].as_slice()), None);
        assert_eq!(FeatureRow::unpack(&mut [0xff, 0xff, 0xff, 0xff, 0x0f, 0].as_slice()), None);
        assert_eq!(ParcelKeys::default().footprint(), &Footprint::default());
    }
}

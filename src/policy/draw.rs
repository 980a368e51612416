//! Draws that anyone with the key can repeat, and nobody without it can guess.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The secret behind all draws of a policy.
#[derive(Clone)]
pub struct DrawKey(Hmac<Sha256>);

impl fmt::Debug for DrawKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DrawKey(secret)")
    }
}

/// Shortest key, in bytes: that of the hash.
const MIN_KEY_BYTES: usize = 32;

impl DrawKey {
    /// Of at least 32 bytes; `None` where there are fewer.
    pub fn new(secret: &[u8]) -> Option<Self> {
        (secret.len() >= MIN_KEY_BYTES).then(|| Hmac::new_from_slice(secret).ok()).flatten().map(Self)
    }

    /// HMAC-SHA-256 of purpose, day and item as a number from 0 to below 1, in steps of 2^-53.
    pub(super) fn draw(&self, purpose: &str, day: i64, item_id: &str) -> f64 {
        let mac = self
            .0
            .clone()
            .chain_update(b"parcel-risk draw 1")
            .chain_update((purpose.len() as u64).to_le_bytes())
            .chain_update(purpose.as_bytes())
            .chain_update(day.to_le_bytes())
            .chain_update(item_id.as_bytes());
        let bytes = mac.finalize().into_bytes();
        let mut first = [0; 8];
        first.copy_from_slice(&bytes[..8]);
        (u64::from_le_bytes(first) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draw_repeats_and_depends_on_each_of_its_grounds() {
        let key = DrawKey::new(&[7; 32]).unwrap();
        let draw = key.draw("random_control", 20_000, "RB123456785CN");
        assert_eq!(draw.to_bits(), key.draw("random_control", 20_000, "RB123456785CN").to_bits());
        let others = [
            key.draw("exploration", 20_000, "RB123456785CN"),
            key.draw("random_control", 20_001, "RB123456785CN"),
            key.draw("random_control", 20_000, "RB123456799CN"),
            DrawKey::new(&[8; 32]).unwrap().draw("random_control", 20_000, "RB123456785CN"),
        ];
        assert!(others.iter().all(|other| *other != draw), "{draw} {others:?}");
    }

    #[test]
    fn draws_are_spread_evenly() {
        let key = DrawKey::new(&[7; 32]).unwrap();
        let mut tenths = [0_u32; 10];
        for item in 0..20_000 {
            tenths[(key.draw("control", 1, &item.to_string()) * 10.0) as usize] += 1;
        }
        // 2,000 each, with a standard deviation of 42.
        assert!(tenths.iter().all(|n| n.abs_diff(2_000) < 200), "{tenths:?}");
    }

    #[test]
    fn a_short_key_is_none() {
        assert!(DrawKey::new(&[7; 31]).is_none());
    }
}

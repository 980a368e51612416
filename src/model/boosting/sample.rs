//! Subsampling that is the same on every machine.

use rand_chacha::{ChaCha8Rng, rand_core::Rng};

/// Takes `⌈fraction · n⌉` of the items, in their order, each set equally likely; all of them
/// without a draw where `fraction` is 1.
///
/// Source: selection sampling, Knuth, TAOCP vol. 2, §3.4.2, algorithm S.
pub(super) fn sample(items: impl ExactSizeIterator<Item = u32>, fraction: f64, rng: &mut ChaCha8Rng) -> Vec<u32> {
    let mut left = items.len() as u64;
    let mut wanted = ((left as f64 * fraction).ceil() as u64).min(left);
    if wanted == left {
        return items.collect();
    }
    let taken = items.filter(|_| {
        let take = (u64::from(rng.next_u32()) * left) >> 32 < wanted;
        left -= 1;
        wanted -= u64::from(take);
        take
    });
    taken.collect()
}

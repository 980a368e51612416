//! The weights of a model of text, laid out to be looked up.

use super::TextModel;
use super::model::margin;
use super::ngrams::N_SLOTS;

const WORD: usize = u64::BITS as usize;
const N_WORDS: usize = N_SLOTS as usize / WORD;

/// A [`TextModel`] that serves: the same margins, to the bit. Made when a model is loaded, never stored.
///
/// A bit says whether a slot has a weight, and the weights of lower slots are counted to find it.
#[derive(Clone, Debug)]
pub struct TextWeights {
    bias: f32,
    has_weight: Vec<Slots>,
    weights: Vec<f32>,
}

/// Neighboring slots.
#[derive(Clone, Copy, Debug, Default)]
struct Slots {
    /// A bit for each that has a weight.
    bits: u64,
    /// How many lower ones have a weight: fewer than there are slots.
    n_before: u16,
}

impl TextWeights {
    /// Lays out a model that was [checked](TextModel::check).
    pub fn new(model: &TextModel) -> Self {
        let mut has_weight = vec![Slots::default(); N_WORDS];
        for slot in model.slots.iter().filter_map(|slot| usize::try_from(*slot).ok()) {
            if let Some(slots) = has_weight.get_mut(slot / WORD) {
                slots.bits |= 1 << (slot % WORD);
            }
        }
        let mut n_before = 0;
        for slots in &mut has_weight {
            slots.n_before = n_before as u16;
            n_before += slots.bits.count_ones();
        }
        Self { bias: model.bias, has_weight, weights: model.weights.clone() }
    }

    /// As [`TextModel::margin`].
    pub fn margin(&self, slots: &[u32]) -> f64 {
        margin(self.bias, slots, |slot| self.weight(slot as usize).unwrap_or(0.0))
    }

    fn weight(&self, slot: usize) -> Option<f32> {
        let slots = self.has_weight.get(slot / WORD)?;
        let bit = 1 << (slot % WORD);
        if slots.bits & bit == 0 {
            return None;
        }
        let n_before = usize::from(slots.n_before) + (slots.bits & (bit - 1)).count_ones() as usize;
        self.weights.get(n_before).copied()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn margins_are_those_of_the_model(
            weights in prop::collection::btree_map(0..N_SLOTS, -2.0_f32..2.0, 0..400),
            n_dense in 0..N_SLOTS,
            slots in prop::collection::btree_set(0..N_SLOTS + 9, 0..200),
            bias in -3.0_f32..3.0,
        ) {
            // All of the lower slots too, as far as there are any.
            let dense = (0..n_dense).filter(|slot| !weights.contains_key(slot)).map(|slot| (slot, 0.5));
            let all: std::collections::BTreeMap<u32, f32> = weights.clone().into_iter().chain(dense).collect();
            for weights in [weights, all] {
                let slots: Vec<u32> = slots.iter().chain(weights.keys().take(9)).copied().collect();
                let model = TextModel::new(bias, weights.into_iter());
                prop_assert_eq!(TextWeights::new(&model).margin(&slots).to_bits(), model.margin(&slots).to_bits());
            }
        }
    }
}

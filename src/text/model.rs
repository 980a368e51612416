//! A model of text: one weight for each slot that says something.

use serde::{Deserialize, Serialize};

use super::ngrams::N_SLOTS;

/// A logistic regression over the slots of [`hashed_ngrams`](super::hashed_ngrams), most of whose weights are zero.
///
/// Each of a text's `n` slots counts `1 / √n`, so that a long description does not outweigh a short one by its length.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextModel {
    pub(super) bias: f32,
    /// Slots with a weight that is not zero, ascending.
    pub(super) slots: Vec<u32>,
    /// One per slot.
    pub(super) weights: Vec<f32>,
}

/// What is wrong with a model of text that was read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTextModel {
    /// The two lists do not belong together.
    #[error("text model: {slots} slots, but {weights} weights")]
    Lengths {
        /// How many slots.
        slots: usize,
        /// How many weights.
        weights: usize,
    },
    /// A slot that does not exist, or does not stand after the one before it.
    #[error("text model: slot {slot} is out of order or out of range")]
    Slot {
        /// Which.
        slot: u32,
    },
    /// A weight or the bias is infinite or no number.
    #[error("text model: a weight is not finite")]
    NotFinite,
}

impl TextModel {
    /// A model of weights by ascending slot; zeros are left out.
    pub(super) fn new(bias: f32, weights: impl Iterator<Item = (u32, f32)>) -> Self {
        let (slots, weights) = weights.filter(|(_, weight)| *weight != 0.0).unzip();
        Self { bias, slots, weights }
    }

    /// Checks a model that was read from somewhere.
    ///
    /// # Errors
    /// [`InvalidTextModel`], the first found.
    pub fn check(&self) -> Result<(), InvalidTextModel> {
        let (slots, weights) = (self.slots.len(), self.weights.len());
        if slots != weights {
            return Err(InvalidTextModel::Lengths { slots, weights });
        }
        let mut before = None;
        for &slot in &self.slots {
            if slot >= N_SLOTS || before.is_some_and(|before| before >= slot) {
                return Err(InvalidTextModel::Slot { slot });
            }
            before = Some(slot);
        }
        let is_finite = self.bias.is_finite() && self.weights.iter().all(|weight| weight.is_finite());
        is_finite.then_some(()).ok_or(InvalidTextModel::NotFinite)
    }

    /// How many weights there are, the bias not among them.
    pub fn n_weights(&self) -> usize {
        self.weights.len()
    }

    /// The log-odds of an infringement by a text's slots alone, summed in the order of `slots`; for none, the bias.
    pub fn margin(&self, slots: &[u32]) -> f64 {
        margin(self.bias, slots, |slot| match self.slots.binary_search(&slot) {
            Ok(idx) => self.weights[idx],
            Err(_) => 0.0,
        })
    }
}

/// `bias + Σ weight(slot) / √n`, in the order of `slots`.
pub(super) fn margin(bias: f32, slots: &[u32], weight: impl Fn(u32) -> f32) -> f64 {
    let sum: f64 = slots.iter().map(|slot| f64::from(weight(*slot))).sum();
    f64::from(bias) + sum * share(slots)
}

/// What each slot counts: `1 / √n`, and 0 for none. A square root is exact everywhere (IEEE 754).
pub(super) fn share(slots: &[u32]) -> f64 {
    if slots.is_empty() { 0.0 } else { 1.0 / (slots.len() as f64).sqrt() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> TextModel {
        TextModel::new(-1.0, [(3, 2.0), (5, 0.0), (9, -0.5)].into_iter())
    }

    #[test]
    fn a_margin_is_the_bias_and_the_mean_of_weights_by_the_root_of_their_number() {
        let model = model();
        assert_eq!(model.n_weights(), 2);
        assert_eq!(model.margin(&[]), -1.0);
        assert_eq!(model.margin(&[3]), 1.0);
        assert_eq!(model.margin(&[3, 5, 9, 70_000]), -1.0 + 1.5 / 2.0);
    }

    #[test]
    fn what_was_damaged_is_refused() {
        let said = |change: fn(&mut TextModel)| {
            let mut model = model();
            change(&mut model);
            model.check().unwrap_err().to_string()
        };
        assert_eq!(model().check(), Ok(()));
        assert_eq!(said(|model| model.weights.truncate(1)), "text model: 2 slots, but 1 weights");
        assert_eq!(said(|model| model.slots[1] = 3), "text model: slot 3 is out of order or out of range");
        assert_eq!(said(|model| model.slots[1] = 65_536), "text model: slot 65536 is out of order or out of range");
        assert_eq!(said(|model| model.weights[0] = f32::NAN), "text model: a weight is not finite");
        assert_eq!(said(|model| model.bias = f32::INFINITY), "text model: a weight is not finite");
    }
}

//! How a model of text is learned: online, one outcome after the other.

use serde::{Deserialize, Serialize};

use super::model::{TextModel, margin, share};
use super::ngrams::N_SLOTS;

/// How fast is learned, and how much is held to be chance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TextLearnerParams {
    /// Step of a weight that was never changed is `alpha / beta`; positive.
    pub alpha: f64,
    /// Slows the first steps; positive.
    pub beta: f64,
    /// A slot gets a weight once its summed gradients pass this; zero or more.
    pub l1: f64,
    /// Pulls weights to zero; zero or more.
    pub l2: f64,
}

impl Default for TextLearnerParams {
    fn default() -> Self {
        Self { alpha: 0.5, beta: 1.0, l1: 0.1, l2: 0.5 }
    }
}

impl TextLearnerParams {
    /// Whether every number is one that can be learned with.
    pub fn is_valid(&self) -> bool {
        let is_finite = [self.alpha, self.beta, self.l1, self.l2].iter().all(|number| number.is_finite());
        is_finite && self.alpha > 0.0 && self.beta > 0.0 && self.l1 >= 0.0 && self.l2 >= 0.0
    }
}

/// A logistic regression learned online by FTRL-Proximal: follow the regularized leader, one learning rate for each slot
/// (McMahan et al. 2013, "Ad Click Prediction: a View from the Trenches", algorithm 1).
///
/// It takes outcomes in the order in which they became known, each once, so that the margin of a parcel, asked for when
/// the parcel is advised, never saw its own outcome. Equal outcomes in equal order give equal bits.
#[derive(Clone, Debug)]
pub struct TextLearner {
    params: TextLearnerParams,
    bias: Coordinate,
    /// One for each slot.
    slots: Vec<Coordinate>,
}

/// What is known of one weight.
#[derive(Clone, Copy, Debug, Default)]
struct Coordinate {
    /// Summed gradients, less what the weight has answered of them: `z` of the paper.
    z: f64,
    /// Summed squares of gradients: `n` of the paper.
    n: f64,
}

impl Coordinate {
    /// The weight that follows: zero until `z` passes `l1`.
    fn weight(self, params: &TextLearnerParams) -> f64 {
        let excess = self.z.abs() - params.l1;
        if excess <= 0.0 {
            return 0.0;
        }
        -excess.copysign(self.z) / ((params.beta + self.n.sqrt()) / params.alpha + params.l2)
    }

    fn learn(&mut self, gradient: f64, params: &TextLearnerParams) {
        let weight = self.weight(params);
        let n = self.n + gradient * gradient;
        let sigma = (n.sqrt() - self.n.sqrt()) / params.alpha;
        self.z += gradient - sigma * weight;
        self.n = n;
    }
}

impl TextLearner {
    /// One that knows nothing: every margin is 0. `None` unless the parameters are valid.
    pub fn new(params: TextLearnerParams) -> Option<Self> {
        let slots = vec![Coordinate::default(); N_SLOTS as usize];
        params.is_valid().then_some(Self { params, bias: Coordinate::default(), slots })
    }

    /// Takes one outcome: the slots of a text, ascending, and whether the parcel was an infringement.
    ///
    /// `weight` says how many such outcomes it stands for; one that is not positive and finite teaches nothing.
    pub fn learn(&mut self, slots: &[u32], infringement: bool, weight: f64) {
        if !(weight.is_finite() && weight > 0.0) {
            return;
        }
        let probability = 1.0 / (1.0 + libm::exp(-self.margin(slots)));
        let error = weight * (probability - f64::from(u8::from(infringement)));
        let bias_params = self.bias_params();
        self.bias.learn(error, &bias_params);
        let gradient = error * share(slots);
        for slot in slots {
            if let Some(coordinate) = self.slots.get_mut(*slot as usize) {
                coordinate.learn(gradient, &self.params);
            }
        }
    }

    /// The log-odds of an infringement by a text's slots alone, to the bit what [`TextLearner::model`] would say now.
    pub fn margin(&self, slots: &[u32]) -> f64 {
        let weight = |slot: u32| self.slots.get(slot as usize).map_or(0.0, |known| known.weight(&self.params) as f32);
        margin(self.bias.weight(&self.bias_params()) as f32, slots, weight)
    }

    /// What was learned so far.
    pub fn model(&self) -> TextModel {
        let weights = self.slots.iter().map(|coordinate| coordinate.weight(&self.params) as f32);
        TextModel::new(self.bias.weight(&self.bias_params()) as f32, (0..N_SLOTS).zip(weights))
    }

    /// The bias is the base rate, which is no chance find: nothing holds it back.
    fn bias_params(&self) -> TextLearnerParams {
        TextLearnerParams { l1: 0.0, l2: 0.0, ..self.params }
    }
}

#[cfg(test)]
mod tests {
    use super::super::hashed_ngrams;
    use super::*;

    fn slots(text: &str) -> Vec<u32> {
        let mut out = Vec::new();
        hashed_ngrams(text, &mut out);
        out
    }

    /// Eight kinds of goods in turn; two of them are always infringements.
    fn rows(n: usize) -> Vec<(Vec<u32>, bool)> {
        let goods =
            ["cotton shirt", "phone case", "pigment powder", "toy car", "tea cup", "book", "lamp", "herbal powder"];
        (0..n).map(|idx| (slots(goods[idx % 8]), goods[idx % 8].contains("powder"))).collect()
    }

    fn learned(rows: &[(Vec<u32>, bool)], params: TextLearnerParams) -> TextLearner {
        let mut learner = TextLearner::new(params).unwrap();
        for (slots, infringement) in rows {
            learner.learn(slots, *infringement, 1.0);
        }
        learner
    }

    #[test]
    fn a_planted_word_is_learned_and_known_again_in_another_text() {
        let learner = learned(&rows(800), TextLearnerParams::default());
        let (bad, good) = (learner.margin(&slots("pigment powder")), learner.margin(&slots("phone case")));
        assert!(bad > 1.5 && good < -1.5, "{bad} {good}");
        let (near, far) = (learner.margin(&slots("white POWDER")), learner.margin(&slots("white shirt")));
        assert!(near > far + 1.0, "{near} {far}");
    }

    #[test]
    fn a_penalty_on_weights_keeps_the_model_sparse() {
        // A number that stands in one text says nothing of the next.
        let mut rows = rows(800);
        for (idx, (slots, _)) in rows.iter_mut().enumerate() {
            let lot = (idx as u32).wrapping_mul(2_654_435_761) % N_SLOTS;
            slots.push(lot);
            slots.sort_unstable();
            slots.dedup();
        }
        let n_weights =
            |l1| learned(&rows, TextLearnerParams { l1, ..TextLearnerParams::default() }).model().n_weights();
        let (none, some, much) = (n_weights(0.0), n_weights(0.1), n_weights(1000.0));
        assert!(some > 0 && some < none / 2 && much == 0, "{none} {some} {much}");
    }

    #[test]
    fn the_model_says_what_the_learner_says_to_the_bit() {
        let rows = rows(300);
        let learner = learned(&rows, TextLearnerParams::default());
        let model = learner.model();
        assert_eq!(model.check(), Ok(()));
        for (slots, _) in &rows[..8] {
            assert_eq!(model.margin(slots).to_bits(), learner.margin(slots).to_bits());
        }
        assert_eq!(learned(&rows, TextLearnerParams::default()).model(), model, "equal rows, equal model");
    }

    #[test]
    fn outcomes_of_one_class_and_wild_weights_leave_margins_finite() {
        for infringement in [true, false] {
            let mut learner = TextLearner::new(TextLearnerParams::default()).unwrap();
            for idx in 0..5000 {
                let weight = [1.0, 1e12, f64::NAN, f64::INFINITY, -1.0, 0.0][idx % 6];
                learner.learn(&slots("gift"), infringement, weight);
                learner.learn(&[], infringement, 1.0);
                learner.learn(&[N_SLOTS, u32::MAX], infringement, 1.0);
            }
            let margin = learner.margin(&slots("gift"));
            assert!(margin.is_finite() && (margin > 0.0) == infringement, "{margin}");
            assert_eq!(learner.model().check(), Ok(()));
        }
    }

    #[test]
    fn a_weight_stands_for_as_many_outcomes() {
        let mut weighed = TextLearner::new(TextLearnerParams::default()).unwrap();
        let mut plain = weighed.clone();
        for _ in 0..50 {
            weighed.learn(&slots("gift"), true, 5.0);
            plain.learn(&slots("gift"), true, 1.0);
        }
        assert!(weighed.margin(&slots("gift")) > plain.margin(&slots("gift")));
    }

    #[test]
    fn parameters_that_nothing_can_be_learned_with_are_refused() {
        let good = TextLearnerParams::default();
        for bad in [
            TextLearnerParams { alpha: 0.0, ..good },
            TextLearnerParams { beta: -1.0, ..good },
            TextLearnerParams { l1: f64::NAN, ..good },
            TextLearnerParams { l2: -0.1, ..good },
        ] {
            assert!(TextLearner::new(bad).is_none(), "{bad:?}");
        }
    }
}

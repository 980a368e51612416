//! What descriptions say, learned in order of time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::LabeledParcel;
use crate::features::FeaturePlan;
use crate::history::Bucket;
use crate::text::{TextLearner, TextLearnerParams, TextModel};

/// A model of descriptions that has learned what was known by now, and the outcomes still to come.
#[derive(Debug)]
pub struct Descriptions {
    learner: TextLearner,
    due: BinaryHeap<Reverse<Due>>,
    n_advised: u64,
}

/// Earliest first; of one bucket, in the order in which they were advised.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    known_at: Bucket,
    number: u64,
    infringement: bool,
    /// Weight, as bits: positive numbers keep their order, and no two entries differ in it alone.
    weight: u64,
    ngrams: Vec<u32>,
}

impl Default for Descriptions {
    /// Knows nothing yet.
    fn default() -> Self {
        let learner = TextLearner::new(TextLearnerParams::default()).expect("the default settings are tested");
        Self { learner, due: BinaryHeap::new(), n_advised: 0 }
    }
}

impl Descriptions {
    /// What is known of descriptions when everything that became known before `at` was learned.
    pub fn learned_by(at: Bucket, rows: &[LabeledParcel], plan: &FeaturePlan, label_delay_days: u32) -> TextModel {
        let mut descriptions = Self::default();
        if plan.spec().description_model {
            for row in rows {
                let due = row.due(plan.spec().bucket_seconds, label_delay_days);
                descriptions.advise(&plan.ngrams(&row.parcel.get()), due, row.weight);
            }
            descriptions.advance(at);
        }
        descriptions.learner.model()
    }

    /// Learns the outcomes that became known before bucket `at`.
    pub fn advance(&mut self, at: Bucket) {
        while self.due.peek().is_some_and(|Reverse(next)| next.known_at < at) {
            if let Some(Reverse(due)) = self.due.pop() {
                self.learner.learn(&due.ngrams, due.infringement, f64::from_bits(due.weight));
            }
        }
    }

    /// Log-odds that these n-grams speak for.
    pub fn margin(&self, ngrams: &[u32]) -> f64 {
        self.learner.margin(ngrams)
    }

    /// What was learned so far, as it serves.
    pub fn model(&self) -> TextModel {
        self.learner.model()
    }

    /// Notes the outcome that will become known of a parcel with these n-grams.
    pub fn advise(&mut self, ngrams: &[u32], outcome: Option<(Bucket, bool)>, weight: f64) {
        let Some((known_at, infringement)) = outcome.filter(|_| !ngrams.is_empty()) else { return };
        let number = self.n_advised;
        self.n_advised += 1;
        let due = Due { known_at, number, infringement, weight: weight.to_bits(), ngrams: ngrams.to_vec() };
        self.due.push(Reverse(due));
    }
}

//! Where a score stands among others.

use serde::{Deserialize, Serialize};

/// Raw scores of parcels that the model had not seen in training, sorted; the yardstick for a
/// percentile until a live distribution takes its place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReferenceScores(Vec<f64>);

/// Enough for a percentile to three digits.
const MAX_SCORES: usize = 1000;

impl ReferenceScores {
    /// Takes at most 1,000 evenly spaced order statistics of the scores.
    pub fn of(scores: &[f64]) -> Self {
        let mut sorted = scores.to_vec();
        sorted.sort_by(f64::total_cmp);
        let n = sorted.len();
        if n <= MAX_SCORES {
            return Self(sorted);
        }
        Self((0..MAX_SCORES).map(|idx| sorted[(2 * idx + 1) * n / (2 * MAX_SCORES)]).collect())
    }

    /// Share of reference parcels with a lower score, 0 to 1; ties count half.
    pub fn percentile(&self, raw_score: f64) -> f64 {
        if self.0.is_empty() {
            return 0.5;
        }
        let below = self.0.partition_point(|score| *score < raw_score);
        let not_above = self.0.partition_point(|score| *score <= raw_score);
        (below + not_above) as f64 / (2 * self.0.len()) as f64
    }

    /// The scores, lowest first.
    pub fn scores(&self) -> &[f64] {
        &self.0
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        let sorted = self.0.windows(2).all(|pair| pair[0] <= pair[1]);
        let finite = self.0.iter().all(|score| score.is_finite());
        if sorted && finite { Ok(()) } else { Err("reference scores that are not sorted") }
    }
}

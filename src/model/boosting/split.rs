//! The best split of a leaf on one feature.

use super::histogram::Sums;
use super::{GradientBoostingValidParams, Monotone};

/// A way to part a leaf in two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    pub(super) feature: u32,
    /// Last bin that goes left.
    pub(super) bin: usize,
    pub(super) missing_left: bool,
    pub(super) gain: f64,
    pub(super) left: Sums,
    pub(super) right: Sums,
    /// What the feature's constraint asks of the two children.
    pub(super) monotone: Monotone,
}

/// What a leaf's value may be, so that a constraint further up the tree holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    pub(super) low: f64,
    pub(super) high: f64,
}

impl Bounds {
    pub(super) const NONE: Self = Self { low: f64::NEG_INFINITY, high: f64::INFINITY };

    /// Best value of a leaf within the bounds, before the learning rate.
    pub(super) fn value(self, sums: Sums, l2: f64) -> f64 {
        // Not `clamp`: bounds may cross by a rounding, and it panics then.
        (-sums.first / (sums.second + l2)).max(self.low).min(self.high)
    }

    /// Bounds of the left and right child.
    ///
    /// Source: LightGBM's `basic` method: neither side may cross the middle of the two values.
    pub(super) fn of_children(self, split: &Split, l2: f64) -> (Self, Self) {
        let middle = (self.value(split.left, l2) + self.value(split.right, l2)) / 2.0;
        match split.monotone {
            Monotone::Free => (self, self),
            Monotone::Rising => (Self { high: middle, ..self }, Self { low: middle, ..self }),
            Monotone::Falling => (Self { low: middle, ..self }, Self { high: middle, ..self }),
        }
    }
}

/// What a leaf scores with a value: the loss it saves, twice over.
fn score(sums: Sums, value: f64, l2: f64) -> f64 {
    -(2.0 * sums.first + (sums.second + l2) * value) * value
}

/// Looks for splits of one leaf.
#[derive(Clone, Copy, Debug)]
pub(super) struct Search<'a> {
    pub(super) params: &'a GradientBoostingValidParams,
    /// Of all rows in the leaf.
    pub(super) total: Sums,
    pub(super) bounds: Bounds,
}

impl Search<'_> {
    /// Whether any split could leave both children big enough.
    pub(super) fn is_possible(&self) -> bool {
        self.total.n_rows / 2 >= self.params.min_child_rows && self.total.second >= 2.0 * self.params.min_child_weight
    }

    /// The split with the highest gain, the first of those that tie; `None` where none gains
    /// enough.
    ///
    /// * `bins`: sums by bin of the feature, the missing last.
    pub(super) fn best(&self, feature: u32, bins: &[Sums]) -> Option<Split> {
        let (missing, bins) = bins.split_last()?;
        let monotone = self.params.monotone.get(feature as usize).copied().unwrap_or_default();
        let n_present = self.total.n_rows - missing.n_rows;
        let parent = score(self.total, self.bounds.value(self.total, self.params.l2), self.params.l2);
        // Scores are compared as fractions, cross-multiplied: equal partitions tie to the bit, and
        // there is one division for each feature, not for each bin.
        let mut best: Option<Split> = None;
        let mut best_score = Fraction { top: parent * (1.0 + 1e-12) + self.params.min_gain, bottom: 1.0 };
        let mut left = Sums::default();
        for (bin, sums) in bins.iter().enumerate() {
            // Rows of an empty bin part like those before it.
            if sums.n_rows == 0 {
                continue;
            }
            left += *sums;
            if self.total.n_rows - left.n_rows < self.params.min_child_rows {
                break;
            }
            // After the last present value, only presence is looked at: no constraint on that.
            let (bin, monotone) =
                if left.n_rows == n_present { (bins.len() - 1, Monotone::Free) } else { (bin, monotone) };
            let mut consider = |left: Sums, missing_left: bool| {
                let right = self.total - left;
                if let Some(score) = self.children_score(left, right, monotone)
                    && score.top * best_score.bottom > best_score.top * score.bottom
                {
                    best_score = score;
                    best = Some(Split { feature, bin, missing_left, gain: 0.0, left, right, monotone });
                }
            };
            if missing.n_rows == 0 {
                // Nothing to learn a direction from: to the side with more evidence.
                consider(left, left.second >= self.total.second - left.second);
            } else {
                consider(left, false);
                consider(left + *missing, true);
            }
        }
        best.map(|split| Split { gain: best_score.top / best_score.bottom - parent, ..split })
    }

    /// Sum of the children's scores; `None` for children that may not be.
    fn children_score(&self, left: Sums, right: Sums, monotone: Monotone) -> Option<Fraction> {
        let p = self.params;
        let allowed =
            |side: Sums| (side.n_rows >= p.min_child_rows) & (side.second >= p.min_child_weight) & (side.second > 0.0);
        if !(allowed(left) & allowed(right)) {
            return None;
        }
        if p.monotone.is_empty() {
            let (h_left, h_right) = (left.second + p.l2, right.second + p.l2);
            let top = left.first * left.first * h_right + right.first * right.first * h_left;
            return Some(Fraction { top, bottom: h_left * h_right });
        }
        let (v_left, v_right) = (self.bounds.value(left, p.l2), self.bounds.value(right, p.l2));
        let wrong_way = match monotone {
            Monotone::Free => false,
            Monotone::Rising => v_left > v_right,
            Monotone::Falling => v_left < v_right,
        };
        let top = score(left, v_left, p.l2) + score(right, v_right, p.l2);
        (!wrong_way).then_some(Fraction { top, bottom: 1.0 })
    }
}

/// `top / bottom`; the bottom is above zero.
#[derive(Clone, Copy, Debug)]
struct Fraction {
    top: f64,
    bottom: f64,
}

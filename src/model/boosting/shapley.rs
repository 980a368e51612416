//! Exact Shapley values of a tree ensemble: how much each feature moved a margin.
//!
//! The value of a set of features is the expected margin where only those are known: a split on
//! an unknown feature is followed both ways, by the covers of its children ("path-dependent").
//!
//! Source: Lundberg, Erion & Lee (2018), "Consistent individualized feature attribution for tree
//! ensembles", arXiv 1802.03888, algorithm 2; Lundberg et al. (2020), Nature Machine
//! Intelligence 2.

use super::CompiledTrees;
use super::compiled::CompiledNode;

/// A feature on the way to a node.
#[derive(Clone, Copy, Debug)]
struct Step {
    feature: u16,
    /// Share of the training rows that go on from its splits.
    share: f64,
    /// 1 where the row itself goes on, else 0.
    own: f64,
    /// Weight of the sets with as many known features as there are steps before this one.
    weight: f64,
}

impl CompiledTrees {
    /// Margin that is expected of a row of which nothing is known: the mean over the training
    /// rows, by cover.
    pub fn expected_margin(&self) -> f64 {
        self.roots.iter().fold(self.base_score, |sum, root| sum + self.expected(root))
    }

    /// Share of each feature in a margin, by the published algorithm: the yardstick for
    /// [`ShapleyTables`](super::ShapleyTables), which is many times faster.
    ///
    /// * `values`: shape `(n_features,)`, NaN where missing.
    /// * `out`: takes the contributions in log-odds, shape `(n_features,)`.
    ///
    /// Returns the [expected margin](Self::expected_margin); with the sum of the contributions, it
    /// is the margin, within rounding.
    ///
    /// # Panics
    /// If the row is shorter than the features that the trees ask for.
    pub fn contributions(&self, values: &[f32], out: &mut Vec<f64>) -> f64 {
        out.clear();
        out.resize(self.n_features(), 0.0);
        let mut steps = Vec::new();
        for root in &self.roots {
            steps.clear();
            steps.push(Step { feature: 0, share: 1.0, own: 1.0, weight: 1.0 });
            self.descend(root, values, 0, &mut steps, out);
        }
        self.expected_margin()
    }

    /// Shares of the rows that go to each child.
    pub(super) fn shares(children: &[CompiledNode; 2]) -> [f64; 2] {
        let covers = [f64::from(children[0].cover), f64::from(children[1].cover)];
        covers.map(|cover| cover / (covers[0] + covers[1]))
    }

    pub(super) fn expected(&self, node: &CompiledNode) -> f64 {
        if node.is_leaf() {
            return node.number.into();
        }
        let children = self.children(node);
        let shares = Self::shares(children);
        shares[0] * self.expected(&children[0]) + shares[1] * self.expected(&children[1])
    }

    /// * `steps`: those to `node` stand from `first` on; whatever follows is dropped again.
    fn descend(&self, node: &CompiledNode, values: &[f32], first: usize, steps: &mut Vec<Step>, out: &mut [f64]) {
        if node.is_leaf() {
            let path = &steps[first..];
            for (idx, step) in path.iter().enumerate().skip(1) {
                let moved = unwound_sum(path, idx) * (step.own - step.share);
                out[usize::from(step.feature)] += moved * f64::from(node.number);
            }
            return;
        }
        let (mut share, mut own) = (1.0, 1.0);
        let known = steps[first + 1..].iter().position(|step| step.feature == node.feature);
        let removed = known.map(|at| at + 1);
        if let Some(at) = removed {
            (share, own) = (steps[first + at].share, steps[first + at].own);
        }
        let children = self.children(node);
        let shares = Self::shares(children);
        let taken = usize::from(node.goes_right(values));
        let end = steps.len();
        for side in 0..2 {
            steps.extend_from_within(first..end);
            if let Some(at) = removed {
                unwind(&mut steps[end..], at);
                steps.pop();
            }
            let own = if side == taken { own } else { 0.0 };
            steps.push(Step { feature: node.feature, share: share * shares[side], own, weight: 0.0 });
            extend(&mut steps[end..]);
            self.descend(&children[side], values, end, steps, out);
            steps.truncate(end);
        }
    }
}

/// Counts the last step in: EXTEND of the paper.
fn extend(path: &mut [Step]) {
    let last = path.len() - 1;
    let n = path.len() as f64;
    let (share, own) = (path[last].share, path[last].own);
    for idx in (0..last).rev() {
        path[idx + 1].weight += own * path[idx].weight * (idx + 1) as f64 / n;
        path[idx].weight *= share * (last - idx) as f64 / n;
    }
}

/// Counts a step out, and leaves the last place for the caller to drop: UNWIND of the paper.
fn unwind(path: &mut [Step], at: usize) {
    let last = path.len() - 1;
    let n = path.len() as f64;
    let (share, own) = (path[at].share, path[at].own);
    let mut next = path[last].weight;
    for idx in (0..last).rev() {
        if own > 0.0 {
            let before = path[idx].weight;
            path[idx].weight = next * n / ((idx + 1) as f64 * own);
            next = before - path[idx].weight * share * (last - idx) as f64 / n;
        } else {
            path[idx].weight *= n / (share * (last - idx) as f64);
        }
    }
    for idx in at..last {
        path[idx] = Step { weight: path[idx].weight, ..path[idx + 1] };
    }
}

/// Sum of the weights that [`unwind`] would leave.
fn unwound_sum(path: &[Step], at: usize) -> f64 {
    let last = path.len() - 1;
    let n = path.len() as f64;
    let (share, own) = (path[at].share, path[at].own);
    let (mut next, mut sum) = (path[last].weight, 0.0);
    for idx in (0..last).rev() {
        if own > 0.0 {
            let weight = next * n / ((idx + 1) as f64 * own);
            sum += weight;
            next = path[idx].weight - weight * share * (last - idx) as f64 / n;
        } else {
            sum += path[idx].weight * n / (share * (last - idx) as f64);
        }
    }
    sum
}

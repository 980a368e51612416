//! What a model looks at, measured on a sample of the rows that it is judged on.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::evaluation::{Profile, ScoredRow};
use crate::model::Model;
use crate::report::{EffectBin, FeatureInsight, Insight, ReasonInsight, ScoreBin};

/// Keeps the features of some labeled rows, evenly spread over all of them.
///
/// Exact contributions cost a hundred times a score, so not every row is explained.
#[derive(Clone, Debug)]
pub struct Sampler {
    n_labeled: usize,
    n_met: usize,
    /// Rows kept, one after the other.
    kept: Vec<Vec<f32>>,
}

/// Rows that are explained at most.
const MOST_ROWS: usize = 2000;
/// Features that are told of.
const N_FEATURES: usize = 20;
/// Bins of equal mass of a feature's values.
const N_EFFECT_BINS: usize = 10;
/// Closer together where few scores lie and much is decided.
const SCORE_EDGES: [f64; 17] =
    [0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0];

impl Sampler {
    /// * `n_labeled`: rows that [`Sampler::observe`] will be told of.
    pub fn new(n_labeled: usize) -> Self {
        Self { n_labeled, n_met: 0, kept: Vec::new() }
    }

    /// The next labeled row. `values`: shape `(n_features,)`, NaN where missing.
    pub fn observe(&mut self, values: &[f32]) {
        let n = self.n_labeled.clamp(1, MOST_ROWS);
        let share = |met: usize| met * n / self.n_labeled.max(1);
        if share(self.n_met + 1) > share(self.n_met) {
            self.kept.push(values.to_vec());
        }
        self.n_met += 1;
    }

    /// What `model` makes of the rows kept, and how it scored all of them.
    ///
    /// * `scored`: every labeled row.
    /// * `profile`: the distribution of a feature in training, by its index and name, asked for those told of.
    pub fn insight(
        &self,
        model: &Model,
        scored: &[ScoredRow],
        mut profile: impl FnMut(usize, &str) -> Option<Profile>,
    ) -> Insight {
        let contributions = |values: &Vec<f32>| {
            let mut contributions = Vec::with_capacity(values.len());
            model.contributions(values, &mut contributions);
            contributions
        };
        let contributions: Vec<Vec<f64>> = self.kept.par_iter().map(contributions).collect();
        let infos = model.plan().features();
        let mean = |sum: f64| sum / self.kept.len().max(1) as f64;
        let mean_absolute = |idx: usize| mean(contributions.iter().map(|row| row[idx].abs()).sum());

        let mut by_reason: BTreeMap<_, f64> = BTreeMap::new();
        for row in &contributions {
            let mut sums: BTreeMap<_, f64> = BTreeMap::new();
            for (info, contribution) in infos.iter().zip(row) {
                *sums.entry(info.reason.as_str()).or_default() += contribution;
            }
            for (reason, sum) in sums {
                *by_reason.entry(reason).or_default() += sum.abs();
            }
        }
        let reason = |(code, sum): (&str, f64)| ReasonInsight { code: code.to_owned(), mean_absolute: mean(sum) };
        let mut reasons: Vec<_> = by_reason.into_iter().map(reason).collect();
        reasons.sort_by(|a, b| b.mean_absolute.total_cmp(&a.mean_absolute));

        let mut order: Vec<(usize, f64)> = (0..infos.len()).map(|idx| (idx, mean_absolute(idx))).collect();
        order.retain(|(_, size)| *size > 0.0);
        order.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        order.truncate(N_FEATURES);
        let feature = |(idx, mean_absolute): (usize, f64)| {
            let info = &infos[idx];
            let values: Vec<f32> = self.kept.iter().map(|row| row[idx]).collect();
            let (missing, effect) = effect(&values, contributions.iter().map(|row| row[idx]));
            FeatureInsight {
                name: info.name.to_string(),
                meaning: info.meaning.clone(),
                unit: info.unit.to_owned(),
                reason: info.reason.as_str().to_owned(),
                mean_absolute,
                shift: profile(idx, &info.name).and_then(|profile| profile.shift(&values)),
                missing,
                effect,
            }
        };
        Insight {
            scores: score_bins(scored),
            explained: self.kept.len(),
            reasons,
            features: order.into_iter().map(feature).collect(),
            score_shift: None,
        }
    }
}

fn score_bins(scored: &[ScoredRow]) -> Vec<ScoreBin> {
    let bin = |ends: &[f64]| ScoreBin { from: ends[0], to: ends[1], clean: 0, infringing: 0 };
    let mut bins: Vec<_> = SCORE_EDGES.windows(2).map(bin).collect();
    for row in scored {
        let inner = &SCORE_EDGES[1..SCORE_EDGES.len() - 1];
        let bin = &mut bins[inner.partition_point(|edge| *edge <= row.risk_score)];
        if row.infringement {
            bin.infringing += 1;
        } else {
            bin.clean += 1;
        }
    }
    bins
}

/// Mean contribution where a feature is missing, and by decile of its value; a tie lies in one bin.
fn effect(values: &[f32], contributions: impl Iterator<Item = f64>) -> (Option<EffectBin>, Vec<EffectBin>) {
    let (mut stated, missing): (Vec<_>, Vec<_>) =
        values.iter().copied().zip(contributions).partition(|(value, _)| !value.is_nan());
    stated.sort_by(|a, b| a.0.total_cmp(&b.0));
    let bin = |rows: &[(f32, f64)]| {
        let (first, last) = (rows.first()?.0, rows.last()?.0);
        Some(EffectBin {
            low: f64::from(first),
            high: f64::from(last),
            rows: rows.len(),
            mean_contribution: rows.iter().map(|(_, contribution)| contribution).sum::<f64>() / rows.len() as f64,
        })
    };
    let mut bins = Vec::new();
    let mut from = 0;
    for decile in 1..=N_EFFECT_BINS {
        let mut to = (decile * stated.len() / N_EFFECT_BINS).max(from);
        while to > from && to < stated.len() && stated[to].0 == stated[to - 1].0 {
            to += 1;
        }
        bins.extend(bin(&stated[from..to]));
        from = to;
    }
    (bin(&missing), bins)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_rows_are_spread_evenly_and_few_rows_are_all_kept() {
        let kept = |n: usize| {
            let mut sampler = Sampler::new(n);
            (0..n).for_each(|row| sampler.observe(&[row as f32]));
            sampler.kept.into_iter().map(|row| row[0]).collect::<Vec<_>>()
        };
        assert_eq!(kept(3), [0.0, 1.0, 2.0]);
        let many = kept(5000);
        assert_eq!(many.len(), MOST_ROWS);
        assert!(many.windows(2).all(|pair| (2.0..=3.0).contains(&(pair[1] - pair[0]))), "{many:?}");
    }

    #[test]
    fn effects_lie_between_deciles_and_equal_values_in_one_bin() {
        let values = [vec![0.0; 15], vec![1.0, 2.0, 3.0, 4.0, 5.0], vec![f32::NAN; 2]].concat();
        let (missing, bins) =
            effect(&values, values.iter().map(|value| if value.is_nan() { -1.0 } else { f64::from(*value) }));
        assert_eq!(missing.map(|bin| (bin.rows, bin.mean_contribution)), Some((2, -1.0)));
        let bins = bins.iter().map(|bin| (bin.low, bin.high, bin.rows, bin.mean_contribution)).collect::<Vec<_>>();
        assert_eq!(bins, [(0.0, 0.0, 15, 0.0), (1.0, 1.0, 1, 1.0), (2.0, 3.0, 2, 2.5), (4.0, 5.0, 2, 4.5)]);
    }

    #[test]
    fn a_score_on_an_edge_is_in_the_upper_bin_and_certainty_in_the_last() {
        let row = |risk_score, infringement| ScoredRow { risk_score, infringement, ..ScoredRow::default() };
        let bins = score_bins(&[row(0.0, false), row(0.01, false), row(1.0, true), row(0.99, true)]);
        let counts = |at: usize| (bins[at].clean, bins[at].infringing);
        assert_eq!((counts(0), counts(1), counts(15)), ((1, 0), (1, 0), (0, 2)));
    }
}

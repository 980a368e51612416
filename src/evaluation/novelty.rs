//! How many parcels have a key that was never met before.

use serde::{Deserialize, Serialize};

use super::{
    bootstrap::Bootstrap,
    columns::Novelty,
    draws::Draws,
    interval::Estimate,
    metrics::{Metrics, share},
    scored::Scored,
};

/// How new the parcels are to one key of the history. It moves long before the distribution of scores does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NoveltyReport {
    /// Name of the key.
    pub key: String,
    /// Rows that have the key: those that state all its parts.
    pub parcels: usize,
    /// Share of them whose key no earlier parcel had.
    pub unseen: Option<Estimate>,
}

/// One key, with the rows that have it.
#[derive(Clone, Debug)]
pub(super) struct KeyNovelty {
    key: String,
    /// Canonical indices, ascending; `None`: all rows.
    stated: Option<Vec<usize>>,
    /// Canonical indices, ascending.
    unseen: Vec<usize>,
}

impl KeyNovelty {
    /// * `order`: rows as given, by canonical index.
    pub(super) fn new(novelty: &Novelty, order: &[usize]) -> Self {
        let rows = |wanted: fn(Option<bool>) -> bool| {
            let rows = order.iter().enumerate().filter(|&(_, &row)| wanted(novelty.unseen[row]));
            rows.map(|(canonical, _)| canonical).collect::<Vec<_>>()
        };
        let stated = rows(|unseen| unseen.is_some());
        Self {
            key: novelty.key.clone(),
            stated: (stated.len() < order.len()).then_some(stated),
            unseen: rows(|unseen| unseen == Some(true)),
        }
    }

    /// Share of unseen keys. `total`: the sum of all weights.
    pub(super) fn measure(&self, weights: &[f64], total: f64) -> Option<f64> {
        let mass = |rows: &[usize]| rows.iter().fold(0.0, |mass, &row| mass + weights[row]);
        share(mass(&self.unseen), self.stated.as_deref().map_or(total, mass))
    }

    fn report(&self, idx: usize, scored: &Scored, point: &Metrics, bootstrap: &Bootstrap) -> NoveltyReport {
        let all = || (0..scored.n_rows()).collect();
        let stated = self.stated.clone().unwrap_or_else(all);
        let draws = Draws::of(stated.iter().map(|&row| (scored.weights[row], 0.0)));
        let interval = bootstrap.interval(|m| m.novelty[idx]);
        NoveltyReport {
            key: self.key.clone(),
            parcels: stated.len(),
            unseen: draws.at_least_wilson(point.novelty[idx], draws.parcels, interval),
        }
    }
}

/// Every key, in the order given.
pub(super) fn reports(scored: &Scored, point: &Metrics, bootstrap: &Bootstrap) -> Vec<NoveltyReport> {
    scored.novelty.iter().enumerate().map(|(idx, key)| key.report(idx, scored, point, bootstrap)).collect()
}

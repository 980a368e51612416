//! What is counted for each model that decides.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use super::histogram::{Distribution, Histogram, SCORES, SECONDS};

/// Models that are told apart. A server that saw more, which takes years, counts the later ones as [`OTHER`].
const MOST_VERSIONS: usize = 64;
/// Where those are counted.
const OTHER: &str = "other";

/// Counts by the version of the model, which is the registry's word and no caller's.
#[derive(Debug, Default)]
pub(super) struct Versions(RwLock<BTreeMap<String, Arc<Version>>>);

/// What one model did.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) decisions: AtomicU64,
    pub(super) risk_scores: Histogram,
    pub(super) times: Histogram,
}

impl Versions {
    /// The counts of a version.
    pub(super) fn of(&self, version: &str) -> Arc<Version> {
        if let Some(known) = self.0.read().unwrap_or_else(PoisonError::into_inner).get(version) {
            return Arc::clone(known);
        }
        let mut versions = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let name = if versions.len() < MOST_VERSIONS { version } else { OTHER };
        let fresh = || {
            let (risk_scores, times) = (Histogram::of(SCORES), Histogram::of(SECONDS));
            Arc::new(Version { decisions: AtomicU64::new(0), risk_scores, times })
        };
        Arc::clone(versions.entry(name.to_owned()).or_insert_with(fresh))
    }

    /// All of them, by name.
    pub(super) fn all(&self) -> Vec<(String, Arc<Version>)> {
        let versions = self.0.read().unwrap_or_else(PoisonError::into_inner);
        versions.iter().map(|(name, counts)| (name.clone(), Arc::clone(counts))).collect()
    }
}

impl Version {
    pub(super) fn decided(&self, risk_score: f64) {
        self.decisions.fetch_add(1, Ordering::Relaxed);
        self.risk_scores.add(risk_score);
    }

    pub(super) fn times(&self) -> Distribution {
        self.times.read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_counted_apart_up_to_a_number_of_them() {
        let versions = Versions::default();
        for idx in 0..2 * MOST_VERSIONS {
            versions.of(&idx.to_string()).decided(0.5);
        }
        versions.of("0").decided(0.5);
        let all = versions.all();
        assert_eq!(all.len(), MOST_VERSIONS + 1);
        let n_of =
            |name: &str| all.iter().find(|(known, _)| known == name).unwrap().1.decisions.load(Ordering::Relaxed);
        assert_eq!((n_of("0"), n_of(OTHER)), (2, MOST_VERSIONS as u64));
    }
}

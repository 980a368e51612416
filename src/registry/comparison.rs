//! Two models side by side on the same parcels, in numbers that do not grow with the traffic.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::promote::Looks;
use super::shift::score_shift;
use crate::engine::Decision;
use crate::evaluation::{CapacityShare, Columns, PairedRow, Scored, ScoredRow, Settings, Subject, evaluate};
use crate::policy::Route;

/// What both models said of the parcels since the comparison began.
#[derive(Debug, Default)]
pub struct Comparison {
    n_parcels: u64,
    routes: BTreeMap<(Route, Route), u64>,
    /// Risk scores of the last parcels, oldest first.
    scores: VecDeque<[f32; 2]>,
    disagreements: VecDeque<Disagreement>,
    /// By the hash of the item: what outcomes are waited for, oldest first.
    awaited: HashMap<u64, ([f64; 2], f64)>,
    awaited_order: VecDeque<u64>,
    /// What was found, oldest first.
    found: VecDeque<Inspected>,
    /// By the hash of the item, how many were found before it.
    found_places: HashMap<u64, u64>,
    n_found: u64,
    /// How often it was asked whether outcomes speak for the challenger.
    pub looks: Looks,
}

/// An inspection of a parcel that both scored.
#[derive(Debug)]
struct Inspected {
    item: u64,
    at: InspectedAt,
    scores: [f64; 2],
    weight: f64,
    /// The last word on it; `None` where that is that nothing can be said.
    infringement: Option<bool>,
}

/// When an inspection was made, by which it is told from another of the same item: seconds since 1970, and nanoseconds.
pub type InspectedAt = (i64, i32);

/// A parcel that the two send different ways.
#[derive(Clone, Debug)]
pub struct Disagreement {
    /// Identifier of the decision that stands.
    pub decision_id: String,
    /// The champion's, made again with its reasons.
    pub champion: Decision,
    /// The one that would have.
    pub challenger: Decision,
}

/// What is known of parcels with an outcome: champion first.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Found {
    /// Parcels with an outcome.
    pub parcels: u64,
    /// Of them, with an infringement.
    pub infringements: u64,
    /// Average precision.
    pub average_precision: [Option<f64>; 2],
    /// Precision of the tenth that ranks highest.
    pub precision_at_tenth: [Option<f64>; 2],
}

/// Scores that a shift is told by.
const MOST_SCORES: usize = 10_000;
/// Fewer say too little.
const LEAST_SCORES: usize = 100;
/// Disagreements that are kept.
const MOST_DISAGREEMENTS: usize = 100;
/// Items whose outcome is waited for. An outcome that comes after as many others is not compared.
const MOST_AWAITED: usize = 200_000;
/// Outcomes that precision is told by.
const MOST_FOUND: usize = 50_000;

impl Comparison {
    /// Both decided about the item of this hash. `chance`: that of an inspection, by the one that stands.
    pub fn add(&mut self, item: u64, champion: (f64, Route), challenger: (f64, Route), chance: f64) {
        self.n_parcels += 1;
        *self.routes.entry((champion.1, challenger.1)).or_default() += 1;
        push(&mut self.scores, [champion.0 as f32, challenger.0 as f32], MOST_SCORES);
        // The first decision is what led to an inspection.
        if self.awaited.contains_key(&item) || self.found_places.contains_key(&item) {
            return;
        }
        // Nothing drew one that was let pass: whoever looks into it has reasons of their own, and it stands for itself.
        let chance = if champion.1.is_release() { 0.0 } else { chance };
        self.awaited.insert(item, ([champion.0, challenger.0], chance));
        if let Some(oldest) = push(&mut self.awaited_order, item, MOST_AWAITED) {
            self.awaited.remove(&oldest);
        }
    }

    /// They sent it different ways.
    pub fn disagree(&mut self, disagreement: Disagreement) {
        push(&mut self.disagreements, disagreement, MOST_DISAGREEMENTS);
    }

    /// An inspection found this of the item, or nothing that can be said. The first inspection of it counts, and of that the
    /// last word.
    pub fn outcome(&mut self, item: u64, at: InspectedAt, infringement: Option<bool>) {
        if let Some(place) = self.found_places.get(&item) {
            let idx = (place + self.found.len() as u64).checked_sub(self.n_found);
            let inspected = idx.and_then(|idx| self.found.get_mut(usize::try_from(idx).ok()?));
            if let Some(inspected) = inspected.filter(|inspected| inspected.at == at) {
                inspected.infringement = infringement;
            }
            return;
        }
        if infringement.is_none() {
            return;
        }
        // Its place in the order stays, and removes nothing later on.
        let Some((scores, chance)) = self.awaited.remove(&item) else { return };
        let inspected = Inspected { item, at, scores, weight: stands_for(chance), infringement };
        self.found_places.insert(item, self.n_found);
        self.n_found += 1;
        if let Some(oldest) = push(&mut self.found, inspected, MOST_FOUND) {
            self.found_places.remove(&oldest.item);
        }
    }

    /// Inspections that something was found by, those included that are kept no more.
    pub fn n_found(&self) -> u64 {
        self.n_found
    }

    /// Parcels that both scored.
    pub fn n_parcels(&self) -> u64 {
        self.n_parcels
    }

    /// Of them, those that both send the same way.
    pub fn n_agreed(&self) -> u64 {
        self.routes.iter().filter(|((champion, challenger), _)| champion == challenger).map(|(_, n)| n).sum()
    }

    /// How often each pair of routes was given, the champion's first.
    pub fn routes(&self) -> impl Iterator<Item = (Route, Route, u64)> {
        self.routes.iter().map(|((champion, challenger), n)| (*champion, *challenger, *n))
    }

    /// The last disagreements, newest first.
    pub fn disagreements(&self) -> impl Iterator<Item = &Disagreement> {
        self.disagreements.iter().rev()
    }

    /// Population stability index of the challenger's scores against the champion's, of the last parcels.
    pub fn score_shift(&self) -> Option<f64> {
        let scores = |which: usize| self.scores.iter().map(|both| both[which]).collect::<Vec<_>>();
        (self.scores.len() >= LEAST_SCORES).then(|| score_shift(&scores(0), &scores(1))).flatten()
    }

    /// Both scores of the parcels with an outcome, oldest first.
    pub fn paired_outcomes(&self) -> Vec<PairedRow> {
        let row = |of: &Inspected| {
            let Inspected { scores, weight, infringement, .. } = *of;
            Some(PairedRow { scores, infringement: infringement?, weight })
        };
        self.found.iter().filter_map(row).collect()
    }

    /// What the outcomes say.
    pub fn found(&self) -> Found {
        let found = self.paired_outcomes();
        let judged = [0, 1].map(|which: usize| {
            let rows = found.iter().map(|PairedRow { scores, infringement, .. }| {
                let score = scores[which];
                ScoredRow { margin: score, risk_score: score, infringement: *infringement, ..ScoredRow::default() }
            });
            let scored = Scored::new(&rows.collect::<Vec<_>>(), &Columns::default()).ok()?;
            let settings = Settings { capacity: vec![CapacityShare::TENTH], bootstrap: 0, seed: 0 };
            Some(evaluate(&scored, &settings, Subject::default()))
        });
        let infringements = found.iter().filter(|row| row.infringement).count();
        Found {
            parcels: found.len() as u64,
            infringements: infringements as u64,
            average_precision: judged.each_ref().map(|of| Some(of.as_ref()?.average_precision?.value)),
            precision_at_tenth: judged.each_ref().map(|of| Some(of.as_ref()?.capacity.first()?.precision?.value)),
        }
    }
}

/// Adds one, and takes the oldest out where there are more than `most`.
fn push<T>(queue: &mut VecDeque<T>, one: T, most: usize) -> Option<T> {
    queue.push_back(one);
    if queue.len() > most { queue.pop_front() } else { None }
}

/// How many parcels one stands for that was inspected with this chance. What had none was chosen by somebody, and stands for
/// itself.
pub(super) fn stands_for(chance: f64) -> f64 {
    if chance > 0.0 { 1.0 / chance } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_does_not_grow_with_the_traffic() {
        let mut comparison = Comparison::default();
        for item in 0..(MOST_AWAITED as u64 + 1000) {
            let score = (item % 100) as f64 / 100.0;
            comparison.add(item, (score, Route::Open), (score, Route::Release), 1.0);
        }
        assert_eq!(comparison.n_parcels(), MOST_AWAITED as u64 + 1000);
        assert_eq!(comparison.n_agreed(), 0);
        assert_eq!((comparison.awaited.len(), comparison.scores.len()), (MOST_AWAITED, MOST_SCORES));
        assert_eq!(comparison.score_shift(), Some(0.0));
        // The oldest are waited for no more.
        comparison.outcome(0, (0, 0), Some(true));
        assert_eq!(comparison.found().parcels, 0);
    }

    #[test]
    fn outcomes_say_which_of_the_two_ranks_better() {
        let mut comparison = Comparison::default();
        for item in 0..100 {
            let infringement = item % 10 == 0;
            let challenger = if infringement { 0.9 } else { 0.1 };
            comparison.add(item, (0.5, Route::Documents), (challenger, Route::Documents), 0.1);
            comparison.outcome(item, (1, 0), Some(infringement));
            // Said twice it counts once.
            comparison.outcome(item, (1, 0), Some(infringement));
        }
        let found = comparison.found();
        assert_eq!((found.parcels, found.infringements), (100, 10));
        assert_eq!(found.precision_at_tenth, [Some(0.1), Some(1.0)]);
        assert_eq!(found.average_precision[1], Some(1.0));
        assert!(comparison.paired_outcomes().iter().all(|row| row.weight == 10.0));
        // One that was let pass was drawn by nobody, and the first decision on an item is the one that counts.
        comparison.add(100, (0.1, Route::Release), (0.9, Route::Open), 0.01);
        comparison.add(101, (0.9, Route::Open), (0.9, Route::Open), 1.0);
        comparison.add(101, (0.1, Route::Open), (0.9, Route::Open), 0.01);
        for item in [100, 101] {
            comparison.outcome(item, (0, 0), Some(true));
        }
        assert!(comparison.paired_outcomes().iter().skip(100).all(|row| row.weight == 1.0));
    }

    #[test]
    fn a_correction_takes_the_place_of_what_was_found_first() {
        let mut comparison = Comparison::default();
        let found = |comparison: &Comparison| {
            let Found { parcels, infringements, .. } = comparison.found();
            (parcels, infringements)
        };
        // As many that are known no more come before them.
        for item in 0..(MOST_FOUND as u64 + 10) {
            comparison.add(item, (0.5, Route::Open), (0.5, Route::Open), 1.0);
            comparison.outcome(item, (1, 0), Some(false));
        }
        let (last, most) = (MOST_FOUND as u64 + 9, MOST_FOUND as u64);
        comparison.outcome(last, (1, 0), Some(true));
        comparison.outcome(last - 1, (1, 0), None);
        assert_eq!(found(&comparison), (most - 1, 1));
        comparison.outcome(last - 1, (1, 0), Some(true));
        assert_eq!(found(&comparison), (most, 2));
        // Another inspection, and one of a parcel that is known no more.
        comparison.outcome(last, (2, 0), Some(false));
        comparison.outcome(0, (1, 0), Some(true));
        assert_eq!(found(&comparison), (most, 2));
        assert_eq!(comparison.found_places.len(), MOST_FOUND);
    }
}

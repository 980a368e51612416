//! The decisions on a table, some of each route.

use std::collections::{BTreeMap, HashMap};

use crate::cli::score::Scored;
use crate::cli::text;
use crate::wire::v1;

/// Decisions shown of each route.
const N_SHOWN: usize = 3;

/// Decisions by route, most intrusive last.
pub(super) struct ByRoute {
    labels: HashMap<String, bool>,
    by_route: BTreeMap<i32, Vec<v1::Decision>>,
    n_refused: usize,
}

impl ByRoute {
    /// * `labels`: by item, where known.
    pub(super) fn new(labels: HashMap<String, bool>) -> Self {
        Self { labels, by_route: BTreeMap::new(), n_refused: 0 }
    }

    pub(super) fn add(&mut self, scored: Scored) {
        match scored {
            Scored::Decision(decision) => self.by_route.entry(decision.route).or_default().push(*decision),
            Scored::Refused { .. } | Scored::Unreadable(_) => self.n_refused += 1,
        }
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for decisions in self.by_route.values().rev() {
            // A few from the whole range of the route, not only its extremes.
            let step = decisions.len().div_ceil(N_SHOWN).max(1);
            for decision in decisions.iter().step_by(step) {
                let found = match self.labels.get(&decision.item_id) {
                    Some(true) => "an infringement",
                    Some(false) => "clean",
                    None => "not known",
                };
                text += &format!("{}\n    = what inspection found: {found}\n\n", text::decision(decision));
            }
        }
        text + &self.counts()
    }

    /// A line for each route.
    pub(super) fn counts(&self) -> String {
        let mut text = String::new();
        for decisions in self.by_route.values().rev() {
            let Some(first) = decisions.first() else { continue };
            let labels: Vec<bool> =
                decisions.iter().filter_map(|decision| self.labels.get(&decision.item_id).copied()).collect();
            let infringements = labels.iter().filter(|label| **label).count();
            let (route, n) = (text::route(first.route()), decisions.len());
            text += &format!("{route}: {n} parcels, {infringements} of {} were infringements\n", labels.len());
        }
        if self.n_refused > 0 {
            text += &format!("refused: {}\n", self.n_refused);
        }
        text
    }
}

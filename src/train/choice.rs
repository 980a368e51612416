//! Which parcels of a week are opened: some at random, the rest by their score.

use super::selective::Selective;
use crate::history::{EntityKey, KeyHasher};

/// Chooses week by week.
#[derive(Debug)]
pub(super) struct Choice {
    selective: Selective,
    n_weeks: usize,
    /// Draws that are due and not yet whole parcels.
    owed: f64,
}

/// A parcel that may be opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate<'a> {
    pub(super) item_id: &'a str,
    /// What it is ranked by.
    pub(super) margin: f64,
    /// Only what has a label can be opened.
    pub(super) has_label: bool,
}

/// A parcel that is opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opened {
    /// The chance with which it was drawn, where it was drawn at random.
    pub(super) chance: Option<f64>,
    /// How many parcels it stands for in the fit.
    pub(super) weight: f64,
}

impl Choice {
    pub(super) fn new(selective: Selective) -> Self {
        Self { selective, n_weeks: 0, owed: 0.0 }
    }

    /// Weeks that were chosen from so far.
    pub(super) fn n_weeks(&self) -> usize {
        self.n_weeks
    }

    /// How many of `n` parcels are opened.
    pub(super) fn n_open(&self, n: usize) -> usize {
        (self.selective.capacity.get() * n as f64).round() as usize
    }

    /// What is opened of a week's parcels, in their order.
    pub(super) fn choose(&mut self, week: &[Candidate<'_>], all_at_random: bool) -> Vec<Option<Opened>> {
        let mut drawn = (0..week.len()).filter(|&at| week[at].has_label).collect::<Vec<_>>();
        let n_open = self.n_open(drawn.len());
        drawn.sort_by_key(|&at| (self.draw(week[at].item_id), at));
        let mut by_risk = drawn.clone();
        by_risk.sort_by(|&a, &b| week[b].margin.total_cmp(&week[a].margin));

        let n_random = if all_at_random {
            n_open
        } else {
            // A share of a few parcels is paid when it comes to a whole one.
            self.owed += self.selective.random_share * n_open as f64;
            let n_random = (self.owed.floor() as usize).min(n_open);
            self.owed -= n_random as f64;
            n_random
        };
        self.n_weeks += 1;
        let chance = n_random as f64 / drawn.len().max(1) as f64;
        let n_targeted = n_open - n_random;
        let mut opened = vec![None; week.len()];
        for &at in &drawn[..n_random] {
            opened[at] = Some(Opened { chance: Some(chance), weight: 1.0 / chance });
        }
        for &at in &by_risk[..n_targeted] {
            // It was drawn, but would be opened without the draw as well.
            if let Some(opened) = &mut opened[at] {
                opened.weight = 1.0;
            }
        }
        let targeted = by_risk.iter().filter(|&&at| opened[at].is_none()).take(n_targeted).copied();
        for at in targeted.collect::<Vec<_>>() {
            opened[at] = Some(Opened { chance: None, weight: 1.0 });
        }
        opened
    }

    /// Where a parcel stands in the draw of this week: lowest first.
    fn draw(&self, item_id: &str) -> EntityKey {
        let mut hasher = KeyHasher::new("selective_labels");
        hasher.part(&self.selective.seed.to_le_bytes());
        hasher.part(&(self.n_weeks as u64).to_le_bytes());
        hasher.part(item_id.as_bytes());
        hasher.finish()
    }
}

//! What happened lately and today: totals noted now and then, and compared.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::telemetry::Totals;

/// How often totals are noted.
pub(super) const NOTE_EVERY: Duration = Duration::from_secs(10);
/// How many notes are kept: five minutes of them.
const N_NOTES: usize = 30;
const DAY_SECONDS: u64 = 24 * 3600;

/// Totals of some minutes, and of the last midnight.
#[derive(Debug)]
pub(super) struct Recent {
    notes: VecDeque<(Instant, Totals)>,
    /// Day since 1970 in UTC, and what had been decided when it began.
    today: (u64, BTreeMap<&'static str, u64>),
    /// Whether the day began before this was made.
    is_since_start: bool,
}

/// What happened in a while.
#[derive(Debug)]
pub(super) struct Lately {
    /// How long that was.
    pub(super) seconds: f64,
    /// As it stood at its beginning.
    pub(super) then: Totals,
}

impl Recent {
    pub(super) fn new(totals: Totals, unix_seconds: u64) -> Self {
        let today = (unix_seconds / DAY_SECONDS, totals.decisions.clone());
        Self { notes: VecDeque::from([(Instant::now(), totals)]), today, is_since_start: true }
    }

    pub(super) fn note(&mut self, totals: Totals, unix_seconds: u64) {
        let day = unix_seconds / DAY_SECONDS;
        if day != self.today.0 {
            self.today = (day, totals.decisions.clone());
            self.is_since_start = false;
        }
        if self.notes.len() >= N_NOTES {
            self.notes.pop_front();
        }
        self.notes.push_back((Instant::now(), totals));
    }

    /// The last minutes, five at most.
    pub(super) fn lately(&self) -> Option<Lately> {
        let (since, then) = self.notes.front()?;
        Some(Lately { seconds: since.elapsed().as_secs_f64(), then: then.clone() })
    }

    /// Decisions by route of this day, and whether they are counted from the start of the server only.
    pub(super) fn today(&self, now: &Totals) -> (BTreeMap<&'static str, u64>, bool) {
        let before = |route: &&'static str| self.today.1.get(route).copied().unwrap_or_default();
        let by_route = now.decisions.iter().map(|(route, n)| (*route, n.saturating_sub(before(route))));
        (by_route.collect(), self.is_since_start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(n: u64) -> Totals {
        Totals { methods: BTreeMap::new(), decisions: BTreeMap::from([("OPEN", n)]), shed: 0, panics: 0 }
    }

    #[test]
    fn a_day_counts_from_its_midnight() {
        let mut recent = Recent::new(decided(0), DAY_SECONDS - 60);
        assert_eq!(recent.today(&decided(3)), (BTreeMap::from([("OPEN", 3)]), true));
        recent.note(decided(5), DAY_SECONDS + 1);
        assert_eq!(recent.today(&decided(7)), (BTreeMap::from([("OPEN", 2)]), false));
    }

    #[test]
    fn only_the_last_minutes_are_kept() {
        let mut recent = Recent::new(decided(0), 0);
        for n in 1..=40 {
            recent.note(decided(n), 0);
        }
        assert_eq!(recent.lately().unwrap().then.decisions["OPEN"], 11);
    }
}

//! Parcels that share budgets, and where their thresholds stand now.

use std::collections::BTreeSet;

use super::Route;
use super::file::{Exploration, RandomControl, StreamSpec, Toward};
use super::flow::{Clock, Closed};
use super::seen::{Cell, Seen};
use super::tally::{N_BINS, N_SLOTS, Sums, bin_of, start_of, weight};
use crate::history::Bucket;

/// Routes that have a budget, the most intrusive first: the highest scores take the first.
pub(super) const BUDGETED: [Route; 3] = [Route::Open, Route::Scan, Route::Documents];

/// What a parcel of the prior weighs beside those of the ledger.
const PRIOR_PARCELS: f64 = 100.0;
/// Days that the stated number of parcels a day weighs.
const PRIOR_DAYS: f64 = 0.1;
/// Weight of the usual number of parcels a day against what the day has shown so far, in parcels.
const USUAL_PARCELS: f64 = 25.0;
/// Share of the day's parcels that may come at any time, whatever past days say.
const ANY_TIME: f64 = 0.002;

/// A stream, checked.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) spec: StreamSpec,
    /// Numbers of mail classes; empty: all.
    pub(super) mail_classes: BTreeSet<i32>,
}

/// Where a stream's thresholds stand in one bucket.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cutoffs {
    /// Raw scores from which each of [`BUDGETED`] is given; infinity: to none.
    pub(super) from_raw_score: [f64; 3],
    /// Chance of each parcel to be in the random control.
    pub(super) control: f64,
    /// Chance of a parcel of mean weight to be explored.
    pub(super) exploration: f64,
    /// Mean weight of a parcel in the exploration.
    pub(super) mean_weight: f64,
    /// Parcels that have come today.
    pub(super) parcels: u64,
    /// Parcels that the day is expected to bring in all.
    pub(super) expected: f64,
    /// Of the budget of each of [`BUDGETED`], spent.
    pub(super) spent: [u64; 3],
}

impl Stream {
    pub(super) fn takes(&self, cell: &Cell) -> bool {
        let offices = &self.spec.destination_office;
        (self.mail_classes.is_empty() || self.mail_classes.contains(&cell.mail_class))
            && (offices.is_empty() || offices.contains(&cell.destination_office))
    }

    /// The thresholds that spend what is left of each budget on what is left of the day.
    ///
    /// `is_first` tells whether the stream takes a cell: no stream before it does.
    pub(super) fn cutoffs(
        &self,
        closed: &Closed,
        at: Bucket,
        clock: Clock,
        is_first: impl Fn(&Cell) -> bool,
        control: Option<&RandomControl>,
        exploration: Option<&Exploration>,
    ) -> Cutoffs {
        let (today, past, most_together) = totals(closed, is_first);
        let (_, second) = clock.day_and_second(at);
        let gone = share_of_day_gone(&past, second);
        let usual = (past.parcels + self.spec.parcels_per_day * PRIOR_DAYS) / (closed.days + PRIOR_DAYS);
        // Gamma and Poisson: what past days say counts as so many parcels.
        let expected = (today.parcels + USUAL_PARCELS) / (gone + USUAL_PARCELS / usual.max(1e-9));
        // All of a bucket are decided by the same thresholds, and more may come in one than are left of the day by the clock: a
        // carrier that states a day's parcels at once. Of the first days nobody knows, and all may.
        let unknown = (usual - today.parcels).max(0.0) * PRIOR_DAYS / (closed.days + PRIOR_DAYS);
        let left = (expected * (1.0 - gone)).max(most_together).max(unknown).max(1.0);
        let in_all = expected.max(today.parcels + left);
        let budget = |route| f64::from(self.spec.budget(route));
        let control_rate = control.map_or(0.0, |control| {
            control.share.max(control.share_of_budget * budget(control.route) / in_all).clamp(0.0, 1.0)
        });
        let exploration_rate = exploration.map_or(0.0, |exploration| {
            (exploration.share_of_budget * budget(exploration.route) / in_all).clamp(0.0, 1.0)
        });
        // What rules and draws will take of the rest of the day, as they have so far.
        let n = today.parcels + past.parcels;
        let otherwise = |route: Route| {
            let drawn = |is_of: bool, rate: f64| if is_of { rate } else { 0.0 };
            let prior = drawn(control.is_some_and(|it| it.route == route), control_rate)
                + drawn(exploration.is_some_and(|it| it.route == route), exploration_rate);
            let taken = at_route(&today.otherwise, route) + at_route(&past.otherwise, route);
            (taken + prior * PRIOR_PARCELS) / (n + PRIOR_PARCELS)
        };
        let scores = Distribution::new(&today, &past, &closed.reference);
        let mut share = 0.0;
        let spent = BUDGETED.map(|route| at_route(&today.by_score, route) + at_route(&today.otherwise, route));
        let mut from_raw_score = [f64::INFINITY; 3];
        for ((route, spent), from) in BUDGETED.into_iter().zip(spent).zip(&mut from_raw_score) {
            let to_spend = (budget(route) - spent - otherwise(route) * left).max(0.0);
            let before = share;
            share = (share + to_spend / left).min(1.0);
            // Without a budget, or with none left, the route takes what one before it takes: nothing more.
            *from = if share > before { scores.reached_by(share) } else { f64::INFINITY };
        }
        let weights = match exploration.map(|exploration| exploration.toward) {
            Some(Toward::New) => today.novelty + past.novelty,
            _ => today.uncertainty + past.uncertainty,
        };
        Cutoffs {
            from_raw_score,
            control: control_rate,
            exploration: exploration_rate,
            mean_weight: (weight(weights) + 1.0) / (n + 1.0),
            parcels: today.parcels as u64,
            expected,
            spent: spent.map(|spent| spent as u64),
        }
    }

    /// The route that a parcel's score gives it.
    pub(super) fn route(&self, seen: &Seen, cutoffs: &Cutoffs) -> Route {
        if seen.risk_score < self.spec.from_risk_score {
            return Route::Release;
        }
        let mut tiers = BUDGETED.into_iter().zip(cutoffs.from_raw_score);
        tiers.find(|(_, from)| seen.raw_score >= *from).map_or(Route::Release, |(route, _)| route)
    }
}

fn at_route(by_route: &[f64; 6], route: Route) -> f64 {
    by_route.get(route as usize).copied().unwrap_or_default()
}

/// Today and the past of all cells that a stream takes, and the parcels that may come in one bucket.
fn totals(closed: &Closed, is_first: impl Fn(&Cell) -> bool) -> (Sums<f64>, Sums<f64>, f64) {
    let (mut today, mut past, mut together) = (Sums::default(), Sums::default(), 0.0);
    for (_, tally) in closed.cells.iter().filter(|(cell, _)| is_first(cell)) {
        let now = &tally.today;
        let as_numbers = |counts: &[u64]| counts.iter().map(|count| *count as f64).collect::<Vec<_>>();
        let now = Sums {
            parcels: now.parcels as f64,
            bins: as_numbers(&now.bins),
            slots: as_numbers(&now.slots),
            by_score: now.by_score.map(|count| count as f64),
            otherwise: now.otherwise.map(|count| count as f64),
            uncertainty: now.uncertainty as f64,
            novelty: now.novelty as f64,
        };
        today.add(&now);
        past.add(&tally.past);
        together += tally.together.most();
    }
    // Of many offices each has a fullest bucket of its own, so all together have no more than the sum; nor more than came at all.
    (today, past, f64::min(together, closed.together.most()))
}

/// Which share of a day's parcels has usually come by a second of the day.
fn share_of_day_gone(past: &Sums<f64>, second: i64) -> f64 {
    let any_time = (ANY_TIME * past.parcels).max(1.0) / N_SLOTS as f64;
    let slot_seconds = 86_400.0 / N_SLOTS as f64;
    let mut gone = 0.0;
    for (idx, count) in past.slots.iter().enumerate() {
        let of_slot = ((second as f64 - idx as f64 * slot_seconds) / slot_seconds).clamp(0.0, 1.0);
        gone += (count + any_time) * of_slot;
    }
    gone / (past.slots.iter().sum::<f64>() + any_time * N_SLOTS as f64)
}

/// How raw scores lie of late.
struct Distribution {
    bins: Vec<f64>,
    total: f64,
}

impl Distribution {
    fn new(today: &Sums<f64>, past: &Sums<f64>, reference: &[f64]) -> Self {
        let mut bins = vec![0.0; N_BINS];
        for raw_score in reference {
            if let Some(bin) = bins.get_mut(bin_of(*raw_score)) {
                *bin += PRIOR_PARCELS / reference.len() as f64;
            }
        }
        for ((bin, today), past) in bins.iter_mut().zip(&today.bins).zip(&past.bins) {
            *bin += today + past;
        }
        let total = bins.iter().sum();
        Self { bins, total }
    }

    /// The raw score that a share of all parcels reaches.
    fn reached_by(&self, share: f64) -> f64 {
        let wanted = share * self.total;
        if share >= 1.0 || self.total <= 0.0 {
            return f64::NEG_INFINITY;
        }
        let mut above = 0.0;
        for (bin, count) in self.bins.iter().enumerate().rev() {
            if above + count >= wanted && *count > 0.0 {
                // As if a bin's scores lay evenly in it.
                return start_of(bin as f64 + 1.0 - (wanted - above) / count);
            }
            above += count;
        }
        f64::NEG_INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::BucketWidth;
    use crate::policy::RouteCause;
    use crate::policy::flow::Flow;

    #[test]
    fn the_upper_share_of_scores_is_found_within_a_bin() {
        let mut today = Sums::default();
        // A hundred in each of the ten bins from 0 on.
        today.bins[512..522].fill(100.0);
        let scores = Distribution::new(&today, &Sums::default(), &[]);
        assert_eq!(scores.reached_by(0.1), start_of(521.0));
        assert_eq!(scores.reached_by(0.05), start_of(521.5));
        assert_eq!(scores.reached_by(1.0), f64::NEG_INFINITY);
    }

    /// Opened each day where `n` parcels come at each of these minutes of it, of 1,000 that are stated and 60 that may be.
    fn opened(minutes: &[u32], n: u32, days: u32, n_offices: u32) -> Vec<u32> {
        let spec = toml::from_str("name = \"all\"\nparcels_per_day = 1000.0\nopen = 60").unwrap();
        let stream = Stream { spec, mail_classes: BTreeSet::new() };
        let raw_score = |i: u32| f64::from(i * 7919 % 1009) / 100.0 - 8.0;
        let reference: Vec<_> = (0..1009).map(raw_score).collect();
        let flow = Flow::new(Clock::new(BucketWidth::MINUTE, 0), &reference);
        let day = |day: u32| {
            let at_minute = |(nth, minute): (usize, &u32)| {
                let at = Bucket((20_000 + day) * 1440 + minute);
                let cutoffs = stream.cutoffs(&flow.as_of(at), at, flow.clock(), |_| true, None, None);
                let decide = |i: u32| {
                    let raw_score = raw_score(i + 31 * nth as u32 + 17 * day);
                    let office = (i * 7 + nth as u32 * 13) % n_offices;
                    let cell = Cell { mail_class: 1, destination_office: office.to_string() };
                    let seen = Seen { cell, raw_score, risk_score: 0.5, ..Seen::default() };
                    let route = stream.route(&seen, &cutoffs);
                    flow.add(at, &seen, route, RouteCause::Score, true);
                    u32::from(route == Route::Open)
                };
                (0..n).map(decide).sum::<u32>()
            };
            minutes.iter().enumerate().map(at_minute).sum()
        };
        (0..days).map(day).collect()
    }

    #[test]
    fn a_budget_is_kept_however_post_comes() {
        let hourly: Vec<_> = (8..16).map(|hour| hour * 60 + 14).collect();
        let within_a_slot: Vec<_> = (545..555).collect();
        let quarters: Vec<_> = (0..32).map(|n| 480 + 15 * n).collect();
        for (minutes, n) in
            [(vec![554], 1000), (vec![541], 1000), (hourly, 125), (within_a_slot, 100), (quarters.clone(), 31)]
        {
            for n_offices in [1, 40] {
                let opened = opened(&minutes, n, 10, n_offices);
                assert!(opened.iter().all(|opened| (30..=75).contains(opened)), "{n} at {minutes:?}: {opened:?}");
            }
        }
        // A few at a time, each at an office of its own: what came together is not the sum of what each office had.
        let evenly: Vec<_> = (0..100).map(|n| 400 + 10 * n).collect();
        let opened_of = |n_offices| opened(&evenly, 10, 6, n_offices)[3..].iter().sum::<u32>();
        let (at_one, at_many) = (opened_of(1), opened_of(100));
        assert!([at_one, at_many].iter().all(|n| (165..=195).contains(n)), "{at_one} {at_many}");
        // At another time of day than ever before.
        let at_once = [vec![554; 1], vec![854; 1]].map(|minutes| opened(&minutes, 1000, 3, 1));
        assert!(at_once.iter().flatten().all(|opened| *opened <= 75), "{at_once:?}");
    }

    #[test]
    fn without_a_past_the_day_goes_evenly_and_with_one_as_past_days_did() {
        let mut past = Sums::default();
        assert!((share_of_day_gone(&past, 43_200) - 0.5).abs() < 1e-12);
        past.parcels = 1e4;
        past.slots[40] = 1e4;
        assert!(share_of_day_gone(&past, 36_000) < 0.001);
        assert!((share_of_day_gone(&past, 36_450) - 0.5).abs() < 0.001);
        assert!(share_of_day_gone(&past, 36_900) > 0.998);
        assert!((share_of_day_gone(&past, 86_400) - 1.0).abs() < 1e-12);
    }
}

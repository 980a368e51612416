//! What passed of late: a fold of decisions by closed buckets, as history is one.
//!
//! It knows no policy. Scores, times of day and routes are counted for each cell of mail class and office, so a policy
//! that divides them into other streams finds its past there already.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::seen::{Cell, Seen};
use super::tally::{Passed, Tally, Together, bin_of, day_weight, days_to_end, steps};
use super::{Route, RouteCause};
use crate::history::{Bucket, BucketWidth};

/// Cells that are told apart, those with most parcels; those of further offices are one for each mail class.
const MAX_CELLS: usize = 256;
/// A cell with less left of its past is let go: somebody misspelled an office a week ago.
const LEAST_PARCELS: f64 = 0.5;
const DAY_SECONDS: i64 = 86_400;

/// Decisions counted by closed buckets.
///
/// While a bucket is open its parcels are only gathered, so none sees another of its own bucket, whatever their order.
/// What is recorded in one order of buckets gives the same flow again, to the bit.
#[derive(Debug)]
pub struct Flow {
    clock: Clock,
    state: Mutex<State>,
}

/// Where a bucket lies in the local day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    width: BucketWidth,
    utc_offset_minutes: i32,
}

#[derive(Debug)]
struct State {
    /// The bucket that is gathered.
    open: Bucket,
    gathered: Vec<(Cell, Passed)>,
    closed: Arc<Closed>,
}

/// All that closed buckets hold.
#[derive(Clone, Debug)]
pub(super) struct Closed {
    /// The local day that is under way, as days since 1970.
    pub(super) day: i64,
    /// Days with parcels before it, decayed.
    pub(super) days: f64,
    pub(super) cells: BTreeMap<Cell, Tally>,
    /// Of all cells.
    pub(super) together: Together,
    /// Raw scores of parcels that training held back: the distribution until there is a live one.
    pub(super) reference: Arc<[f64]>,
}

impl Clock {
    /// Of buckets of this width, in a place whose day runs ahead of UTC by so many minutes.
    pub fn new(width: BucketWidth, utc_offset_minutes: i32) -> Self {
        Self { width, utc_offset_minutes }
    }

    /// Width of a bucket.
    pub fn width(self) -> BucketWidth {
        self.width
    }

    /// Day since 1970 and seconds of that day at which a bucket begins.
    pub(super) fn day_and_second(self, at: Bucket) -> (i64, i64) {
        let seconds = i64::from(at.0) * i64::from(u32::from(self.width)) + i64::from(self.utc_offset_minutes) * 60;
        (seconds.div_euclid(DAY_SECONDS), seconds.rem_euclid(DAY_SECONDS))
    }
}

impl Flow {
    /// Nothing has passed yet; `reference` are raw scores as they are to be expected.
    pub fn new(clock: Clock, reference: &[f64]) -> Self {
        let closed = Closed {
            day: i64::MIN,
            days: 0.0,
            cells: BTreeMap::new(),
            together: Together::default(),
            reference: reference.into(),
        };
        let state = State { open: Bucket::default(), gathered: Vec::new(), closed: Arc::new(closed) };
        Self { clock, state: Mutex::new(state) }
    }

    /// Another one in which nothing has passed yet.
    #[must_use]
    pub fn begun_anew(&self) -> Self {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        Self::new(self.clock, &state.closed.reference)
    }

    /// Adds a decision of bucket `at`; one of a bucket that is closed counts in the open one. `of_model` tells whether the
    /// model whose scores the flow holds made it: else its score says nothing here.
    pub fn add(&self, at: Bucket, seen: &Seen, route: Route, cause: RouteCause, of_model: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.close_before(at, self.clock);
        let (_, second) = self.clock.day_and_second(state.open);
        let passed = Passed {
            bin: of_model.then(|| u16::try_from(bin_of(seen.raw_score)).unwrap_or(u16::MAX)),
            slot: u8::try_from(second / (DAY_SECONDS / super::tally::N_SLOTS as i64)).unwrap_or(u8::MAX),
            route,
            cause,
            uncertainty: steps(seen.uncertainty()),
            novelty: steps(seen.novelty),
        };
        state.gathered.push((seen.cell.clone(), passed));
    }

    /// What a parcel of bucket `at` sees.
    pub(super) fn as_of(&self, at: Bucket) -> Arc<Closed> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.close_before(at, self.clock);
        Arc::clone(&state.closed)
    }

    /// All that it holds but the reference, so that it can be taken up again.
    pub fn to_bytes(&self) -> Vec<u8> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { open, gathered, closed } = &*state;
        let passed = |passed: &Passed| {
            let Passed { bin, slot, route, cause, uncertainty, novelty } = *passed;
            (bin, slot, route as i64, cause as i64, uncertainty, novelty)
        };
        let kept = KeptFlow {
            width_seconds: self.clock.width.into(),
            utc_offset_minutes: self.clock.utc_offset_minutes,
            open: open.0,
            gathered: gathered.iter().map(|(cell, one)| (cell.clone(), passed(one))).collect(),
            day: closed.day,
            days: closed.days,
            together: closed.together,
            cells: closed.cells.iter().map(|(cell, tally)| (cell.clone(), tally.clone())).collect(),
        };
        postcard::to_stdvec(&kept).expect("numbers and texts always encode")
    }

    /// Takes up what [`Flow::to_bytes`] gave; whether it was one of the same buckets and days. Else nothing is changed.
    pub fn put_bytes(&self, bytes: &[u8]) -> bool {
        let Ok((kept, [])) = postcard::take_from_bytes::<KeptFlow>(bytes) else { return false };
        let KeptFlow { width_seconds, utc_offset_minutes, open, gathered, day, days, together, cells } = kept;
        let is_same =
            width_seconds == u32::from(self.clock.width) && utc_offset_minutes == self.clock.utc_offset_minutes;
        let passed = |(bin, slot, route, cause, uncertainty, novelty)| {
            let (route, cause) = (Route::from_number(route)?, RouteCause::from_number(cause)?);
            Some(Passed { bin, slot, route, cause, uncertainty, novelty })
        };
        let gathered = gathered.into_iter().map(|(cell, one)| Some((cell, passed(one)?))).collect::<Option<Vec<_>>>();
        let Some(gathered) = gathered.filter(|_| is_same && cells.iter().all(|(_, tally)| tally.is_whole())) else {
            return false;
        };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let reference = Arc::clone(&state.closed.reference);
        let closed = Closed { day, days, cells: cells.into_iter().collect(), together, reference };
        *state = State { open: Bucket(open), gathered, closed: Arc::new(closed) };
        true
    }

    /// Where buckets lie in the day.
    pub fn clock(&self) -> Clock {
        self.clock
    }
}

/// A flow as bytes.
#[derive(Serialize, Deserialize)]
struct KeptFlow {
    width_seconds: u32,
    utc_offset_minutes: i32,
    open: u32,
    gathered: Vec<(Cell, KeptPassed)>,
    day: i64,
    days: f64,
    together: Together,
    cells: Vec<(Cell, Tally)>,
}

/// A [`Passed`], with route and cause by their numbers.
type KeptPassed = (Option<u16>, u8, i64, i64, u32, u32);

impl State {
    /// Closes what lies before `at`.
    fn close_before(&mut self, at: Bucket, clock: Clock) {
        if at <= self.open {
            return;
        }
        let (today, _) = clock.day_and_second(at);
        if self.gathered.is_empty() && self.closed.day == today {
            self.open = at;
            return;
        }
        let closed = Arc::make_mut(&mut self.closed);
        let (day, _) = clock.day_and_second(self.open);
        if !self.gathered.is_empty() {
            closed.move_to(day);
            // Which cells are told apart must not depend on the order within a bucket.
            self.gathered.sort_by(|(a, _), (b, _)| a.cmp(b));
            for of_cell in self.gathered.chunk_by(|(a, _), (b, _)| a == b) {
                let Some((cell, _)) = of_cell.first() else { continue };
                let tally = closed.tally(cell.clone());
                of_cell.iter().for_each(|(_, passed)| tally.count(passed));
                tally.together.came(of_cell.len());
            }
            closed.together.came(self.gathered.len());
            self.gathered.clear();
        }
        closed.move_to(today);
        self.open = at;
    }
}

impl Closed {
    /// Ends the days before `day`.
    fn move_to(&mut self, day: i64) {
        if self.day == i64::MIN {
            self.day = day;
        }
        for _ in 0..days_to_end(self.day, day) {
            let had_parcels = self.cells.values().any(|tally| tally.today.parcels > 0);
            // A day without any is no day of post: it ages the past alike, and is not counted.
            self.days = self.days * day_weight() + f64::from(u8::from(had_parcels));
            self.cells.values_mut().for_each(Tally::end_day);
            self.together.end_day();
            self.cells.retain(|_, tally| tally.past.parcels >= LEAST_PARCELS);
        }
        self.day = self.day.max(day);
    }

    fn tally(&mut self, cell: Cell) -> &mut Tally {
        let is_new_office = !cell.destination_office.is_empty() && !self.cells.contains_key(&cell);
        if self.cells.len() >= MAX_CELLS && is_new_office {
            self.put_weakest_aside();
        }
        self.cells.entry(cell).or_default()
    }

    /// The office with the fewest parcels is told apart no more: whoever states ever new ones puts away those of their own.
    fn put_weakest_aside(&mut self) {
        let named = || self.cells.iter().filter(|(cell, _)| !cell.destination_office.is_empty());
        if named().count() < MAX_CELLS {
            return;
        }
        let weakest = named().min_by(|(_, a), (_, b)| a.n_parcels().total_cmp(&b.n_parcels()));
        let Some(cell) = weakest.map(|(cell, _)| cell.clone()) else { return };
        if let Some(tally) = self.cells.remove(&cell) {
            self.cells.entry(Cell { destination_office: String::new(), ..cell }).or_default().add(&tally);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow() -> Flow {
        Flow::new(Clock::new(BucketWidth::MINUTE, 300), &[-3.0, -1.0])
    }

    fn seen(raw_score: f64, office: &str) -> Seen {
        let cell = Cell { mail_class: 1, destination_office: office.to_owned() };
        Seen { cell, raw_score, risk_score: 0.25, ..Seen::default() }
    }

    #[test]
    fn the_local_day_begins_where_the_offset_says() {
        let clock = Clock::new(BucketWidth::MINUTE, 300);
        assert_eq!(clock.day_and_second(Bucket(19 * 60 - 1)), (0, 86_400 - 60));
        assert_eq!(clock.day_and_second(Bucket(19 * 60)), (1, 0));
    }

    #[test]
    fn a_parcel_sees_closed_buckets_only_and_their_order_within_changes_nothing() {
        let (forward, backward) = (flow(), flow());
        let first = [(seen(1.0, "A"), Route::Open), (seen(-2.0, "B"), Route::Release), (seen(3.0, "A"), Route::Scan)];
        for (seen, route) in &first {
            forward.add(Bucket(1000), seen, *route, RouteCause::Score, true);
        }
        for (seen, route) in first.iter().rev() {
            backward.add(Bucket(1000), seen, *route, RouteCause::Score, true);
        }
        assert!(forward.as_of(Bucket(1000)).cells.is_empty(), "its own bucket is open");
        let (seen, again) = (forward.as_of(Bucket(1001)), backward.as_of(Bucket(1001)));
        assert_eq!(seen.cells, again.cells);
        let cell = Cell { mail_class: 1, destination_office: "A".to_owned() };
        assert_eq!(seen.cells[&cell].today.by_score[Route::Open as usize], 1);
        assert_eq!(seen.cells[&cell].today.bins[bin_of(3.0)], 1);
    }

    #[test]
    fn when_it_is_read_changes_nothing() {
        let (read_often, read_once) = (flow(), flow());
        for day in [0_u32, 1, 4] {
            for minute in 0..3 {
                let at = Bucket(day * 1440 + minute * 7 + 300);
                read_often.add(at, &seen(f64::from(minute), "A"), Route::Open, RouteCause::Rule, minute > 0);
                read_once.add(at, &seen(f64::from(minute), "A"), Route::Open, RouteCause::Rule, minute > 0);
                read_often.as_of(Bucket(at.0 + 1));
            }
            read_often.as_of(Bucket((day + 1) * 1440));
        }
        let (often, once) = (read_often.as_of(Bucket(9 * 1440)), read_once.as_of(Bucket(9 * 1440)));
        assert_eq!((often.day, often.days.to_bits(), &often.cells), (once.day, once.days.to_bits(), &once.cells));
        assert!(once.days > 1.0 && once.days < 3.0, "{}", once.days);
    }

    #[test]
    fn what_is_taken_up_again_goes_on_to_the_bit() {
        let (flow, again) = (flow(), self::flow());
        for minute in 0..3000 {
            flow.add(Bucket(minute), &seen(f64::from(minute % 7), "A"), Route::Scan, RouteCause::Rule, minute > 9);
        }
        assert!(again.put_bytes(&flow.to_bytes()));
        let other = Flow::new(Clock::new(BucketWidth::MINUTE, 60), &[]);
        assert!(!other.put_bytes(&flow.to_bytes()) && !other.put_bytes(b"x"));
        for both in [&flow, &again] {
            both.add(Bucket(3000), &seen(1.0, "B"), Route::Open, RouteCause::Score, true);
        }
        let (flow, again) = (flow.as_of(Bucket(9000)), again.as_of(Bucket(9000)));
        assert_eq!((flow.day, flow.days.to_bits(), &flow.cells), (again.day, again.days.to_bits(), &again.cells));
    }

    #[test]
    fn many_offices_do_not_fill_memory() {
        let flow = flow();
        for office in 0..1000 {
            flow.add(Bucket(1), &seen(0.0, &office.to_string()), Route::Open, RouteCause::Score, true);
        }
        let closed = flow.as_of(Bucket(2));
        assert_eq!(closed.cells.len(), MAX_CELLS + 1);
        assert_eq!(closed.cells.values().map(|tally| tally.today.parcels).sum::<u64>(), 1000);
    }

    #[test]
    fn an_office_with_post_is_told_apart_however_many_were_made_up_and_those_are_let_go() {
        let flow = flow();
        let add = |at, office: &str| flow.add(Bucket(at), &seen(0.0, office), Route::Open, RouteCause::Score, true);
        (0..1000).for_each(|office| add(1, &office.to_string()));
        (0..50).for_each(|_| add(2, "KZALAA"));
        (1000..2000).for_each(|office| add(3, &office.to_string()));
        let cell = Cell { mail_class: 1, destination_office: "KZALAA".to_owned() };
        assert_eq!(flow.as_of(Bucket(4)).cells[&cell].today.parcels, 50);
        // Of the rest less than half a parcel a cell is left, but of those that were put together.
        let later = flow.as_of(Bucket(10 * 1440));
        let offices: Vec<_> = later.cells.keys().map(|cell| cell.destination_office.as_str()).collect();
        assert_eq!(offices, ["", "KZALAA"]);
    }
}

//! A simulation: the world, day by day, in order of time.

use std::collections::{BTreeMap, VecDeque};

use jiff::civil::Date;
use rayon::prelude::*;

use super::calendar::Days;
use super::campaigns::Campaigns;
use super::dice::{Dice, Purpose, Seed, Weights};
use super::indicators::indicators;
use super::inspect::{Inspection, Times, inspect};
use super::item::{Item, Source, World};
use super::label::number;
use super::oracle::Oracle;
use super::people::People;
use super::persona::Persona;
use super::scenario::{Scenario, ScenarioError};
use super::signs::SignRates;
use super::style::Styles;
use super::truth::Simulated;
use crate::parcel::Draft;

/// Most parcels of a slice: the piece of a day that one thread makes.
const SLICE_PARCELS: u64 = 2_048;
/// Slices that are made at a time; memory is bounded by them.
const BATCH_SLICES: usize = 16;
/// Identifiers of each country that may be used again: those of some days or weeks.
const MAX_RECENT: usize = 4_096;

/// How much to simulate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Parcels, from 1 to 100,000,000: as many as one range of S10 identifiers holds.
    pub parcels: u64,
    /// Days they are spread over, from 1 to 3,650.
    pub days: u32,
    /// Seed of everything drawn.
    pub seed: u64,
}

impl Default for Size {
    /// The world of which `models/make-default` learns from the beginning and the demo shows later days.
    fn default() -> Self {
        Self { parcels: 1_000_000, days: 300, seed: 1 }
    }
}

/// Makes the parcels of a world, in order of time, in batches of bounded size.
///
/// Equal scenario, size and release give equal parcels, to the bit, on any number of threads.
#[derive(Debug)]
pub struct Simulation {
    world: World,
    size: Size,
    n_illicit: u64,
    campaigns: Campaigns,
    oracle: Oracle,
    lookalikes: Lookalikes,
    next_day: u32,
    /// Planned and not yet made.
    slices: VecDeque<Slice>,
    n_planned: u64,
    n_slices: u64,
    /// Identifiers of late, by country of posting: what a reused one is taken from.
    recent: Vec<VecDeque<String>>,
    /// Illicit parcels by the day on which a full audit makes them known, until then.
    audits: BTreeMap<u32, Vec<Item>>,
}

/// A piece of a day.
#[derive(Debug)]
struct Slice {
    number: u64,
    day: u32,
    /// Which part of the day's traffic it is.
    from: f64,
    until: f64,
    n_innocent: u64,
    illicit: Vec<Made>,
    /// Parcels before it.
    first: u64,
}

/// A parcel without identifier and without what only the order of all parcels tells. Boxed where it
/// is large, since parcels are put in order.
#[derive(Debug)]
struct Made {
    item: Box<Item>,
    draft: Box<Draft>,
    times: Times,
    inspection: Option<Inspection>,
    /// Which of the identifiers of late it bears instead of one of its own.
    reused: Option<u64>,
}

/// How innocent parcels come to look like a typology.
#[derive(Debug)]
struct Lookalikes {
    /// Share of innocent parcels.
    share: f64,
    typologies: Weights,
    /// Regular customers by typology.
    regulars: Vec<u64>,
}

impl Lookalikes {
    fn new(world: &World, size: &Size) -> Self {
        let base = world.scenario.world.base_rate;
        let typologies = &world.styles.typologies;
        let all: f64 = typologies.iter().map(|style| style.typology.share).sum();
        let expected: Vec<f64> =
            typologies.iter().map(|style| base * style.typology.share / all * style.typology.lookalikes).collect();
        let years = f64::from(size.days) / 365.0;
        let regulars = &world.scenario.regulars;
        let count = |share: &f64| {
            let parcels = share * size.parcels as f64 * regulars.share;
            ((parcels / (regulars.parcels_per_year * years)) as u64).max(3)
        };
        Self {
            share: (expected.iter().sum::<f64>() / (1.0 - base)).min(0.9),
            regulars: expected.iter().map(count).collect(),
            // A world without look-alikes never draws from this.
            typologies: Weights::new(expected),
        }
    }
}

impl Simulation {
    /// # Errors
    /// [`ScenarioError::Range`] for a size that can't be simulated.
    pub fn new(scenario: Scenario, size: Size) -> Result<Self, ScenarioError> {
        let range = |holds: bool, key: &str, expected: &str| match holds {
            true => Ok(()),
            false => Err(ScenarioError::Range { key: key.to_owned(), expected: expected.to_owned() }),
        };
        range((1..=100_000_000).contains(&size.parcels), "parcels", "from 1 to 100,000,000")?;
        range((1..=3_650).contains(&size.days), "days", "from 1 to 3,650")?;
        let first: Date = scenario.world.first_day.parse().unwrap_or(Date::constant(2026, 1, 1));
        let seed = Seed::new(size.seed);
        let drop_share = scenario.signs.drop_delivery.ordinary;
        let world = World {
            styles: Styles::new(&scenario),
            people: People::new(seed.clone(), &scenario.world, size.parcels, size.days, drop_share),
            days: Days::new(&scenario.calendar, first, size.days),
            rates: SignRates::new(&scenario),
            seed,
            scenario,
        };
        Ok(Self {
            n_illicit: (world.scenario.world.base_rate * size.parcels as f64).round() as u64,
            campaigns: Campaigns::new(&world),
            oracle: Oracle::new(),
            lookalikes: Lookalikes::new(&world, &size),
            recent: vec![VecDeque::new(); world.styles.lanes.len()],
            world,
            size,
            next_day: 0,
            slices: VecDeque::new(),
            n_planned: 0,
            n_slices: 0,
            audits: BTreeMap::new(),
        })
    }

    /// The next parcels, at most some ten thousand; `None` once all were given.
    pub fn next_batch(&mut self) -> Option<Vec<Simulated>> {
        while self.slices.len() < BATCH_SLICES && self.next_day < self.size.days {
            self.plan_day();
        }
        let n = self.slices.len().min(BATCH_SLICES);
        if n == 0 {
            return None;
        }
        let slices: Vec<Slice> = self.slices.drain(..n).collect();
        let gap = (90_000_000 / self.size.parcels).clamp(1, 30);
        let (world, lookalikes) = (&self.world, &self.lookalikes);
        let make = |slice: Slice| (slice.day, slice.make(world, lookalikes, gap));
        let made: Vec<(u32, Vec<Made>)> = slices.into_par_iter().map(make).collect();
        let mut batch = Vec::with_capacity(made.iter().map(|(_, parcels)| parcels.len()).sum());
        for (day, parcels) in made {
            let later = self.audits.split_off(&day);
            let known = std::mem::replace(&mut self.audits, later);
            known.into_values().flatten().for_each(|item| self.oracle.learn(&item));
            batch.extend(parcels.into_iter().map(|made| self.finish(day, made)));
        }
        Some(batch)
    }

    /// Decides what comes on the next day, and lets illicit actors act.
    fn plan_day(&mut self) {
        let (world, day) = (&self.world, self.next_day);
        self.next_day += 1;
        let n = world.days.count(self.size.parcels, day);
        let n_illicit = world.days.count(self.n_illicit, day).min(n);
        let mut dice = world.actors_of(day);
        let items = self.campaigns.items(world, day, n_illicit, &mut dice);
        let mut illicit = VecDeque::with_capacity(items.len());
        for (at, item) in items {
            let made = Made::new(world, item, &mut dice);
            if let (Some(inspection), Some(persona)) = (&made.inspection, made.item.persona)
                && inspection.found.is_some()
            {
                // The addressee waits in vain for as long as the record takes.
                self.campaigns.seized(persona, self.day_of(inspection.known_at));
            }
            illicit.push_back((at, made));
        }
        let n_slices = n.div_ceil(SLICE_PARCELS);
        let mut planned = 0;
        for idx in 0..n_slices {
            let until = (idx + 1) as f64 / n_slices as f64;
            let mut own = Vec::new();
            while illicit.front().is_some_and(|(at, _)| *at < until) {
                own.extend(illicit.pop_front().map(|(_, made)| made));
            }
            // As many as are its part of the day; never fewer than its illicit ones.
            let n_here = (((idx + 1) * n / n_slices) - planned).max(own.len() as u64);
            planned += n_here;
            self.slices.push_back(Slice {
                number: self.n_slices,
                day,
                from: idx as f64 / n_slices as f64,
                until,
                n_innocent: n_here - own.len() as u64,
                illicit: own,
                first: self.n_planned,
            });
            self.n_planned += n_here;
            self.n_slices += 1;
        }
    }

    fn day_of(&self, seconds: i64) -> u32 {
        u32::try_from((seconds - self.world.days.midnight(0)).div_euclid(86_400)).unwrap_or_default()
    }

    /// Gives a parcel the identifier of an earlier one of its country and service, where it bears such.
    fn relabel(&mut self, lane: usize, reused: Option<u64>, draft: &mut Draft) {
        let recent = &mut self.recent[lane];
        let Some(which) = reused else {
            if recent.len() == MAX_RECENT {
                recent.pop_front();
            }
            recent.push_back(draft.item_id.clone());
            return;
        };
        let n = recent.len();
        let from = which as usize % n.max(1);
        let service = draft.item_id.get(..1);
        let earlier = (0..n).map(|step| &recent[(from + step) % n]).find(|id| id.get(..1) == service);
        if let Some(earlier) = earlier {
            draft.item_id.clone_from(earlier);
        }
    }

    fn finish(&mut self, day: u32, made: Made) -> Simulated {
        let Made { item, mut draft, times, inspection, reused } = made;
        self.relabel(item.lane, reused, &mut draft);
        let opinion = self.oracle.opinion(&self.world, &item, self.world.days.elapsed(day));
        let truth = self.world.truth(&item, times.known_at, opinion);
        self.oracle.count(opinion, truth.is_prohibited());
        if truth.is_prohibited() {
            self.audits.entry(self.day_of(times.known_at)).or_default().push(*item);
        }
        Simulated { day, draft: *draft, inspection, truth }
    }
}

impl Made {
    fn new(world: &World, item: Item, dice: &mut Dice) -> Self {
        let draft = world.declare(&item, dice);
        let figures = &world.scenario.inspections;
        let times = Times::draw(figures, item.seconds, dice);
        let inspection = inspect(figures, indicators(&draft), item.kind, times, dice);
        let share = item.typology.map_or(0.0, |idx| world.styles.typologies[idx].typology.label_reused);
        let reused = dice.chance(share).then(|| dice.bits());
        Self { item: Box::new(item), draft: Box::new(draft), times, inspection, reused }
    }
}

impl Slice {
    /// Makes its innocent parcels, puts them in order with the illicit ones, and numbers all.
    fn make(self, world: &World, lookalikes: &Lookalikes, gap: u64) -> Vec<Made> {
        let mut dice = world.seed.stream(Purpose::Slice, self.number);
        let mut parcels = Vec::with_capacity(self.n_innocent as usize + self.illicit.len());
        for _ in 0..self.n_innocent {
            let at = (self.day, dice.between(self.from, self.until));
            let item = if dice.chance(lookalikes.share) {
                let typology = lookalikes.typologies.draw(&mut dice);
                if dice.chance(world.scenario.regulars.share) {
                    let number = dice.ranked(lookalikes.regulars[typology], 1.6);
                    let lane = |dice: &mut Dice| world.styles.lane(Some(typology), dice);
                    let persona = Persona::regular(&world.seed, typology, number, lane);
                    world.item(Source::Persona(&persona, super::signs::Class::Lookalike), at, &mut dice)
                } else {
                    world.item(Source::Lookalike(typology), at, &mut dice)
                }
            } else {
                world.item(Source::Ordinary, at, &mut dice)
            };
            parcels.push(Made::new(world, item, &mut dice));
        }
        parcels.extend(self.illicit);
        // Within a second the order is that of the sender's key, which says nothing of the parcel.
        parcels.sort_by_key(|made| (made.item.seconds, made.item.sender.name, made.item.addressee.name));
        let mut by_sender: Vec<usize> = (0..parcels.len()).collect();
        by_sender.sort_by_key(|idx| (parcels[*idx].item.lane, parcels[*idx].item.sender.name, *idx));
        let mut serial = self.first * gap;
        let mut previous = None;
        for idx in by_sender {
            let made = &mut parcels[idx];
            // What one sender posts together has neighboring numbers.
            serial += if previous == Some(made.item.sender.name) { 1 } else { 1 + dice.below(gap) };
            previous = Some(made.item.sender.name);
            made.draft.item_id = number(world, &made.item, serial, &mut dice);
        }
        parcels
    }
}

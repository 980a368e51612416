//! Illicit actors: they begin, send, are caught, adapt, split and stop.

use std::collections::BTreeMap;

use super::dice::{Dice, Purpose, key};
use super::item::{Item, Source, World};
use super::persona::{N_CHANNELS, Persona};
use super::signs::Class;

/// An actor at work.
#[derive(Clone, Debug)]
struct Campaign {
    persona: Persona,
    /// Relative number of items.
    activity: f64,
    /// The last day on which it sends.
    until: u32,
    /// Share of items that copy ordinary parcels.
    mimic: f64,
}

/// All actors of a world.
#[derive(Debug)]
pub(super) struct Campaigns {
    active: Vec<Campaign>,
    /// Items so far, by typology.
    sent: Vec<f64>,
    /// What their shares of all items so far amount to.
    due: Vec<f64>,
    /// Seizures that actors will learn of, by day.
    seizures: BTreeMap<u32, Vec<u64>>,
}

impl Campaigns {
    pub(super) fn new(world: &World) -> Self {
        let none = vec![0.0; world.styles.typologies.len()];
        Self { active: Vec::new(), sent: none.clone(), due: none, seizures: BTreeMap::new() }
    }

    /// The illicit items of a day, each with the share of the day's traffic before it, in that order.
    pub(super) fn items(&mut self, world: &World, day: u32, n: u64, dice: &mut Dice) -> Vec<(f64, Item)> {
        self.adapt(world, day, dice);
        self.active.retain(|campaign| campaign.until >= day);
        let mut at: Vec<f64> = (0..n).map(|_| dice.unit()).collect();
        at.sort_by(f64::total_cmp);
        at.into_iter().map(|at| (at, self.item(world, (day, at), dice))).collect()
    }

    fn item(&mut self, world: &World, (day, at): (u32, f64), dice: &mut Dice) -> Item {
        let elapsed = world.days.elapsed(day);
        let typology = self.next_typology(world, elapsed, dice);
        let begins = dice.chance(1.0 / world.scenario.actors.items);
        let campaign = match self.any_active(typology, dice) {
            Some(idx) if !begins => idx,
            _ => self.begin(world, day, typology, dice),
        };
        let Campaign { persona, mimic, .. } = &self.active[campaign];
        self.sent[persona.typology] += 1.0;
        if !dice.chance(*mimic) {
            return world.item(Source::Persona(persona, Class::Illicit), (day, at), dice);
        }
        let kind = world.styles.typologies[persona.typology].typology.kind;
        let copy = world.item(Source::Ordinary, (day, at), dice);
        Item { kind: Some(kind), persona: Some(persona.key), actor_typology: Some(persona.typology), ..copy }
    }

    /// One that has had less than its share, so that small shares are met in small worlds too.
    fn next_typology(&mut self, world: &World, elapsed: f64, dice: &mut Dice) -> usize {
        let styles = &world.styles;
        let share = |idx: usize| styles.typologies[idx].typology.share * world.drift(idx, elapsed);
        let shares: Vec<f64> = (0..styles.typologies.len()).map(share).collect();
        let all: f64 = shares.iter().sum();
        for (due, share) in self.due.iter_mut().zip(&shares) {
            *due += share / all;
        }
        let behind = self.due.iter().zip(&self.sent).map(|(due, sent)| (due - sent).max(0.0));
        super::dice::Weights::new(behind.zip(&shares).map(|(behind, share)| behind + 1e-3 * share)).draw(dice)
    }

    fn any_active(&self, typology: usize, dice: &mut Dice) -> Option<usize> {
        let weight =
            |campaign: &Campaign| f64::from(u8::from(campaign.persona.typology == typology)) * campaign.activity;
        let total: f64 = self.active.iter().map(weight).sum();
        let mut at = dice.unit() * total;
        for (idx, campaign) in self.active.iter().enumerate() {
            at -= weight(campaign);
            if at < 0.0 {
                return Some(idx);
            }
        }
        None
    }

    /// A new actor.
    fn begin(&mut self, world: &World, day: u32, typology: usize, dice: &mut Dice) -> usize {
        let figures = &world.scenario.actors;
        let lane = world.styles.lane(Some(typology), dice);
        let id = dice.bits();
        let persona = Persona {
            key: id,
            root: id,
            typology,
            lane,
            epochs: [0; N_CHANNELS],
            respells: dice.chance(0.2),
            born: day,
        };
        // In a short simulation lives are short too, or the first campaigns would be the last.
        let life = figures.life_days.min(f64::from(world.days.n_days()) / 2.0);
        let until = day + (life * dice.between(0.4, 1.6)) as u32;
        self.active.push(Campaign {
            persona,
            activity: dice.lognormal(1.0, figures.activity_sigma),
            until,
            mimic: figures.mimic,
        });
        self.active.len() - 1
    }

    /// An actor will learn on a day that an item did not arrive.
    pub(super) fn seized(&mut self, persona: u64, day: u32) {
        self.seizures.entry(day).or_default().push(persona);
    }

    fn adapt(&mut self, world: &World, today: u32, dice: &mut Dice) {
        let answers = &world.scenario.actors.when_caught;
        let later = self.seizures.split_off(&(today + 1));
        let learned: Vec<u64> = std::mem::replace(&mut self.seizures, later).into_values().flatten().collect();
        for caught in learned {
            let Some(campaign) = self.active.iter_mut().find(|campaign| campaign.persona.key == caught) else {
                continue;
            };
            if dice.chance(answers.stop) {
                campaign.until = today.saturating_sub(1);
                continue;
            }
            for epoch in &mut campaign.persona.epochs {
                *epoch += u32::from(dice.chance(answers.replace));
            }
            campaign.persona.respells |= dice.chance(answers.respell);
            if dice.chance(answers.switch_lane) {
                campaign.persona.lane = world.styles.lane(Some(campaign.persona.typology), dice);
            }
            if dice.chance(answers.mimic) {
                campaign.mimic = campaign.mimic.max(0.6);
            }
            if dice.chance(answers.split) {
                campaign.activity *= 0.5;
                let mut second = campaign.clone();
                // The second half keeps what it was not told to replace.
                second.persona.epochs.iter_mut().for_each(|epoch| *epoch += u32::from(dice.chance(0.5)) * 1_000);
                second.persona.key = key(&[caught, u64::from(today)]);
                self.active.push(second);
            }
        }
    }
}

impl World {
    /// Factor on the share of a typology when a part of the time has passed.
    pub(super) fn drift(&self, typology: usize, elapsed: f64) -> f64 {
        let style = &self.styles.typologies[typology];
        if elapsed < style.typology.from {
            return 0.0;
        }
        self.scenario.drift.get(&style.name).map_or(1.0, |[first, last]| first + (last - first) * elapsed)
    }

    /// Log-odds that a parcel of a typology, or of none, is illicit before its signs are seen.
    pub(super) fn log_prior(&self, typology: Option<usize>, elapsed: f64) -> f64 {
        let (base, mimic) = (self.scenario.world.base_rate, self.scenario.actors.mimic);
        let odds = match typology {
            None => base * mimic / (1.0 - base),
            Some(idx) => {
                (1.0 - mimic) * self.drift(idx, elapsed) / self.styles.typologies[idx].typology.lookalikes.max(1e-3)
            }
        };
        libm::log(odds.max(1e-9))
    }

    /// The stream of a day's actors.
    pub(super) fn actors_of(&self, day: u32) -> Dice {
        self.seed.stream(Purpose::Actors, u64::from(day))
    }
}

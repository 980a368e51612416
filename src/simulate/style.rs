//! What parcels of a typology, its look-alikes, and ordinary parcels are drawn from.

use super::dice::{Dice, Weights};
use super::names::{self, Culture};
use super::scenario::{Goods, Lane, Scenario, Typology, Weighed};

/// Postal services by the first letter of S10, in the order that weights have here.
pub(super) const SERVICES: [&str; 6] = ["C", "E", "H", "L", "R", "U"];

/// A country of posting, ready to draw from.
#[derive(Debug)]
pub(super) struct LaneStyle {
    pub(super) country: String,
    pub(super) lane: Lane,
    pub(super) culture: &'static Culture,
    services: Weights,
    languages: Vec<String>,
    language_weights: Weights,
}

impl LaneStyle {
    pub(super) fn language(&self, dice: &mut Dice) -> &str {
        &self.languages[self.language_weights.draw(dice)]
    }
}

/// A category of goods.
#[derive(Debug)]
pub(super) struct GoodsStyle {
    pub(super) name: String,
    pub(super) goods: Goods,
}

/// A typology, shared by its illicit parcels and their look-alikes.
#[derive(Debug)]
pub(super) struct TypologyStyle {
    pub(super) name: String,
    pub(super) typology: Typology,
    goods: Draws,
    lanes: Draws,
    /// Services by lane.
    services: Vec<Weights>,
}

/// Indices to draw from.
#[derive(Debug)]
struct Draws {
    indices: Vec<usize>,
    weights: Weights,
}

impl Draws {
    /// * `names`: all that there are, in the order of their indices.
    fn of(weighed: &Weighed, names: &[&str]) -> Self {
        let indices = weighed.keys().filter_map(|name| names.iter().position(|known| known == name)).collect();
        Self { indices, weights: Weights::new(weighed.values().copied()) }
    }

    fn draw(&self, dice: &mut Dice) -> usize {
        self.indices[self.weights.draw(dice)]
    }
}

/// All styles of a scenario, by index.
#[derive(Debug)]
pub(super) struct Styles {
    pub(super) lanes: Vec<LaneStyle>,
    pub(super) goods: Vec<GoodsStyle>,
    pub(super) typologies: Vec<TypologyStyle>,
    lane_weights: Weights,
    goods_weights: Weights,
}

impl Styles {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let service = |lane: &Lane, service: &str| lane.services.get(service).copied().unwrap_or_default();
        let lanes: Vec<LaneStyle> = scenario
            .lanes
            .iter()
            .map(|(country, lane)| LaneStyle {
                country: country.clone(),
                lane: lane.clone(),
                culture: names::culture(&lane.culture),
                services: Weights::new(SERVICES.iter().map(|name| service(lane, name))),
                languages: lane.languages.keys().cloned().collect(),
                language_weights: Weights::new(lane.languages.values().copied()),
            })
            .collect();
        let goods: Vec<GoodsStyle> = scenario
            .goods
            .iter()
            .map(|(name, goods)| GoodsStyle { name: name.clone(), goods: goods.clone() })
            .collect();
        let lane_names: Vec<&str> = scenario.lanes.keys().map(String::as_str).collect();
        let goods_names: Vec<&str> = scenario.goods.keys().map(String::as_str).collect();
        let typologies = scenario.typologies.iter().map(|(name, typology)| {
            let factor = |service: &str| typology.services.get(service).copied().unwrap_or_default();
            TypologyStyle {
                name: name.clone(),
                typology: typology.clone(),
                goods: Draws::of(&typology.goods, &goods_names),
                lanes: Draws::of(&typology.lanes, &lane_names),
                services: scenario
                    .lanes
                    .values()
                    // A floor, so that a lane and a typology without a common service still have one.
                    .map(|lane| Weights::new(SERVICES.iter().map(|name| service(lane, name) * factor(name) + 1e-9)))
                    .collect(),
            }
        });
        Self {
            typologies: typologies.collect(),
            lane_weights: Weights::new(lanes.iter().map(|style| style.lane.share)),
            goods_weights: Weights::new(goods.iter().map(|style| style.goods.share)),
            lanes,
            goods,
        }
    }

    /// A country of posting; of ordinary parcels where there is no typology.
    pub(super) fn lane(&self, typology: Option<usize>, dice: &mut Dice) -> usize {
        match typology {
            Some(idx) => self.typologies[idx].lanes.draw(dice),
            None => self.lane_weights.draw(dice),
        }
    }

    /// A category of goods.
    pub(super) fn goods(&self, typology: Option<usize>, dice: &mut Dice) -> usize {
        match typology {
            Some(idx) => self.typologies[idx].goods.draw(dice),
            None => self.goods_weights.draw(dice),
        }
    }

    /// The first letter of the service.
    pub(super) fn service(&self, typology: Option<usize>, lane: usize, dice: &mut Dice) -> &'static str {
        let weights = match typology {
            Some(idx) => &self.typologies[idx].services[lane],
            None => &self.lanes[lane].services,
        };
        SERVICES[weights.draw(dice)]
    }
}

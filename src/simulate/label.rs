//! The number on a parcel's label: UPU S10.

use super::dice::Dice;
use super::item::{Item, World};
use super::signs::Sign;
use crate::parcel::codes::S10;

/// An S10 identifier with a serial number, its check digit wrong where the label is.
pub(super) fn number(world: &World, item: &Item, serial: u64, dice: &mut Dice) -> String {
    // The second letter says little; each service has a few in use.
    let second = *dice.one(b"ABNPRSXZ") as char;
    // What goes through a third country may bear that country's label.
    let relabeled = item.shown.has(Sign::SenderAbroad) && dice.chance(0.3);
    let issuer = match relabeled {
        true => &dice.one(&world.styles.lanes).country,
        false => &world.styles.lanes[item.lane].country,
    };
    let wrong = item.typology.map_or(0.0, |idx| world.styles.typologies[idx].typology.label_wrong)
        + world.scenario.noise.check_digit_wrong;
    let (is_wrong, slip) = (dice.chance(wrong), 1 + dice.below(9));
    let serial = 10_000_000 + serial % 90_000_000;
    let of = |digit: u64| format!("{}{second}{serial:08}{digit}{issuer}", item.shape.service);
    // One of ten digits is right.
    let right = (0..10).find(|digit| S10::parse(&of(*digit)).is_ok_and(|id| id.has_valid_check_digit())).unwrap_or(0);
    of(if is_wrong { (right + slip) % 10 } else { right })
}

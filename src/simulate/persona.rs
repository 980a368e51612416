//! Somebody who sends more than one parcel under more than one name: an illicit actor, or a regular
//! customer whose parcels look like theirs.

use super::dice::{Dice, Purpose, Seed, key};
use super::item::World;
use super::people::{self, Identity};
use super::signs::{Shown, Sign};

/// The kinds of identifier that a persona repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Channel {
    AddresseeName,
    AddresseeAddress,
    AddresseePhone,
    SenderName,
    SenderAddress,
    SenderPhone,
    Goods,
}

/// The number of channels.
pub(super) const N_CHANNELS: usize = 7;

/// Who is behind a series of parcels.
#[derive(Clone, Debug)]
pub(super) struct Persona {
    /// Which it is.
    pub(super) key: u64,
    /// What its identifiers are made of: its own key, or that of the actor it split from.
    pub(super) root: u64,
    pub(super) typology: usize,
    /// The country it mostly posts from.
    pub(super) lane: usize,
    /// How often the identifiers of each channel were replaced.
    pub(super) epochs: [u32; N_CHANNELS],
    /// Writes names in ever other ways.
    pub(super) respells: bool,
    /// When it began: its goalkeepers are people of that day.
    pub(super) born: u32,
}

/// The parties of one parcel of a persona.
#[derive(Clone, Debug)]
pub(super) struct Parties {
    pub(super) sender: Identity,
    pub(super) addressee: Identity,
    /// What the goods are made of, where they are repeated.
    pub(super) goods: Option<u64>,
    /// Which identifiers are the persona's own, in the order of the channels.
    pub(super) own: [bool; N_CHANNELS - 1],
}

impl Persona {
    /// A regular customer, by number.
    pub(super) fn regular(seed: &Seed, typology: usize, number: u64, draw_lane: impl Fn(&mut Dice) -> usize) -> Self {
        let key = key(&[4_242, typology as u64, number]);
        let lane = draw_lane(&mut seed.stream(Purpose::Life, key));
        Self { key, root: key, typology, lane, epochs: [0; N_CHANNELS], respells: false, born: 0 }
    }

    /// Who sends to whom this time: what is not repeated is somebody else's, real or made up.
    pub(super) fn parties(&self, world: &World, day: u32, shown: Shown, dice: &mut Dice) -> Parties {
        let (people, figures) = (&world.people, &world.scenario.actors);
        let style = &world.styles.typologies[self.typology].typology;
        let mut pick = |channel, rate| self.pick(channel, rate, figures.pool, dice);
        let rates = &figures.repeat;
        let name = pick(Channel::AddresseeName, rates.addressee_name);
        let address = pick(Channel::AddresseeAddress, rates.addressee_address);
        let phone = pick(Channel::AddresseePhone, rates.addressee_phone);
        let sender_name = pick(Channel::SenderName, rates.sender_name);
        let sender_address = pick(Channel::SenderAddress, rates.sender_address);
        let sender_phone = pick(Channel::SenderPhone, rates.sender_phone);
        let goods = pick(Channel::Goods, rates.goods);
        let address =
            if dice.chance(style.address_share) { Some(self.of(Channel::AddresseeAddress, 0)) } else { address };

        let mut addressee = match dice.chance(figures.borrowed) {
            true => people.any_addressee(day, dice),
            false => people::private(dice.bits()),
        };
        if let Some(name) = name {
            let goalkeeper = people.habit(name) < figures.goalkeepers;
            addressee.name = if goalkeeper { people.any_person(name, self.born) } else { name };
        }
        addressee.phone = phone.unwrap_or(addressee.phone);
        let own = address.unwrap_or(addressee.address);
        (addressee.address, addressee.shared_address) = match address {
            // As with anybody's, a drop is one of few addresses, and a home is somebody's or nobody's.
            _ if shown.has(Sign::DropDelivery) => people.drop_of(own),
            Some(address) if people.habit(key(&[address, 3])) < figures.shared_homes => {
                (people.any_home(address), false)
            }
            None if addressee.shared_address => (people.any_home(own), false),
            _ => (own, false),
        };

        let lane = &world.styles.lanes[self.lane];
        let private = match sender_name {
            Some(name) => people.habit(key(&[name, 9])) < style.private,
            None => dice.chance(style.private),
        };
        let mut sender = match (private, dice.chance(figures.borrowed)) {
            (false, true) => people.any_shop(self.lane as u64, lane.lane.share, day, dice),
            (false, false) => people.shop(dice.bits(), self.lane as u64),
            (true, true) => people.friend(people.any_addressee(day, dice).name, self.lane as u64, 0),
            (true, false) => people::private(dice.bits()),
        };
        sender.name = sender_name.unwrap_or(sender.name);
        sender.phone = sender_phone.unwrap_or(sender.phone);
        if let Some(address) = sender_address {
            let of = if private { people::private(address) } else { people.shop(address, self.lane as u64) };
            (sender.address, sender.shared_address) = (of.address, of.shared_address);
        }
        let own = [name, address, phone, sender_name, sender_address, sender_phone].map(|channel| channel.is_some());
        Parties { sender, addressee, goods, own }
    }

    /// An identifier of those in use; `None` where this parcel does not repeat one.
    fn pick(&self, channel: Channel, rate: f64, pool: u64, dice: &mut Dice) -> Option<u64> {
        // The same number of draws either way. The first of the pool is used most.
        let (repeats, number) = (dice.chance(rate), dice.ranked(pool, 2.0));
        repeats.then(|| self.of(channel, number))
    }

    fn of(&self, channel: Channel, number: u64) -> u64 {
        key(&[self.root, channel as u64, u64::from(self.epochs[channel as usize]), number])
    }
}

//! Senders, addressees and addresses: each made of its key alone, so that none is kept in memory.

use super::dice::{Purpose, Seed, key};
use super::names::{self, Culture, HOME};
use super::scenario::World;

/// What identities are for: keys of different roles never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Household = 1,
    Addressee,
    Shop,
    ShopAddress,
    Hub,
    PrivateSender,
    Dormitory,
    PickupPoint,
    Office,
    Street,
    Phone,
    Email,
}

/// An identity's parts, each with the key it is made of. Equal keys give equal text.
#[derive(Clone, Debug, Default)]
pub(super) struct Identity {
    pub(super) name: u64,
    pub(super) address: u64,
    pub(super) phone: u64,
    /// Whether others use the address too: locker, dormitory, office, warehouse.
    pub(super) shared_address: bool,
    pub(super) business: bool,
}

/// An address as text.
#[derive(Clone, Debug, Default)]
pub(super) struct Address {
    pub(super) street: String,
    pub(super) locality: String,
    pub(super) postcode: String,
}

/// The populations of a world.
#[derive(Clone, Debug)]
pub(super) struct People {
    seed: Seed,
    n_addressees: u64,
    n_shops: u64,
    addressee_skew: f64,
    shop_skew: f64,
    addressee_life: f64,
    shop_life: f64,
    drop_share: f64,
    home: &'static Culture,
}

impl People {
    /// * `drop_share`: of ordinary addressees who have their mail sent to a shared address.
    pub(super) fn new(seed: Seed, world: &World, parcels: u64, days: u32, drop_share: f64) -> Self {
        let years = f64::from(days) / 365.0;
        let population = |pace: f64| ((parcels as f64 / (pace * years)) as u64).max(50);
        Self {
            seed,
            n_addressees: population(world.parcels_per_addressee_year),
            n_shops: population(world.parcels_per_shop_year),
            addressee_skew: world.addressee_skew,
            shop_skew: world.shop_skew,
            addressee_life: world.addressee_life_days,
            shop_life: world.shop_life_days,
            drop_share,
            home: names::culture(HOME),
        }
    }

    /// Somebody who gets ordinary parcels on `day`; few get many.
    pub(super) fn any_addressee(&self, day: u32, dice: &mut super::dice::Dice) -> Identity {
        let slot = dice.ranked(self.n_addressees, self.addressee_skew);
        self.addressee(slot, day)
    }

    fn addressee(&self, slot: u64, day: u32) -> Identity {
        let person = key(&[Role::Addressee as u64, slot, self.generation(slot, day, self.addressee_life)]);
        // Two people share a home. Its address outlives their numbers.
        let (address, shared_address) = match self.habit(person) < self.drop_share {
            true => self.drop_of(person),
            false => (household(slot / 2), false),
        };
        Identity { name: person, address, phone: person, shared_address, business: false }
    }

    /// The name of somebody who gets ordinary parcels around `day`.
    pub(super) fn any_person(&self, at: u64, day: u32) -> u64 {
        self.addressee(at % self.n_addressees, day).name
    }

    /// A home where somebody lives who gets ordinary parcels.
    pub(super) fn any_home(&self, at: u64) -> u64 {
        household(at % (self.n_addressees / 2).max(1))
    }

    /// The shared address that a person or an actor goes to.
    pub(super) fn drop_of(&self, person: u64) -> (u64, bool) {
        let at = key(&[person, 77]);
        // One dormitory, pickup point or office for some hundred addressees.
        let n = |per: u64| (self.n_addressees / per).max(4);
        let number = |n: u64| (at >> 8) % n;
        let address = match at % 10 {
            0..4 => key(&[Role::PickupPoint as u64, number(n(150))]),
            4..7 => key(&[Role::Dormitory as u64, number(n(250))]),
            _ => key(&[Role::Office as u64, number(n(60))]),
        };
        (address, true)
    }

    /// A shop of a lane that is open on `day`; few send most. The third part is its slot.
    pub(super) fn any_shop(&self, lane: u64, share: f64, day: u32, dice: &mut super::dice::Dice) -> Identity {
        let n = ((self.n_shops as f64 * share) as u64).max(8);
        let slot = dice.ranked(n, self.shop_skew);
        let life = key(&[lane, slot]);
        let shop = key(&[Role::Shop as u64, lane, slot, self.generation(life, day, self.shop_life)]);
        self.shop(shop, lane)
    }

    /// The shop of a key, in a warehouse with others or at an address of its own.
    pub(super) fn shop(&self, shop: u64, lane: u64) -> Identity {
        let shared_address = self.habit(shop) < 0.35;
        let address = match shared_address {
            true => key(&[Role::Hub as u64, lane, (shop >> 9) % (self.n_shops / 40).max(3)]),
            false => key(&[Role::ShopAddress as u64, shop]),
        };
        Identity { name: shop, address, phone: shop, shared_address, business: true }
    }

    /// One of the few people abroad who send to an addressee.
    pub(super) fn friend(&self, addressee: u64, lane: u64, which: u64) -> Identity {
        private(key(&[Role::PrivateSender as u64, addressee, lane, which]))
    }

    /// From 0 to 1, fixed for a key.
    pub(super) fn habit(&self, of: u64) -> f64 {
        (key(&[of, 31]) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// How often the holder of a slot was replaced until `day`. Lives differ from slot to slot.
    fn generation(&self, slot: u64, day: u32, mean_life: f64) -> u64 {
        let life = mean_life * (0.3 + 1.4 * self.habit(slot));
        let phase = self.habit(key(&[slot, 5]));
        (f64::from(day) / life.max(1.0) + phase) as u64
    }

    /// The name of a key.
    pub(super) fn name(&self, of: u64, culture: &'static Culture, business: bool) -> String {
        let mut dice = self.seed.stream(Purpose::Identity, of);
        if business {
            return culture.shop(&mut dice);
        }
        let family = culture.family(&mut dice);
        culture.person(family, &mut dice)
    }

    /// The telephone of a key.
    pub(super) fn phone(&self, of: u64, culture: &'static Culture) -> String {
        culture.phone(&mut self.seed.stream(Purpose::Identity, key(&[Role::Phone as u64, of])))
    }

    /// The e-mail address of a key; the words before the sign say nothing of the name.
    pub(super) fn email(&self, of: u64) -> String {
        const HOSTS: [&str; 5] = ["gmail.com", "mail.ru", "outlook.com", "163.com", "yahoo.com"];
        let mut dice = self.seed.stream(Purpose::Identity, key(&[Role::Email as u64, of]));
        let host = dice.one(&HOSTS);
        let letters: String = (0..7).map(|_| char::from(b'a' + dice.below(26) as u8)).collect();
        format!("{letters}{}@{host}", dice.below(1000))
    }

    /// An address in the country of destination: shared ones have no flat.
    pub(super) fn home_address(&self, of: u64, shared: bool) -> Address {
        let mut dice = self.seed.stream(Purpose::Identity, key(&[Role::Street as u64, of]));
        let (town, locality) = self.home.town(&mut dice);
        let postcode = self.home.postcode(town, &mut dice);
        let mut street = self.home.street(&mut dice);
        // A third of homes are houses, so that the lack of a flat tells little.
        if !shared && dice.chance(0.66) {
            street = format!("{street}, kv {}", 1 + dice.below(120));
        } else if shared && dice.chance(0.3) {
            street = format!("{street}, of {}", 1 + dice.below(40));
        }
        Address { street, locality: locality.to_owned(), postcode }
    }

    /// An address of a sender.
    pub(super) fn sender_address(&self, of: u64, culture: &'static Culture) -> Address {
        let mut dice = self.seed.stream(Purpose::Identity, key(&[Role::Street as u64, of]));
        let (town, locality) = culture.town(&mut dice);
        let postcode = culture.postcode(town, &mut dice);
        Address { street: culture.street(&mut dice), locality: locality.to_owned(), postcode }
    }

    /// The culture of addressees.
    pub(super) fn home(&self) -> &'static Culture {
        self.home
    }
}

fn household(number: u64) -> u64 {
    key(&[Role::Household as u64, number])
}

/// A private sender with an address and a number of their own.
pub(super) fn private(person: u64) -> Identity {
    Identity { name: person, address: person, phone: person, shared_address: false, business: false }
}

#[cfg(test)]
mod tests {
    use super::super::scenario::Scenario;
    use super::*;

    fn people() -> People {
        let world = Scenario::shipped("kazakhstan").unwrap().world;
        People::new(Seed::new(1), &world, 100_000, 180, 0.14)
    }

    #[test]
    fn an_identity_is_the_same_on_every_visit_until_it_is_replaced() {
        let people = people();
        let (first, later) = (people.addressee(7, 10), people.addressee(7, 12));
        assert_eq!(people.name(first.name, people.home(), false), people.name(later.name, people.home(), false));
        let far = people.addressee(7, 20_000);
        assert_ne!(first.name, far.name);
        let homes = (0..200).map(|pair| (people.addressee(2 * pair, 0), people.addressee(2 * pair + 1, 0)));
        for (one, other) in homes.filter(|(one, other)| !one.shared_address && !other.shared_address) {
            assert_eq!(one.address, other.address, "two of one home");
        }
    }

    #[test]
    fn many_share_a_dormitory_and_few_a_home() {
        let people = people();
        let shared = (0..10_000).filter(|slot| people.addressee(*slot, 0).shared_address).count();
        assert!((1_200..1_600).contains(&shared), "{shared}");
    }
}

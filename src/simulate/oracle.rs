//! What the generator itself would think of a parcel if it were not told which kind it is.
//!
//! Three things are multiplied, as odds:
//!
//! 1. how many illicit parcels of the parcel's typology there are for one look-alike (for parcels
//!    that are like no typology: how many copies there are for one ordinary parcel);
//! 2. the ratio of the probabilities of its signs, which are drawn independently given the class;
//! 3. how much more often illicit parcels than others have so far carried identifiers of parcels
//!    that a full audit had already found: counted by the generator, day by day, in six classes.
//!
//! It knows the process and every identifier without error, also where names are respelled. It does
//! not know who is behind a parcel. So it is about the best that anything can do that learns from
//! full labels; it is not a strict bound, since the third part is counted in classes, and repeated
//! goods are left out.

use std::collections::HashSet;

use super::item::{Item, World};
use super::persona::N_CHANNELS;
use super::signs::{Class, Sign};

/// The classes of links: no, one, or several strong ones, each without or with a weak one.
const N_CLASSES: usize = 6;

/// What is known at a time.
#[derive(Debug)]
pub(super) struct Oracle {
    /// Identifiers of illicit parcels that are known to be so; only ever asked, never gone through.
    identifiers: HashSet<u64>,
    personas: HashSet<u64>,
    /// Parcels by class of links: innocent and illicit.
    counts: [[f64; N_CLASSES]; 2],
}

/// What the oracle says of one parcel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Opinion {
    pub(super) log_odds: f64,
    pub(super) actor_known: bool,
    pub(super) n_links: u32,
    class: usize,
}

impl Oracle {
    pub(super) fn new() -> Self {
        // Before anything is counted, links are thought to be as unlikely among innocent parcels as
        // they are, and to be many among illicit ones; soon outweighed.
        let innocent = [10_000.0, 300.0, 3.0, 0.3, 0.1, 0.1];
        let illicit = [1.0, 0.3, 0.5, 0.3, 1.0, 0.5];
        Self { identifiers: HashSet::new(), personas: HashSet::new(), counts: [innocent, illicit] }
    }

    /// An illicit parcel is found out: whatever of it its actor uses again is known from now on.
    pub(super) fn learn(&mut self, item: &Item) {
        self.personas.extend(item.persona);
        let used = identifiers(item).into_iter().zip(item.own).filter(|(_, own)| *own);
        self.identifiers.extend(used.filter_map(|(identifier, _)| identifier).map(|(key, _)| key));
    }

    pub(super) fn opinion(&self, world: &World, item: &Item, elapsed: f64) -> Opinion {
        let known = identifiers(item).into_iter().flatten().filter(|(key, _)| self.identifiers.contains(key));
        let (n_strong, n_weak) = known.fold((0_usize, 0_u32), |(strong, weak), (_, shared)| match shared {
            true => (strong, weak + 1),
            false => (strong + 1, weak),
        });
        let class = n_strong.min(2) * 2 + usize::from(n_weak > 0);
        let ratio = |idx: usize| self.counts[idx][class] / self.counts[idx].iter().sum::<f64>();
        let prior = world.log_prior(item.typology, elapsed);
        let signs = match item.class {
            Class::Ordinary => 0.0,
            _ => world.rates.log_ratio(item.shown, Class::Illicit, Class::Lookalike),
        };
        Opinion {
            log_odds: prior + signs + libm::log(ratio(1) / ratio(0)),
            actor_known: item.persona.is_some_and(|persona| self.personas.contains(&persona)),
            n_links: n_strong as u32 + n_weak,
            class,
        }
    }

    /// Counts a parcel; which kind it is, the generator knows.
    pub(super) fn count(&mut self, opinion: Opinion, illicit: bool) {
        self.counts[usize::from(illicit)][opinion.class] += 1.0;
    }
}

/// What a declaration shows of the identifiers, in the order of the channels; and whether many share it.
fn identifiers(item: &Item) -> [Option<(u64, bool)>; N_CHANNELS - 1] {
    let (sender, addressee) = (&item.sender, &item.addressee);
    let shown = |identifier, unless: Sign| (!item.shown.has(unless)).then_some(identifier);
    // A phone's key is told from a name's by one bit.
    [
        Some((addressee.name, false)),
        Some((addressee.address, addressee.shared_address)),
        shown((addressee.phone ^ 1, false), Sign::AddresseePhoneMissing),
        Some((sender.name, false)),
        shown((sender.address, sender.shared_address), Sign::SenderIncomplete),
        shown((sender.phone ^ 1, false), Sign::SenderPhoneMissing),
    ]
}

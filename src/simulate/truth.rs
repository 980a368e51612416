//! What is true of a simulated parcel, and what becomes known of it.

use super::inspect::Inspection;
use super::item::{Item, World};
use super::kind::Kind;
use super::oracle::Opinion;
use super::signs::Class;
use crate::parcel::Draft;

/// One parcel of a simulated world.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulated {
    /// The day of its advance data, counted from 0.
    pub day: u32,
    /// As declared.
    pub draft: Draft,
    /// What was found, where it was inspected.
    pub inspection: Option<Inspection>,
    /// What is true.
    pub truth: Truth,
}

/// What is true of a parcel.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// What it infringes, if anything.
    pub kind: Option<Kind>,
    /// When a perfect audit would have made that known, in seconds since 1970.
    pub known_at: i64,
    /// When it was posted, in seconds since 1970.
    pub posted_at: i64,
    /// Whether its advance data came late.
    pub late: bool,
    /// The typology of an illicit parcel.
    pub typology: Option<String>,
    /// The typology that an innocent parcel looks like.
    pub lookalike_of: Option<String>,
    /// The illicit actor behind it.
    pub actor: Option<u64>,
    /// The regular customer behind it.
    pub regular: Option<u64>,
    /// Whether an illicit parcel copies ordinary ones.
    pub mimics: bool,
    /// How many signs were drawn for it.
    pub n_signs: u32,
    /// How many of its identifiers stood on parcels that a perfect audit had by then found illicit.
    pub n_links: u32,
    /// Whether a parcel of its actor had by then been found illicit.
    pub actor_known: bool,
    /// The generator's own log-odds that it is illicit, not told who is behind it.
    pub oracle_log_odds: f64,
}

impl Truth {
    /// Whether the goods are prohibited: what the base rate counts.
    pub fn is_prohibited(&self) -> bool {
        self.kind.is_some_and(Kind::is_prohibited)
    }
}

impl World {
    /// Puts together what is true of an item.
    pub(super) fn truth(&self, item: &Item, known_at: i64, opinion: Opinion) -> Truth {
        let prohibited = item.kind.is_some_and(Kind::is_prohibited);
        let name = |idx: Option<usize>| idx.map(|idx| self.styles.typologies[idx].name.clone());
        let typology = name(item.actor_typology);
        let lookalike_of = name(item.typology.filter(|_| !prohibited));
        Truth {
            kind: item.kind,
            known_at,
            posted_at: item.seconds - item.lag,
            late: item.late,
            typology,
            lookalike_of,
            actor: item.persona.filter(|_| prohibited),
            regular: item.persona.filter(|_| !prohibited),
            mimics: prohibited && item.class == Class::Ordinary,
            n_signs: item.shown.count(),
            n_links: opinion.n_links,
            actor_known: opinion.actor_known,
            oracle_log_odds: opinion.log_odds,
        }
    }
}

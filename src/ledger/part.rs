//! Some records one after the other, and how they are found: in memory.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::ops::Range;

use super::index::Key;
use super::log::End;
use crate::history::KeyIsHash;

/// What is found of one record.
#[derive(Debug)]
pub(super) struct Indexed {
    /// Where it begins.
    pub(super) offset: u64,
    pub(super) recorded_at_micros: i64,
    pub(super) is_grounds: bool,
    /// A decision's route and risk score.
    pub(super) decided: Option<(u8, f64)>,
    /// What it is about.
    pub(super) keys: [Option<Key>; 3],
}

/// Some records, one after the other.
#[derive(Debug)]
pub(super) struct Part {
    first_seq: i64,
    pub(super) offsets: Vec<u64>,
    pub(super) times: Vec<i64>,
    /// [`NO_ROUTE`] where it is no decision.
    pub(super) routes: Vec<u8>,
    pub(super) scores: Vec<f64>,
    grounds: Vec<i64>,
    /// Key and place of a record, in order; and where the entry before with the same key is.
    pub(super) entries: Vec<(u64, u32, u32)>,
    newest: HashMap<u64, u32, BuildHasherDefault<KeyIsHash>>,
    end: End,
}

/// Of a record that is no decision.
pub(super) const NO_ROUTE: u8 = u8::MAX;
const NONE: u32 = u32::MAX;

impl Part {
    /// The one that comes after `end`.
    pub(super) fn after(end: End) -> Self {
        Self {
            first_seq: end.head.seq + 1,
            offsets: Vec::new(),
            times: Vec::new(),
            routes: Vec::new(),
            scores: Vec::new(),
            grounds: Vec::new(),
            entries: Vec::new(),
            newest: HashMap::default(),
            end,
        }
    }

    /// As [`Part::after`], with room for as many records as this one has.
    pub(super) fn next(&self, end: End) -> Self {
        let (n_records, n_entries) = (self.offsets.len(), self.entries.len());
        Self {
            offsets: Vec::with_capacity(n_records),
            times: Vec::with_capacity(n_records),
            routes: Vec::with_capacity(n_records),
            scores: Vec::with_capacity(n_records),
            entries: Vec::with_capacity(n_entries),
            newest: HashMap::with_capacity_and_hasher(n_entries, BuildHasherDefault::default()),
            ..Self::after(end)
        }
    }

    pub(super) fn add(&mut self, indexed: &Indexed) {
        let place = u32::try_from(self.offsets.len()).unwrap_or(NONE);
        if indexed.is_grounds {
            self.grounds.push(self.first_seq + i64::from(place));
        }
        self.offsets.push(indexed.offset);
        self.times.push(indexed.recorded_at_micros);
        let (route, score) = indexed.decided.unwrap_or((NO_ROUTE, 0.0));
        self.routes.push(route);
        self.scores.push(score);
        for Key(key) in indexed.keys.into_iter().flatten() {
            let entry = u32::try_from(self.entries.len()).unwrap_or(NONE);
            let before = self.newest.insert(key, entry).unwrap_or(NONE);
            self.entries.push((key, place, before));
        }
    }

    pub(super) fn reach(&mut self, end: End) {
        self.end = end;
    }

    pub(super) fn end(&self) -> End {
        self.end
    }

    pub(super) fn first_seq(&self) -> i64 {
        self.first_seq
    }

    /// Number of records.
    pub(super) fn len(&self) -> usize {
        self.offsets.len()
    }

    /// Numbers of grounds, oldest first.
    pub(super) fn grounds(&self) -> &[i64] {
        &self.grounds
    }

    /// Number and place of each record with this key, newest first.
    pub(super) fn find(&self, key: Key) -> Vec<(i64, u64)> {
        let mut found = Vec::new();
        let mut next = self.newest.get(&key.0).copied();
        while let Some((_, place, before)) = next.and_then(|entry| self.entries.get(entry as usize)) {
            if let Some(offset) = self.offsets.get(*place as usize) {
                found.push((self.first_seq + i64::from(*place), *offset));
            }
            next = (*before != NONE).then_some(*before);
        }
        found
    }

    pub(super) fn offset_of(&self, seq: i64) -> Option<u64> {
        self.offsets.get(self.place_of(seq)?).copied()
    }

    pub(super) fn time_of(&self, seq: i64) -> Option<i64> {
        self.times.get(self.place_of(seq)?).copied()
    }

    fn place_of(&self, seq: i64) -> Option<usize> {
        usize::try_from(seq - self.first_seq).ok()
    }

    /// Adds the numbers of decisions that are wanted, newest first, until there are enough.
    pub(super) fn decisions(&self, wanted: &Wanted, found: &mut Vec<i64>) {
        wanted.find(self.first_seq, &self.routes, &self.scores, found);
    }
}

/// Which decisions are looked for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// With one of these routes.
    pub(super) routes: Vec<u8>,
    pub(super) min_risk_score: f64,
    /// From this record on.
    pub(super) since: i64,
    /// Before this one.
    pub(super) before: i64,
    /// So many of them.
    pub(super) most: usize,
}

impl Wanted {
    /// Those that are to be looked at of `n_records` from number `first_seq` on; where there are none it ends before it begins.
    pub(super) fn places(&self, first_seq: i64, n_records: u64) -> Range<u64> {
        let place = |seq: i64| u64::try_from(seq.saturating_sub(first_seq)).unwrap_or(0).min(n_records);
        place(self.since)..place(self.before)
    }

    /// Among records from number `first_seq` on.
    pub(super) fn find(&self, first_seq: i64, routes: &[u8], scores: &[f64], found: &mut Vec<i64>) {
        let Range { start, end } = self.places(first_seq, routes.len() as u64);
        // Both are within memory.
        let (start, end) = (start as usize, end as usize);
        let within = routes.get(start..end).unwrap_or_default().iter().zip(scores.get(start..end).unwrap_or_default());
        let fits =
            |(_, (route, score)): &(usize, (&u8, &f64))| self.routes.contains(route) && **score >= self.min_risk_score;
        let n_left = self.most.saturating_sub(found.len());
        let fitting = within.enumerate().rev().filter(fits).take(n_left);
        found.extend(fitting.map(|(idx, _)| first_seq + (start + idx) as i64));
    }
}

/// The newest of some grounds that is not after `seq`.
pub(super) fn newest_until(grounds: &[i64], seq: i64) -> Option<i64> {
    grounds.iter().rev().find(|found| **found <= seq).copied()
}

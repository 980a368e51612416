//! Past parcels and their outcomes, folded in order of time.

use std::collections::BTreeMap;

use super::shards::KeySet;
use super::together::Together;
use super::{Bucket, EntityKey, Event, Footprint, Group, Groups, History};

/// An outcome that is known to come, but not yet at the time replayed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DueOutcome {
    /// When it becomes known.
    pub at: Bucket,
    /// What was found.
    pub infringement: bool,
    /// The keys of the parcel.
    pub keys: Vec<EntityKey>,
}

/// A parcel that is advised, and the outcome that will become known of it.
#[derive(Clone, Copy, Debug)]
pub struct Advised<'a> {
    /// Names the item, so that one advised twice counts once.
    pub item: EntityKey,
    /// What it adds to history.
    pub footprint: &'a Footprint,
    /// When its outcome becomes known, and whether it is an infringement.
    pub outcome: Option<(Bucket, bool)>,
}

/// Fewer events have too little in common to be added up before they are folded.
const EVENTS_TOGETHER: usize = 16;

/// Replays parcels in order of time: each sees only what was known when it was advised.
///
/// An outcome arrives when it became known, not when its parcel did. The same item advised twice
/// counts once.
#[derive(Debug)]
pub struct Replay {
    history: History,
    due: BTreeMap<Bucket, Due>,
    advised_items: KeySet,
    n_repeated: u64,
    now: Bucket,
    together: Together,
    room: Room,
}

/// Room that is kept from bucket to bucket: to ask for as much each time, and have it cleared, took a twentieth of a replay.
#[derive(Debug, Default)]
struct Room {
    /// Those that became known.
    spare: Vec<Grouped>,
    added: Vec<[u32; 3]>,
    sums: Vec<[u32; 3]>,
    numbers: Vec<Option<f64>>,
    n_read: Vec<usize>,
}

/// Outcomes that become known in one bucket.
#[derive(Debug, Default)]
struct Due {
    outcomes: Vec<DueOutcome>,
    grouped: Option<Box<Grouped>>,
}

/// Outcomes of one bucket, with what they add, and without a list of keys for each.
#[derive(Debug, Default)]
struct Grouped {
    /// Whether each is an infringement, and how many of the keys are its own.
    outcomes: Vec<(bool, usize)>,
    keys: Vec<EntityKey>,
    together: Together,
}

impl Grouped {
    fn push(&mut self, infringement: bool, keys: &[EntityKey]) {
        self.outcomes.push((infringement, keys.len()));
        self.keys.extend_from_slice(keys);
    }

    /// Each by itself.
    fn of_bucket(self, at: Bucket) -> impl Iterator<Item = DueOutcome> {
        let mut keys = self.keys.into_iter();
        let one = move |(infringement, n)| DueOutcome { at, infringement, keys: keys.by_ref().take(n).collect() };
        self.outcomes.into_iter().map(one)
    }
}

impl Replay {
    /// Starts from a history and the outcomes that were still to come in it.
    pub fn from(history: History, due: Vec<DueOutcome>) -> Self {
        let mut replay = Self {
            history,
            due: BTreeMap::new(),
            advised_items: KeySet::default(),
            n_repeated: 0,
            now: Bucket::default(),
            together: Together::default(),
            room: Room::default(),
        };
        due.into_iter().for_each(|outcome| replay.will_be_known(outcome));
        replay
    }

    /// Moves to bucket `at` and gives the history that a parcel in it sees. Time never goes back:
    /// an earlier bucket than one already reached leaves the clock where it is.
    pub fn advance(&mut self, at: Bucket) -> &History {
        self.now = self.now.max(at);
        while let Some(next) = self.due.first_entry().filter(|next| *next.key() <= self.now) {
            let at = *next.key();
            let Due { outcomes, grouped } = next.remove();
            if let Some(mut grouped) = grouped {
                self.history.fold_together(at, &mut grouped.together);
                grouped.outcomes.clear();
                grouped.keys.clear();
                self.room.spare.push(*grouped);
            }
            self.fold_all(at, &outcomes, |DueOutcome { infringement, keys, .. }| Event::Outcome {
                at,
                keys,
                infringement: *infringement,
            });
        }
        &self.history
    }

    /// Folds a parcel that is advised now, and notes the outcome that will become known of it.
    /// Answers whether the item was new.
    pub fn advise(&mut self, item: EntityKey, footprint: &Footprint, outcome: Option<(Bucket, bool)>) -> bool {
        self.advise_all(&[Advised { item, footprint, outcome }]) == 1
    }

    /// As [`Replay::advise`] one after the other, by all threads. Answers how many items were new.
    pub fn advise_all(&mut self, parcels: &[Advised<'_>]) -> usize {
        let are_new = self.take(parcels, Self::will_be_known_alone);
        let new: Vec<_> = parcels.iter().zip(are_new).filter_map(|(parcel, is_new)| is_new.then_some(parcel)).collect();
        let at = self.now;
        self.fold_all(at, &new, |parcel| Event::Advised { at, footprint: parcel.footprint });
        new.len()
    }

    /// As [`Replay::advise_all`], where the entities of the parcels' footprints are known by groups.
    ///
    /// * `groups`: all that is in the footprints, and nothing else.
    pub fn advise_groups(&mut self, parcels: &[Advised<'_>], groups: &Groups<'_>) -> usize {
        let known_at = known_together(parcels, &groups.counted).map(|known_at| known_at.max(self.now));
        let mut later = known_at.map(|at| {
            let begun = self.due.entry(at).or_default().grouped.take();
            begun.or_else(|| self.room.spare.pop().map(Box::new)).unwrap_or_default()
        });
        let are_new = match &mut later {
            Some(later) => {
                later.keys.reserve(parcels.iter().map(|parcel| parcel.footprint.keys.len()).sum());
                self.take(parcels, |_, _, infringement, keys| later.push(infringement, keys))
            }
            None => self.take(parcels, Self::will_be_known_alone),
        };
        // When it is advised, and by its outcome.
        let added = |(parcel, is_new): (&Advised<'_>, &bool)| match (is_new, parcel.outcome) {
            (false, _) => [0; 3],
            (true, None) => [1, 0, 0],
            (true, Some((_, infringement))) => [1, 1, u32::from(infringement)],
        };
        let Room { added: of_parcels, sums, .. } = &mut self.room;
        of_parcels.clear();
        of_parcels.extend(parcels.iter().zip(&are_new).map(added));
        for group in &groups.counted {
            group.add_up(of_parcels, sums);
            self.together.count_group(group, sums.iter().map(|[seen, ..]| [*seen, 0, 0]));
            if let Some(later) = &mut later {
                let outcomes = sums.iter().map(|[_, inspected, found]| [0, *inspected, *found]);
                later.together.count_group(group, outcomes);
            }
        }
        self.add_uncounted(parcels, &are_new, groups);
        self.history.fold_together(self.now, &mut self.together);
        if let Some(at) = known_at {
            self.due.entry(at).or_default().grouped = later;
        }
        are_new.iter().filter(|is_new| **is_new).count()
    }

    /// Adds what the new ones among some parcels add besides counts.
    fn add_uncounted(&mut self, parcels: &[Advised<'_>], are_new: &[bool], groups: &Groups<'_>) {
        let Self { together, room: Room { numbers, n_read, .. }, .. } = self;
        let active: Vec<&Group> =
            groups.counted.iter().copied().filter(|group| !group.activity_at.is_empty()).collect();
        for (idx, (parcel, _)) in parcels.iter().zip(are_new).enumerate().filter(|(_, (_, is_new))| **is_new) {
            // Both are in the order of keys.
            let mut groups = active.iter();
            for &(key, counterpart) in &parcel.footprint.activity {
                let seen_at = groups.find_map(|group| group.active_at(idx, key)).flatten();
                together.act(key, seen_at, counterpart);
            }
        }
        n_read.clear();
        n_read.resize(parcels.len(), 0);
        for group in &groups.numbers {
            let number = |(((parcel, is_new), kind), n_read): (((&Advised<'_>, &bool), &u32), &mut usize)| {
                if *kind == Group::NOT_STATED {
                    return None;
                }
                let (_, number) = parcel.footprint.numbers.get(*n_read)?;
                *n_read += 1;
                is_new.then_some(*number)
            };
            numbers.clear();
            numbers.extend(parcels.iter().zip(are_new).zip(&group.of_parcels).zip(n_read.iter_mut()).map(number));
            together.add_numbers(group, numbers);
        }
    }

    /// Whether each of these parcels is new. Of those that are, the outcomes are noted by `note`.
    fn take(
        &mut self,
        parcels: &[Advised<'_>],
        mut note: impl FnMut(&mut Self, Bucket, bool, &[EntityKey]),
    ) -> Vec<bool> {
        let take = |Advised { item, footprint, outcome }: &Advised<'_>| {
            let is_new = self.advised_items.insert(*item);
            self.n_repeated += u64::from(!is_new);
            if let Some((known_at, infringement)) = outcome.filter(|_| is_new) {
                note(self, known_at.max(self.now), infringement, &footprint.keys);
            }
            is_new
        };
        parcels.iter().map(take).collect()
    }

    fn will_be_known_alone(&mut self, at: Bucket, infringement: bool, keys: &[EntityKey]) {
        self.will_be_known(DueOutcome { at, infringement, keys: keys.to_vec() });
    }

    /// Parcels that were advised under an item that had been before: they added nothing, their outcomes neither.
    pub fn n_repeated(&self) -> u64 {
        self.n_repeated
    }

    /// The history so far.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// The history, and the outcomes still to come, earliest first.
    pub fn finish(self) -> (History, Vec<DueOutcome>) {
        let all = |(at, Due { outcomes, grouped }): (_, Due)| {
            outcomes.into_iter().chain(grouped.into_iter().flat_map(move |grouped| grouped.of_bucket(at)))
        };
        let mut due: Vec<_> = self.due.into_iter().flat_map(all).collect();
        due.sort();
        (self.history, due)
    }

    /// An outcome will become known; one of a bucket that was reached already becomes known in the next that is.
    pub fn will_be_known(&mut self, outcome: DueOutcome) {
        self.due.entry(outcome.at).or_default().outcomes.push(outcome);
    }

    /// Folds an event of each of `what`, all of bucket `at` and so in any order: see [`History::fold`].
    fn fold_all<'a, T>(&mut self, at: Bucket, what: &'a [T], event: impl Fn(&'a T) -> Event<'a>) {
        if what.len() < EVENTS_TOGETHER {
            what.iter().for_each(|one| self.history.fold_alone(&event(one)));
        } else {
            what.iter().for_each(|one| self.together.add(&event(one)));
            self.history.fold_together(at, &mut self.together);
        }
    }
}

/// When all outcomes of some parcels become known, where that is one bucket, and they have so much in common that it takes
/// no more room to keep what they add by groups than to keep them.
fn known_together(parcels: &[Advised<'_>], groups: &[&Group]) -> Option<Bucket> {
    let mut known_at = parcels.iter().filter_map(|parcel| Some(parcel.outcome?.0));
    let first = known_at.next()?;
    let n_keys: usize = parcels.iter().map(|parcel| parcel.footprint.keys.len()).sum();
    let n_entities: usize = groups.iter().map(|group| group.entities.len()).sum();
    (4 * n_entities <= n_keys && known_at.all(|at| at == first)).then_some(first)
}

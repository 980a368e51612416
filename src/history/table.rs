//! What is known by key: packed as small as each value allows, and found by an index of four bytes and one more a place.

use bytes::Bytes;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry::{Occupied, Vacant};

use super::packed::Row;
use super::possible::Possible;
use super::size::TableSize;
use super::slab::{Slab, Slot};
use super::{EntityKey, SnapshotError};

/// A value that is kept in the smallest form that holds all of it.
pub(super) trait Pack: Copy + From<Self::Young> + From<Self::Grown> + From<Self::Whole> {
    /// Of an entity that nothing has closed of: most are seen once or twice.
    type Young: Row;
    /// Of any other, where its open bucket holds little.
    type Grown: Row;
    /// Of the few whose open bucket holds more.
    type Whole: Row;

    /// The smallest form.
    fn pack(&self) -> Form<Self>;
}

/// A value in one of its forms.
pub(super) enum Form<T: Pack> {
    Young(T::Young),
    Grown(T::Grown),
    Whole(T::Whole),
}

/// A value where it stands.
#[derive(Clone, Copy)]
pub(super) enum Found<'a, T: Pack> {
    Young(&'a T::Young),
    Grown(&'a T::Grown),
    Whole(&'a T::Whole),
}

impl<T: Pack> Found<'_, T> {
    pub(super) fn value(&self) -> T {
        match self {
            Self::Young(young) => T::from(**young),
            Self::Grown(grown) => T::from(**grown),
            Self::Whole(whole) => T::from(**whole),
        }
    }
}

/// Where a value may stand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Guess(Option<u32>);

impl Guess {
    pub(super) fn place(self) -> Option<Place> {
        self.0.map(Place)
    }
}

/// Where a value stood when it was found; it may stand elsewhere since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u32);

/// A change of one value.
#[derive(Debug)]
pub(super) struct Change<A> {
    pub(super) key: EntityKey,
    /// Where it stood of late, where that is known.
    pub(super) seen_at: Option<Place>,
    pub(super) what: A,
}

/// Values by the entity that they are about.
#[derive(Clone)]
pub(super) struct Table<T: Pack> {
    /// The place of each: two bits say in which slab, the others where in it.
    index: HashTable<u32>,
    slabs: Slabs<T>,
}

/// Values without an index.
#[derive(Clone)]
pub(super) struct Slabs<T: Pack> {
    young: Slab<T::Young>,
    grown: Slab<T::Grown>,
    whole: Slab<T::Whole>,
}

/// Keys that are found before the first of them is changed.
const FOUND_AHEAD: usize = 32;

const FORM: u32 = 3 << 30;
const YOUNG: u32 = 0;
const GROWN: u32 = 1 << 30;
const WHOLE: u32 = 2 << 30;

impl<T: Pack> Default for Table<T> {
    fn default() -> Self {
        let slabs = Slabs { young: Slab::default(), grown: Slab::default(), whole: Slab::default() };
        Self { index: HashTable::new(), slabs }
    }
}

impl<T: Pack> Table<T> {
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }

    // Keys are hashes already; hashing them again would only cost.
    pub(super) fn get(&self, key: EntityKey) -> Option<Found<'_, T>> {
        self.slabs.found(self.place(key)?.0)
    }

    /// As [`Table::get`], with the place.
    pub(super) fn get_at(&self, key: EntityKey) -> Option<(Place, Found<'_, T>)> {
        let place = self.place(key)?;
        Some((place, self.slabs.found(place.0)?))
    }

    fn place(&self, key: EntityKey) -> Option<Place> {
        self.index.find(key.0, |place| self.slabs.key(*place) == Some(key)).copied().map(Place)
    }

    /// Where the value of `key` stands, by the index alone: another's may stand there, which [`Table::at`] sees.
    pub(super) fn guess(&self, key: EntityKey) -> Guess {
        Guess(self.index.iter_hash(key.0).next().copied())
    }

    /// Has the machine fetch what stands at a guessed place. What comes back says nothing.
    pub(super) fn touch(&self, Guess(place): Guess) -> u64 {
        place.and_then(|place| self.slabs.key(place)).map_or(0, |key| key.0)
    }

    /// As [`Table::get_at`], where it was guessed before; nothing may have changed since.
    pub(super) fn at(&self, key: EntityKey, Guess(place): Guess) -> Option<(Place, Found<'_, T>)> {
        // Without a guess, the index has no such key.
        let place = place?;
        if self.slabs.key(place) == Some(key) {
            Some((Place(place), self.slabs.found(place)?))
        } else {
            self.get_at(key)
        }
    }

    /// Changes the value of `key`, or what `fresh` gives where there is none yet.
    pub(super) fn change(&mut self, key: EntityKey, fresh: impl FnOnce() -> T, change: impl FnOnce(&mut T)) {
        let Self { index, slabs } = self;
        if let Some(place) = index.find_mut(key.0, |place| slabs.key(*place) == Some(key))
            && let Some(found) = slabs.found(*place)
        {
            let mut value = found.value();
            change(&mut value);
            *place = slabs.replace(*place, key, value.pack());
        } else {
            let mut value = fresh();
            change(&mut value);
            self.add(key, &value);
        }
    }

    /// Changes the values of keys, one after the other, by what there is for each.
    ///
    /// Some are found before the first of them is changed: most are far away in memory, and the machine then waits for
    /// several of them at a time.
    pub(super) fn change_each<A>(
        &mut self,
        changes: &[Change<A>],
        fresh: impl Fn(&A) -> T,
        change: impl Fn(&mut T, &A),
    ) {
        let mut places = [None; FOUND_AHEAD];
        for some in changes.chunks(FOUND_AHEAD) {
            for (place, Change { key, seen_at, .. }) in places.iter_mut().zip(some) {
                let still_there = seen_at.filter(|place| self.slabs.key(place.0) == Some(*key));
                *place = still_there.or_else(|| self.place(*key));
            }
            for (place, Change { key, what, .. }) in places.iter().zip(some) {
                let still = place.filter(|place| self.slabs.key(place.0) == Some(*key));
                match still.and_then(|place| Some((place.0, self.slabs.found(place.0)?.value()))) {
                    Some((place, mut value)) => {
                        change(&mut value, what);
                        self.put(place, *key, &value);
                    }
                    // New, or elsewhere by a change of the same key before.
                    None => self.change(*key, || fresh(what), |value| change(value, what)),
                }
            }
        }
    }

    /// Puts the value of `key`, which stands at `before`.
    fn put(&mut self, before: u32, key: EntityKey, value: &T) {
        let Self { index, slabs } = self;
        let now = slabs.replace(before, key, value.pack());
        if now != before
            && let Some(place) = index.find_mut(key.0, |place| *place == before)
        {
            *place = now;
        }
    }

    /// Makes room in the index for so many more.
    pub(super) fn reserve(&mut self, n: usize) {
        let Self { index, slabs } = self;
        index.reserve(n, |place| slabs.hash(*place));
    }

    /// Adds the value of a key that there is none of.
    pub(super) fn add(&mut self, key: EntityKey, value: &T) {
        let Self { index, slabs } = self;
        let place = slabs.add(key, value.pack());
        index.insert_unique(key.0, place, |place| slabs.hash(*place));
    }

    /// Writes all of it, in order: tables that hold the same are the same bytes.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let Slabs { young, grown, whole } = &self.slabs;
        young.write(bytes);
        grown.write(bytes);
        whole.write(bytes);
    }

    /// Leaves nothing where it was taken from.
    pub(super) fn own_all(&mut self) {
        let Slabs { young, grown, whole } = &mut self.slabs;
        young.own_all();
        grown.own_all();
        whole.own_all();
    }

    /// Lets all go that `keep` does not want.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(EntityKey, T) -> bool) {
        let Self { index, slabs } = self;
        // In the order in which they lie: by that of the index each would be waited for.
        let gone: Vec<_> = slabs.all().filter(|(_, key, value)| !keep(*key, *value)).collect();
        for (place, key, _) in gone {
            if let Ok(found) = index.find_entry(key.0, |one| *one == place) {
                found.remove();
                slabs.leave(place);
            }
        }
    }

    /// All, in no order that means anything.
    pub(super) fn iter(&self) -> impl Iterator<Item = (EntityKey, T)> {
        self.slabs.all().map(|(_, key, value)| (key, value))
    }

    /// How much it takes, index and keys among it.
    pub(super) fn size(&self) -> TableSize {
        let Slabs { young, grown, whole } = &self.slabs;
        let slabs = young.n_bytes() + grown.n_bytes() + whole.n_bytes();
        TableSize { n: self.len(), bytes: self.index.allocation_size() + slabs }
    }
}

impl<T: Pack + Possible> Slabs<T> {
    /// What [`Table::write`] wrote at the beginning of `bytes`, which then begins after it.
    pub(super) fn take(bytes: &mut Bytes) -> Result<Self, SnapshotError> {
        Ok(Self { young: Slab::take(bytes)?, grown: Slab::take(bytes)?, whole: Slab::take(bytes)? })
    }

    /// The table of them, where each is one that a fold makes and of a key of its own that `belongs` here.
    pub(super) fn indexed(self, belongs: impl Fn(EntityKey) -> bool) -> Result<Table<T>, SnapshotError> {
        let n = [self.young.n_places(), self.grown.n_places(), self.whole.n_places()];
        let mut index = HashTable::with_capacity(n.iter().sum());
        for (form, n) in [YOUNG, GROWN, WHOLE].into_iter().zip(n) {
            for place in 0..n as u32 {
                let place = form | place;
                let (Some(key), Some(found)) = (self.key(place), self.found(place)) else { continue };
                found.value().check()?;
                if !belongs(key) {
                    return Err(SnapshotError::Inconsistent("an entity among others"));
                }
                let (same, hash) = (|other: &u32| self.key(*other) == Some(key), |other: &u32| self.hash(*other));
                match index.entry(key.0, same, hash) {
                    Vacant(free) => free.insert(place),
                    Occupied(_) => return Err(SnapshotError::Inconsistent("an entity twice")),
                };
            }
        }
        Ok(Table { index, slabs: self })
    }
}

impl<T: Pack> Slabs<T> {
    /// All, in the order in which they lie, each with its place.
    fn all(&self) -> impl Iterator<Item = (u32, EntityKey, T)> {
        let young = self.young.places().map(|(place, slot)| (YOUNG | place, slot.key(), T::from(slot.value)));
        let grown = self.grown.places().map(|(place, slot)| (GROWN | place, slot.key(), T::from(slot.value)));
        let whole = self.whole.places().map(|(place, slot)| (WHOLE | place, slot.key(), T::from(slot.value)));
        young.chain(grown).chain(whole)
    }

    /// Keys are hashes already.
    fn hash(&self, place: u32) -> u64 {
        self.key(place).unwrap_or_default().0
    }

    fn key(&self, place: u32) -> Option<EntityKey> {
        match place & FORM {
            YOUNG => self.young.at(place).map(Slot::key),
            GROWN => self.grown.at(place & !FORM).map(Slot::key),
            _ => self.whole.at(place & !FORM).map(Slot::key),
        }
    }

    fn found(&self, place: u32) -> Option<Found<'_, T>> {
        Some(match place & FORM {
            YOUNG => Found::Young(&self.young.at(place)?.value),
            GROWN => Found::Grown(&self.grown.at(place & !FORM)?.value),
            _ => Found::Whole(&self.whole.at(place & !FORM)?.value),
        })
    }

    fn add(&mut self, key: EntityKey, form: Form<T>) -> u32 {
        match form {
            Form::Young(young) => self.young.add(key, young) | YOUNG,
            Form::Grown(grown) => self.grown.add(key, grown) | GROWN,
            Form::Whole(whole) => self.whole.add(key, whole) | WHOLE,
        }
    }

    /// Puts the value of `key` at `place`, or elsewhere where it has another form now. Where it stands then.
    fn replace(&mut self, place: u32, key: EntityKey, form: Form<T>) -> u32 {
        match (place & FORM, form) {
            (YOUNG, Form::Young(young)) => self.young.put(place, young),
            (GROWN, Form::Grown(grown)) => self.grown.put(place & !FORM, grown),
            (WHOLE, Form::Whole(whole)) => self.whole.put(place & !FORM, whole),
            (_, form) => {
                self.leave(place);
                return self.add(key, form);
            }
        }
        place
    }

    fn leave(&mut self, place: u32) {
        match place & FORM {
            YOUNG => self.young.leave(place),
            GROWN => self.grown.leave(place & !FORM),
            _ => self.whole.leave(place & !FORM),
        }
    }
}

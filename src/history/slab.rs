//! Values of one size, each with its key, at numbered places: they grow without being moved.

use super::EntityKey;

/// Values in chunks.
#[derive(Clone)]
pub(super) struct Slab<S> {
    /// All but the last are full.
    chunks: Vec<Vec<Slot<S>>>,
    /// Places that were left.
    free: Vec<u32>,
}

/// A key and its value, without a gap between them.
#[derive(Clone, Copy)]
pub(super) struct Slot<S> {
    /// In halves, so that a slot need not begin at a multiple of eight bytes.
    key: [u32; 2],
    pub(super) value: S,
}

/// A chunk's places. Of those it lacks none is made before it is written, so that the room for them costs nothing.
const CHUNK: usize = 1024;

impl<S> Default for Slab<S> {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: Vec::new() }
    }
}

impl<S: Copy> Slot<S> {
    fn new(key: EntityKey, value: S) -> Self {
        Self { key: [key.0 as u32, (key.0 >> 32) as u32], value }
    }

    pub(super) fn key(&self) -> EntityKey {
        EntityKey(u64::from(self.key[0]) | u64::from(self.key[1]) << 32)
    }
}

impl<S: Copy> Slab<S> {
    /// What stands at a place that was given and not left since.
    pub(super) fn at(&self, place: u32) -> Option<&Slot<S>> {
        self.chunks.get(place as usize / CHUNK)?.get(place as usize % CHUNK)
    }

    /// Puts `value` in the stead of what stands at `place`.
    pub(super) fn put(&mut self, place: u32, value: S) {
        if let Some(slot) = self.at_mut(place) {
            slot.value = value;
        }
    }

    fn at_mut(&mut self, place: u32) -> Option<&mut Slot<S>> {
        self.chunks.get_mut(place as usize / CHUNK)?.get_mut(place as usize % CHUNK)
    }

    /// Gives a place to a key and its value.
    pub(super) fn add(&mut self, key: EntityKey, value: S) -> u32 {
        let slot = Slot::new(key, value);
        if let Some(place) = self.free.pop()
            && let Some(left) =
                self.chunks.get_mut(place as usize / CHUNK).and_then(|chunk| chunk.get_mut(place as usize % CHUNK))
        {
            *left = slot;
            return place;
        }
        match self.chunks.last_mut().filter(|chunk| chunk.len() < CHUNK) {
            Some(chunk) => chunk.push(slot),
            None => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(slot);
                self.chunks.push(chunk);
            }
        }
        // A table of more than a billion would have filled any machine before.
        (self.n_places() - 1) as u32
    }

    /// Leaves a place; another key may have it then.
    pub(super) fn leave(&mut self, place: u32) {
        // Its key is no longer there either: whoever found it before can tell.
        if let Some(slot) = self.at_mut(place) {
            slot.key = slot.key.map(|half| !half);
        }
        self.free.push(place);
    }

    /// All that stands somewhere, in the order of places.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Slot<S>> {
        let mut is_left = Vec::new();
        if !self.free.is_empty() {
            is_left.resize(self.n_places(), false);
            for place in &self.free {
                is_left[*place as usize] = true;
            }
        }
        let stands = move |place: usize| !is_left.get(place).copied().unwrap_or(false);
        self.chunks.iter().flatten().enumerate().filter_map(move |(place, slot)| stands(place).then_some(slot))
    }

    /// Bytes that the values take, with the places that were left and without those that were never made.
    pub(super) fn n_bytes(&self) -> usize {
        self.n_places() * size_of::<Slot<S>>()
            + self.chunks.capacity() * size_of::<Vec<Slot<S>>>()
            + self.free.capacity() * size_of::<u32>()
    }

    fn n_places(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }
}

//! Values of one size, each with its key, at numbered places: they grow without being moved.

use bytes::{Buf as _, Bytes};
use zerocopy::little_endian::U64;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

use super::EntityKey;
use super::SnapshotError::{self, Damaged};
use super::packed::Row;

/// Values in chunks.
#[derive(Clone)]
pub(super) struct Slab<S> {
    /// All but the last are full.
    chunks: Vec<Chunk<S>>,
    /// Places that were left.
    free: Vec<u32>,
}

/// A key and its value.
#[derive(Clone, Copy, FromBytes, IntoBytes, Unaligned, Immutable, KnownLayout)]
#[repr(C)]
pub(super) struct Slot<S> {
    key: U64,
    pub(super) value: S,
}

#[derive(Clone)]
enum Chunk<S> {
    /// Where a file has them; it is whole slots.
    Stored(Bytes),
    /// As soon as one of them has changed.
    Own(Vec<Slot<S>>),
}

/// A chunk's places. Of those it lacks none is made before it is written, so that the room for them costs nothing.
const CHUNK: usize = 1024;

impl<S> Default for Slab<S> {
    fn default() -> Self {
        Self { chunks: Vec::new(), free: Vec::new() }
    }
}

impl<S: Row> Slot<S> {
    pub(super) fn key(&self) -> EntityKey {
        EntityKey(self.key.get())
    }
}

impl<S: Row> Chunk<S> {
    fn len(&self) -> usize {
        match self {
            Self::Stored(bytes) => bytes.len() / size_of::<Slot<S>>(),
            Self::Own(slots) => slots.len(),
        }
    }

    // Called for each look-up.
    #[inline]
    fn get(&self, idx: usize) -> Option<&Slot<S>> {
        match self {
            Self::Stored(bytes) => {
                let bytes = bytes.get(idx * size_of::<Slot<S>>()..)?;
                Slot::ref_from_prefix(bytes).ok().map(|(slot, _)| slot)
            }
            Self::Own(slots) => slots.get(idx),
        }
    }

    fn own(&mut self) -> &mut Vec<Slot<S>> {
        if let Self::Stored(bytes) = self {
            let mut slots = Vec::with_capacity(CHUNK);
            slots.extend_from_slice(<[Slot<S>]>::ref_from_bytes(bytes).unwrap_or_default());
            *self = Self::Own(slots);
        }
        match self {
            Self::Own(slots) => slots,
            Self::Stored(_) => unreachable!("it has just been made its own"),
        }
    }
}

impl<S: Row> Slab<S> {
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
        self.chunks.get_mut(place as usize / CHUNK)?.own().get_mut(place as usize % CHUNK)
    }

    /// Gives a place to a key and its value.
    pub(super) fn add(&mut self, key: EntityKey, value: S) -> u32 {
        let slot = Slot { key: key.0.into(), value };
        if let Some(place) = self.free.pop()
            && let Some(left) = self.at_mut(place)
        {
            *left = slot;
            return place;
        }
        match self.chunks.last_mut().filter(|chunk| chunk.len() < CHUNK) {
            Some(chunk) => chunk.own().push(slot),
            None => {
                let mut slots = Vec::with_capacity(CHUNK);
                slots.push(slot);
                self.chunks.push(Chunk::Own(slots));
            }
        }
        // A table of more than a billion would have filled any machine before.
        (self.n_places() - 1) as u32
    }

    /// Leaves a place; another key may have it then.
    pub(super) fn leave(&mut self, place: u32) {
        // Its key is no longer there either: whoever found it before can tell.
        if let Some(slot) = self.at_mut(place) {
            slot.key = (!slot.key.get()).into();
        }
        self.free.push(place);
    }

    /// All that stands somewhere, in the order of places, each with its own.
    pub(super) fn places(&self) -> impl Iterator<Item = (u32, &Slot<S>)> {
        let mut is_left = Vec::new();
        if !self.free.is_empty() {
            is_left.resize(self.n_places(), false);
            for place in &self.free {
                is_left[*place as usize] = true;
            }
        }
        let stands = move |place: usize| !is_left.get(place).copied().unwrap_or(false);
        let all = self.chunks.iter().flat_map(|chunk| (0..chunk.len()).filter_map(|idx| chunk.get(idx)));
        all.enumerate().filter_map(move |(place, slot)| stands(place).then_some((place as u32, slot)))
    }

    /// Writes how many there are, and each, in the order of keys.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        let mut slots: Vec<_> = self.places().map(|(_, slot)| *slot).collect();
        slots.sort_unstable_by_key(Slot::key);
        bytes.extend_from_slice(&(slots.len() as u64).to_le_bytes());
        bytes.extend_from_slice(slots.as_bytes());
    }

    /// What was written at the beginning of `bytes`, which then begins after it. It stays where it lies.
    pub(super) fn take(bytes: &mut Bytes) -> Result<Self, SnapshotError> {
        let slot_bytes = size_of::<Slot<S>>();
        let n_slots = usize::try_from(bytes.try_get_u64_le().map_err(|_| Damaged)?).map_err(|_| Damaged)?;
        let n_bytes = n_slots.checked_mul(slot_bytes).filter(|n| *n <= bytes.len()).ok_or(Damaged)?;
        let mut slots = bytes.split_to(n_bytes);
        let mut chunks = Vec::with_capacity(n_slots.div_ceil(CHUNK));
        while !slots.is_empty() {
            chunks.push(Chunk::Stored(slots.split_to(slots.len().min(CHUNK * slot_bytes))));
        }
        Ok(Self { chunks, free: Vec::new() })
    }

    /// Leaves nothing where it was taken from.
    pub(super) fn own_all(&mut self) {
        for chunk in &mut self.chunks {
            chunk.own();
        }
    }

    /// Bytes that the values take, with the places that were left and without those that were never made.
    pub(super) fn n_bytes(&self) -> usize {
        self.n_places() * size_of::<Slot<S>>()
            + self.chunks.capacity() * size_of::<Chunk<S>>()
            + self.free.capacity() * size_of::<u32>()
    }

    pub(super) fn n_places(&self) -> usize {
        self.chunks.last().map_or(0, |last| (self.chunks.len() - 1) * CHUNK + last.len())
    }
}

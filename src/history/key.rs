//! Names of what history is kept about: a sender, an HS code, a whole consignment.

use std::ops::Range;

use xxhash_rust::xxh3::xxh3_64;

/// The entity or combination that one history entry is about: a 64-bit hash of the key's name and
/// of its parts, as canonical bytes.
///
/// It is stored in artifacts, so the hash can never change: xxh3 with golden values in the tests.
/// At 10 million entries a collision of two of them has a chance of about 3 in a million.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityKey(pub u64);

/// Builds an [`EntityKey`] part by part.
///
/// Each part is preceded by its length, so that `("ab", "c")` and `("a", "bc")` differ.
///
/// It gathers the bytes and hashes them at once: keys are short, and a hash in pieces takes several times as long.
#[derive(Clone)]
pub struct KeyHasher {
    short: [u8; SHORT],
    n_short: usize,
    /// All bytes, where they are more than `short` has room for; else empty.
    long: Vec<u8>,
}

/// Bytes that most keys fit into, so that they are gathered without an allocation.
const SHORT: usize = 112;

impl std::fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeyHasher")
    }
}

impl KeyHasher {
    /// A key of the kind `name`; kinds never share entries.
    pub fn new(name: &str) -> Self {
        let mut hasher = Self { short: [0; SHORT], n_short: 0, long: Vec::new() };
        hasher.part(name.as_bytes());
        hasher
    }

    /// Adds a part.
    pub fn part(&mut self, bytes: &[u8]) {
        canonical(bytes, |bytes| self.add(bytes));
    }

    /// The finished key.
    pub fn finish(&self) -> EntityKey {
        EntityKey(xxh3_64(if self.long.is_empty() { &self.short[..self.n_short] } else { &self.long }))
    }

    fn add(&mut self, bytes: &[u8]) {
        let end = self.n_short + bytes.len();
        if self.long.is_empty() {
            if let Some(room) = self.short.get_mut(self.n_short..end) {
                room.copy_from_slice(bytes);
                self.n_short = end;
                return;
            }
            self.long.extend_from_slice(&self.short[..self.n_short]);
        }
        self.long.extend_from_slice(bytes);
    }
}

/// Parts of keys as the bytes that are hashed, so that what several keys share is made once.
#[derive(Clone, Debug)]
pub struct KeyParts {
    /// Before each group there is room for a kind, so that a key of one group is hashed where the group lies.
    bytes: Vec<u8>,
    /// Where each group of parts lies in `bytes`; `None` where it is not stated.
    groups: Vec<Option<Range<usize>>>,
    /// Where the group that is being made begins.
    begin: usize,
    /// The bytes of the key that is being made.
    key: Vec<u8>,
}

/// The kind of some keys, before its bytes.
#[derive(Clone, Debug)]
pub struct KeyKind {
    bytes: Vec<u8>,
    /// The same at the end of as much as there is room for, where it fits: to copy all of it takes no counting.
    at_end: Option<[u8; ROOM]>,
}

/// Bytes that the kinds of most keys fit into.
const ROOM: usize = 48;

impl KeyKind {
    /// The kind `name`, as [`KeyHasher::new`] begins with it.
    pub fn new(name: &str) -> Self {
        let mut bytes = Vec::new();
        canonical(name.as_bytes(), |piece| bytes.extend_from_slice(piece));
        let at_end = ROOM.checked_sub(bytes.len()).map(|begin| {
            let mut room = [0; ROOM];
            room[begin..].copy_from_slice(&bytes);
            room
        });
        Self { bytes, at_end }
    }
}

impl Default for KeyParts {
    fn default() -> Self {
        Self { bytes: vec![0; ROOM], groups: Vec::new(), begin: ROOM, key: Vec::new() }
    }
}

impl KeyParts {
    /// Takes all groups out.
    pub fn clear(&mut self) {
        self.bytes.truncate(ROOM);
        self.groups.clear();
        self.begin = ROOM;
    }

    /// Adds a part to the group that is being made.
    pub fn part(&mut self, bytes: &[u8]) {
        canonical(bytes, |bytes| self.bytes.extend_from_slice(bytes));
    }

    /// Adds the part that `write` puts behind what is there; nothing, and `None`, where it says so.
    pub fn part_by(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Option<()>) -> Option<()> {
        let begin = self.bytes.len();
        self.part(&[]);
        let content = self.bytes.len();
        let written = write(&mut self.bytes);
        let length = (self.bytes.len() - content) as u64;
        match (written, self.bytes.get_mut(begin..content)) {
            (Some(()), Some(room)) => room.copy_from_slice(&length.to_le_bytes()),
            _ => self.bytes.truncate(begin),
        }
        written
    }

    /// Ends a group: the parts since the last one, or nothing where one of them was not stated.
    pub fn end_group(&mut self, is_stated: bool) {
        if !is_stated {
            self.bytes.truncate(self.begin);
        }
        self.groups.push(is_stated.then_some(self.begin..self.bytes.len()));
        self.bytes.extend_from_slice(&[0; ROOM]);
        self.begin = self.bytes.len();
    }

    /// The key of a kind by some groups, numbered from 0, as a [`KeyHasher`] makes it of all their parts; `None` where
    /// one of them is not stated.
    pub fn key(&mut self, kind: &KeyKind, groups: &[usize]) -> Option<EntityKey> {
        if let ([group], Some(kind_at_end)) = (groups, &kind.at_end) {
            let Range { start, end } = self.groups.get(*group)?.clone()?;
            *self.bytes.get_mut(..start)?.last_chunk_mut()? = *kind_at_end;
            return Some(EntityKey(xxh3_64(self.bytes.get(start - kind.bytes.len()..end)?)));
        }
        self.key.clear();
        self.key.extend_from_slice(&kind.bytes);
        for group in groups {
            self.key.extend_from_slice(self.bytes.get(self.groups.get(*group)?.clone()?)?);
        }
        Some(EntityKey(xxh3_64(&self.key)))
    }
}

/// A part as bytes: its length before it.
fn canonical(part: &[u8], mut add: impl FnMut(&[u8])) {
    add(&(part.len() as u64).to_le_bytes());
    add(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, parts: &[&str]) -> u64 {
        let mut hasher = KeyHasher::new(name);
        for part in parts {
            hasher.part(part.as_bytes());
        }
        hasher.finish().0
    }

    #[test]
    fn golden_keys_never_change() {
        // Computed by the reference implementation, through Python's xxhash 4.1.0 (`xxh3_64`).
        assert_eq!(key("sender", &["0VKY2BR"]), 0x9d32_cebd_a3ef_4ffa);
        assert_eq!(key("hs6_origin", &["440890", "BE"]), 0xf1b3_cc93_9ada_f126);
        assert_eq!(key("", &[]), 0xc77b_3abb_6f87_acd9);
    }

    #[test]
    fn a_key_of_any_length_is_the_hash_of_all_its_bytes() {
        for n in 0..3 * SHORT {
            let (first, second) = ("a".repeat(n), "b".repeat(n % 50));
            let mut bytes = Vec::new();
            for part in ["k", &first, &second] {
                bytes.extend((part.len() as u64).to_le_bytes());
                bytes.extend(part.as_bytes());
            }
            assert_eq!(key("k", &[&first, &second]), xxh3_64(&bytes), "{n} bytes");
        }
    }

    #[test]
    fn shared_parts_make_the_same_key() {
        let mut parts = KeyParts::default();
        parts.part(b"lost");
        parts.end_group(false);
        parts.part(b"440890");
        parts.end_group(true);
        parts.part(b"BE");
        parts.end_group(true);
        let kind = KeyKind::new("hs6_origin");
        assert_eq!(parts.key(&kind, &[1, 2]).unwrap().0, key("hs6_origin", &["440890", "BE"]));
        assert_eq!((parts.key(&kind, &[1, 0]), parts.key(&kind, &[3])), (None, None));
    }

    #[test]
    fn a_key_of_one_part_is_the_same_whatever_was_asked_before_and_however_long_its_kind_is() {
        let mut parts = KeyParts::default();
        for round in 0..2 {
            parts.clear();
            for part in ["", "first", "second"] {
                parts.part(part.as_bytes());
                parts.end_group(true);
            }
            for n in 0..2 * ROOM {
                let name = "k".repeat(n + round);
                let kind = KeyKind::new(&name);
                for (place, part) in ["", "first", "second"].iter().enumerate() {
                    assert_eq!(parts.key(&kind, &[place]).unwrap().0, key(&name, &[part]), "{n} bytes");
                }
                assert_eq!(parts.key(&kind, &[1, 2]).unwrap().0, key(&name, &["first", "second"]));
            }
        }
    }

    #[test]
    fn a_part_that_is_written_in_place_is_the_part() {
        let (mut whole, mut in_place) = (KeyParts::default(), KeyParts::default());
        for part in ["first", "", "a part of some length"] {
            whole.part(part.as_bytes());
            let written = in_place.part_by(|out| {
                out.extend_from_slice(part.as_bytes());
                Some(())
            });
            assert_eq!(written, Some(()));
        }
        let given_up = in_place.part_by(|out| {
            out.push(7);
            None
        });
        assert_eq!(given_up, None);
        whole.end_group(true);
        in_place.end_group(true);
        assert_eq!((whole.bytes, whole.groups), (in_place.bytes, in_place.groups));
    }

    #[test]
    fn neighbors_do_not_run_into_each_other() {
        assert_ne!(key("k", &["ab", "c"]), key("k", &["a", "bc"]));
        assert_ne!(key("k", &["a", ""]), key("k", &["", "a"]));
        assert_ne!(key("ka", &["b"]), key("k", &["ab"]));
    }
}

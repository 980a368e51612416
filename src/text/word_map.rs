//! Maps by word: what a lexicon is looked up in.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A map by words. Its words are our own, so nobody can choose them to collide, and a hash of short texts is enough.
pub(super) type WordMap<K, T> = HashMap<K, T, BuildHasherDefault<WordHasher>>;

/// xxh3 of what is written.
#[derive(Debug, Default)]
pub(super) struct WordHasher(u64);

impl Hasher for WordHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }
    fn write_usize(&mut self, _: usize) {
        // Says how many bytes come, and would only tell lists of texts apart.
    }
    fn write_u8(&mut self, _: u8) {
        // Ends a text, and would only tell lists of texts apart.
    }
}

//! Words of which the order does not matter.

use std::ops::Range;

/// Words gathered in one text, so that none has an allocation of its own.
#[derive(Debug, Default)]
pub(super) struct WordBag {
    text: Vec<u8>,
    words: Vec<Range<usize>>,
}

impl WordBag {
    /// Takes all words out.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.words.clear();
    }

    /// Adds the word that `write` puts behind the text.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let begin = self.text.len();
        write(&mut self.text);
        self.words.push(begin..self.text.len());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Puts the words behind `out`, sorted by their bytes, a blank between two.
    pub(super) fn write_sorted(&mut self, out: &mut Vec<u8>) {
        let text = self.text.as_slice();
        self.words.sort_unstable_by(|a, b| text[a.clone()].cmp(&text[b.clone()]));
        out.reserve(text.len() + self.words.len());
        for (idx, word) in self.words.iter().enumerate() {
            if idx > 0 {
                out.push(b' ');
            }
            out.extend_from_slice(&text[word.clone()]);
        }
    }
}

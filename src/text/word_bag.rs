//! Words of which the order does not matter.

use std::ops::Range;

/// Words gathered in one text, so that none has an allocation of its own.
#[derive(Debug)]
pub(super) struct WordBag {
    text: String,
    words: Vec<Range<usize>>,
}

impl WordBag {
    /// Room for the words of a text of `n_bytes`.
    pub(super) fn with_capacity(n_bytes: usize) -> Self {
        Self { text: String::with_capacity(n_bytes + n_bytes / 4), words: Vec::with_capacity(8) }
    }

    /// Adds the word that `write` puts behind the text.
    pub(super) fn add(&mut self, write: impl FnOnce(&mut String)) {
        let begin = self.text.len();
        write(&mut self.text);
        self.words.push(begin..self.text.len());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Puts the words behind `out`, sorted, a blank between two.
    pub(super) fn write_sorted(&mut self, out: &mut String) {
        let text = self.text.as_str();
        self.words.sort_unstable_by(|a, b| text[a.clone()].cmp(&text[b.clone()]));
        for (idx, word) in self.words.iter().enumerate() {
            if idx > 0 {
                out.push(' ');
            }
            out.push_str(&text[word.clone()]);
        }
    }

    /// The words sorted, a blank between two.
    pub(super) fn sorted(&mut self) -> String {
        let mut out = String::with_capacity(self.text.len() + self.words.len());
        self.write_sorted(&mut out);
        out
    }
}

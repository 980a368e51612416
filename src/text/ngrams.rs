//! N-grams: a text as the short runs of characters in it.

use std::cell::RefCell;

use xxhash_rust::xxh3::xxh3_64;

use super::tokens::{Han, Tokens};

/// How many slots n-grams are hashed into: two that share one are told apart by the others of their words.
pub const N_SLOTS: u32 = 1 << 16;

/// Puts the slots of a text's character n-grams of length 3 to 5 into `out`: sorted, each once.
///
/// The text is read as [`Tokens`], all of it spelled in plain letters, with a blank before, between and after them, so
/// that `" gif"` and `"ift "` say where a word begins and ends. A slot is the xxh3 of the n-gram's bytes, modulo
/// [`N_SLOTS`]: weights are learned for slots, so it can never change. (Hashing in place of a dictionary: Weinberger et
/// al. 2009, "Feature Hashing for Large Scale Multitask Learning".) Empty where nothing is left of the text.
pub fn hashed_ngrams(text: &str, out: &mut Vec<u32>) {
    hashed_ngrams_of(&Tokens::new(text, Han::Spelled), out);
}

/// As [`hashed_ngrams`] of the text that became `tokens`, read with [`Han::Kept`]; `None` where it has to be read again.
pub fn hashed_ngrams_of_kept(tokens: &Tokens, out: &mut Vec<u32>) -> Option<()> {
    hashed_ngrams_of(tokens.as_spelled()?, out);
    Some(())
}

fn hashed_ngrams_of(tokens: &Tokens, out: &mut Vec<u32>) {
    out.clear();
    if tokens.is_empty() {
        return;
    }
    ROOM.with_borrow_mut(|Room { text, seen }| {
        text.clear();
        text.push(b' ');
        text.extend_from_slice(tokens.as_bytes());
        text.push(b' ');
        out.reserve(3 * text.len());
        seen.add_ngrams::<3>(text);
        seen.add_ngrams::<4>(text);
        seen.add_ngrams::<5>(text);
        seen.move_into(out);
    });
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

/// Room that a thread reads n-grams in.
#[derive(Default)]
struct Room {
    text: Vec<u8>,
    seen: SlotSet,
}

const WORD: usize = u64::BITS as usize;
const N_WORDS: usize = N_SLOTS as usize / WORD;

/// Slots, a bit for each: they come out sorted and once, which takes half as long as sorting them.
struct SlotSet {
    bits: Box<[u64; N_WORDS]>,
    /// A bit for each word of them that has any.
    words: [u64; N_WORDS / WORD],
}

impl Default for SlotSet {
    fn default() -> Self {
        Self { bits: Box::new([0; N_WORDS]), words: [0; N_WORDS / WORD] }
    }
}

impl SlotSet {
    fn add_ngrams<const N: usize>(&mut self, text: &[u8]) {
        for gram in text.windows(N) {
            // Of a length that the compiler knows, it is hashed without asking for it.
            let slot = gram.first_chunk::<N>().map_or(0, |gram| xxh3_64(gram)) % u64::from(N_SLOTS);
            let slot = slot as usize;
            self.bits[slot / WORD % N_WORDS] |= 1 << (slot % WORD);
            self.words[slot / WORD / WORD % (N_WORDS / WORD)] |= 1 << (slot / WORD % WORD);
        }
    }

    /// Puts all behind `out`, sorted; none is left.
    fn move_into(&mut self, out: &mut Vec<u32>) {
        for (idx, words) in self.words.iter_mut().enumerate() {
            let mut words = std::mem::take(words);
            while words != 0 {
                let word = idx * WORD + words.trailing_zeros() as usize;
                words &= words - 1;
                let mut bits = std::mem::take(&mut self.bits[word]);
                while bits != 0 {
                    out.push((word * WORD) as u32 + bits.trailing_zeros());
                    bits &= bits - 1;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(text: &str) -> Vec<u32> {
        let mut out = vec![7];
        hashed_ngrams(text, &mut out);
        out
    }

    #[test]
    fn golden_slots_never_change() {
        // Computed by the reference implementation, through Python's xxhash (`xxh3_64`), of " abc " in runs of 3 to 5.
        assert_eq!(slots("abc"), [5_624, 14_672, 17_626, 27_556, 39_910, 59_302]);
    }

    #[test]
    fn slots_are_sorted_and_stand_once() {
        let slots = slots("gift gift gift, toys and cosmetics for children");
        assert!(slots.is_sorted_by(|a, b| a < b) && slots.iter().all(|slot| *slot < N_SLOTS));
    }

    #[test]
    fn spelling_case_and_script_do_not_matter_and_words_do() {
        assert_eq!(slots("ПОДАРОК"), slots("  podarok!"));
        assert_eq!(slots("礼品"), slots("Li Pin"));
        assert_ne!(slots("toy car"), slots("toyc ar"));
        for nothing in ["", "...", "\u{202e}", "\u{301}"] {
            assert!(slots(nothing).is_empty(), "{nothing:?}");
        }
    }
}

//! Tokens: the words of a text in plain lower-case letters and digits.

use any_ascii::any_ascii_char;
use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfkc_quick};
use unicode_script::{Script, UnicodeScript as _};

use super::script::is_invisible;

/// The tokens of a text, in its order.
///
/// A token is a longest run of letters and digits, after compatibility composition (NFKC, Unicode Standard Annex 15),
/// transliteration to ASCII letter by letter, and lower case. Apostrophes and characters that nobody sees join what they
/// stand between; everything else separates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// The tokens, a blank between two of them.
    joined: String,
    /// Where each token ends in `joined`.
    ends: Vec<usize>,
    /// Whether a Chinese character stayed.
    kept_han: bool,
}

/// Tokens that most texts have at most.
const FEW: usize = 8;

/// No Chinese character stands before the radicals, and to look up a script takes longer than to compare.
const FIRST_HAN: char = '\u{2e80}';

/// What becomes of Chinese characters. Each is a token of its own, since they are written without blanks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Han {
    /// They stay: one sound has many of them, so a lexicon needs the characters.
    Kept,
    /// They become pinyin without tones, as carriers spell names.
    Spelled,
}

impl Tokens {
    /// Reads a text.
    pub fn new(text: &str, han: Han) -> Self {
        // One more: each token leaves a blank behind it.
        let joined = String::with_capacity(text.len() + 1);
        let mut tokens = Self { joined, ends: Vec::with_capacity(FEW), kept_han: false };
        if text.is_ascii() {
            tokens.add_all_ascii(text);
        } else if is_nfkc_quick(text.chars()) == IsNormalized::Yes {
            text.chars().for_each(|c| tokens.add(c, han));
        } else {
            text.nfkc().for_each(|c| tokens.add(c, han));
        }
        tokens.end();
        // The last token left a blank behind it.
        tokens.joined.truncate(tokens.ends.last().copied().unwrap_or(0));
        tokens
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether nothing was left of the text.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The same tokens with all Chinese characters spelled, where that changes nothing.
    pub(super) fn as_spelled(&self) -> Option<&Self> {
        (!self.kept_han).then_some(self)
    }

    /// All of them, a blank between two.
    pub fn as_str(&self) -> &str {
        &self.joined
    }

    /// Each token.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|idx| self.run(idx, 1))
    }

    /// `n` tokens from the one at `first` on, a blank between two; there are as many.
    pub(super) fn run(&self, first: usize, n: usize) -> &str {
        let begin = if first == 0 { 0 } else { self.ends[first - 1] + 1 };
        &self.joined[begin..self.ends[first + n - 1]]
    }

    fn add(&mut self, c: char, han: Han) {
        if c.is_ascii() {
            self.add_ascii(c);
        } else if c >= FIRST_HAN && c.script() == Script::Han {
            self.end();
            match han {
                Han::Kept => {
                    self.kept_han = true;
                    self.joined.push(c);
                }
                Han::Spelled => any_ascii_char(c).chars().for_each(|c| self.add_ascii(c)),
            }
            self.end();
        } else if c.is_alphanumeric() || is_combining_mark(c) {
            // Soft and hard signs become apostrophes, and most marks nothing.
            any_ascii_char(c).chars().for_each(|c| self.add_ascii(c));
        } else if !joins(c) {
            self.end();
        }
    }

    /// As [`Tokens::add_ascii`] for each character, a run of letters and digits at a time.
    fn add_all_ascii(&mut self, text: &str) {
        let mut begin = 0;
        for (idx, byte) in text.bytes().enumerate() {
            if !byte.is_ascii_alphanumeric() {
                self.joined.push_str(&text[begin..idx]);
                begin = idx + 1;
                if byte == b' ' || !joins(char::from(byte)) {
                    self.end();
                }
            }
        }
        self.joined.push_str(&text[begin..]);
        self.joined.make_ascii_lowercase();
    }

    fn add_ascii(&mut self, c: char) {
        if c.is_ascii_alphanumeric() {
            self.joined.push(c.to_ascii_lowercase());
        } else if !joins(c) {
            self.end();
        }
    }

    /// Ends the token that is being written, if there is one.
    fn end(&mut self) {
        if self.joined.len() > self.begin() {
            self.ends.push(self.joined.len());
            self.joined.push(' ');
        }
    }

    /// Where the next token begins.
    fn begin(&self) -> usize {
        self.ends.last().map_or(0, |end| end + 1)
    }
}

/// Whether a character belongs to the token that it stands in, without being part of it.
fn joins(c: char) -> bool {
    matches!(c, '\'' | '`' | '’' | '‘') || is_invisible(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelled(text: &str) -> String {
        Tokens::new(text, Han::Spelled).as_str().to_owned()
    }

    #[test]
    fn every_script_becomes_plain_letters() {
        for (text, expected) in [
            ("  Phone-case,  BLACK!! ", "phone case black"),
            ("Щербаков Объедков Цой", "shcherbakov obedkov tsoy"),
            ("Қазақстан көшесі Нұрсұлтан Әбішев", "qazaqstan koshesi nursultan abishev"),
            ("深圳市手机壳", "shen zhen shi shou ji ke"),
            ("محمد", "mhmd"),
            ("Müller Straße Łódź İstanbul ışık Ærø", "muller strasse lodz istanbul isik aero"),
            ("Ελλάς", "ellas"),
            ("ＦＵＬＬ ｗｉｄｔｈ １２", "full width 12"),
            ("٣٤٥ ③", "345 3"),
            ("O'Neil O’Neil", "oneil oneil"),
            ("e\u{301}te\u{301}", "ete"),
            ("co\u{200b}ca\u{202e}i\u{ad}ne", "cocaine"),
            ("🦄 gift 🎁", "gift"),
        ] {
            assert_eq!(spelled(text), expected, "{text}");
        }
    }

    #[test]
    fn chinese_characters_are_tokens_of_their_own() {
        let tokens = Tokens::new("LED灯 手机", Han::Kept);
        assert_eq!(tokens.iter().collect::<Vec<_>>(), ["led", "灯", "手", "机"]);
        assert_eq!((tokens.run(2, 2), tokens.len()), ("手 机", 4));
    }

    #[test]
    fn nothing_is_left_of_what_has_no_letters_and_no_digits() {
        for text in ["", " ", "--- ???", "\u{202e}\u{200b}", "🦄", "\u{301}\u{301}\u{301}", "\0\u{7}"] {
            assert!(Tokens::new(text, Han::Spelled).is_empty(), "{text:?}");
        }
    }
}

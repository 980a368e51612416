//! Tokens: the words of a text in plain lower-case letters and digits.

use any_ascii::any_ascii_char;
use unicode_normalization::{IsNormalized, UnicodeNormalization as _, is_nfkc_quick};
use unicode_script::{Script, UnicodeScript as _};

use super::letter::{Letter, LetterKind, MOST, PLAIN, is_spelled, joins, stands_alone};

/// The tokens of a text, in its order.
///
/// A token is a longest run of letters and digits, after compatibility composition (NFKC, Unicode Standard Annex 15),
/// transliteration to ASCII letter by letter, and lower case. Apostrophes and characters that nobody sees join what they
/// stand between; everything else separates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    /// The tokens, a blank between two of them.
    joined: Vec<u8>,
    /// Where each token ends in `joined`.
    ends: Vec<usize>,
    /// Whether a Chinese character stayed.
    kept_han: bool,
}

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
        // Few texts have more tokens.
        let mut tokens = Self { ends: Vec::with_capacity(16), ..Self::default() };
        tokens.read(text, han);
        tokens
    }

    /// Reads another text in place of the one before.
    pub(super) fn read(&mut self, text: &str, han: Han) {
        self.write(|out| {
            if !out.add_letters(text, han) {
                out.clear();
                out.add_composed(text, han);
            }
        });
    }

    fn write(&mut self, write: impl FnOnce(&mut Writing<'_>)) {
        let mut out = Writing { joined: std::mem::take(&mut self.joined), ends: &mut self.ends, kept_han: false };
        out.clear();
        write(&mut out);
        out.end();
        let Writing { mut joined, kept_han, .. } = out;
        // The last token left a blank behind it.
        joined.truncate(self.ends.last().copied().unwrap_or(0));
        self.joined = joined;
        self.kept_han = kept_han;
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

    /// All of them as UTF-8, a blank between two.
    pub fn as_bytes(&self) -> &[u8] {
        &self.joined
    }

    /// Each token as UTF-8.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|idx| self.run(idx, 1))
    }

    /// `n` tokens from the one at `first` on, a blank between two; there are as many.
    pub(super) fn run(&self, first: usize, n: usize) -> &[u8] {
        let begin = if first == 0 { 0 } else { self.ends[first - 1] + 1 };
        &self.joined[begin..self.ends[first + n - 1]]
    }
}

/// Tokens that are being written.
struct Writing<'a> {
    joined: Vec<u8>,
    ends: &'a mut Vec<usize>,
    kept_han: bool,
}

impl Writing<'_> {
    fn clear(&mut self) {
        self.joined.clear();
        self.ends.clear();
        self.kept_han = false;
    }

    /// Adds a text whose characters do not change each other; false, and a part of it, where some might.
    fn add_letters(&mut self, text: &str, han: Han) -> bool {
        // All bytes of a letter are copied, since to copy as many as there are takes longer; so there must be room for all.
        let room = |text: &str| MOST * (text.len() + 1);
        let letters = Letter::all();
        let mut joined = std::mem::take(&mut self.joined);
        joined.resize(room(text), 0);
        let (mut begin, mut end) = (0, 0);
        let mut chars = text.chars();
        loop {
            // Most are plain, and come several together.
            let plain = chars.as_str().as_bytes().iter().map_while(|byte| PLAIN[usize::from(*byte)]);
            let n_plain = joined[end..].iter_mut().zip(plain).map(|(room, letter)| *room = letter.get()).count();
            end += n_plain;
            if n_plain > 0 {
                chars = chars.as_str()[n_plain..].chars();
            }
            let Some(c) = chars.next() else { break };
            let letter = Letter::at(letters, c);
            match letter.kind {
                LetterKind::OfToken => {
                    joined[end..end + MOST].copy_from_slice(&letter.bytes);
                    end += usize::from(letter.n);
                }
                LetterKind::Separates if begin < end => {
                    self.ends.push(end);
                    joined[end] = b' ';
                    end += 1;
                    begin = end;
                }
                LetterKind::Separates => {}
                LetterKind::Beyond if !stands_alone(c) => {
                    self.joined = joined;
                    return false;
                }
                LetterKind::Spelled | LetterKind::Beyond => {
                    joined.truncate(end);
                    self.joined = joined;
                    self.add(c, han);
                    joined = std::mem::take(&mut self.joined);
                    (begin, end) = (self.begin(), joined.len());
                    joined.resize(end + room(chars.as_str()), 0);
                }
                LetterKind::Composed => {
                    self.joined = joined;
                    return false;
                }
            }
        }
        joined.truncate(end);
        self.joined = joined;
        true
    }

    /// Adds any text, composed first.
    fn add_composed(&mut self, text: &str, han: Han) {
        if is_nfkc_quick(text.chars()) == IsNormalized::Yes {
            text.chars().for_each(|c| self.add(c, han));
        } else {
            text.nfkc().for_each(|c| self.add(c, han));
        }
    }

    fn add(&mut self, c: char, han: Han) {
        if c.is_ascii() {
            self.add_ascii(c);
        } else if c >= FIRST_HAN && c.script() == Script::Han {
            self.end();
            match han {
                Han::Kept => {
                    self.kept_han = true;
                    self.joined.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                Han::Spelled => any_ascii_char(c).chars().for_each(|c| self.add_ascii(c)),
            }
            self.end();
        } else if is_spelled(c) {
            any_ascii_char(c).chars().for_each(|c| self.add_ascii(c));
        } else if !joins(c) {
            self.end();
        }
    }

    fn add_ascii(&mut self, c: char) {
        if c.is_ascii_alphanumeric() {
            self.joined.push(c.to_ascii_lowercase() as u8);
        } else if !joins(c) {
            self.end();
        }
    }

    /// Ends the token that is being written, if there is one.
    fn end(&mut self) {
        if self.joined.len() > self.begin() {
            self.ends.push(self.joined.len());
            self.joined.push(b' ');
        }
    }

    /// Where the next token begins.
    fn begin(&self) -> usize {
        self.ends.last().map_or(0, |end| end + 1)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same tokens without the table of letters.
    fn composed(text: &str, han: Han) -> Tokens {
        let mut tokens = Tokens::default();
        tokens.write(|out| out.add_composed(text, han));
        tokens
    }

    #[test]
    fn a_letter_that_is_looked_up_is_the_one_that_is_composed_whichever_it_is() {
        for c in '\0'..=char::MAX {
            let text = String::from_iter(['a', c, 'B', c, c, ' ', '\u{301}', c, '\u{448}', c, 'e', '\u{301}', c]);
            for han in [Han::Kept, Han::Spelled] {
                for text in [&text[..], &text[1..2 + c.len_utf8()]] {
                    assert_eq!(Tokens::new(text, han), composed(text, han), "{text:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn a_text_that_is_looked_up_is_the_one_that_is_composed(text in ".{0,40}|[a-zа-яё ’'\u{300}-\u{303}\u{4e00}-\u{4e20}]{0,20}") {
            let mut tokens = Tokens::new("another text before, 文字", Han::Kept);
            for han in [Han::Kept, Han::Spelled] {
                tokens.read(&text, han);
                prop_assert_eq!(&tokens, &composed(&text, han));
            }
        }
    }

    fn spelled(text: &str) -> String {
        String::from_utf8(Tokens::new(text, Han::Spelled).as_bytes().to_vec()).unwrap()
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
        assert_eq!(tokens.iter().collect::<Vec<_>>(), ["led", "灯", "手", "机"].map(str::as_bytes));
        assert_eq!((tokens.run(2, 2), tokens.len()), ("手 机".as_bytes(), 4));
    }

    #[test]
    fn nothing_is_left_of_what_has_no_letters_and_no_digits() {
        for text in ["", " ", "--- ???", "\u{202e}\u{200b}", "🦄", "\u{301}\u{301}\u{301}", "\0\u{7}"] {
            assert!(Tokens::new(text, Han::Spelled).is_empty(), "{text:?}");
        }
    }
}

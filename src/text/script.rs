//! Script: what the characters of a text give away, whatever its words say.

use unicode_script::{Script, UnicodeScript as _};

/// What the characters of one text are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Characters {
    /// All of them.
    pub n: usize,
    /// Letters.
    pub n_letters: usize,
    /// Blanks and line ends.
    pub n_blanks: usize,
    /// Those that nobody sees and no honest description needs: see [`Characters::of`].
    pub n_invisible: usize,
    /// Words that mix scripts whose letters look alike.
    pub n_mixed_words: usize,
}

impl Characters {
    /// Looks at each character once.
    ///
    /// *Invisible* are control characters other than blanks, and the format characters that hide or reorder text: soft
    /// hyphen, zero width space, bidirectional controls, tags and fillers. The joiners U+200C and U+200D spell Persian,
    /// Indic languages and emoji, so they count only after a letter of a script that never needs them.
    ///
    /// A *mixed word* is a run of three letters or more with two of Latin, Cyrillic, Greek and Armenian in it: their
    /// letters look alike (Unicode Technical Standard 39, mixed-script confusables). `USB-кабель` is two words.
    pub fn of(text: &str) -> Self {
        let mut found = Self::default();
        let mut word = Word::default();
        let mut before = Script::Common;
        for c in text.chars() {
            found.n += 1;
            if c.is_ascii_lowercase() || c.is_ascii_uppercase() {
                found.n_letters += 1;
                word.add(Script::Latin);
                before = Script::Latin;
                continue;
            }
            let is_joiner = matches!(c, '\u{200c}' | '\u{200d}');
            if is_invisible(c) {
                found.n_invisible += usize::from(!is_joiner || is_alike(before));
                continue;
            }
            before = match c {
                '\0'..='\x7f' => Script::Common,
                // Those of Russian and Kazakh, before all of Unicode is searched.
                '\u{400}'..='\u{482}' | '\u{48a}'..='\u{52f}' => Script::Cyrillic,
                _ => c.script(),
            };
            if c.is_alphabetic() {
                found.n_letters += 1;
                word.add(before);
            } else if before != Script::Inherited {
                found.n_mixed_words += usize::from(word.is_mixed());
                word = Word::default();
            }
            found.n_blanks += usize::from(c.is_whitespace());
        }
        found.n_mixed_words += usize::from(word.is_mixed());
        found
    }

    /// What part of the visible characters are no letters; `None` where there are none.
    pub fn share_of_non_letters(&self) -> Option<f64> {
        let visible = self.n - self.n_blanks;
        (visible > 0).then(|| (visible - self.n_letters) as f64 / visible as f64)
    }
}

/// The word that is being read.
#[derive(Default)]
struct Word {
    n_letters: usize,
    latin: bool,
    cyrillic: bool,
    other: bool,
}

impl Word {
    fn add(&mut self, script: Script) {
        self.n_letters += 1;
        match script {
            Script::Latin => self.latin = true,
            Script::Cyrillic => self.cyrillic = true,
            Script::Greek | Script::Armenian => self.other = true,
            _ => {}
        }
    }

    fn is_mixed(&self) -> bool {
        self.n_letters >= 3 && [self.latin, self.cyrillic, self.other].into_iter().filter(|seen| *seen).count() > 1
    }
}

/// Scripts whose letters look alike.
fn is_alike(script: Script) -> bool {
    matches!(script, Script::Latin | Script::Cyrillic | Script::Greek | Script::Armenian)
}

/// Whether nobody sees the character. Variation selectors, which choose how an emoji looks, are not among them.
pub(super) fn is_invisible(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => false,
        '\u{ad}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0001}'..='\u{e007f}' => true,
        _ => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_two_scripts_that_look_alike_are_found() {
        // The escapes are Cyrillic letters that look like a, o and c.
        for (text, n) in [
            ("c\u{43e}smetics", 1),
            ("\u{441}osmetic s\u{430}mple", 2),
            ("M\u{41e}\u{421}K", 1),
            ("\u{3b1}lpha", 1),
            ("USB-кабель для phone", 0),
            ("кабель phone", 0),
            ("手机phone ケース", 0),
            ("10 μm", 0),
            ("é\u{301}te", 0),
        ] {
            assert_eq!(Characters::of(text).n_mixed_words, n, "{text}");
        }
    }

    #[test]
    fn what_nobody_sees_is_counted_and_what_spells_a_language_is_not() {
        for (text, n) in [
            ("co\u{200b}ca\u{202e}ine\0", 3),
            ("to\u{200d}ys", 1),
            ("می\u{200c}خواهم", 0),
            ("👩\u{200d}👧 ❤\u{fe0f}", 0),
            ("two\nlines\tand\r\n", 0),
            ("\u{feff}gift", 1),
        ] {
            assert_eq!(Characters::of(text).n_invisible, n, "{text:?}");
        }
    }

    #[test]
    fn non_letters_are_a_share_of_what_is_there_to_see() {
        assert_eq!(Characters::of("ab 12").share_of_non_letters(), Some(0.5));
        assert_eq!(Characters::of("礼品").share_of_non_letters(), Some(0.0));
        assert_eq!(Characters::of(" ").share_of_non_letters(), None);
        assert_eq!(Characters::of("\u{301}\u{202e}").share_of_non_letters(), Some(1.0));
    }
}

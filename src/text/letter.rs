//! What becomes of a character in a token, looked up: of the scripts that most texts are written in.

use std::num::NonZeroU8;
use std::sync::LazyLock;

use any_ascii::any_ascii_char;
use unicode_normalization::char::{canonical_combining_class, is_combining_mark};
use unicode_normalization::{IsNormalized, is_nfkc_quick};

use super::script::is_invisible;

/// What becomes of a character.
#[derive(Clone, Copy, Debug)]
#[repr(align(8))]
pub(super) struct Letter {
    /// In its first bytes the letters and digits that stand for it in a token, in lower case.
    pub(super) bytes: [u8; MOST],
    /// How many there are; none where it belongs to the token that it stands in without being part of it.
    pub(super) n: u8,
    pub(super) kind: LetterKind,
}

/// How a character is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LetterKind {
    /// It belongs to a token.
    OfToken,
    /// It stands between tokens.
    Separates,
    /// It is spelled with something between tokens, or at length.
    Spelled,
    /// What becomes of it depends on those beside it.
    Composed,
    /// It is of another script.
    Beyond,
}

/// Most letters and digits that stand for a character.
pub(super) const MOST: usize = 4;

/// Characters of one and two bytes of UTF-8: Latin, Greek, Cyrillic, Armenian, Hebrew, Arabic.
const N: usize = 0x800;

static LETTERS: LazyLock<[Letter; N]> = LazyLock::new(|| {
    let of = |code| char::from_u32(code as u32).map_or(Letter::of_kind(LetterKind::Composed), Letter::of);
    std::array::from_fn(of)
});

/// Letters and digits of ASCII in lower case, by the byte that they are read from; `None` for any other.
pub(super) static PLAIN: [Option<NonZeroU8>; 256] = {
    let mut plain = [None; 256];
    let mut byte = 0;
    while byte < plain.len() {
        let letter = byte as u8;
        if letter.is_ascii_alphanumeric() {
            plain[byte] = NonZeroU8::new(letter.to_ascii_lowercase());
        }
        byte += 1;
    }
    plain
};

impl Letter {
    const BEYOND: Self = Self::of_kind(LetterKind::Beyond);

    /// What becomes of the characters from U+0000 on.
    pub(super) fn all() -> &'static [Letter; N] {
        &LETTERS
    }

    /// What becomes of a character, of [`Letter::all`].
    pub(super) fn at(all: &[Letter; N], c: char) -> &Self {
        all.get(c as usize).unwrap_or(&Self::BEYOND)
    }

    fn of(c: char) -> Self {
        if !stands_alone(c) {
            Self::of_kind(LetterKind::Composed)
        } else if c.is_ascii_alphanumeric() {
            Self::spelled(c.encode_utf8(&mut [0; 4]))
        } else if !c.is_ascii() && is_spelled(c) {
            Self::spelled(any_ascii_char(c))
        } else if joins(c) {
            Self::spelled("")
        } else {
            Self::of_kind(LetterKind::Separates)
        }
    }

    const fn of_kind(kind: LetterKind) -> Self {
        Self { bytes: [0; MOST], n: 0, kind }
    }

    fn spelled(text: &str) -> Self {
        let mut letter = Self::of_kind(LetterKind::OfToken);
        for c in text.chars().filter(|c| !joins(*c)) {
            match letter.bytes.get_mut(usize::from(letter.n)) {
                Some(byte) if c.is_ascii_alphanumeric() => *byte = c.to_ascii_lowercase() as u8,
                _ => return Self::of_kind(LetterKind::Spelled),
            }
            letter.n += 1;
        }
        letter
    }
}

/// Whether compatibility composition (NFKC) leaves a character as it is whatever stands beside it, marks aside, which are not
/// of this kind themselves.
pub(super) fn stands_alone(c: char) -> bool {
    c.is_ascii() || canonical_combining_class(c) == 0 && is_nfkc_quick(std::iter::once(c)) == IsNormalized::Yes
}

/// Whether a character beyond ASCII is transliterated. Soft and hard signs become apostrophes, and most marks nothing.
pub(super) fn is_spelled(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// Whether a character belongs to the token that it stands in, without being part of it.
pub(super) fn joins(c: char) -> bool {
    matches!(c, '\'' | '`' | '’' | '‘') || is_invisible(c)
}

//! One spelling for sounds that are romanized in several ways.

/// What is known of a letter.
#[derive(Clone, Copy)]
#[repr(align(4))]
struct Sound {
    /// What it is written as, unless it begins a group; [`SEVERAL`] where that is more than one letter.
    written: u8,
    /// The letter that must come after it for the two to begin a group; [`NEVER`] where none does.
    second: u8,
    /// Whether it stays where it doubles.
    may_repeat: bool,
}

const SEVERAL: u8 = 0;
/// No byte of a token.
const NEVER: u8 = 0xff;

const SOUNDS: [Sound; 256] = {
    let mut sounds = [Sound { written: 0, second: NEVER, may_repeat: false }; 256];
    let mut place = 0;
    while place < sounds.len() {
        let letter = place as u8;
        sounds[place].written = match letter {
            b'x' => SEVERAL,
            b'q' => b'k',
            b'y' | b'j' => b'i',
            _ => letter,
        };
        sounds[place].second = match letter {
            b's' | b'k' | b'g' | b'p' => b'h',
            b'a' | b'o' | b'u' => b'e',
            _ => NEVER,
        };
        sounds[place].may_repeat = matches!(letter, b'a' | b'e' | b'o' | b'u' | b'0'..=b'9');
        place += 1;
    }
    sounds
};

/// Puts behind `out` one spelling for sounds that passports, carriers and people romanize in several ways.
///
/// It takes together what differs between ICAO Doc 9303, BGN/PCGN and common use for Cyrillic (`y`, `i` and a `j` that
/// does not begin a word; `kh` and `h`; `x` and `ks`; `shch` and `sch`), for Kazakh (`q` and `k`, `gh` and `g`), the two
/// ways to write an umlaut (`ue` and `u`), and doubled consonants. Vowels stay as they are, and so does the `ue` of
/// pinyin: `Xu` and `Xue` are two names.
///
/// * `letters`: lower-case letters and digits of ASCII.
pub(super) fn push_one_romanization(letters: &[u8], out: &mut Vec<u8>) {
    let begin = out.len();
    // No letter becomes more than two.
    out.resize(begin + 2 * letters.len(), 0);
    let word = &mut out[begin..];
    let (mut idx, mut n, mut last) = (0, 0, 0);
    if letters.first() == Some(&b'j') {
        (word[0], idx, n, last) = (b'j', 1, 1, b'j');
    }
    while let Some(&letter) = letters.get(idx) {
        let Sound { mut written, second, may_repeat } = SOUNDS[usize::from(letter)];
        idx += 1;
        if letters.get(idx) == Some(&second) {
            match (letter, &letters[idx..]) {
                (b's', [b'h', b'c', b'h', ..]) => {
                    idx += 3;
                    n = push_several(word, n, b"sch");
                    last = b'h';
                    continue;
                }
                (b'k', _) => (written, idx) = (b'h', idx + 1),
                (b'g', _) => idx += 1,
                (b'p', _) => (written, idx) = (b'f', idx + 1),
                (b'a' | b'o' | b'u', [_, after, ..]) if is_umlaut(letters, idx - 1, *after) => idx += 1,
                _ => {}
            }
        } else if written == SEVERAL {
            n = push_several(word, n, b"ks");
            last = b's';
            continue;
        }
        // Written in any case, and kept unless it doubles: whether it does is nothing that a machine can foresee.
        word[n] = written;
        n += usize::from(may_repeat || written != last);
        last = written;
    }
    out.truncate(begin + n);
}

/// Puts a group behind the first `n` letters of `word`, unless they end with it. Returns how many there are then.
fn push_several(word: &mut [u8], n: usize, group: &[u8]) -> usize {
    if word[..n].ends_with(group) {
        return n;
    }
    word[n..n + group.len()].copy_from_slice(group);
    n + group.len()
}

/// Whether the `e` after the vowel at `idx` only stands for two dots on it: before a consonant, in a word long enough,
/// and not after the letters that `ue` follows in pinyin.
fn is_umlaut(bytes: &[u8], idx: usize, after: u8) -> bool {
    let before_consonant = after.is_ascii_lowercase() && !b"aeiouy".contains(&after);
    let after_pinyin = idx > 0 && b"xqy".contains(&bytes[idx - 1]);
    bytes.len() >= 5 && before_consonant && !after_pinyin
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same as a list of rules, the first that fits.
    fn by_rules(token: &str) -> String {
        let bytes = token.as_bytes();
        let (mut out, mut idx) = (String::new(), 0);
        while idx < bytes.len() {
            let (written, read) = match &bytes[idx..] {
                [b's', b'h', b'c', b'h', ..] => ("sch", 4),
                [b'k', b'h', ..] => ("h", 2),
                [b'g', b'h', ..] => ("g", 2),
                [b'p', b'h', ..] => ("f", 2),
                [b'x', ..] => ("ks", 1),
                [b'q', ..] => ("k", 1),
                [b'y', ..] => ("i", 1),
                [b'j', ..] if idx > 0 => ("i", 1),
                [b'a' | b'o' | b'u', b'e', after, ..] if is_umlaut(bytes, idx, *after) => (&token[idx..=idx], 2),
                _ => (&token[idx..=idx], 1),
            };
            let may_repeat = matches!(written, "a" | "e" | "o" | "u") || bytes[idx].is_ascii_digit();
            if may_repeat || !out.ends_with(written) {
                out.push_str(written);
            }
            idx += read;
        }
        out
    }

    proptest! {
        #[test]
        fn sounds_are_those_of_the_rules(
            token in "[a-z0-9]{0,20}|[shcjxkgpaoueqyn7]{0,9}|(shch|kh|gh|ph|ue|oe|x|y|j|q|k|s|s|h|b|77){0,8}",
        ) {
            let mut out = b"before".to_vec();
            push_one_romanization(token.as_bytes(), &mut out);
            prop_assert_eq!(String::from_utf8(out).unwrap(), format!("before{}", by_rules(&token)));
        }
    }
}

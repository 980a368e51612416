//! Names of people and businesses, so that respellings of one name meet.

use super::tokens::{Han, Tokens};
use super::word_bag::WordBag;

/// Titles and legal forms: they come and go between two spellings of one name.
const NOT_OF_THE_NAME: [&str; 12] =
    ["mr", "mrs", "ms", "dr", "ltd", "limited", "llc", "llp", "inc", "corp", "gmbh", "ooo"];

/// What stands where a name should. Carriers and the EU's Import Control System refuse the first three.
const PLACEHOLDERS: [&str; 14] = [
    "private",
    "unknown",
    "n a",
    "na",
    "none",
    "no name",
    "noname",
    "anonymous",
    "name",
    "test",
    "sender",
    "recipient",
    "chastnoe litso",
    "fizicheskoe litso",
];

/// A name, read once for all that is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    normalized: Option<String>,
    is_placeholder: bool,
}

impl Name {
    /// Reads a name.
    pub fn read(name: &str) -> Self {
        let tokens = Tokens::new(name, Han::Spelled);
        Self { normalized: normalized(&tokens), is_placeholder: is_placeholder(tokens.as_str()) }
    }

    /// See [`normalized_name`].
    pub fn normalized(&self) -> Option<&str> {
        self.normalized.as_deref()
    }

    /// Whether it stands for none: `unknown`, `N/A`, one letter again and again.
    pub fn is_placeholder(&self) -> bool {
        self.is_placeholder
    }
}

/// A name as it is compared: plain letters, one spelling of sounds that are romanized in several ways, titles and legal
/// forms left out, tokens sorted. `None` where nothing is left.
///
/// So `Müller, Jürgen`, `JUERGEN MUELLER` and `Jurgen Muller` meet, and `Юлия Хрущева` meets `Yuliya Khrushcheva` and
/// `KHRUSHCHEVA IULIIA`. Initials, patronymics and translations (`Peter`, `Пётр`) do not.
pub fn normalized_name(name: &str) -> Option<String> {
    Name::read(name).normalized
}

fn normalized(tokens: &Tokens) -> Option<String> {
    let mut words = WordBag::with_capacity(tokens.as_str().len());
    let kept = tokens.iter().filter(|token| !NOT_OF_THE_NAME.contains(token));
    kept.for_each(|token| words.add(|out| push_one_romanization(token, out)));
    if words.is_empty() {
        tokens.iter().for_each(|token| words.add(|out| push_one_romanization(token, out)));
    }
    Some(words.sorted()).filter(|name| !name.is_empty())
}

fn is_placeholder(tokens: &str) -> bool {
    let first = tokens.bytes().next();
    PLACEHOLDERS.contains(&tokens) || tokens.bytes().all(|byte| Some(byte) == first)
}

/// Puts behind `out` one spelling for sounds that passports, carriers and people romanize in several ways.
///
/// It takes together what differs between ICAO Doc 9303, BGN/PCGN and common use for Cyrillic (`y`, `i` and a `j` that
/// does not begin a word; `kh` and `h`; `x` and `ks`; `shch` and `sch`), for Kazakh (`q` and `k`, `gh` and `g`), the two
/// ways to write an umlaut (`ue` and `u`), and doubled consonants. Vowels stay as they are, and so does the `ue` of
/// pinyin: `Xu` and `Xue` are two names.
pub(super) fn push_one_romanization(token: &str, out: &mut String) {
    let bytes = token.as_bytes();
    let begin = out.len();
    let mut idx = 0;
    while idx < bytes.len() {
        let rest = &bytes[idx..];
        let (written, read) = match rest {
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
        if let [only] = *written.as_bytes() {
            // By far the most, so without a comparison and a copy of slices.
            let may_repeat = matches!(only, b'a' | b'e' | b'o' | b'u') || rest[0].is_ascii_digit();
            if may_repeat || out.len() == begin || out.as_bytes().last() != Some(&only) {
                out.push(char::from(only));
            }
        } else if !out[begin..].ends_with(written) {
            out.push_str(written);
        }
        idx += read;
    }
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
    use super::*;

    #[test]
    fn respellings_of_a_name_meet() {
        for names in [
            &["Müller, Jürgen", "JUERGEN MUELLER", "Jurgen Muller", "Herr Jürgen Müller"][..3],
            &["Юлия Хрущева", "Yuliya Khrushcheva", "KHRUSHCHEVA IULIIA", "Yulia Khruscheva", "хрущёва юлия"],
            &[
                "Алексей Иванов",
                "Aleksey Ivanov",
                "Alexei  IVANOV",
                "ivanov alexey",
                "Aleksej Ivanov",
                "Mr. Aleksei Ivanov",
            ],
            &["Нұрсұлтан Әбішев", "Nursultan Abishev", "ABISHEV NURSULTAN"],
            &["Қасым Ғани", "Kasym Gani", "Qasym Ghani"],
            &["王伟", "Wang Wei", "WEI WANG", "wang, wei"],
            &["Łukasz Żółć", "Lukasz Zolc"],
            &["ООО Ромашка", "Romashka OOO", "«Ромашка»"],
            &["O'Neil Sean", "ONEIL, SEAN", "Seán O’Neil"],
            &["Ａｎｎａ Ｌｅｅ", "Anna Lee", "An\u{200b}na L\u{301}ee"],
            &["Иван Иванов", "Ив\u{430}\u{301}н Иванов"],
        ] {
            let first = normalized_name(names[0]);
            assert!(first.is_some());
            for name in names {
                assert_eq!(normalized_name(name), first, "{name}");
            }
        }
    }

    #[test]
    fn different_names_do_not_meet() {
        for (one, other) in [
            ("Ivanov Ivan", "Ivanova Ivan"),
            ("Xu Wei", "Xue Wei"),
            ("Xu Feng", "Xuefeng"),
            ("Jang Min", "Yang Min"),
            ("Jin Li", "Yin Li"),
            ("Lee Kim", "Le Kim"),
            ("Baek Jun", "Bak Jun"),
            ("王伟", "王薇薇"),
            ("Shop 11", "Shop 1"),
            ("Ромашка", "Ромашки"),
            ("Ali Hasan", "Ali Hasani"),
        ] {
            assert_ne!(normalized_name(one), normalized_name(other), "{one}, {other}");
        }
    }

    #[test]
    fn a_title_alone_is_still_a_name_and_no_letters_are_none() {
        assert_eq!(normalized_name("Limited").as_deref(), Some("limited"));
        for name in ["", " - ", "🦄", "\u{202e}", "\u{301}"] {
            assert_eq!(normalized_name(name), None, "{name:?}");
        }
    }

    #[test]
    fn placeholders_are_told_from_names() {
        for name in ["N/A", "unknown", "PRIVATE", "aaaa", "-", "", "частное лицо"] {
            assert!(Name::read(name).is_placeholder(), "{name:?}");
        }
        for name in ["Unknown Pleasures Ltd", "Ann", "Private Label Co", "Абай"] {
            assert!(!Name::read(name).is_placeholder(), "{name:?}");
        }
    }
}

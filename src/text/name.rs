//! Names of people and businesses, so that respellings of one name meet.

use super::romanized::push_one_romanization;
use super::scratch::Scratch;
use super::tokens::Han;

/// Whether a word is a title or a legal form: they come and go between two spellings of one name.
fn is_not_of_the_name(word: &[u8]) -> bool {
    matches!(
        word,
        b"mr" | b"mrs" | b"ms" | b"dr" | b"ltd" | b"limited" | b"llc" | b"llp" | b"inc" | b"corp" | b"gmbh" | b"ooo"
    )
}

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
    /// ASCII; empty where nothing is left.
    normalized: Vec<u8>,
    is_placeholder: bool,
}

impl Name {
    /// Reads a name.
    pub fn read(name: &str) -> Self {
        Self::read_in(name, &mut Scratch::default())
    }

    /// As [`Name::read`], in room that is there.
    pub fn read_in(name: &str, Scratch { tokens, words, .. }: &mut Scratch) -> Self {
        tokens.read(name, Han::Spelled);
        words.clear();
        let kept = tokens.iter().filter(|token| !is_not_of_the_name(token));
        kept.for_each(|token| words.add(|out| push_one_romanization(token, out)));
        if words.is_empty() {
            tokens.iter().for_each(|token| words.add(|out| push_one_romanization(token, out)));
        }
        let mut normalized = Vec::new();
        words.write_sorted(&mut normalized);
        Self { normalized, is_placeholder: is_placeholder(tokens.as_bytes()) }
    }

    /// See [`normalized_name`]; as UTF-8, which nobody needs to have checked.
    pub fn normalized(&self) -> Option<&[u8]> {
        (!self.normalized.is_empty()).then_some(&self.normalized)
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
    // Tokens that are spelled are ASCII.
    String::from_utf8(Name::read(name).normalized).ok().filter(|name| !name.is_empty())
}

fn is_placeholder(tokens: &[u8]) -> bool {
    let first = tokens.first();
    PLACEHOLDERS.iter().any(|placeholder| placeholder.as_bytes() == tokens)
        || tokens.iter().all(|byte| Some(byte) == first)
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

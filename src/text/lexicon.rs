//! Lexicons: terms of several languages, and what a description that uses them says.

use std::sync::LazyLock;

use super::tokens::{Han, Tokens};
use super::word_map::WordMap;

/// Words that neither name goods nor are generic themselves, so they do not make a description precise.
const NEUTRAL: [&str; 26] = [
    "a", "an", "and", "for", "from", "in", "item", "items", "new", "no", "of", "or", "other", "pc", "pcs", "piece",
    "pieces", "set", "the", "to", "with", "i", "dlya", "iz", "sht", "und",
];

static GENERIC: LazyLock<Terms<()>> =
    LazyLock::new(|| Terms::read(include_str!("generic_terms.txt"), |term| Some(((), term))));
static CHAPTERS: LazyLock<Terms<Chapters>> = LazyLock::new(|| {
    Terms::read(include_str!("chapter_terms.txt"), |line| {
        let (chapters, term) = line.split_once(' ')?;
        let chapters = chapters.split(',').map(|chapter| chapter.parse().ok());
        Some((Chapters::of(chapters.collect::<Option<Vec<u8>>>()?), term))
    })
});

/// Terms by their tokens, a blank between two.
#[derive(Debug)]
struct Terms<T> {
    by_tokens: WordMap<Vec<u8>, T>,
    /// Tokens of the longest term that begins with a token: most tokens begin none, and are looked up once.
    longest: WordMap<Vec<u8>, usize>,
}

impl<T: Copy> Terms<T> {
    /// Reads lines of `language rest`; `read` makes what it stands for and the term of the rest.
    fn read(text: &str, read: impl Fn(&str) -> Option<(T, &str)>) -> Self {
        let (mut by_tokens, mut longest) = (WordMap::default(), WordMap::default());
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (_, rest) = line.split_once(' ').expect("the files of terms are tested");
            let (what, term) = read(rest).expect("the files of terms are tested");
            let tokens = Tokens::new(term, Han::Kept);
            let first = tokens.iter().next().expect("the files of terms are tested").to_owned();
            longest.entry(first).and_modify(|n: &mut usize| *n = tokens.len().max(*n)).or_insert(tokens.len());
            by_tokens.insert(tokens.as_bytes().to_vec(), what);
        }
        Self { by_tokens, longest }
    }

    /// The longest term that begins at token `first`, and how many tokens it has.
    fn at(&self, tokens: &Tokens, first: usize) -> Option<(T, usize)> {
        let token = tokens.run(first, 1);
        let Some(longest) = self.longest.get(token) else {
            // No term begins with it as it stands.
            return self.singular(token).map(|what| (what, 1));
        };
        let most = (*longest).min(tokens.len() - first);
        (1..=most).rev().find_map(|n| Some((self.get(tokens.run(first, n))?, n)))
    }

    /// What a term stands for; an English plural is its singular.
    fn get(&self, tokens: &[u8]) -> Option<T> {
        self.by_tokens.get(tokens).copied().or_else(|| self.singular(tokens))
    }

    fn singular(&self, tokens: &[u8]) -> Option<T> {
        let find = |term: &[u8]| self.by_tokens.get(term).copied();
        tokens.strip_suffix(b"s").and_then(find).or_else(|| find(tokens.strip_suffix(b"es")?))
    }

    /// Cuts a text, from its beginning, into its terms, the longest first, and the tokens between them. Each comes with
    /// the token that it begins with and its number of tokens.
    fn cut(&self, tokens: &Tokens) -> impl Iterator<Item = (Option<T>, usize, usize)> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let first = next;
            if first == tokens.len() {
                return None;
            }
            let term = self.at(tokens, first);
            let n = term.map_or(1, |(_, n)| n);
            next += n;
            Some((term.map(|(what, _)| what), first, n))
        })
    }
}

/// The words of one description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    tokens: Tokens,
}

impl Words {
    /// Reads a description.
    pub fn new(description: &str) -> Self {
        Self { tokens: Tokens::new(description, Han::Kept) }
    }

    /// Its tokens; a Chinese character is one.
    pub fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// How many there are; a Chinese character is one.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether nothing was left of the description.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// How generic they are; `None` without words.
    pub fn generic(&self) -> Option<Generic> {
        if self.is_empty() {
            return None;
        }
        let says_nothing =
            |token: &[u8]| NEUTRAL.iter().any(|word| word.as_bytes() == token) || token.iter().all(u8::is_ascii_digit);
        let (mut n_generic, mut n_precise) = (0, 0);
        for (term, first, n) in GENERIC.cut(&self.tokens) {
            match term {
                Some(()) => n_generic += n,
                None => n_precise += usize::from(!says_nothing(self.tokens.run(first, n))),
            }
        }
        Some(Generic { share: n_generic as f64 / self.len() as f64, is_standalone: n_generic > 0 && n_precise == 0 })
    }

    /// The chapters of the Harmonized System that they hint at; empty where no word is known.
    pub fn chapters_hinted(&self) -> Chapters {
        let hinted = CHAPTERS.cut(&self.tokens).filter_map(|(chapters, ..)| chapters);
        hinted.fold(Chapters::default(), |all, chapters| Chapters(all.0 | chapters.0))
    }
}

/// How generic a description is: see `generic_terms.txt`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Generic {
    /// What part of its words belong to generic terms.
    pub share: f64,
    /// Whether nothing but generic terms, numbers and particles is in it.
    pub is_standalone: bool,
}

/// Chapters of the Harmonized System.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chapters(u128);

impl Chapters {
    /// A set of chapters, each 1 to 97.
    fn of(chapters: impl IntoIterator<Item = u8>) -> Self {
        Self(chapters.into_iter().fold(0, |set, chapter| set | 1 << (chapter % 128)))
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether a chapter, as two digits, is one of them.
    pub fn contains(self, chapter: &str) -> bool {
        chapter.parse::<u8>().is_ok_and(|chapter| chapter < 128 && self.0 & 1 << chapter != 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines of a file of terms, cut into its columns.
    fn lines(text: &'static str, n: usize) -> Vec<Vec<&'static str>> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| line.splitn(n, ' ').collect()).collect()
    }

    #[test]
    fn the_files_are_well_formed_and_no_term_stands_twice() {
        let languages = ["en", "ru", "kk", "zh", "de", "fr", "es", "tr"];
        let (generic, chapters) =
            (lines(include_str!("generic_terms.txt"), 2), lines(include_str!("chapter_terms.txt"), 3));
        for line in generic.iter().chain(&chapters) {
            assert!(languages.contains(&line[0]), "{line:?}");
            let tokens = Tokens::new(line[line.len() - 1], Han::Kept);
            assert!((1..=5).contains(&tokens.len()), "{line:?}");
        }
        for line in &chapters {
            assert!(line[1].split(',').all(|chapter| (1..=97).contains(&chapter.parse::<u8>().unwrap())), "{line:?}");
        }
        let twice = |lines: &[Vec<&str>]| {
            let mut terms: Vec<_> =
                lines.iter().map(|line| Words::new(line[line.len() - 1]).tokens.as_bytes().to_vec()).collect();
            terms.sort();
            terms.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0].clone()).collect::<Vec<_>>()
        };
        assert_eq!(twice(&chapters), Vec::<Vec<u8>>::new());
        assert_eq!(twice(&generic), Vec::<Vec<u8>>::new());
        assert!(CHAPTERS.by_tokens.len() >= 500 && GENERIC.by_tokens.len() >= 300);
    }

    #[test]
    fn a_generic_description_is_known_in_any_of_the_languages() {
        for text in [
            "Gifts",
            "2 pcs gift",
            "personal effects",
            "GIFT AND SAMPLES",
            "Подарок",
            "podarok",
            "личные вещи",
            "сыйлық",
            "礼品",
            "日用品 2",
            "Geschenk",
            "cadeaux",
            "regalo",
            "hediye",
            "spare parts",
            "documents",
        ] {
            assert!(Words::new(text).generic().unwrap().is_standalone, "{text}");
        }
        for text in [
            "cotton shirt",
            "gift of cotton shirts",
            "personal items, shirt",
            "подарок: кукла",
            "手机壳",
            "2 pcs",
            "12345",
        ] {
            assert!(!Words::new(text).generic().unwrap().is_standalone, "{text}");
        }
        assert_eq!(Words::new("gift toy car").generic().unwrap().share, 1.0 / 3.0);
        assert_eq!(Words::new("🎁").generic(), None);
    }

    #[test]
    fn goods_hint_at_their_chapters_in_any_of_the_languages() {
        for (text, chapter) in [
            ("Women's dress, blue", "62"),
            ("кроссовки мужские", "64"),
            ("krossovki", "64"),
            ("手机壳", "39"),
            ("mobile phone case", "39"),
            ("smartphones", "85"),
            ("watches", "91"),
            ("LEGO toy", "95"),
            ("face cream", "33"),
            ("витамины", "21"),
            ("таблетки", "30"),
            ("книга", "49"),
            ("项链", "71"),
        ] {
            assert!(Words::new(text).chapters_hinted().contains(chapter), "{text}");
        }
        let phone_case = Words::new("phone case").chapters_hinted();
        assert!(!phone_case.contains("30") && !phone_case.contains("xx") && !phone_case.contains("255"));
        for text in ["", "зюзя", "qwerty", "gift"] {
            assert!(Words::new(text).chapters_hinted().is_empty(), "{text}");
        }
    }

    #[test]
    fn the_longest_term_wins() {
        let hinted = |text| Words::new(text).chapters_hinted();
        assert!(hinted("toy gun").contains("95") && !hinted("toy gun").contains("93"));
        assert!(hinted("air gun").contains("93"));
    }
}

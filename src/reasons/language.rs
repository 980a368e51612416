//! The languages that officers are spoken to in.

/// A language that every reason and every notice has a sentence in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// Where nothing else is asked for.
    #[default]
    English,
    /// Русский.
    Russian,
    /// Қазақша.
    Kazakh,
}

impl Language {
    /// Every language.
    pub const ALL: &'static [Self] = &[Self::English, Self::Russian, Self::Kazakh];

    /// The tag of BCP 47.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Russian => "ru",
            Self::Kazakh => "kk",
        }
    }

    /// The one that somebody likes best, by the value of an `accept-language` header (RFC 9110, 12.5.4); English where none
    /// of theirs is spoken here. Of a tag only the language counts: `ru-KZ` is Russian. One with `q=0` is not acceptable to
    /// them, and `*` is any that they do not name.
    pub fn accepted(header: &str) -> Self {
        let ranges = accept_language::parse_with_quality(header);
        let spoken = |range: &str| {
            let language = range.split('-').next()?;
            Self::ALL.iter().copied().find(|known| known.tag().eq_ignore_ascii_case(language))
        };
        let is_named = |known: &Self| ranges.iter().any(|(range, _)| spoken(range) == Some(*known));
        let acceptable = ranges.iter().filter(|(_, quality)| *quality > 0.0);
        let any_other = || Self::ALL.iter().copied().find(|known| !is_named(known));
        let mut taken = acceptable.filter_map(|(range, _)| if range == "*" { any_other() } else { spoken(range) });
        taken.next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_liked_best_is_taken_of_those_spoken() {
        let cases = [
            ("", Language::English),
            ("ru", Language::Russian),
            ("RU-kz", Language::Russian),
            ("kk-KZ,ru;q=0.8,en;q=0.5", Language::Kazakh),
            ("ru;q=0.4, kk;q=0.9", Language::Kazakh),
            ("fr, de;q=0.9, ru;q=0.1", Language::Russian),
            ("fr", Language::English),
            ("*", Language::English),
            (";;;q=,\u{1}", Language::English),
            ("ru;q=0", Language::English),
            ("ru; q=0.000, kk;q=0.1", Language::Kazakh),
            ("ru-KZ;q=0, kk;q=0, en;q=0", Language::English),
            ("ru;q=nan, kk;q=0.5", Language::Kazakh),
            ("*;q=0.5, ru;q=0.1", Language::English),
            ("en;q=0, *", Language::Russian),
            ("en;q=0, ru;q=0, *;q=0.1", Language::Kazakh),
            ("en;q=0, *;q=0", Language::English),
        ];
        for (header, expected) in cases {
            assert_eq!(Language::accepted(header), expected, "{header:?}");
        }
    }
}

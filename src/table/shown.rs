//! Names out of a file, as messages show them.

use std::fmt;

/// A column or field name in quotes: control characters escaped, and cut where it is long.
pub(super) struct Shown<'a>(pub(super) &'a str);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MAX_BYTES: usize = 80;
        let cut = self.0.floor_char_boundary(MAX_BYTES);
        let (head, rest) = self.0.split_at(cut);
        write!(f, "{head:?}{}", if rest.is_empty() { "" } else { "…" })
    }
}

/// The candidate that `name` most likely meant, where one is near enough to be worth saying.
pub(super) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const NEAR_ENOUGH: f64 = 0.55;
    let (wanted, bounded) = (name.to_lowercase(), name.len() <= 200);
    candidates
        .into_iter()
        .filter(|candidate| bounded && candidate.len() <= 200)
        .map(|candidate| (strsim::normalized_damerau_levenshtein(&wanted, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= NEAR_ENOUGH)
        // The first of equals, so that the order of the candidates decides and not chance.
        .reduce(|best, next| if next.0 > best.0 { next } else { best })
        .map(|(_, candidate)| candidate)
}

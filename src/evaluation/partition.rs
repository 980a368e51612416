//! Rows told apart by a value, the rare values brought together.

use std::collections::BTreeMap;

/// Fewest rows of a part that stands by itself: below, its figures would be noise.
pub(super) const MIN_ROWS: usize = 100;

/// What values that do not stand by themselves are called together.
pub(super) const OTHER: &str = "other";

/// A value for each row, by which a report tells rows apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Partition {
    /// What the values are of, such as `origin_country`.
    pub dimension: String,
    /// Shape `(n,)`, in the order of the rows.
    pub values: Vec<String>,
}

/// Rows of one value, or of all the values that are rare.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Part {
    pub(super) value: String,
    /// Indices of its rows, ascending.
    pub(super) rows: Vec<usize>,
}

impl Partition {
    /// Parts of falling size, equal sizes by value, [`OTHER`] last. At most `at_most` stand by themselves, each with
    /// at least [`MIN_ROWS`] rows. None where one part would hold every row: it would say nothing new.
    pub(super) fn parts(&self, at_most: usize) -> Vec<Part> {
        let mut by_value: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, value) in self.values.iter().enumerate() {
            by_value.entry(value).or_default().push(row);
        }
        let mut parts = by_value.into_iter().collect::<Vec<_>>();
        // Stable, so equal sizes stay in the order of their values.
        parts.sort_by_key(|(value, rows)| (*value == OTHER, std::cmp::Reverse(rows.len())));
        let stand = |(value, rows): &(&str, Vec<usize>)| *value != OTHER && rows.len() >= MIN_ROWS;
        let n_standing = parts.iter().take(at_most).take_while(|part| stand(part)).count();
        let mut rest = parts.split_off(n_standing).into_iter().flat_map(|(_, rows)| rows).collect::<Vec<_>>();
        rest.sort_unstable();
        let mut parts =
            parts.into_iter().map(|(value, rows)| Part { value: value.to_owned(), rows }).collect::<Vec<_>>();
        if !rest.is_empty() {
            parts.push(Part { value: OTHER.to_owned(), rows: rest });
        }
        if parts.len() > 1 { parts } else { Vec::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(counts: &[(&str, usize)], at_most: usize) -> Vec<(String, usize)> {
        let values = counts.iter().flat_map(|(value, n)| vec![(*value).to_owned(); *n]).collect();
        let parts = Partition { dimension: "any".to_owned(), values }.parts(at_most);
        parts.into_iter().map(|part| (part.value, part.rows.len())).collect()
    }

    fn expected(counts: &[(&str, usize)]) -> Vec<(String, usize)> {
        counts.iter().map(|(value, n)| ((*value).to_owned(), *n)).collect()
    }

    #[test]
    fn the_rare_are_brought_together_and_come_last() {
        let found = sizes(&[("a", 99), ("b", 100), ("c", 300), ("d", 50)], 12);
        assert_eq!(found, expected(&[("c", 300), ("b", 100), ("other", 149)]));
    }

    #[test]
    fn no_more_stand_alone_than_asked_for() {
        let found = sizes(&[("a", 200), ("b", 300), ("c", 200)], 2);
        assert_eq!(found, expected(&[("b", 300), ("a", 200), ("other", 200)]));
    }

    #[test]
    fn a_value_called_other_joins_the_rare() {
        assert_eq!(sizes(&[("a", 100), ("b", 1), ("other", 500)], 12), expected(&[("a", 100), ("other", 501)]));
    }

    #[test]
    fn one_part_of_everything_is_none() {
        for counts in [&[("a", 500)][..], &[("a", 1), ("b", 1)], &[]] {
            assert_eq!(sizes(counts, 12), []);
        }
    }
}

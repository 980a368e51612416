//! The values that a table's label takes, as they stand in it: one that is spelled otherwise means something else.

use std::collections::BTreeMap;
use std::fmt;

use super::shown::Shown;

/// Values of a label, what each means, and how many rows have it.
///
/// Through a mapping every value that is not listed means clean, so a `1.0` beside a `1` makes infringements clean without
/// a word: somebody has to see the values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelCounts {
    values: BTreeMap<String, Meant>,
    /// Rows of values that came when there were too many to keep.
    n_others: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Meant {
    infringement: bool,
    n_rows: u64,
}

/// Values that are told apart; a column of free text must not fill the memory.
const MAX_VALUES: usize = 100;
/// Values that are listed.
const MAX_LISTED: usize = 10;

impl LabelCounts {
    /// Of values that mean an infringement, none of which was met yet.
    pub(super) fn of_infringements(values: impl IntoIterator<Item = String>) -> Self {
        let never = Meant { infringement: true, n_rows: 0 };
        Self { values: values.into_iter().map(|value| (value, never)).collect(), n_others: 0 }
    }

    /// Counts a row.
    pub(super) fn met(&mut self, value: &str, infringement: bool) {
        self.add_rows(value, Meant { infringement, n_rows: 1 });
    }

    /// Counts those of another table too.
    pub fn add(&mut self, other: &Self) {
        other.values.iter().for_each(|(value, meant)| self.add_rows(value, *meant));
        self.n_others += other.n_others;
    }

    fn add_rows(&mut self, value: &str, Meant { infringement, n_rows }: Meant) {
        let has_room = self.values.len() < MAX_VALUES;
        match self.values.get_mut(value) {
            Some(meant) => meant.n_rows += n_rows,
            None if has_room => {
                self.values.insert(value.to_owned(), Meant { infringement, n_rows });
            }
            None => self.n_others += n_rows,
        }
    }

    /// What is likely not meant so, a sentence each: values that mean an infringement and that no row has, values beside
    /// them that differ in spelling only and count as clean, and a label that is never an infringement.
    pub fn doubts(&self) -> Vec<String> {
        let of = |infringement: bool| self.values.iter().filter(move |(_, meant)| meant.infringement == infringement);
        let n_rows = |infringement: bool| of(infringement).map(|(_, meant)| meant.n_rows).sum::<u64>();
        if n_rows(true) + n_rows(false) + self.n_others == 0 {
            return Vec::new();
        }
        let mut doubts = Vec::new();
        for (value, _) in of(true).filter(|(_, meant)| meant.n_rows == 0) {
            doubts.push(format!("no row has the label {}, which means an infringement", Shown(value)));
        }
        for (clean, meant) in of(false) {
            if let Some((listed, _)) = of(true).find(|(listed, _)| are_one(listed, clean)) {
                let (clean, listed, n) = (Shown(clean), Shown(listed), meant.n_rows);
                doubts.push(format!("the label {clean} of {n} rows counts as clean, and {listed} as an infringement"));
            }
        }
        if n_rows(true) == 0 {
            let met = of(false).take(MAX_LISTED).map(|(value, _)| Shown(value).to_string()).collect::<Vec<_>>();
            doubts.push(format!("no row is an infringement; labels that occur: {}", met.join(", ")));
        }
        doubts
    }
}

/// Whether two spellings look like the same value.
fn are_one(a: &str, b: &str) -> bool {
    let number = |text: &str| text.parse::<f64>().ok();
    a.to_lowercase() == b.to_lowercase() || number(a).is_some_and(|a| number(b) == Some(a))
}

/// The most frequent ones, a line each, and how many rows have another.
impl fmt::Display for LabelCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut values: Vec<_> = self.values.iter().collect();
        values.sort_by_key(|(_, meant)| std::cmp::Reverse(meant.n_rows));
        let (listed, others) = values.split_at(values.len().min(MAX_LISTED));
        for (value, Meant { infringement, n_rows }) in listed {
            let means = if *infringement { "infringement" } else { "clean" };
            writeln!(f, "label {} {n_rows} {means}", Shown(value))?;
        }
        let n_others = self.n_others + others.iter().map(|(_, meant)| meant.n_rows).sum::<u64>();
        if n_others > 0 { writeln!(f, "label others {n_others}") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(of: &[(&str, bool, u64)]) -> LabelCounts {
        let mut counts = LabelCounts::of_infringements(["1".to_owned()]);
        for (value, infringement, n_rows) in of {
            (0..*n_rows).for_each(|_| counts.met(value, *infringement));
        }
        counts
    }

    #[test]
    fn the_most_frequent_values_are_listed_and_the_others_are_counted() {
        let many: Vec<String> = (100..300).map(|value| value.to_string()).collect();
        let mut counts = counts(&[("1", true, 3), ("0", false, 9)]);
        many.iter().for_each(|value| counts.met(value, false));
        let text = counts.to_string();
        assert!(text.starts_with("label \"0\" 9 clean\nlabel \"1\" 3 infringement\nlabel \"100\" 1 clean\n"), "{text}");
        assert!(text.ends_with("label \"107\" 1 clean\nlabel others 192\n"), "{text}");
        assert_eq!(text.lines().count(), 11);
        assert!(counts.values.len() == MAX_VALUES, "free text must not fill the memory");
    }

    #[test]
    fn a_value_that_is_spelled_otherwise_is_doubted() {
        let said = |of: &[(&str, bool, u64)]| counts(of).doubts().join("\n");
        assert_eq!(said(&[("1", true, 2), ("0", false, 9), ("", false, 1)]), "");
        assert_eq!(said(&[]), "", "a table without labels says nothing about them");
        assert_eq!(
            said(&[("1", true, 2), ("1.0", false, 3), ("0", false, 9)]),
            "the label \"1.0\" of 3 rows counts as clean, and \"1\" as an infringement"
        );
        assert_eq!(
            said(&[("yes", false, 2)]),
            "no row has the label \"1\", which means an infringement\n\
             no row is an infringement; labels that occur: \"yes\""
        );
        let text: Vec<String> = (0..200).map(|word| format!("word {word}")).collect();
        let mut free = LabelCounts::of_infringements(["1".to_owned()]);
        text.iter().for_each(|text| free.met(text, false));
        assert_eq!(free.doubts().len(), 2, "too many values to keep are doubted too");
        let mut both = counts(&[("0", false, 1)]);
        both.add(&counts(&[("1", true, 1)]));
        assert!(both.doubts().is_empty(), "a value is missed where no table has it");
        assert!(are_one("Drugs", "drugs") && are_one("01", "1.00") && !are_one("drug", "drugs") && !are_one("1", "11"));
    }
}

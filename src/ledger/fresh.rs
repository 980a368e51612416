//! Records that are about to be written together, and how they are found meanwhile.

use hashbrown::HashTable;

use super::index::Key;
use super::record::Content;

/// Records in the order in which they are to be written. A batch has a thousand of them, so each is found by what it is about.
#[derive(Default)]
pub(super) struct Fresh<'a> {
    records: Vec<(i64, Repeatable<'a>)>,
    /// Hashes of decisions and requests, and the places of their records.
    index: HashTable<(Key, usize)>,
}

/// A record to be written: as it was handed over, or what stands for it.
pub(super) enum Repeatable<'a> {
    As(&'a Content),
    Repeat(Box<Content>),
}

impl Repeatable<'_> {
    fn content(&self) -> &Content {
        match self {
            Self::As(content) => content,
            Self::Repeat(content) => content,
        }
    }
}

impl<'a> Fresh<'a> {
    pub(super) fn with_capacity(n: usize) -> Self {
        Self { records: Vec::with_capacity(n), index: HashTable::with_capacity(n) }
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Adds one, with the time that it will have.
    pub(super) fn push(&mut self, recorded_at_micros: i64, record: Repeatable<'a>) {
        let place = self.records.len();
        for key in Key::of_answer(record.content()).into_iter().flatten() {
            self.index.insert_unique(key.0, (key, place), |(key, _)| key.0);
        }
        self.records.push((recorded_at_micros, record));
    }

    /// Place and time of the one with this key that is the same.
    pub(super) fn find(&self, key: Key, is_same: &dyn Fn(&Content) -> bool) -> Option<(usize, i64)> {
        let same = |place: usize| self.records.get(place).is_some_and(|(_, record)| is_same(record.content()));
        let (_, place) = self.index.find(key.0, |(of, place)| *of == key && same(*place))?;
        Some((*place, self.records.get(*place)?.0))
    }

    /// Time and content of each.
    pub(super) fn iter(&self) -> impl Iterator<Item = (i64, &Content)> {
        self.records.iter().map(|(micros, record)| (*micros, record.content()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Bucket;
    use crate::ledger::{Kind, Request};

    #[test]
    fn each_is_found_by_its_decision_and_its_request_and_by_nothing_else() {
        let content = |n: u8| Content {
            decision_id: Some([n; 16]),
            request: n.is_multiple_of(2).then(|| Request { id: n.to_string(), digest: [n; 16] }),
            ..Content::new(Kind::Decision, Bucket(5), Vec::new())
        };
        let contents: Vec<_> = (0..100).map(content).collect();
        let mut fresh = Fresh::default();
        for (content, micros) in contents.iter().zip(1000..) {
            fresh.push(micros, Repeatable::As(content));
        }
        for (n, place) in (0..100_u8).zip(0..) {
            let found = Some((place, 1000 + place as i64));
            assert_eq!(fresh.find(Key::of_decision(&[n; 16]), &|other| *other == content(n)), found);
            let by_request = fresh.find(Key::of_request(&n.to_string()), &|_| true);
            assert_eq!(by_request, found.filter(|_| n.is_multiple_of(2)));
            assert_eq!(fresh.find(Key::of_decision(&[n; 16]), &|_| false), None, "its hash alone says nothing");
        }
        assert_eq!(fresh.find(Key::of_decision(&[100; 16]), &|_| true), None);
        assert_eq!(fresh.iter().map(|(micros, _)| micros).collect::<Vec<_>>(), (1000..1100).collect::<Vec<_>>());
    }
}

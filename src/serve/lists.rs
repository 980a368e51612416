//! Lists that are far longer than may be, seen before their message is read.
//!
//! An entry of which nothing is stated takes two bytes on the way here and a hundred in memory, so a message of the largest
//! size would take a gigabyte, and seconds, to be told that it states too much.

use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

use super::config::MOST_IN_A_BATCH;
use super::status::Refusal;
use crate::parcel::{InvalidParcel, ParcelLimits, Problem, Violation};

/// A message that is no longer is read: it can't hold much. Most are, and are not looked at here.
const UNSEEN_BYTES: usize = 16 << 10;

/// How many times as many entries as the contract allows are read: what is wrong is told with everything else that is.
const TIMES_ALLOWED: usize = 10;

/// The lists of a message.
pub(super) struct Lists {
    /// The field whose message they lie in; `None`: they are the message's own.
    within: Option<u32>,
    lists: &'static [List],
}

struct List {
    field: u32,
    name: &'static str,
    /// Most entries by the contract.
    most: usize,
}

/// No message has more lists.
const MOST_LISTS: usize = 4;

impl Lists {
    pub(super) const NONE: Self = Self { within: None, lists: &[] };

    /// Of a `ScoreParcelRequest`.
    pub(super) const OF_PARCEL: Self = Self {
        within: Some(1),
        lists: &[
            List { field: 15, name: "contents", most: ParcelLimits::CONTRACT.max_contents },
            List { field: 20, name: "documents", most: ParcelLimits::CONTRACT.max_documents },
            List { field: 21, name: "national_codes", most: ParcelLimits::CONTRACT.max_national_entries },
            List { field: 22, name: "national_figures", most: ParcelLimits::CONTRACT.max_national_entries },
        ],
    };

    /// Of a `ScoreParcelsRequest`.
    pub(super) const OF_BATCH: Self =
        Self { within: None, lists: &[List { field: 1, name: "requests", most: MOST_IN_A_BATCH as usize }] };

    /// Of a `RecordOutcomesRequest`.
    pub(super) const OF_OUTCOMES: Self =
        Self { within: None, lists: &[List { field: 1, name: "outcomes", most: MOST_IN_A_BATCH as usize }] };

    /// Refuses a message whose lists are far too long.
    ///
    /// # Errors
    /// The [`Refusal`] that names them.
    pub(super) fn check(&self, message: &[u8]) -> Result<(), Refusal> {
        if message.len() <= UNSEEN_BYTES || self.lists.is_empty() {
            return Ok(());
        }
        let mut n_entries = [0; MOST_LISTS];
        // Whoever reads it comes no further either, and says what it is that does not read.
        let _ = self.count(message, self.within, &mut n_entries);
        let far_too_long = self.lists.iter().zip(n_entries).filter(|(list, got)| *got > TIMES_ALLOWED * list.most);
        let too_many =
            |(list, got): (&List, usize)| Violation::new(list.name, Problem::TooMany { got, max: list.most });
        let mut violations = far_too_long.map(too_many);
        match (violations.next(), self.within) {
            (None, _) => Ok(()),
            (Some(violation), None) => Err(Refusal::InvalidRequest(violation)),
            (Some(violation), Some(_)) => {
                Err(InvalidParcel(std::iter::once(violation).chain(violations).collect()).into())
            }
        }
    }

    fn count(
        &self,
        mut message: &[u8],
        within: Option<u32>,
        n_entries: &mut [usize; MOST_LISTS],
    ) -> Result<(), DecodeError> {
        while !message.is_empty() {
            let (field, wire_type) = decode_key(&mut message)?;
            if wire_type != WireType::LengthDelimited {
                skip_field(wire_type, field, &mut message, DecodeContext::default())?;
                continue;
            }
            let n_bytes = usize::try_from(decode_varint(&mut message)?).unwrap_or(usize::MAX);
            let Some((inner, rest)) = message.split_at_checked(n_bytes) else { return Ok(()) };
            message = rest;
            match within {
                // It may come more than once: its lists are then one after the other.
                Some(outer) if outer == field => self.count(inner, None, n_entries)?,
                Some(_) => {}
                None => {
                    let counted = self.lists.iter().zip(n_entries.iter_mut()).find(|(list, _)| list.field == field);
                    if let Some((_, n)) = counted {
                        *n += 1;
                    }
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use allocation_counter::measure;
    use bytes::Bytes;
    use prost::Message as _;

    use super::*;
    use crate::serve::codec::{Batch, Sent};
    use crate::wire::v1;

    fn violations<T>(read: Result<T, Refusal>) -> Vec<String> {
        read.err().iter().flat_map(Refusal::violations).map(Violation::to_string).collect()
    }

    fn request(parcel: v1::Parcel) -> Bytes {
        v1::ScoreParcelRequest { parcel: Some(parcel.into()), ..Default::default() }.encode_to_vec().into()
    }

    #[test]
    fn millions_of_entries_are_refused_and_none_is_built() {
        // A field, and its length of 8,000,000 bytes: entries of no bytes each.
        let of_parcel =
            |field: u8| [&[0x0a, 0x80, 0xa4, 0xe8, 0x03][..], &[field << 3 | 2, 0].repeat(4_000_000)].concat();
        let contents = Bytes::from(of_parcel(15));
        let mut read = None;
        let built = measure(|| read = Some(v1::ScoreParcelRequest::from_bytes(contents)));
        assert!(built.bytes_max < 1024, "{built:?}");
        assert_eq!(violations(read.unwrap()), ["contents: must have at most 99 entries, got 4000000"]);

        let entries = Bytes::from([0x0a, 0].repeat(4_000_000));
        let (mut batch, mut outcomes) = (None, None);
        let other = entries.clone();
        let built = measure(|| batch = Some(Batch::from_bytes(entries)));
        assert!(built.bytes_max < 1024, "{built:?}");
        assert_eq!(violations(batch.unwrap()), ["requests: must have at most 1000 entries, got 4000000"]);
        let built = measure(|| outcomes = Some(v1::RecordOutcomesRequest::from_bytes(other)));
        assert!(built.bytes_max < 1024, "{built:?}");
        assert_eq!(violations(outcomes.unwrap()), ["outcomes: must have at most 1000 entries, got 4000000"]);
    }

    #[test]
    fn every_list_is_known_and_all_that_are_too_long_are_named() {
        let national = |n: usize| (0..n).map(move |idx| format!("key {idx:020}"));
        let parcel = v1::Parcel {
            contents: vec![v1::ContentLine::default(); 991],
            documents: vec![v1::Document::default(); 991],
            national_codes: national(641).map(|key| (key, String::new())).collect(),
            national_figures: national(641).map(|key| (key, 0.0)).collect(),
            ..Default::default()
        };
        expect_test::expect![[r#"
            contents: must have at most 99 entries, got 991
            documents: must have at most 99 entries, got 991
            national_codes: must have at most 64 entries, got 641
            national_figures: must have at most 64 entries, got 641"#]]
        .assert_eq(&violations(v1::ScoreParcelRequest::from_bytes(request(parcel))).join("\n"));
    }

    #[test]
    fn a_list_that_is_somewhat_too_long_is_read() {
        let contents = vec![v1::ContentLine { description: "x".repeat(100), ..Default::default() }; 990];
        let read = v1::ScoreParcelRequest::from_bytes(request(v1::Parcel { contents, ..Default::default() })).unwrap();
        assert_eq!(read.parcel.unwrap().contents.len(), 990);
    }

    #[test]
    fn what_is_stated_in_parts_is_counted_together() {
        let parcel = v1::Parcel { contents: vec![v1::ContentLine::default(); 900], ..Default::default() };
        let parts = Bytes::from(request(parcel).repeat(10));
        assert_eq!(
            violations(v1::ScoreParcelRequest::from_bytes(parts)),
            ["contents: must have at most 99 entries, got 9000"]
        );
    }

    #[test]
    fn what_does_not_read_is_left_to_the_reader() {
        let broken = Bytes::from([&[0x0a, 0].repeat(9_000)[..], &[0x07]].concat());
        assert!(matches!(Batch::from_bytes(broken), Err(Refusal::NotAMessage(_))));
    }
}

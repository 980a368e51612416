//! A column of a history, read into the room that it needs.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// Numbers of one kind, as a `Vec` of them is packed.
#[derive(Serialize)]
#[serde(transparent)]
pub(super) struct Column<T>(pub(super) Vec<T>);

/// A `Vec` is read into room that grows, which takes as much memory again; this is the most that is believed of a length
/// before anything is read of the numbers.
const MAX_BELIEVED: usize = 1 << 20;

impl<T> Deref for Column<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Column<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Numbers<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Numbers<T> {
            type Value = Column<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Column<T>, A::Error> {
                let mut column = Vec::with_capacity(numbers.size_hint().unwrap_or(0).min(MAX_BELIEVED));
                while let Some(number) = numbers.next_element()? {
                    column.push(number);
                }
                Ok(Column(column))
            }
        }

        deserializer.deserialize_seq(Numbers(PhantomData))
    }
}

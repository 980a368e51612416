//! Codes as texts, for what is kept: each is read again by its own check.

use std::borrow::Cow;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Country, Currency, HsCode};

/// A text that is not copied where it need not be.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

macro_rules! kept_as_texts {
    ($($code:ident),+) => {$(
        impl Serialize for $code {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $code {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                Self::parse(&Text::deserialize(from)?.0).map_err(D::Error::custom)
            }
        }
    )+};
}

kept_as_texts!(Country, Currency, HsCode);

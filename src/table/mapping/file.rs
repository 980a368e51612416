//! The mapping as its TOML file writes it, before it is checked.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer, StringDeserializer};
use serde::de::{IntoDeserializer, MapAccess, SeqAccess, Visitor};

use crate::table::field::MassUnit;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MappingFile {
    /// By the column's name.
    pub(super) columns: BTreeMap<String, Uses>,
    /// By the field's path.
    #[serde(default)]
    pub(super) constants: BTreeMap<String, String>,
}

/// What one column is used for: a field's path, a table that says more, or several of these.
#[derive(Debug)]
pub(super) struct Uses(pub(super) Vec<ColumnUse>);

/// One use of a column.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ColumnUse {
    pub(super) field: String,
    #[serde(default)]
    pub(super) unit: Option<MassUnit>,
    #[serde(default)]
    pub(super) currency: Option<String>,
    #[serde(default)]
    pub(super) currency_column: Option<String>,
    #[serde(default)]
    pub(super) codes: Option<BTreeMap<String, String>>,
    #[serde(default)]
    pub(super) otherwise: Option<String>,
    #[serde(default)]
    pub(super) infringement: Option<Vec<String>>,
}

/// A use that may be a bare path. Written out, since an untagged enum would lose every message
/// but "did not match any variant".
struct OneUse(ColumnUse);

impl<'de> Deserialize<'de> for OneUse {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneUseVisitor;
        impl<'de> Visitor<'de> for OneUseVisitor {
            type Value = OneUse;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's path or a table with `field`")
            }

            fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<OneUse, E> {
                Ok(OneUse(ColumnUse { field: path.to_owned(), ..ColumnUse::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<OneUse, A::Error> {
                ColumnUse::deserialize(MapAccessDeserializer::new(map)).map(OneUse)
            }
        }
        deserializer.deserialize_any(OneUseVisitor)
    }
}

impl<'de> Deserialize<'de> for Uses {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UsesVisitor;
        impl<'de> Visitor<'de> for UsesVisitor {
            type Value = Uses;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field's path, a table with `field`, or a list of these")
            }

            fn visit_str<E: serde::de::Error>(self, path: &str) -> Result<Uses, E> {
                let path: StringDeserializer<E> = path.to_owned().into_deserializer();
                OneUse::deserialize(path).map(|OneUse(one)| Uses(vec![one]))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Uses, A::Error> {
                OneUse::deserialize(MapAccessDeserializer::new(map)).map(|OneUse(one)| Uses(vec![one]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Uses, A::Error> {
                let uses = Vec::<OneUse>::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(Uses(uses.into_iter().map(|OneUse(one)| one).collect()))
            }
        }
        deserializer.deserialize_any(UsesVisitor)
    }
}

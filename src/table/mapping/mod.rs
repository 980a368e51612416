//! The mapping: how anybody's table becomes parcels.
//!
//! A TOML file with two tables. `[columns]` says what each column is used for, by its name:
//!
//! ```toml
//! [columns]
//! "Seller ID" = "sender.party_id"
//! "Net Mass" = { field = "contents[0].net_mass_grams", unit = "kg" }
//! "Item Price" = { field = "contents[0].value", currency = "KRW" }
//! "Mode" = { field = "transport_mode", codes = { "10" = "MARITIME", "40" = "AIR" }, otherwise = "OTHER" }
//! "Fraud" = { field = "outcome.infringement", infringement = ["1"] }
//! ```
//!
//! * `field`: a path of the contract, `national_codes.<key>`, `national_figures.<key>`, or of the
//!   label: `outcome.infringement`, `outcome.known_at`, `outcome.kind`, `outcome.revenue`, `weight`,
//!   `selection_probability`. An amount may be named whole (`contents[0].value`).
//! * `unit`: of a mass, `"g"` (if left out) or `"kg"`; rounded to whole grams, halves away from zero.
//! * `currency` or `currency_column`: of an amount that is named whole.
//! * `codes`: what each code of the table means, for any field; `otherwise` is what every other
//!   code means. Without it such a row is rejected.
//! * `infringement`: the labels that mean one; every other means a clean parcel, an empty cell
//!   that there is no label.
//!
//! A column may have several uses, in a list; a column that is not named is not read.
//! `[constants]` says what is the same in every row, by the field's path:
//!
//! ```toml
//! [constants]
//! destination_country = "KR"
//! ```

mod check;
mod file;

use std::path::{Path, PathBuf};

pub(super) use check::slots;

use super::error::lines;
use super::field::{Field, Reading};
use super::shown::Shown;

/// A checked mapping: every path exists, no field is filled twice, every constant can be read.
#[derive(Clone, Debug)]
pub struct Mapping {
    pub(super) uses: Vec<MappedUse>,
    text: String,
}

/// One field and where its text comes from.
#[derive(Clone, Debug)]
pub(super) struct MappedUse {
    pub(super) from: MappedFrom,
    pub(super) field: Field,
    pub(super) reading: Reading,
}

/// Where a field's text comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum MappedFrom {
    /// The column of this name.
    Column(String),
    /// Every row the same.
    Constant(String),
}

impl Mapping {
    /// Reads and checks a mapping file.
    ///
    /// # Errors
    /// [`MappingError`], as [`Mapping::parse`], or where the file can't be read.
    pub fn read(path: &Path) -> Result<Self, MappingError> {
        let text =
            std::fs::read_to_string(path).map_err(|source| MappingError::Open { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Checks the text of a mapping.
    ///
    /// # Errors
    /// [`MappingError::Syntax`] where it is not TOML or has other keys than a mapping has, else
    /// [`MappingError::Invalid`] with everything that is wrong in it.
    pub fn parse(text: &str) -> Result<Self, MappingError> {
        let file: file::MappingFile = toml::from_str(text).map_err(|source| MappingError::Syntax(Box::new(source)))?;
        Ok(Self { uses: check::check(file)?, text: text.to_owned() })
    }

    /// The file, as it was read.
    pub fn text(&self) -> &str {
        &self.text
    }
}

/// Why a mapping can't be used.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The file is not there, or may not be read.
    #[error("reading the mapping {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Not TOML, or other keys or types than a mapping has.
    #[error("the mapping is not well formed")]
    Syntax(#[source] Box<toml::de::Error>),
    /// It names what does not exist, or contradicts itself.
    #[error("the mapping can't be used:{}", lines(.0))]
    Invalid(Vec<MappingViolation>),
}

/// One thing that is wrong in a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingViolation {
    /// The table of the file that it is in: `columns` or `constants`.
    pub table: &'static str,
    /// The key in that table.
    pub key: String,
    /// What is wrong with it.
    pub message: String,
}

impl std::fmt::Display for MappingViolation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}: {}", self.table, Shown(&self.key), self.message)
    }
}

//! Parcels whose outcomes are known and never change: what every challenger is held against.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::parcel::{Parcel, ParcelLimits};
use crate::wire::{self, v1};

/// One line of a reference set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceLine {
    /// The parcel as stated.
    pub parcel: v1::Parcel,
    /// Whether an infringement was found.
    pub infringement: bool,
}

/// A frozen set of labeled parcels. It should be of parcels that were chosen at random, that no training reads, and that no
/// feedback reaches.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReferenceSet {
    /// In the order of the file.
    pub parcels: Vec<(Parcel, bool)>,
}

/// Why a reference set can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// It can't be read.
    #[error("the reference set {path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A line is none.
    #[error("the reference set {path}, line {line}: {why}", path = path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong; never a value of the parcel.
        why: String,
    },
    /// Nothing can be told by it.
    #[error("the reference set {path} needs both parcels with an infringement and without", path = path.display())]
    OneClass {
        /// The file.
        path: PathBuf,
    },
}

/// No reference set is larger: it is read anew for each challenger.
const MAX_BYTES: u64 = 1 << 30;

impl ReferenceSet {
    /// Reads JSON lines.
    ///
    /// # Errors
    /// [`ReferenceError`].
    pub fn read(path: &Path, limits: &ParcelLimits) -> Result<Self, ReferenceError> {
        let io = |source| ReferenceError::Io { path: path.to_owned(), source };
        let mut parcels = Vec::new();
        for (idx, text) in BufReader::new(File::open(path).map_err(io)?.take(MAX_BYTES)).lines().enumerate() {
            let wrong = |why| ReferenceError::Line { path: path.to_owned(), line: idx + 1, why };
            let ReferenceLine { parcel, infringement } = serde_json::from_str(&text.map_err(io)?)
                .map_err(|error| wrong(format!("not a parcel with its outcome (column {})", error.column())))?;
            let parcel = wire::to_draft(parcel).check(limits).map_err(|invalid| wrong(invalid.to_string()))?;
            parcels.push((parcel, infringement));
        }
        let n_infringements = parcels.iter().filter(|(_, infringement)| *infringement).count();
        if n_infringements == 0 || n_infringements == parcels.len() {
            return Err(ReferenceError::OneClass { path: path.to_owned() });
        }
        Ok(Self { parcels })
    }
}

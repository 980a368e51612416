//! The directory of models: what lies in it, and what of that may be believed.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;

use super::check::{Check, Finding};
use super::config::ValidRegistry;
use crate::artifact::{Artifact, Sealed, Signer};
use crate::engine::ModelRef;

/// A directory `NAME/VERSION/` of artifacts, to which others write.
#[derive(Clone, Debug)]
pub struct Shelf {
    root: PathBuf,
    config: ValidRegistry,
}

/// Where a model lies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Name of the line of models.
    pub name: String,
    /// Version within it.
    pub version: String,
}

impl Place {
    /// That of a model.
    pub fn of(model: &ModelRef) -> Self {
        Self { name: model.name.clone(), version: model.version.clone() }
    }
}

/// A model that proved itself, and who vouches for it: nobody, where the configuration allows that.
#[derive(Clone, Debug)]
pub struct Believed {
    /// The artifact.
    pub artifact: Artifact,
    /// Whose signature it has.
    pub signer: Option<Signer>,
}

impl Believed {
    /// Name of whoever signed it; empty where nobody did.
    pub fn signer_name(&self) -> String {
        self.signer.as_ref().map(|signer| signer.name.clone()).unwrap_or_default()
    }
}

/// Most models that are told of; a directory of more is not one of models.
const MOST_PLACES: usize = 10_000;

impl Shelf {
    /// The one of the configuration, where it names one.
    pub fn of(config: &ValidRegistry) -> Option<Self> {
        Some(Self { root: config.path()?.to_owned(), config: config.clone() })
    }

    /// Share of the items that a challenger decides about as soon as it is staged.
    pub fn canary_share(&self) -> f64 {
        self.config.canary_share()
    }

    /// What lies there, in order. Names that are none are left out: hidden ones, and what is still being written.
    ///
    /// # Errors
    /// [`io::Error`] where the directory can't be read.
    pub fn places(&self) -> io::Result<BTreeSet<Place>> {
        let mut places = BTreeSet::new();
        for name in directories(&self.root)? {
            for version in directories(&self.root.join(&name)).unwrap_or_default() {
                places.insert(Place { name: name.clone(), version });
                if places.len() == MOST_PLACES {
                    return Ok(places);
                }
            }
        }
        Ok(places)
    }

    /// Reads one and checks all that it can prove by itself, and that the configuration asks of it.
    ///
    /// # Errors
    /// The check that it did not pass, with the digest of its manifest where that could be read.
    pub fn take(&self, place: &Place) -> Result<Believed, (Finding, Option<String>)> {
        let read = Sealed::read_strictly(&self.root, &place.name, &place.version, self.config.max_artifact_bytes());
        let sealed = read.map_err(|error| (Finding::unproved(&error), None))?;
        let digest = Some(sealed.digest());
        // Before anything of it is parsed.
        let signer = match sealed.signed_by(self.config.keys()) {
            Ok(signer) => Some(signer),
            Err(_) if self.config.allows_unsigned() => None,
            Err(error) => return Err((Finding::unsigned(error), digest)),
        };
        let artifact = sealed.verify().map_err(|error| (Finding::unproved(&error), digest.clone()))?;
        let model = artifact.model_ref();
        if (&model.name, &model.version) != (&place.name, &place.version) {
            let why = "the manifest names another model than the directory does";
            return Err((Finding::failed(Check::Identity, why), digest));
        }
        Ok(Believed { artifact, signer })
    }
}

/// Whether it can be the name of a model or of a version: such as stand in logs and replies as they are.
fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    name.len() <= MAX_NAME_BYTES && !name.starts_with('.') && name.chars().all(is_plain)
}

/// Longest name.
const MAX_NAME_BYTES: usize = 128;

/// Names of the directories in one; no link is followed.
fn directories(path: &std::path::Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if is_name(&name) && entry.file_type()?.is_dir() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

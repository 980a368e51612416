//! How parcels are routed: by two thresholds, or by a policy file, which is read here with all that it names.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::policy::{DrawKey, PolicyError, PolicySource, ThresholdsConfig, named_files};

/// From a score to a route.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PolicyConfig {
    /// The policy file; empty: the two thresholds.
    pub file: String,
    /// Without a file: from this risk score on, documents are asked for.
    pub documents_from_risk_score: f64,
    /// Without a file: from this risk score on, the parcel is opened.
    pub open_from_risk_score: f64,
}

impl Default for PolicyConfig {
    fn default() -> Self {
        let ThresholdsConfig { documents_from_risk_score, open_from_risk_score } = ThresholdsConfig::default();
        Self { file: String::new(), documents_from_risk_score, open_from_risk_score }
    }
}

impl PolicyConfig {
    /// The two thresholds.
    pub fn thresholds(&self) -> ThresholdsConfig {
        let Self { documents_from_risk_score, open_from_risk_score, .. } = *self;
        ThresholdsConfig { documents_from_risk_score, open_from_risk_score }
    }

    /// The policy file, where one is named.
    pub fn path(&self) -> Option<&Path> {
        (!self.file.is_empty()).then(|| Path::new(&self.file))
    }
}

/// Why a policy file can't be used; nothing of it is.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFileError {
    /// A file can't be read.
    #[error("reading {path}", path = path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key is none.
    #[error("the key file {path} {what}", path = path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
    /// The policy is wrong.
    #[error("{path}", path = path.display())]
    Policy {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        source: PolicyError,
    },
}

/// Reads a policy file, its lists and its key. Their names are relative to its directory.
///
/// # Errors
/// [`PolicyFileError`].
pub fn read_policy(path: &Path) -> Result<PolicySource, PolicyFileError> {
    let text = read(path)?;
    let named = named_files(&text).map_err(|source| PolicyFileError::Policy { path: path.to_owned(), source })?;
    let beside = |name: &str| path.parent().unwrap_or(Path::new("")).join(name);
    let mut lists = BTreeMap::new();
    for (name, file) in named.lists {
        lists.insert(name, read(&beside(&file))?);
    }
    let key = named.key_file.map(|file| read_key(&beside(&file))).transpose()?;
    Ok(PolicySource { text, lists, key })
}

fn read(path: &Path) -> Result<String, PolicyFileError> {
    fs::read_to_string(path).map_err(|source| PolicyFileError::File { path: path.to_owned(), source })
}

fn read_key(path: &Path) -> Result<DrawKey, PolicyFileError> {
    let error = |source| PolicyFileError::File { path: path.to_owned(), source };
    let no_key = |what| PolicyFileError::Key { path: path.to_owned(), what };
    let mut file = File::open(path).map_err(error)?;
    if file.metadata().map_err(error)?.mode() & 0o077 != 0 {
        return Err(no_key("may be read by others than its owner: its mode must be 0600"));
    }
    let mut secret = Vec::new();
    file.read_to_end(&mut secret).map_err(error)?;
    DrawKey::new(&secret).ok_or(no_key("must hold at least 32 bytes"))
}

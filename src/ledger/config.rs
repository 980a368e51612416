//! How a ledger is set.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::parcel::{Problem, Violation};

/// The ledger's settings as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LedgerConfig {
    /// The ledger's file; empty: nothing is recorded.
    pub path: String,
    /// When a reply may leave.
    pub sync: Sync,
    /// What happens while the ledger can't be written.
    pub on_failure: OnFailure,
    /// Most records that may wait to be written.
    pub max_pending: u32,
    /// How the parties of a parcel are kept.
    pub parties: Parties,
    /// The key of the pseudonyms; empty: `path` with `.key` at its end.
    pub key_file: String,
    /// Whether descriptions of contents are kept.
    pub descriptions: bool,
    /// Days after which the parcel of a record is erased; 0: never.
    pub retention_days: u32,
    /// File of the secret key that signs checkpoints; empty: none are signed.
    pub checkpoint_key: String,
    /// Seconds between one checkpoint and the next.
    pub checkpoint_seconds: u32,
}

/// When a reply may leave.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sync {
    /// After the record is written: it survives the process. The disk is told within 10 ms.
    #[default]
    Batch,
    /// After the disk has it: it survives the loss of power.
    Always,
}

/// What happens while the ledger can't be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Decisions wait in memory, and their replies say so; where no more can wait, calls are refused.
    #[default]
    SpillThenRefuse,
    /// Calls are refused.
    Refuse,
}

/// How the parties of a parcel are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parties {
    /// Each text as a keyed hash, so that equal ones stay equal.
    #[default]
    #[serde(alias = "pseudonymised")]
    Pseudonymized,
    /// As stated.
    Plain,
    /// Not at all.
    None,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            path: String::new(),
            sync: Sync::default(),
            on_failure: OnFailure::default(),
            max_pending: 20_000,
            parties: Parties::default(),
            key_file: String::new(),
            descriptions: true,
            retention_days: 0,
            checkpoint_key: String::new(),
            checkpoint_seconds: 60,
        }
    }
}

impl LedgerConfig {
    /// Checks every setting.
    ///
    /// # Errors
    /// A [`Violation`] that names the key.
    pub fn check(&self) -> Result<(), Violation> {
        let ranges = [
            ("ledger.max_pending", self.max_pending, 1000, 1_000_000),
            ("ledger.checkpoint_seconds", self.checkpoint_seconds, 1, 86_400),
        ];
        for (key, got, min, max) in ranges {
            if !(min..=max).contains(&got) {
                let problem = Problem::OutOfRange { got: got.into(), min: min.into(), max: max.into() };
                return Err(Violation::new(key, problem));
            }
        }
        Ok(())
    }

    /// Where the ledger is; `None` where nothing is recorded.
    pub fn path(&self) -> Option<&Path> {
        (!self.path.is_empty()).then(|| Path::new(&self.path))
    }

    /// Where the key of the pseudonyms is; `None` where none is needed.
    pub fn key_path(&self) -> Option<PathBuf> {
        if self.parties != Parties::Pseudonymized {
            return None;
        }
        Some(if self.key_file.is_empty() {
            beside(Path::new(&self.path), ".key")
        } else {
            self.key_file.clone().into()
        })
    }
}

/// The path of a file that belongs to `path`.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

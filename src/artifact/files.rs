//! The files of an artifact: read with their digests checked, written whole or not at all.

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{FORMAT, FileDigest, GoldenError, Manifest};
use crate::features::hex;
use crate::history::SnapshotError;
use crate::model::ModelError;

/// The bytes of every file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Files {
    /// Whether they are part of this program, and so as good as it is.
    pub(super) are_built_in: bool,
    manifest_json: Cow<'static, str>,
    pub(super) model: Bytes,
    pub(super) history: Bytes,
    pub(super) golden: Cow<'static, str>,
    pub(super) card: Cow<'static, str>,
    /// `report.html`, where it was made in this process.
    pub(super) report: Option<String>,
    /// `manifest.json.minisig`, where it was signed.
    pub(super) signature: Option<String>,
}

/// Why an artifact is not believed.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A file is not there or cannot be read.
    #[error("reading {path}", path = path.display())]
    Io {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not there.
    #[error("{file} is not there")]
    Missing {
        /// Which one.
        file: &'static str,
    },
    /// A link, a pipe or whatever else stands where a file or a directory should.
    #[error("{path} is a link, or no plain file or directory", path = path.display())]
    NotPlain {
        /// Which one.
        path: PathBuf,
    },
    /// A file is larger than it may be.
    #[error("{file} is larger than the {max} bytes that are left for it")]
    TooLarge {
        /// Which one.
        file: &'static str,
        /// Limit.
        max: u64,
    },
    /// `manifest.json` is no text.
    #[error("manifest.json is not UTF-8")]
    Encoding,
    /// `manifest.json` does not parse.
    #[error("manifest.json")]
    Manifest(#[source] serde_json::Error),
    /// Another layout.
    #[error("the artifact has format {found}; this release reads {FORMAT}")]
    Format {
        /// What the manifest says.
        found: u32,
    },
    /// A file is not the one that the manifest names.
    #[error("{file} does not have the digest that manifest.json names: it is truncated, damaged or of another model")]
    Digest {
        /// Which one.
        file: &'static str,
    },
    /// `model.bin`.
    #[error("model.bin")]
    Model(#[source] ModelError),
    /// The feature spec is not the one that the manifest names.
    #[error("the feature spec has digest {model}, manifest.json names {manifest}")]
    FeatureSpec {
        /// Named by the manifest.
        manifest: String,
        /// Of the model.
        model: String,
    },
    /// `history.bin`.
    #[error("history.bin")]
    History(#[source] SnapshotError),
    /// History and features do not age alike.
    #[error("history.bin was folded with other buckets or another half-life than the model's features")]
    Decay,
    /// `golden.jsonl`.
    #[error("golden.jsonl")]
    Golden(#[from] GoldenError),
}

/// Why an artifact could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Something else stands where it should go.
    #[error("{path} exists and is not just an artifact: it will not be replaced", path = path.display())]
    NotAnArtifact {
        /// Where.
        path: PathBuf,
    },
    /// The file system.
    #[error("writing {path}", path = path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

const MANIFEST: &str = "manifest.json";
const MODEL: &str = "model.bin";
const HISTORY: &str = "history.bin";
const GOLDEN: &str = "golden.jsonl";
const CARD: &str = "CARD.md";
/// Written beside the others and not one of them: it names the artifact's digest, which therefore cannot cover it.
const REPORT: &str = "report.html";
/// Over the manifest, and so not named by it.
const SIGNATURE: &str = "manifest.json.minisig";
/// A signature has four short lines.
const MAX_SIGNATURE_BYTES: usize = 4 << 10;
/// No file of an artifact may be larger: reading one can never take the machine's memory.
const MAX_FILE_BYTES: u64 = 2 << 30;

impl Files {
    pub(super) fn embedded() -> Self {
        macro_rules! file {
            ($name:literal) => {
                concat!(env!("CARGO_MANIFEST_DIR"), "/models/default/", $name)
            };
        }
        Self {
            are_built_in: true,
            manifest_json: include_str!(file!("manifest.json")).into(),
            model: Bytes::from_static(include_bytes!(file!("model.bin"))),
            history: Bytes::from_static(include_bytes!(file!("history.bin"))),
            golden: include_str!(file!("golden.jsonl")).into(),
            card: include_str!(file!("CARD.md")).into(),
            report: None,
            signature: None,
        }
    }

    pub(super) fn read(directory: &Path) -> Result<Self, ArtifactError> {
        Self::read_by(|file, _| {
            let path = directory.join(file);
            let io = |source| ArtifactError::Io { path: path.clone(), source };
            let opened = match File::open(&path) {
                Err(error) if file == SIGNATURE && error.kind() == io::ErrorKind::NotFound => return Ok(None),
                opened => opened.map_err(io)?,
            };
            let mut bytes = Vec::new();
            opened.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(io)?;
            if bytes.len() as u64 > MAX_FILE_BYTES {
                return Err(ArtifactError::TooLarge { file, max: MAX_FILE_BYTES });
            }
            Ok(Some(bytes))
        })
    }

    /// Takes each file from `read`, which is told how many bytes were read before; `None` says that it is not there.
    pub(super) fn read_by(
        mut read: impl FnMut(&'static str, u64) -> Result<Option<Vec<u8>>, ArtifactError>,
    ) -> Result<Self, ArtifactError> {
        let mut n_bytes = 0;
        let mut may_lack = |file| -> Result<Option<Vec<u8>>, ArtifactError> {
            let bytes = read(file, n_bytes)?;
            n_bytes += bytes.as_ref().map_or(0, |bytes| bytes.len() as u64);
            Ok(bytes)
        };
        let signature = may_lack(SIGNATURE)?;
        let mut bytes = |file| may_lack(file)?.ok_or(ArtifactError::Missing { file });
        let manifest_json = String::from_utf8(bytes(MANIFEST)?).map_err(|_| ArtifactError::Encoding)?.into();
        let (model, history) = (bytes(MODEL)?.into(), bytes(HISTORY)?.into());
        let mut text = |file| match String::from_utf8(bytes(file)?) {
            Ok(text) => Ok(Cow::Owned(text)),
            Err(_) => Err(ArtifactError::Digest { file }),
        };
        let (golden, card) = (text(GOLDEN)?, text(CARD)?);
        // What is no text is no signature either, and is refused as one.
        let signature = signature.map(|mut bytes| {
            bytes.truncate(MAX_SIGNATURE_BYTES);
            String::from_utf8_lossy(&bytes).into_owned()
        });
        Ok(Self { are_built_in: false, manifest_json, model, history, golden, card, report: None, signature })
    }

    /// Names every file's digest in the manifest.
    pub(super) fn pack(mut manifest: Manifest, model: Vec<u8>, history: Vec<u8>, golden: String, card: String) -> Self {
        let mut files = Self {
            are_built_in: false,
            manifest_json: Cow::Borrowed(""),
            model: model.into(),
            history: history.into(),
            golden: golden.into(),
            card: card.into(),
            report: None,
            signature: None,
        };
        manifest.files = files.others().into_iter().map(|(name, bytes)| (name.to_owned(), digest_of(bytes))).collect();
        let manifest_json = serde_json::to_string_pretty(&manifest).expect("plain numbers and names always encode");
        files.manifest_json = (manifest_json + "\n").into();
        files
    }

    /// The manifest, once every other file is the one that it names. Of those that are built in a test holds that.
    pub(super) fn manifest(&self) -> Result<Manifest, ArtifactError> {
        let manifest: Manifest = serde_json::from_str(&self.manifest_json).map_err(ArtifactError::Manifest)?;
        if manifest.format != FORMAT {
            return Err(ArtifactError::Format { found: manifest.format });
        }
        for (file, bytes) in self.others() {
            if !self.are_built_in && manifest.files.get(file) != Some(&digest_of(bytes)) {
                return Err(ArtifactError::Digest { file });
            }
        }
        Ok(manifest)
    }

    pub(super) fn manifest_bytes(&self) -> &[u8] {
        self.manifest_json.as_bytes()
    }

    /// SHA-256 of the manifest: the artifact's own.
    pub(super) fn digest(&self) -> String {
        hex(&Sha256::digest(self.manifest_json.as_bytes()))
    }

    pub(super) fn write(&self, directory: &Path) -> Result<(), WriteError> {
        let parent = parent_of(directory);
        let (new, old) = (beside(directory, "new"), beside(directory, "old"));
        refuse_another(directory)?;
        let written = self.write_new(&new).and_then(|()| move_into_place(&new, directory, &old));
        if written.is_err() {
            // What failed is what the caller must hear of, whether or not this succeeds.
            let _ = fs::remove_dir_all(&new);
        }
        written?;
        // The names themselves: without this a power cut could bring the old directory back.
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(io_at(parent))
    }

    fn write_new(&self, new: &Path) -> Result<(), WriteError> {
        fs::create_dir_all(new).map_err(io_at(new))?;
        let manifest = [(MANIFEST, self.manifest_json.as_bytes())];
        let report = self.report.as_ref().map(|html| (REPORT, html.as_bytes()));
        let signature = self.signature.as_ref().map(|lines| (SIGNATURE, lines.as_bytes()));
        for (file, bytes) in self.others().into_iter().chain(report).chain(signature).chain(manifest) {
            let path = new.join(file);
            let written = File::create(&path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
            written.map_err(io_at(&path))?;
        }
        Ok(())
    }

    fn others(&self) -> [(&'static str, &[u8]); 4] {
        [(MODEL, &self.model), (HISTORY, &self.history), (GOLDEN, self.golden.as_bytes()), (CARD, self.card.as_bytes())]
    }
}

fn digest_of(bytes: &[u8]) -> FileDigest {
    FileDigest { sha256: hex(&Sha256::digest(bytes)), bytes: bytes.len() as u64 }
}

/// Makes what writing would begin with, and takes it away again.
pub(super) fn check_place(directory: &Path) -> Result<(), WriteError> {
    refuse_another(directory)?;
    let new = beside(directory, "new");
    // Parents that are not there yet are made when there is something to put into them.
    let there = new.ancestors().skip(1).find(|parent| parent.exists()).unwrap_or(Path::new("."));
    let probe = there.join(new.file_name().unwrap_or_default());
    fs::create_dir(&probe).and_then(|()| fs::remove_dir(&probe)).map_err(io_at(directory))
}

fn parent_of(directory: &Path) -> &Path {
    match directory.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// A hidden place of this process alone, from which a directory can be moved into its own.
fn beside(directory: &Path, what: &str) -> PathBuf {
    let name = directory.file_name().unwrap_or_default().to_string_lossy();
    parent_of(directory).join(format!(".{name}.{what}.{}", std::process::id()))
}

fn refuse_another(directory: &Path) -> Result<(), WriteError> {
    if directory.exists() && !may_be_replaced(directory) {
        return Err(WriteError::NotAnArtifact { path: directory.to_owned() });
    }
    Ok(())
}

/// Moves `new` to `directory`; what stood there is back in its place where that fails.
fn move_into_place(new: &Path, directory: &Path, old: &Path) -> Result<(), WriteError> {
    if !directory.exists() {
        return fs::rename(new, directory).map_err(io_at(directory));
    }
    fs::rename(directory, old).map_err(io_at(directory))?;
    if let Err(error) = fs::rename(new, directory) {
        // Nothing more can be done where this fails too; the old artifact is then beside its place.
        let _ = fs::rename(old, directory);
        return Err(io_at(directory)(error));
    }
    fs::remove_dir_all(old).map_err(io_at(old))
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> WriteError {
    let path = path.to_owned();
    move |source| WriteError::Io { path, source }
}

/// Whether a directory is empty, or an artifact and nothing else. A `manifest.json` alone says
/// little: web pages and browser extensions have one too, and what is replaced is gone.
fn may_be_replaced(directory: &Path) -> bool {
    let Ok(entries) = fs::read_dir(directory) else { return false };
    let names: Option<Vec<_>> = entries.map(|entry| entry.ok().map(|entry| entry.file_name())).collect();
    let Some(names) = names else { return false };
    const OURS: [&str; 7] = [MANIFEST, MODEL, HISTORY, GOLDEN, CARD, REPORT, SIGNATURE];
    let ours = |name: &std::ffi::OsString| OURS.iter().any(|file| name == file);
    names.is_empty() || (names.iter().all(ours) && directory.join(MANIFEST).is_file())
}

//! A trained model as a directory: written whole or not at all, believed only when it proves itself.
//!
//! | file | what |
//! |---|---|
//! | `manifest.json` | what it is, what it was trained on, how it did, digests of the others |
//! | `model.bin` | feature spec, weights, calibration |
//! | `history.bin` | what was known at the end of training |
//! | `golden.jsonl` | parcels with the decisions expected of them |
//! | `CARD.md` | the same for people |
//!
//! `report.html` is written beside them. It is made of them and names their digest, so it is none of them, and is not
//! read back. `manifest.json.minisig` says who vouches for them.

mod card;
mod files;
mod folder;
mod golden;
mod manifest;
mod sealed;
mod settings;
mod signature;

use std::path::Path;
use std::sync::Arc;

pub use files::{ArtifactError, WriteError};
pub use golden::{GoldenError, GoldenParcel};
pub use manifest::{DataSummary, FileDigest, HeadReport, LedgerExport, Manifest, Pruning, Reading};
pub use sealed::Sealed;
pub use signature::{InvalidKey, KeyRole, SignatureError, Signer, TrustedKeyConfig, TrustedKeys};

use crate::engine::ModelRef;
use crate::history::{DueOutcome, History, Snapshot, Stored};
use crate::model::Model;
use files::Files;
use golden::Judge;

/// A model that has proved itself: digests match, the feature spec compiles, and the golden
/// decisions come out to the bit.
#[derive(Clone, Debug)]
pub struct Artifact {
    manifest: Manifest,
    model_ref: Arc<ModelRef>,
    model: Arc<Model>,
    /// What `history.bin` comes to, settled.
    history: Arc<History>,
    files: Files,
}

/// Version of the layout that this release writes and reads.
const FORMAT: u32 = 1;

impl Artifact {
    /// The model that is built in, `models/default`.
    ///
    /// # Errors
    /// [`ArtifactError`]; a test holds that there is none.
    pub fn embedded() -> Result<Self, ArtifactError> {
        Self::verify(Files::embedded())
    }

    /// Reads and verifies a directory.
    ///
    /// # Errors
    /// [`ArtifactError`] names the check that failed.
    pub fn read(directory: &Path) -> Result<Self, ArtifactError> {
        Self::verify(Files::read(directory)?)
    }

    /// Puts a trained model together: `manifest` with its `files` still empty, the model, what was
    /// known, and parcels to be golden.
    ///
    /// # Errors
    /// [`ArtifactError`] where what was put together would not prove itself.
    pub fn assemble(
        mut manifest: Manifest,
        model: &Model,
        snapshot: &Snapshot,
        golden: Vec<crate::wire::v1::Parcel>,
    ) -> Result<Self, ArtifactError> {
        let card = card::render(&manifest, model);
        let model_bytes = model.to_bytes();
        let judge = Judge::new(&manifest, &model_bytes, Arc::new(model.clone()), Arc::new(snapshot.settled()))?;
        let golden = judge.record(golden)?;
        manifest.format = FORMAT;
        let files = Files::pack(manifest, model_bytes, snapshot.to_bytes(), golden, card);
        Self::verify(files)
    }

    /// The artifact with `html` to be written beside its files, as `report.html`. Its digest stays the same.
    #[must_use]
    pub fn with_report(mut self, html: String) -> Self {
        self.files.report = Some(html);
        self
    }

    /// `report.html`, in the run that trained it.
    pub fn report(&self) -> Option<&str> {
        self.files.report.as_deref()
    }

    /// Writes it to a directory: beside it first, then moved into place.
    ///
    /// # Errors
    /// [`WriteError`]; what stood there before is untouched then.
    pub fn write(&self, directory: &Path) -> Result<(), WriteError> {
        self.files.write(directory)
    }

    /// Finds out whether [`Artifact::write`] could write to `directory`, and leaves nothing there.
    ///
    /// # Errors
    /// [`WriteError`], as writing would fail.
    pub fn check_place(directory: &Path) -> Result<(), WriteError> {
        files::check_place(directory)
    }

    /// The artifact with a signature of its manifest, to be written beside its files. Its digest stays the same.
    #[must_use]
    pub fn signed(mut self, signature: String) -> Self {
        self.files.signature = Some(signature);
        self
    }

    /// What a signature is made of.
    pub fn manifest_bytes(&self) -> &[u8] {
        self.files.manifest_bytes()
    }

    fn verify(files: Files) -> Result<Self, ArtifactError> {
        // Nothing is read that is not what the manifest names.
        let manifest = files.manifest()?;
        let read_model = || {
            let model = Model::from_bytes(&files.model).map_err(ArtifactError::Model)?;
            let spec_digest = model.plan().spec().digest();
            if spec_digest != manifest.feature_spec_digest {
                return Err(ArtifactError::FeatureSpec {
                    manifest: manifest.feature_spec_digest.clone(),
                    model: spec_digest,
                });
            }
            Ok((Arc::new(model), GoldenParcel::of_lines(&files.golden)))
        };
        // Of what is compiled in, a test reads the rest.
        let read = if files.are_built_in { Stored::read_settled } else { Stored::read };
        let read_history = || Ok(read(files.history.clone())?.settled());
        let (of_model, history) = rayon::join(read_model, read_history);
        let ((model, golden), history) = (of_model?, history.map_err(ArtifactError::History)?);
        if history.decay() != model.plan().spec().decay() {
            return Err(ArtifactError::Decay);
        }
        let history = Arc::new(history);
        Judge::new(&manifest, &files.model, Arc::clone(&model), Arc::clone(&history))?.verify(&golden?)?;
        let model_ref =
            ModelRef { name: manifest.name.clone(), version: manifest.version.clone(), digest: files.digest() };
        Ok(Self { manifest, model_ref: Arc::new(model_ref), model, history, files })
    }

    /// What it says of itself.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Its name, version and digest: SHA-256 of `manifest.json`, which holds those of the others.
    pub fn model_ref(&self) -> &Arc<ModelRef> {
        &self.model_ref
    }

    /// The model.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// What was known at the end of training, and the outcomes that were still to come: `history.bin`.
    pub fn history(&self) -> (History, Vec<DueOutcome>) {
        let read = Stored::read_settled(self.files.history.clone()).and_then(Stored::unsettled);
        read.expect("it was read when the artifact was verified, or by a test where it is built in")
    }

    /// As [`Artifact::history`].
    pub fn snapshot(&self) -> Snapshot {
        let (history, due) = self.history();
        Snapshot::of(&history, due)
    }

    /// What is known once those have come in: where a server starts.
    pub fn settled_history(&self) -> &Arc<History> {
        &self.history
    }

    /// `CARD.md`.
    pub fn card(&self) -> &str {
        &self.files.card
    }

    /// The parcels of the golden decisions.
    pub fn golden_parcels(&self) -> impl Iterator<Item = crate::wire::v1::Parcel> {
        // Verifying has read every line before.
        self.files.golden.lines().filter_map(|line| Some(serde_json::from_str::<GoldenParcel>(line).ok()?.parcel))
    }

    /// Number of golden decisions.
    pub fn n_golden(&self) -> usize {
        self.files.golden.lines().count()
    }
}

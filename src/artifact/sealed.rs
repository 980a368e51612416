//! An artifact as it was found: read once into memory, so that what is checked is what is used.

use std::path::Path;

use super::files::Files;
use super::folder::Folder;
use super::{Artifact, ArtifactError, SignatureError, Signer, TrustedKeys};

/// The bytes of an artifact, of which nothing is believed yet.
#[derive(Clone, Debug)]
pub struct Sealed(Files);

impl Sealed {
    /// Reads a directory that somebody named.
    ///
    /// # Errors
    /// [`ArtifactError`] where a file is not there, or is larger than any of an artifact.
    pub fn read(directory: &Path) -> Result<Self, ArtifactError> {
        Files::read(directory).map(Self)
    }

    /// Reads `root/name/version`, to which others may write: no link is followed below `root`, nothing but plain files is
    /// opened, and no more than `max_bytes` are read of all of them together.
    ///
    /// # Errors
    /// As [`Sealed::read`].
    pub fn read_strictly(root: &Path, name: &str, version: &str, max_bytes: u64) -> Result<Self, ArtifactError> {
        let folder = Folder::open(root, [name, version])?;
        Files::read_by(|file, read_so_far| folder.read(file, max_bytes.saturating_sub(read_so_far))).map(Self)
    }

    /// SHA-256 of the manifest: the artifact's digest, once it has proved itself.
    pub fn digest(&self) -> String {
        self.0.digest()
    }

    /// Who vouches for it.
    ///
    /// # Errors
    /// [`SignatureError`]: nobody whose key counts.
    pub fn signed_by(&self, keys: &TrustedKeys) -> Result<Signer, SignatureError> {
        keys.signer(self.0.manifest_bytes(), self.0.signature.as_deref())
    }

    /// What a signature is made of.
    pub fn manifest_bytes(&self) -> &[u8] {
        self.0.manifest_bytes()
    }

    /// Checks all that an artifact can prove by itself.
    ///
    /// # Errors
    /// [`ArtifactError`] names the check that failed.
    pub fn verify(self) -> Result<Artifact, ArtifactError> {
        Artifact::verify(self.0)
    }
}

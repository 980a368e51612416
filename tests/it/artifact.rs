//! An artifact is believed only when it proves itself, and is written whole or not at all.

mod damaged;
mod hostile;
mod signed;
mod written;

use std::fs;
use std::path::Path;

use parcel_risk::artifact::{Artifact, FileDigest, GoldenParcel, Manifest};
use parcel_risk::history::{BucketWidth, Decay, Snapshot};
use parcel_risk::model::ModelBody;
use sha2::{Digest as _, Sha256};

use crate::harness;
use crate::table::chain;

const FILES: [&str; 5] = ["manifest.json", "model.bin", "history.bin", "golden.jsonl", "CARD.md"];

fn default_model() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("models/customs-declarations")
}

/// A model that is small enough to be damaged a thousand times.
fn small(name: &str, change: impl FnOnce(&mut ModelBody)) -> Artifact {
    let manifest = Manifest { name: name.to_owned(), ..harness::artifact().manifest().clone() };
    harness::small_artifact(manifest, 5, change)
}

/// A directory with an artifact in it, and what reading it says.
struct Place {
    dir: tempfile::TempDir,
    before: Artifact,
}

impl Place {
    fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap(), before: small("small", |_| ()) };
        place.restore();
        place
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.dir.path().join("model").join(file)
    }

    fn restore(&self) {
        if self.path("").exists() {
            fs::remove_dir_all(self.path("")).unwrap();
        }
        self.before.write(&self.path("")).unwrap();
    }

    fn bytes(&self, file: &str) -> Vec<u8> {
        fs::read(self.path(file)).unwrap()
    }

    fn read(&self) -> Result<Artifact, String> {
        let place = format!("{}/", self.path("").parent().unwrap().display());
        Artifact::read(&self.path("")).map_err(|error| chain(&error).replace(&place, ""))
    }

    /// What reading says that must not succeed.
    #[track_caller]
    fn refused(&self) -> String {
        self.read().expect_err("it is not the artifact any more")
    }

    fn manifest(&self) -> Manifest {
        serde_json::from_slice(&self.bytes("manifest.json")).unwrap()
    }

    fn set_manifest(&self, manifest: &Manifest) {
        fs::write(self.path("manifest.json"), serde_json::to_string_pretty(manifest).unwrap() + "\n").unwrap();
    }

    /// The golden decision number `idx`, from zero.
    fn golden(&self, idx: usize) -> GoldenParcel {
        let text = String::from_utf8(self.bytes("golden.jsonl")).unwrap();
        serde_json::from_str(text.lines().nth(idx).unwrap()).unwrap()
    }

    /// Another file under the digest that names it: as a forger would, or a build that mixes two models.
    fn forge(&self, file: &str, bytes: &[u8]) {
        fs::write(self.path(file), bytes).unwrap();
        let mut manifest = self.manifest();
        let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let digest = FileDigest { sha256, bytes: bytes.len() as u64 };
        manifest.files.insert(file.to_owned(), digest).expect("it was named before");
        self.set_manifest(&manifest);
    }
}

#[test]
fn the_built_in_model_proves_itself_and_is_the_one_in_models_default() {
    let built_in = harness::artifact();
    let read = Artifact::read(&default_model()).unwrap();
    assert_eq!(read.model_ref(), built_in.model_ref());
    assert_eq!(read.manifest(), built_in.manifest());
    assert_eq!(read.model().body(), built_in.model().body());
    assert!(read.snapshot() == built_in.snapshot(), "another history");
    assert!(read.n_golden() > 0);
    assert!(read.card().contains(&built_in.manifest().version));
}

fn other_half_life(snapshot: &Snapshot, half_life_days: f64) -> Vec<u8> {
    Snapshot { decay: Decay { half_life_days, ..snapshot.decay }, ..snapshot.clone() }.to_bytes()
}

fn other_buckets(snapshot: &Snapshot) -> Vec<u8> {
    Snapshot { decay: Decay { width: BucketWidth::from_seconds(61).unwrap(), ..snapshot.decay }, ..snapshot.clone() }
        .to_bytes()
}

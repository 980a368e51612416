//! A directory to which others may write.

use std::fs::{self, File};
use std::os::unix::fs::symlink;

use parcel_risk::artifact::{ArtifactError, Sealed};

use super::{FILES, small};

const MAX_BYTES: u64 = 64 << 20;

/// A registry with one model in it, and one beside it.
fn registry() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let artifact = small("small", |_| ());
    fs::create_dir_all(dir.path().join("root/line")).unwrap();
    artifact.write(&dir.path().join("root/line/1")).unwrap();
    artifact.write(&dir.path().join("outside")).unwrap();
    dir
}

fn read(dir: &tempfile::TempDir, name: &str, version: &str) -> Result<Sealed, ArtifactError> {
    Sealed::read_strictly(&dir.path().join("root"), name, version, MAX_BYTES)
}

#[test]
fn what_lies_below_the_root_is_read_and_no_link_is_followed() {
    let dir = registry();
    let model = dir.path().join("root/line/1");
    read(&dir, "line", "1").unwrap().verify().unwrap();
    symlink(dir.path().join("outside"), dir.path().join("root/line/2")).unwrap();
    symlink(dir.path().join("root/line"), dir.path().join("root/other")).unwrap();
    for (name, version) in [("line", "2"), ("other", "1"), ("..", "outside"), ("line", "../../outside"), ("line", "")] {
        let refused = read(&dir, name, version).unwrap_err();
        assert!(matches!(refused, ArtifactError::NotPlain { .. }), "{name}/{version}: {refused}");
    }
    for file in FILES {
        fs::rename(model.join(file), model.join("aside")).unwrap();
        assert!(matches!(read(&dir, "line", "1").unwrap_err(), ArtifactError::Missing { .. }), "{file}");
        symlink(dir.path().join("outside").join(file), model.join(file)).unwrap();
        assert!(matches!(read(&dir, "line", "1").unwrap_err(), ArtifactError::NotPlain { .. }), "{file}");
        fs::remove_file(model.join(file)).unwrap();
        fs::create_dir(model.join(file)).unwrap();
        assert!(matches!(read(&dir, "line", "1").unwrap_err(), ArtifactError::NotPlain { .. }), "{file}");
        fs::remove_dir(model.join(file)).unwrap();
        // A pipe with nobody at its other end: opening it must not wait.
        make_pipe(&model.join(file));
        assert!(matches!(read(&dir, "line", "1").unwrap_err(), ArtifactError::NotPlain { .. }), "{file}");
        fs::remove_file(model.join(file)).unwrap();
        fs::rename(model.join("aside"), model.join(file)).unwrap();
    }
    read(&dir, "line", "1").unwrap().verify().unwrap();
}

#[test]
fn no_more_is_read_than_the_limit_of_all_files_together() {
    let dir = registry();
    for file in FILES {
        let path = dir.path().join("root/line/1").join(file);
        let before = fs::read(&path).unwrap();
        // Of no size on the disk, and of 2 GiB in memory.
        File::create(&path).unwrap().set_len(2 << 30).unwrap();
        assert!(matches!(read(&dir, "line", "1").unwrap_err(), ArtifactError::TooLarge { .. }), "{file}");
        fs::write(&path, before).unwrap();
    }
    let whole: u64 = FILES.iter().map(|file| dir.path().join("root/line/1").join(file).metadata().unwrap().len()).sum();
    let root = dir.path().join("root");
    Sealed::read_strictly(&root, "line", "1", whole).unwrap();
    assert!(matches!(Sealed::read_strictly(&root, "line", "1", whole - 1), Err(ArtifactError::TooLarge { .. })));
}

fn make_pipe(path: &std::path::Path) {
    let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

//! Damaged, forged and hostile artifacts: none becomes a challenger, and each is rejected by the check that should.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::symlink;

use parcel_risk::artifact::{Artifact, FileDigest, Manifest};
use parcel_risk::registry::{Check, Place as At, Shelf};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};

use super::{Place, first, sign, times};

const FILES: [&str; 5] = ["manifest.json", "model.bin", "history.bin", "golden.jsonl", "CARD.md"];

/// What was done to an artifact, and the checks that may find it.
type Damage = (&'static str, &'static [Check]);

#[test]
fn no_damaged_artifact_is_believed_and_each_is_rejected_by_the_check_that_should() {
    let place = Place::new();
    let path = place.put(first());
    let whole: BTreeMap<&str, Vec<u8>> = FILES.iter().map(|file| (*file, fs::read(path.join(file)).unwrap())).collect();
    let signature = fs::read(path.join("manifest.json.minisig")).unwrap();
    let shelf = Shelf::of(&place.registry()).unwrap();
    let at = At { name: "line".to_owned(), version: "1".to_owned() };
    shelf.take(&at).unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let n_rounds = times(300, 10_000);
    let mut by_check: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for round in 0..n_rounds {
        let (name, checks) = damage(round, &place, &path, &whole, &mut random);
        let (finding, _) = shelf.take(&at).map(|_| ()).expect_err(name);
        assert!(checks.contains(&finding.check), "{name}, round {round}: {finding:?}");
        *by_check.entry((name, finding.check.as_str())).or_default() += 1;
        fs::remove_dir_all(&path).unwrap();
        fs::create_dir(&path).unwrap();
        whole.iter().for_each(|(file, bytes)| fs::write(path.join(file), bytes).unwrap());
        fs::write(path.join("manifest.json.minisig"), &signature).unwrap();
    }
    shelf.take(&at).unwrap();
    eprintln!("{n_rounds} damaged artifacts, none believed:");
    by_check.iter().for_each(|((name, check), n)| eprintln!("{n:6} {name}: {check}"));
}

fn damage(
    round: usize,
    place: &Place,
    path: &std::path::Path,
    whole: &BTreeMap<&str, Vec<u8>>,
    random: &mut ChaCha8Rng,
) -> Damage {
    let mut below = |n: usize| usize::try_from(random.next_u64() % n as u64).unwrap();
    let file = FILES[below(FILES.len())];
    let bytes = &whole[file];
    // What is not the signed manifest is found by the signature; what the manifest names, by its digest.
    let found_by: &[Check] =
        if file == "manifest.json" { &[Check::Signature, Check::Manifest] } else { &[Check::Digest] };
    match round % 12 {
        0 | 1 => {
            let mut flipped = bytes.clone();
            let at = below(flipped.len());
            flipped[at] ^= 1 << below(8);
            fs::write(path.join(file), flipped).unwrap();
            ("a flipped bit", found_by)
        }
        2 => {
            fs::write(path.join(file), &bytes[..below(bytes.len())]).unwrap();
            ("a truncated file", found_by)
        }
        3 => {
            fs::remove_file(path.join(file)).unwrap();
            symlink("/etc/passwd", path.join(file)).unwrap();
            ("a link", &[Check::Files])
        }
        4 => {
            File::create(path.join(file)).unwrap().set_len(2 << 30).unwrap();
            ("a file of 2 GiB", &[Check::Files])
        }
        5 => {
            fs::remove_file(path.join(file)).unwrap();
            ("a file that is not there", &[Check::Files])
        }
        6 => {
            let mut signature = fs::read(path.join("manifest.json.minisig")).unwrap();
            // The first line of a signature is nobody's word; it may say anything. The second names the key.
            let second_line = signature.iter().position(|byte| *byte == b'\n').unwrap() + 1;
            let at = second_line + below(90);
            signature[at] = if signature[at] == b'A' { b'B' } else { b'A' };
            fs::write(path.join("manifest.json.minisig"), &signature).unwrap();
            ("a changed signature", &[Check::Signature])
        }
        7 => {
            forge(place, path, |manifest| manifest.format = 2 + u32::try_from(below(1000)).unwrap());
            ("another format", &[Check::Format])
        }
        8 => {
            forge(place, path, |manifest| manifest.version = "another".to_owned());
            ("another version than its directory's", &[Check::Identity, Check::Golden])
        }
        9 => {
            forge(place, path, |manifest| manifest.feature_spec_digest = "0".repeat(64));
            ("another feature spec", &[Check::FeatureSchema])
        }
        10 => {
            let which = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY][below(3)];
            let model = with_number(first(), which);
            forge_file(place, path, "model.bin", &model);
            ("a number that is none", &[Check::Finite])
        }
        _ => {
            let mut changed = bytes.clone();
            let at = below(changed.len());
            changed[at] ^= 1 << below(8);
            if file == "manifest.json" || file == "CARD.md" {
                // Nothing but the signature can tell.
                fs::write(path.join("manifest.json"), [&whole["manifest.json"][..], b" "].concat()).unwrap();
                ("a manifest that says the same in other bytes", &[Check::Signature])
            } else {
                forge_file(place, path, file, &changed);
                forge(place, path, |manifest| manifest.version = "another".to_owned());
                let any: &[Check] = &[
                    Check::Model,
                    Check::Finite,
                    Check::FeatureSchema,
                    Check::History,
                    Check::Golden,
                    // What is no text any more.
                    Check::Digest,
                ];
                ("a flipped bit that its owner signed", any)
            }
        }
    }
}

/// The model's bytes with one number of its calibration replaced, which no check of a model's maker would let pass.
fn with_number(artifact: &Artifact, number: f64) -> Vec<u8> {
    let bytes = artifact.model().to_bytes();
    let mut body = artifact.model().body().clone();
    let before = crate::fixture::curve(&mut body).c;
    let (before, after) = (before.to_le_bytes(), number.to_le_bytes());
    let at = bytes.windows(8).rposition(|window| window == before).unwrap();
    [&bytes[..at], &after, &bytes[at + 8..]].concat()
}

/// A manifest that its owner signed.
fn forge(place: &Place, path: &std::path::Path, change: impl FnOnce(&mut Manifest)) {
    let mut manifest: Manifest = serde_json::from_slice(&fs::read(path.join("manifest.json")).unwrap()).unwrap();
    change(&mut manifest);
    let text = serde_json::to_string_pretty(&manifest).unwrap() + "\n";
    fs::write(path.join("manifest.json.minisig"), sign(text.as_bytes(), &place.pair)).unwrap();
    fs::write(path.join("manifest.json"), text).unwrap();
}

/// Another file, which its owner signed.
fn forge_file(place: &Place, path: &std::path::Path, file: &str, bytes: &[u8]) {
    fs::write(path.join(file), bytes).unwrap();
    let sha256: String = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    let digest = FileDigest { sha256, bytes: bytes.len() as u64 };
    forge(place, path, |manifest| {
        manifest.files.insert(file.to_owned(), digest);
    });
}

#[test]
fn what_is_swapped_while_it_is_read_is_one_artifact_or_none() {
    let place = Place::new();
    let path = place.put(first());
    let shelf = Shelf::of(&place.registry()).unwrap();
    let at = At { name: "line".to_owned(), version: "1".to_owned() };
    let whole = fs::read(path.join("model.bin")).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut turn = 0_u64;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let mut other = whole.clone();
                other[100] ^= u8::try_from(turn % 2).unwrap();
                fs::write(path.join("model.bin"), other).unwrap();
                turn += 1;
            }
        });
        for _ in 0..times(10, 200) {
            match shelf.take(&at) {
                Ok(believed) => assert_eq!(believed.artifact.model_ref(), first().model_ref()),
                Err((finding, _)) => assert_eq!(finding.check, Check::Digest, "{finding:?}"),
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

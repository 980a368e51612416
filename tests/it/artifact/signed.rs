//! Who vouches for an artifact.

use std::fs;
use std::process::Command;

use minisign::KeyPair;
use parcel_risk::artifact::{KeyRole, Sealed, SignatureError, Signer, TrustedKeyConfig, TrustedKeys};

use super::{Place, small};

fn trusted(keys: &[(&str, KeyRole, &KeyPair)]) -> TrustedKeys {
    let config = keys.iter().map(|(name, role, pair)| TrustedKeyConfig {
        name: (*name).to_owned(),
        role: *role,
        key: pair.pk.to_base64(),
    });
    TrustedKeys::new(&config.collect::<Vec<_>>()).unwrap()
}

fn sign(manifest: &[u8], pair: &KeyPair) -> String {
    minisign::sign(None, &pair.sk, manifest, None, None).unwrap().into_string()
}

#[test]
fn a_signature_counts_by_the_key_that_made_it_also_while_keys_change() {
    let (old, new, strange) = (pair(), pair(), pair());
    let keys = trusted(&[("old", KeyRole::Release, &old), ("new", KeyRole::Trial, &new)]);
    let place = Place::new();
    let said = |keys: &TrustedKeys| Sealed::read(&place.path("")).unwrap().signed_by(keys);
    assert_eq!(said(&keys), Err(SignatureError::Unsigned));
    for (pair, name, role) in [(&old, "old", KeyRole::Release), (&new, "new", KeyRole::Trial)] {
        fs::write(place.path("manifest.json.minisig"), sign(&place.bytes("manifest.json"), pair)).unwrap();
        assert_eq!(said(&keys), Ok(Signer { name: name.to_owned(), role }));
    }
    assert_eq!(
        said(&trusted(&[("old", KeyRole::Release, &old)])),
        Err(SignatureError::UnknownKey),
        "taken off the list"
    );
    assert_eq!(said(&TrustedKeys::default()), Err(SignatureError::UnknownKey));
    fs::write(place.path("manifest.json.minisig"), sign(&place.bytes("manifest.json"), &strange)).unwrap();
    assert_eq!(said(&keys), Err(SignatureError::UnknownKey));
    for junk in ["", "untrusted comment: none\n", &"A".repeat(100_000)] {
        fs::write(place.path("manifest.json.minisig"), junk).unwrap();
        assert_eq!(said(&keys), Err(SignatureError::Malformed), "{}", junk.len());
    }
}

#[test]
fn a_signature_is_of_one_manifest_and_survives_a_copy_of_the_artifact() {
    let pair = pair();
    let keys = trusted(&[("release", KeyRole::Release, &pair)]);
    let place = Place::new();
    fs::write(place.path("manifest.json.minisig"), sign(&place.bytes("manifest.json"), &pair)).unwrap();
    let artifact = Sealed::read(&place.path("")).unwrap().verify().unwrap();
    let copy = tempfile::tempdir().unwrap();
    artifact.write(&copy.path().join("copy")).unwrap();
    let copied = Sealed::read(&copy.path().join("copy")).unwrap();
    assert_eq!(copied.signed_by(&keys).unwrap().name, "release");

    let another = small("another", |_| ());
    fs::write(place.path("manifest.json"), another.manifest_bytes()).unwrap();
    assert_eq!(Sealed::read(&place.path("")).unwrap().signed_by(&keys), Err(SignatureError::Wrong));
}

#[test]
fn the_command_makes_a_key_signs_and_verifies() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let run = |args: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_parcel-risk")).arg("model").args(args).output().unwrap();
        (
            output.status.success(),
            String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap(),
        )
    };
    small("small", |_| ()).write(&dir.path().join("model")).unwrap();
    fs::write(path("password"), "correct horse\n").unwrap();
    let (secret, public, model, password) = (path("key"), path("key.pub"), path("model"), path("password"));
    let unsigned = run(&["verify", &model, "--signed"]);
    assert!(!unsigned.0 && unsigned.1.contains("the model is not signed"), "{}", unsigned.1);
    for how in [["--no-password", "--no-password"], ["--password-file", password.as_str()]] {
        let how = if how[0] == how[1] { &how[..1] } else { &how[..] };
        let keygen = [&["keygen", "--secret-key", &secret, "--public-key", &public][..], how].concat();
        let made = run(&keygen);
        assert!(made.0, "{}", made.1);
        assert!(!run(&keygen).0, "a key is never written over");
        let signed = run(&[&["sign", &model, "--secret-key", &secret][..], how].concat());
        assert!(signed.0, "{}", signed.1);
        let verified = run(&["verify", &model, "--public-key", &public]);
        assert!(verified.0 && verified.1.contains("signed by "), "{}", verified.1);
        fs::remove_file(&secret).unwrap();
        fs::remove_file(&public).unwrap();
    }
}

fn pair() -> KeyPair {
    KeyPair::generate_unencrypted_keypair().unwrap()
}

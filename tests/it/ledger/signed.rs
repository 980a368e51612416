//! Checkpoints that are signed: a ledger that was written anew by someone without the key does not fit them.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use minisign::KeyPair;
use parcel_risk::ledger::{Clock, Ledger, LedgerConfig, checkpoints, known_record, verify, verify_against};

use super::{Place, parcels, records_of, requests, stop};
use crate::harness::within;

/// Files of a new pair of keys in a directory: the secret one and the public one.
fn pair(dir: &Path, name: &str) -> (PathBuf, PathBuf) {
    let KeyPair { pk, sk } = KeyPair::generate_unencrypted_keypair().unwrap();
    let (secret, public) = (dir.join(format!("{name}.key")), dir.join(format!("{name}.pub")));
    fs::write(&secret, sk.to_box(None).unwrap().into_string()).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&public, pk.to_box().unwrap().into_string()).unwrap();
    (secret, public)
}

fn text_of(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A ledger of some decisions, signed by a key of its own at its end; with the file of the public key.
async fn signed(n_parcels: usize) -> (Place, PathBuf) {
    let place = Place::new();
    let (secret, public) = pair(place.dir.path(), "checkpoints");
    let place = place.with(|config| config.checkpoint_key = text_of(&secret));
    decide(&place, n_parcels).await;
    (place, public)
}

async fn decide(place: &Place, n_parcels: usize) {
    let (mut client, server, recorder) = place.serve().await;
    within(client.score_parcels(requests(&parcels(n_parcels)))).await.unwrap();
    stop(client, server, recorder).await;
}

fn said(place: &Place, public: &Path) -> Output {
    let (ledger, key) = (text_of(&place.path()), text_of(public));
    let arguments = ["ledger", "verify", "--ledger", &ledger, "--checkpoint-key", &key];
    Command::new(env!("CARGO_BIN_EXE_parcel-risk")).args(arguments).output().unwrap()
}

#[tokio::test]
async fn the_end_is_signed_and_a_ledger_that_was_written_anew_does_not_fit() {
    let (place, public) = signed(20).await;
    let (path, verified) = (place.path(), verify(&place.path(), None).unwrap());
    let known = checkpoints(&path, &public, None).unwrap();
    let (seq, digest) = known.last().unwrap().clone();
    assert_eq!(seq, verified.head.seq);
    verify_against(&path, &known).unwrap();
    let told = said(&place, &public);
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains(&format!("end {seq}:{digest}\n")), "{told}");
    assert!(told.ends_with(&format!("signed checkpoints fit, the last {seq}:{digest}\n")), "{told}");

    // Whoever can write to the ledger can make one that is whole, and note its end beside it.
    let other = Place::new();
    decide(&other, 30).await;
    let head = |place: &Place| place.dir.path().join("ledger.db.head");
    fs::copy(other.path(), &path).unwrap();
    fs::copy(head(&other), head(&place)).unwrap();
    verify(&path, None).unwrap();
    let fault = verify_against(&path, &known).unwrap_err().to_string();
    assert!(fault.ends_with("it is another than the one that is known to have been written"), "{fault}");
    let told = said(&place, &public);
    assert_eq!((told.status.code(), told.stdout.len()), (Some(1), 0));

    // Or cut its end off.
    let (bytes, records) = records_of(&other.path());
    fs::write(&path, &bytes[..records[9].end]).unwrap();
    fs::remove_file(head(&place)).unwrap();
    verify(&path, None).unwrap();
    let fault = verify_against(&path, &known).unwrap_err().to_string();
    assert!(fault.starts_with("record 11: it is missing"), "{fault}");
}

#[tokio::test]
async fn each_start_goes_on_signing_also_with_another_key() {
    let (place, public) = signed(5).await;
    let (secret, other_public) = pair(place.dir.path(), "other");
    let place = place.with(|config| config.checkpoint_key = text_of(&secret));
    // As a server leaves it that was killed in the middle of writing one.
    let file = place.dir.path().join("ledger.db.checkpoints");
    let torn = fs::read_to_string(&file).unwrap().lines().take(2).fold(String::new(), |text, line| text + line + "\n");
    OpenOptions::new().append(true).open(&file).unwrap().write_all(torn.as_bytes()).unwrap();
    decide(&place, 9).await;
    let of = |key: &Path| checkpoints(&place.path(), key, None).unwrap();
    let (before, after) = (of(&public), of(&other_public));
    assert!(before.last().unwrap().0 < after.last().unwrap().0);
    verify_against(&place.path(), &[before, after].concat()).unwrap();
}

/// A full disk and a loss of power break off wherever they do.
#[tokio::test]
async fn what_is_left_of_a_checkpoint_that_was_broken_off_spoils_no_other() {
    let (place, public) = signed(5).await;
    let file = place.dir.path().join("ledger.db.checkpoints");
    let whole = fs::read(&file).unwrap();
    let of = || checkpoints(&place.path(), &public, None).unwrap();
    let before = of();
    let last = String::from_utf8(whole.clone()).unwrap().rfind("untrusted").unwrap();
    let mut cuts: Vec<_> = (last..whole.len()).step_by(37).collect();
    cuts.push(whole.len() - 1);
    for cut in cuts {
        fs::write(&file, [&whole[..], &whole[last..cut]].concat()).unwrap();
        assert_eq!(of(), before, "cut at {cut}");
        decide(&place, 1).await;
        let after = of();
        assert!(after.len() > before.len() && after[..before.len()] == before[..], "cut at {cut}");
        verify_against(&place.path(), &after).unwrap();
    }
}

#[tokio::test]
async fn a_checkpoint_counts_only_as_its_key_signed_it() {
    let (place, public) = signed(5).await;
    let (_, strange) = pair(place.dir.path(), "strange");
    let read = |key: &Path, file: &Path| checkpoints(&place.path(), key, Some(file)).map_err(|error| error.to_string());
    let file = place.dir.path().join("ledger.db.checkpoints");
    assert!(read(&public, &file).is_ok());
    assert!(read(&strange, &file).unwrap_err().ends_with("holds no checkpoint of this key"));
    assert!(read(&public, Path::new("/nowhere")).unwrap_err().ends_with("holds no checkpoint of this key"));
    assert!(read(&file, &file).unwrap_err().ends_with("must hold a public key of minisign"));
    let text = fs::read_to_string(&file).unwrap();
    let copy = place.dir.path().join("copy");
    let changed = text.replace("trusted comment: parcel-risk ledger ", "trusted comment: parcel-risk ledger 1");
    for changed in [changed, text.replace("ledger", "budget"), text.replace("trusted comment: ", "")] {
        fs::write(&copy, changed).unwrap();
        assert!(read(&public, &copy).is_err());
    }
    let told = said(&place, &strange);
    assert_eq!(told.status.code(), Some(1));
}

#[test]
fn a_key_that_others_can_read_or_that_is_none_signs_nothing() {
    let place = Place::new();
    let (secret, public) = pair(place.dir.path(), "checkpoints");
    let why = |key: &Path| {
        let config = LedgerConfig { checkpoint_key: text_of(key), ..place.config.clone() };
        Ledger::open(&place.path(), &config, Clock::system()).unwrap_err().to_string()
    };
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(why(&secret).ends_with("its mode must be 0600"), "{}", why(&secret));
    fs::set_permissions(&public, fs::Permissions::from_mode(0o600)).unwrap();
    assert!(why(&public).ends_with("must hold a secret key of minisign without a password"), "{}", why(&public));
    assert!(why(Path::new("/nowhere")).ends_with("is not there"), "{}", why(Path::new("/nowhere")));
}

#[test]
fn only_a_number_and_a_digest_is_a_known_record() {
    let digest = "AB".repeat(32);
    assert_eq!(known_record(&format!("7:{digest}")), Some((7, "ab".repeat(32))));
    for text in ["", "7", "7:", "x:ab", &format!("7:{digest}0"), &format!("7:{}", "zz".repeat(32))] {
        assert_eq!(known_record(text), None, "{text}");
    }
}

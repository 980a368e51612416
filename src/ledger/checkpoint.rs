//! Signed checkpoints: number and digest of a record, vouched for by the holder of a key.
//!
//! Whoever can write to a ledger can write all of it anew, with digests that fit. Without the key no checkpoint fits what
//! was so written. They stand beside the ledger one after the other, each a signature of minisign (Ed25519 over
//! BLAKE2b-512) with a trusted comment that says what is signed, so that `minisign -V` verifies them too.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use minisign::{SecretKey, SecretKeyBox};
use minisign_verify::{PublicKey, Signature};

use super::config::beside;
use super::record::Head;
use super::verify::{Known, known_record};
use super::{LedgerConfig, LedgerError, secret};
use crate::features::hex;

/// What the trusted comment of a checkpoint begins with.
const COMMENT: &str = "parcel-risk ledger ";
/// Lines of a signature.
const N_LINES: usize = 4;

/// The file of a ledger's checkpoints.
fn path_of(ledger: &Path) -> PathBuf {
    beside(ledger, ".checkpoints")
}

/// What is signed: number and digest, as `ledger verify` prints them.
fn message(seq: i64, digest: &str) -> String {
    format!("{seq}:{digest}\n")
}

/// Signs the end of a ledger.
pub(super) struct Signing {
    key: SecretKey,
    path: PathBuf,
    /// How often, where there is anything new.
    pub(super) every: Duration,
}

impl fmt::Debug for Signing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signing").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Signing {
    /// As configured; `None` where nothing is signed.
    pub(super) fn open(ledger: &Path, config: &LedgerConfig) -> Result<Option<Self>, LedgerError> {
        if config.checkpoint_key.is_empty() {
            return Ok(None);
        }
        let path = Path::new(&config.checkpoint_key);
        let wrong = |what| LedgerError::Key { path: path.to_owned(), what };
        let text = secret::read(path)?.ok_or_else(|| wrong("is not there"))?;
        let boxed = String::from_utf8(text).ok().and_then(|text| SecretKeyBox::from_string(&text).ok());
        let key = boxed.and_then(|boxed| boxed.into_unencrypted_secret_key().ok());
        let key = key.ok_or_else(|| wrong("must hold a secret key of minisign without a password"))?;
        let every = Duration::from_secs(config.checkpoint_seconds.into());
        Ok(Some(Self { key, path: path_of(ledger), every }))
    }

    /// Adds a checkpoint at `head`, which the disk has.
    pub(super) fn sign(&self, head: &Head) -> io::Result<()> {
        let digest = hex(&head.digest);
        let comment = format!("{COMMENT}{}:{digest}", head.seq);
        let signed = minisign::sign(None, &self.key, message(head.seq, &digest).as_bytes(), Some(&comment), None);
        let mut text = signed.map_err(io::Error::other)?.into_string();
        if !text.ends_with('\n') {
            text.push('\n');
        }
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&self.path)?;
        // The line that a full disk or a loss of power broke off would be a part of the next one's first.
        let whole = end_of_lines(&file)?;
        if whole < file.metadata()?.len() {
            file.set_len(whole)?;
        }
        file.write_all(text.as_bytes()).and_then(|()| file.sync_data()).inspect_err(|_| {
            let _ = file.set_len(whole);
        })
    }
}

/// Where the last whole line of a file ends; none is as long as what is looked through.
fn end_of_lines(file: &File) -> io::Result<u64> {
    let n_bytes = file.metadata()?.len();
    let from = n_bytes.saturating_sub(4096);
    let mut last = vec![0; usize::try_from(n_bytes - from).unwrap_or(0)];
    file.read_exact_at(&mut last, from)?;
    Ok(last.iter().rposition(|byte| *byte == b'\n').map_or(from, |idx| from + idx as u64 + 1))
}

/// Why checkpoints say nothing about a ledger.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// A file can't be read.
    #[error(transparent)]
    File(#[from] LedgerError),
    /// Not a public key.
    #[error("{path} must hold a public key of minisign", path = path.display())]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// There is none that the key has signed.
    #[error("{path} holds no checkpoint of this key", path = path.display())]
    None {
        /// The file.
        path: PathBuf,
    },
    /// Signature and what it says do not fit.
    #[error("checkpoint {n} in {path} was changed", path = path.display())]
    Changed {
        /// Which one, from 1.
        n: usize,
        /// The file.
        path: PathBuf,
    },
}

/// Every record that the owner of the public key in the file `key` vouches for, oldest first; there is one at least.
/// Checkpoints are read from `file`, which may be a copy that was kept elsewhere, or from beside the ledger.
///
/// Those of another key are passed over, so that one can take the place of another; so is one that was not written whole.
///
/// # Errors
/// [`CheckpointError`].
pub fn checkpoints(ledger: &Path, key: &Path, file: Option<&Path>) -> Result<Vec<Known>, CheckpointError> {
    let public = fs::read_to_string(key).map_err(LedgerError::file("reading", key))?;
    let public = PublicKey::decode(&public).or_else(|_| PublicKey::from_base64(public.trim()));
    let public = public.map_err(|_| CheckpointError::Key { path: key.to_owned() })?;
    let path = file.map_or_else(|| path_of(ledger), Path::to_owned);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(LedgerError::file("reading", &path)(error).into()),
    };
    // The last may not be whole.
    let lines: Vec<&str> = text.rsplit_once('\n').map_or("", |(whole, _)| whole).lines().collect();
    let begins = |line: &str| line.starts_with("untrusted comment:");
    let mut vouched = Vec::new();
    let starts = lines.iter().enumerate().filter(|(_, line)| begins(line));
    for (n, (start, _)) in starts.enumerate() {
        let block = lines.get(start..start + N_LINES).unwrap_or_default();
        if block.is_empty() || block.iter().skip(1).any(|line| begins(line)) {
            // The server ended in the middle of it.
            continue;
        }
        let changed = || CheckpointError::Changed { n: n + 1, path: path.clone() };
        let signature = Signature::decode(&block.join("\n")).map_err(|_| changed())?;
        let known = signature.trusted_comment().strip_prefix(COMMENT).and_then(known_record).ok_or_else(changed)?;
        match public.verify(message(known.0, &known.1).as_bytes(), &signature, false) {
            Ok(()) => vouched.push(known),
            Err(minisign_verify::Error::UnexpectedKeyId) => {}
            Err(_) => return Err(changed()),
        }
    }
    if vouched.is_empty() { Err(CheckpointError::None { path }) } else { Ok(vouched) }
}

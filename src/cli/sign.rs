//! `model keygen` and `model sign`: keys and signatures of minisign.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use minisign::{KeyPair, SecretKey, SecretKeyBox};

use super::output;
use crate::artifact::Artifact;

/// Flags of `model keygen`.
#[derive(Debug, clap::Args)]
pub(super) struct KeygenArgs {
    /// File of the secret key, which is made readable by its owner only.
    #[arg(long, value_name = "FILE")]
    secret_key: PathBuf,
    /// File of the public key.
    #[arg(long, value_name = "FILE")]
    public_key: PathBuf,
    #[command(flatten)]
    password: PasswordFlag,
}

/// Flags of `model sign`.
#[derive(Debug, clap::Args)]
pub(super) struct SignArgs {
    /// Directory of the artifact, which must prove itself.
    directory: PathBuf,
    /// File of the secret key.
    #[arg(long, value_name = "FILE")]
    secret_key: PathBuf,
    #[command(flatten)]
    password: PasswordFlag,
}

/// Where the secret key's password comes from. Never from the command line, which others can see.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
pub(super) struct PasswordFlag {
    /// File whose first line is the secret key's password; without it, the terminal is asked.
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// The secret key has no password: for a machine that signs by itself.
    #[arg(long)]
    no_password: bool,
}

impl PasswordFlag {
    /// `None`: the terminal is asked.
    fn read(&self) -> anyhow::Result<Option<String>> {
        let Some(path) = &self.password_file else { return Ok(None) };
        let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
    }
}

pub(super) fn keygen(args: &KeygenArgs) -> anyhow::Result<()> {
    let pair = if args.password.no_password {
        KeyPair::generate_unencrypted_keypair()
    } else {
        KeyPair::generate_encrypted_keypair(args.password.read()?)
    };
    let KeyPair { pk, sk } = pair.context("making a key pair")?;
    write_new(&args.secret_key, 0o600, &sk.to_box(None)?.into_string())?;
    write_new(&args.public_key, 0o644, &pk.to_box()?.into_string())?;
    output::print(&format!("public key {}\n", pk.to_base64()))
}

pub(super) fn sign(args: &SignArgs) -> anyhow::Result<()> {
    // What does not prove itself is vouched for by nobody.
    let artifact =
        Artifact::read(&args.directory).with_context(|| format!("the model in {}", args.directory.display()))?;
    let key = secret_key(&args.secret_key, &args.password)?;
    let signature = signature(&artifact, &key)?;
    let path = args.directory.join("manifest.json.minisig");
    fs::write(&path, signature).with_context(|| format!("writing {}", path.display()))?;
    let model = artifact.model_ref();
    output::print(&format!("{} {} sha256:{} signed\n", model.name, model.version, model.digest))
}

/// A secret key, opened.
pub(super) fn secret_key(path: &Path, password: &PasswordFlag) -> anyhow::Result<SecretKey> {
    let context = || format!("the secret key {}", path.display());
    let boxed = SecretKeyBox::from_string(&fs::read_to_string(path).with_context(context)?).with_context(context)?;
    if password.no_password {
        return boxed.into_unencrypted_secret_key().with_context(context);
    }
    boxed.into_secret_key(password.read()?).with_context(context)
}

/// The signature of an artifact's manifest, as minisign writes it.
pub(super) fn signature(artifact: &Artifact, key: &SecretKey) -> anyhow::Result<String> {
    let model = artifact.model_ref();
    // Signed too, and shown by whatever verifies.
    let comment = format!("parcel-risk model {} {} sha256:{}", model.name, model.version, model.digest);
    Ok(minisign::sign(None, key, artifact.manifest_bytes(), Some(&comment), None).context("signing")?.into_string())
}

/// A key is never written over.
fn write_new(path: &Path, mode: u32, text: &str) -> anyhow::Result<()> {
    let write = || OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?.write_all(text.as_bytes());
    write().with_context(|| format!("making {}", path.display()))
}

//! Who vouches for an artifact: a signature over its manifest, which names the digests of all else.
//!
//! Keys and signatures are minisign's (Ed25519 over BLAKE2b-512), so that `minisign -V` verifies what this program signs,
//! and the other way round.

use std::fmt;

use minisign_verify::{PublicKey, Signature};
use serde::{Deserialize, Serialize};

/// What the owner of a key may vouch for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyRole {
    /// Models that decide.
    Release,
    /// Models that score in the shadow, and are never promoted.
    Trial,
}

impl KeyRole {
    /// As the configuration calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Trial => "trial",
        }
    }
}

/// A key as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKeyConfig {
    /// Whose it is; said wherever a model is told of.
    pub name: String,
    /// What it may vouch for.
    pub role: KeyRole,
    /// The public key in base 64: the second line of a `.pub` file of minisign.
    pub key: String,
}

/// Keys whose signatures count. Several may be valid at once, so that one can take the place of another.
#[derive(Clone, Debug, Default)]
pub struct TrustedKeys(Vec<(Signer, PublicKey)>);

/// Who signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// The key's name in the configuration.
    pub name: String,
    /// What it may vouch for.
    pub role: KeyRole,
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.role.as_str())
    }
}

/// A configured key that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// It would be shown as nothing.
    #[error("registry.trusted_keys[{idx}].name: must not be empty")]
    Unnamed {
        /// Which one, from 0.
        idx: usize,
    },
    /// Two of a name could not be told apart.
    #[error("registry.trusted_keys[{idx}].name: another key has this name")]
    SameName {
        /// Which one, from 0.
        idx: usize,
    },
    /// Not a public key.
    #[error("registry.trusted_keys[{idx}].key: must be a public key of minisign in base 64")]
    Key {
        /// Which one, from 0.
        idx: usize,
    },
}

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is none.
    #[error("manifest.json.minisig is not there: the model is not signed")]
    Unsigned,
    /// It is no signature.
    #[error("manifest.json.minisig is no signature of minisign")]
    Malformed,
    /// None of the trusted keys made it.
    #[error("the signature is of a key that is not among registry.trusted_keys")]
    UnknownKey,
    /// It is of another manifest, or was changed.
    #[error("the signature does not fit manifest.json: one of them was changed")]
    Wrong,
}

impl TrustedKeys {
    /// Reads them.
    ///
    /// # Errors
    /// [`InvalidKey`] for the first that is none.
    pub fn new(configured: &[TrustedKeyConfig]) -> Result<Self, InvalidKey> {
        let mut keys: Vec<(Signer, PublicKey)> = Vec::with_capacity(configured.len());
        for (idx, TrustedKeyConfig { name, role, key }) in configured.iter().enumerate() {
            if name.is_empty() {
                return Err(InvalidKey::Unnamed { idx });
            }
            if keys.iter().any(|(other, _)| other.name == *name) {
                return Err(InvalidKey::SameName { idx });
            }
            let key = PublicKey::from_base64(key.trim()).map_err(|_| InvalidKey::Key { idx })?;
            keys.push((Signer { name: name.clone(), role: *role }, key));
        }
        Ok(Self(keys))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Who signed `manifest`.
    ///
    /// # Errors
    /// [`SignatureError`]: nobody who counts.
    pub fn signer(&self, manifest: &[u8], signature: Option<&str>) -> Result<Signer, SignatureError> {
        let signature = Signature::decode(signature.ok_or(SignatureError::Unsigned)?);
        let signature = signature.map_err(|_| SignatureError::Malformed)?;
        let mut why_not = SignatureError::UnknownKey;
        for (signer, key) in &self.0 {
            match key.verify(manifest, &signature, false) {
                Ok(()) => return Ok(signer.clone()),
                Err(minisign_verify::Error::UnexpectedKeyId) => {}
                Err(_) => why_not = SignatureError::Wrong,
            }
        }
        Err(why_not)
    }
}

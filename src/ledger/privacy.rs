//! What of a parcel is kept, and under which names.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::mem;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use hmac::{Hmac, KeyInit as _, Mac as _};
use prost::Message as _;
use sha2::Sha256;

use super::config::Parties;
use super::{LedgerConfig, LedgerError, secret};
use crate::features::hex;
use crate::wire::v1;

/// Makes the parcel that is kept of the one that was stated.
pub struct Keeping {
    parties: Parties,
    descriptions: bool,
    /// `None` where nothing is pseudonymized.
    key: Option<Hmac<Sha256>>,
}

impl std::fmt::Debug for Keeping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeping").field("parties", &self.parties).finish_non_exhaustive()
    }
}

/// Shortest key, in bytes: that of the hash.
const MIN_KEY_BYTES: usize = 32;
/// Bytes of a pseudonym: enough that no two texts meet.
const PSEUDONYM_BYTES: usize = 16;

impl Keeping {
    /// As configured. The key is made where there is none.
    ///
    /// # Errors
    /// [`LedgerError::Key`] where others than the owner may read it, or it is too short.
    pub fn new(config: &LedgerConfig) -> Result<Self, LedgerError> {
        let key = config.key_path().map(|path| {
            let key = read_or_make_key(&path)?;
            Hmac::new_from_slice(&key).map_err(|_| LedgerError::Key { path, what: "holds no key" })
        });
        Ok(Self { parties: config.parties, descriptions: config.descriptions, key: key.transpose()? })
    }

    /// What is kept of a parcel, in the contract's encoding. History is kept under the same keys whatever this leaves out.
    ///
    /// `stated` is as it was when this returns: what is not kept is put aside, since a copy of a parcel costs more.
    pub fn keep(&self, stated: &mut v1::Parcel) -> Vec<u8> {
        let mut descriptions = Vec::new();
        if !self.descriptions {
            descriptions.extend(stated.contents.iter_mut().map(|line| mem::take(&mut line.description)));
        }
        let bytes = if self.parties == Parties::Plain {
            stated.encode_to_vec()
        } else {
            let parties = (stated.sender.take(), stated.addressee.take());
            let kept = |party: &Option<v1::Party>| Some(pseudonymous(self.key.as_ref()?, party.as_ref()?));
            (stated.sender, stated.addressee) = (kept(&parties.0), kept(&parties.1));
            let bytes = stated.encode_to_vec();
            (stated.sender, stated.addressee) = parties;
            bytes
        };
        for (line, description) in stated.contents.iter_mut().zip(descriptions) {
            line.description = description;
        }
        bytes
    }
}

/// Country and kind stay: they name nobody.
fn pseudonymous(key: &Hmac<Sha256>, party: &v1::Party) -> v1::Party {
    let v1::Party { party_id, name, street, locality, postcode, country, phone, email, kind } = party;
    let pseudonym = |field: &str, text: &str| {
        if text.is_empty() {
            return String::new();
        }
        // With the field's name, so that a number in two fields is not known to be one.
        let mac = key.clone().chain_update(field).chain_update([0]).chain_update(text.as_bytes());
        let bytes = mac.finalize().into_bytes();
        hex(bytes.get(..PSEUDONYM_BYTES).unwrap_or(&bytes))
    };
    v1::Party {
        party_id: pseudonym("party_id", party_id),
        name: pseudonym("name", name),
        street: pseudonym("street", street),
        locality: pseudonym("locality", locality),
        postcode: pseudonym("postcode", postcode),
        country: country.clone(),
        phone: pseudonym("phone", phone),
        email: pseudonym("email", email),
        kind: *kind,
    }
}

fn read_or_make_key(path: &Path) -> Result<Vec<u8>, LedgerError> {
    if let Some(key) = secret::read(path)? {
        if key.len() < MIN_KEY_BYTES {
            return Err(LedgerError::Key { path: path.to_owned(), what: "must hold at least 32 bytes" });
        }
        return Ok(key);
    }
    let mut key = vec![0; MIN_KEY_BYTES];
    getrandom::fill(&mut key).map_err(|_| LedgerError::Key {
        path: path.to_owned(),
        what: "can't be made: the system gives no random bytes",
    })?;
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    let mut file = made.map_err(LedgerError::file("making", path))?;
    file.write_all(&key).and_then(|()| file.sync_all()).map_err(LedgerError::file("writing", path))?;
    Ok(key)
}

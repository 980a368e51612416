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
use super::{LedgerConfig, LedgerError, Reader, secret};
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
/// Most parcels are no longer.
const USUAL_BYTES: usize = 640;
/// Most texts of a party are no longer, with the field's name.
const USUAL_MESSAGE_BYTES: usize = 128;
/// Bytes of a pseudonym: enough that no two texts meet.
const PSEUDONYM_BYTES: usize = 16;

impl Keeping {
    /// As configured. The key is made where there is none and none was before.
    ///
    /// * `ledger`: what was recorded so far, where anything was.
    ///
    /// # Errors
    /// [`LedgerError::Key`] where others than the owner may read it, or it is too short; [`LedgerError::KeyGone`] where parties
    /// were kept under one; other [`LedgerError`]s where that can't be read.
    pub fn new(config: &LedgerConfig, ledger: Option<&Reader>) -> Result<Self, LedgerError> {
        let key = config.key_path().map(|path| {
            let key = match secret::read(&path)? {
                Some(key) if key.len() < MIN_KEY_BYTES => {
                    return Err(LedgerError::Key { path, what: "must hold at least 32 bytes" });
                }
                Some(key) => key,
                // Under another one nobody would be who they were before, and no look at the ledger would show it.
                None if ledger.map_or(Ok(false), has_pseudonyms)? => return Err(LedgerError::KeyGone { path }),
                None => make_key(&path)?,
            };
            Hmac::new_from_slice(&key).map_err(|_| LedgerError::Key { path, what: "holds no key" })
        });
        Ok(Self { parties: config.parties, descriptions: config.descriptions, key: key.transpose()? })
    }

    /// What is kept of a parcel, as [`kept_parcel`] reads it. History is kept under the same keys whatever this leaves out.
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
            let mut parties = (stated.sender.take(), stated.addressee.take());
            let mut message = Vec::with_capacity(USUAL_MESSAGE_BYTES);
            let mut kept =
                |party: &mut Option<v1::Party>| Some(pseudonymous(self.key.as_ref()?, party.as_mut()?, &mut message));
            let kept = Pseudonymous { sender: kept(&mut parties.0), addressee: kept(&mut parties.1) };
            let mut bytes = Vec::with_capacity(USUAL_BYTES);
            // One after the other they are one message.
            let written = stated.encode(&mut bytes).and_then(|()| kept.encode(&mut bytes));
            written.expect("a vector grows");
            (stated.sender, stated.addressee) = parties;
            bytes
        };
        for (line, description) in stated.contents.iter_mut().zip(descriptions) {
            line.description = description;
        }
        bytes
    }
}

/// The parties of a parcel under pseudonyms, beside its other fields: their numbers are none of the contract's. As bytes, for
/// texts of twice the length are written, hashed and kept for years.
#[derive(Clone, PartialEq, prost::Message)]
struct Pseudonymous {
    #[prost(message, optional, tag = "1001")]
    sender: Option<PseudonymousParty>,
    #[prost(message, optional, tag = "1002")]
    addressee: Option<PseudonymousParty>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PseudonymousParty {
    /// Which of [`FIELDS`] are stated, by their bits.
    #[prost(uint32, tag = "1")]
    stated: u32,
    /// The pseudonym of each that is, one after the other.
    #[prost(bytes = "vec", tag = "2")]
    pseudonyms: Vec<u8>,
    /// This and the kind stay as stated: they name nobody.
    #[prost(string, tag = "3")]
    country: String,
    #[prost(int32, tag = "4")]
    kind: i32,
}

/// Where a party has one of its texts.
type Text = fn(&mut v1::Party) -> &mut String;

/// The texts of a party. Their places stand in ledgers, and their names in pseudonyms.
const FIELDS: [(&str, Text); 7] = [
    ("party_id", |party| &mut party.party_id),
    ("name", |party| &mut party.name),
    ("street", |party| &mut party.street),
    ("locality", |party| &mut party.locality),
    ("postcode", |party| &mut party.postcode),
    ("phone", |party| &mut party.phone),
    ("email", |party| &mut party.email),
];

/// * `message`: room for what is hashed.
fn pseudonymous(key: &Hmac<Sha256>, party: &mut v1::Party, message: &mut Vec<u8>) -> PseudonymousParty {
    let mut pseudonyms = Vec::with_capacity(FIELDS.len() * PSEUDONYM_BYTES);
    let mut stated = 0;
    for (place, (field, text_of)) in FIELDS.iter().enumerate() {
        let text = text_of(party);
        if !text.is_empty() {
            // With the field's name, so that a number in two fields is not known to be one. At once: a hash that is fed in
            // three parts takes a fifth longer.
            message.clear();
            message.extend_from_slice(field.as_bytes());
            message.push(0);
            message.extend_from_slice(text.as_bytes());
            let bytes = key.clone().chain_update(&message).finalize().into_bytes();
            pseudonyms.extend_from_slice(bytes.get(..PSEUDONYM_BYTES).unwrap_or(&bytes));
            stated |= 1 << place;
        }
    }
    PseudonymousParty { stated, pseudonyms, country: party.country.clone(), kind: party.kind }
}

impl From<PseudonymousParty> for v1::Party {
    fn from(kept: PseudonymousParty) -> Self {
        let mut party = Self { country: kept.country, kind: kept.kind, ..Self::default() };
        let stated = FIELDS.iter().enumerate().filter(|(place, _)| kept.stated >> place & 1 == 1);
        for ((_, (_, text_of)), pseudonym) in stated.zip(kept.pseudonyms.chunks(PSEUDONYM_BYTES)) {
            *text_of(&mut party) = hex(pseudonym);
        }
        party
    }
}

/// The parcel that [`Keeping::keep`] kept, pseudonyms as hexadecimal digits.
///
/// # Errors
/// Where the bytes are none.
pub fn kept_parcel(bytes: &[u8]) -> Result<v1::Parcel, prost::DecodeError> {
    // Each passes over the fields of the other.
    let mut parcel = v1::Parcel::decode(bytes)?;
    let Pseudonymous { sender, addressee } = Pseudonymous::decode(bytes)?;
    parcel.sender = parcel.sender.or(sender.map(Into::into));
    parcel.addressee = parcel.addressee.or(addressee.map(Into::into));
    Ok(parcel)
}

/// Whether parties were kept under pseudonyms at any time.
pub(super) fn has_pseudonyms(ledger: &Reader) -> Result<bool, LedgerError> {
    ledger.any_grounds(|grounds| grounds.parties == Parties::Pseudonymized)
}

fn make_key(path: &Path) -> Result<Vec<u8>, LedgerError> {
    let mut key = vec![0; MIN_KEY_BYTES];
    getrandom::fill(&mut key).map_err(|_| LedgerError::Key {
        path: path.to_owned(),
        what: "can't be made: the system gives no random bytes",
    })?;
    let made = OpenOptions::new().write(true).create_new(true).mode(secret::OWNERS_ALONE).open(path);
    let mut file = made.map_err(LedgerError::file("making", path))?;
    file.write_all(&key).and_then(|()| file.sync_all()).map_err(LedgerError::file("writing", path))?;
    Ok(key)
}

//! JSON Web Tokens: whose they are, and whether they are for here.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::ArcSwap;
use http::HeaderMap;
use http::header::AUTHORIZATION;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::jwk::{AlgorithmParameters, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::certificate::digest;
use super::file::{FileError, Named};
use super::role::{Role, Roles};
use super::{Caller, Denied};
use crate::telemetry::unix_seconds;

/// How much clocks may differ.
const LEEWAY_SECONDS: u64 = 30;

/// Tokens that are known to be good: a signature costs more than a score.
const MAX_REMEMBERED: usize = 4096;

/// What a token must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TokenRules {
    pub(super) keys: Named,
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) roles_claim: String,
}

/// Judges tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    rules: TokenRules,
    current: ArcSwap<Keys>,
}

/// The keys of one file, and tokens that they were found to have signed.
struct Keys {
    by_id: HashMap<String, Key>,
    good: RwLock<HashMap<[u8; 32], Caller>>,
}

struct Key {
    key: DecodingKey,
    /// The one that the file names for it.
    algorithm: Option<Algorithm>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("n", &self.by_id.len()).finish_non_exhaustive()
    }
}

impl Tokens {
    pub(super) fn load(rules: TokenRules) -> Result<Self, FileError> {
        let keys = Keys::read(&rules.keys)?;
        Ok(Self { rules, current: ArcSwap::from_pointee(keys) })
    }

    /// What was good under other keys is judged anew.
    pub(super) fn reload(&self) -> Result<(), FileError> {
        self.current.store(Arc::new(Keys::read(&self.rules.keys)?));
        Ok(())
    }

    /// Whoever the call's token is of; `None` where it has none.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Option<Caller>, Denied> {
        let mut stated = headers.get_all(AUTHORIZATION).iter();
        let Some(first) = stated.next() else { return Ok(None) };
        if stated.next().is_some() {
            return Err(Denied::Token("`authorization` is given more than once"));
        }
        let token =
            first.to_str().ok().and_then(bearer).ok_or(Denied::Token("`authorization` is not `Bearer` and a token"))?;
        let keys = self.current.load();
        let id: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        if let Some(caller) = keys.remembered(&id) {
            return Ok(Some(caller));
        }
        let caller = self.judge(&keys, token)?;
        keys.remember(id, &caller);
        Ok(Some(caller))
    }

    fn judge(&self, keys: &Keys, token: &str) -> Result<Caller, Denied> {
        // Of an algorithm that there is none of, `none` among them, the header does not read.
        let header =
            decode_header(token).map_err(|_| Denied::Token("it is malformed, or its algorithm is none of JWA's"))?;
        if !self.rules.algorithms.contains(&header.alg) {
            return Err(Denied::Token("its algorithm is not one of identity.jwt_algorithms"));
        }
        let id = header.kid.ok_or(Denied::Token("it names no key (kid)"))?;
        let key = keys.by_id.get(&id).ok_or(Denied::Token("its key (kid) is not known here"))?;
        if key.algorithm.is_some_and(|algorithm| algorithm != header.alg) {
            return Err(Denied::Token("its algorithm is not that of its key"));
        }
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY_SECONDS;
        validation.validate_nbf = true;
        validation.set_issuer(&[&self.rules.issuer]);
        validation.set_audience(&[&self.rules.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let claims =
            decode::<Map<String, Value>>(token, &key.key, &validation).map_err(|error| why(error.kind()))?.claims;
        let text = |name: &str| claims.get(name).and_then(Value::as_str);
        let subject =
            text("sub").filter(|subject| !subject.is_empty()).ok_or(Denied::Token("it has no subject (sub)"))?;
        let until = claims.get("exp").and_then(Value::as_f64).ok_or(Denied::Token("it has no end (exp)"))?;
        let roles = roles(claims.get(&self.rules.roles_claim));
        if roles.conflict() {
            return Err(Denied::Token("it holds both `outcome` and `admin`, which no caller may"));
        }
        let name = format!("sub:{subject}");
        // A float beyond the largest number of seconds becomes that.
        let until_unix_seconds = (until as u64).saturating_add(LEEWAY_SECONDS);
        Ok(Caller { digest: digest(&name).into(), name: name.into(), roles, until_unix_seconds, serial: None })
    }
}

/// The token after the scheme, whose name may be written in any case.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim()).filter(|token| !token.is_empty())
}

/// Those of a list, or of a text with spaces between them; a word that is no role is someone else's.
fn roles(claim: Option<&Value>) -> Roles {
    match claim {
        Some(Value::Array(words)) => words.iter().filter_map(Value::as_str).filter_map(Role::named).collect(),
        Some(Value::String(words)) => words.split(' ').filter_map(Role::named).collect(),
        _ => Roles::default(),
    }
}

/// Why a token that reads as one is not good; never in the words of the token.
fn why(kind: &ErrorKind) -> Denied {
    Denied::Token(match kind {
        ErrorKind::InvalidSignature => "its signature is not that of its key",
        ErrorKind::ExpiredSignature => "it has expired",
        ErrorKind::ImmatureSignature => "it is not valid yet",
        ErrorKind::InvalidIssuer => "its issuer is not identity.jwt_issuer",
        ErrorKind::InvalidAudience => "it is for another audience than identity.jwt_audience",
        ErrorKind::MissingRequiredClaim(_) => "it lacks one of exp, iss, aud and sub",
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => "its algorithm is not that of its key",
        _ => "it is malformed",
    })
}

impl Keys {
    fn read(file: &Named) -> Result<Self, FileError> {
        let set: JwkSet = serde_json::from_slice(&file.read()?)
            .map_err(|error| file.error(format!("is no JSON Web Key Set: line {}", error.line())))?;
        let mut by_id = HashMap::new();
        for (idx, jwk) in set.keys.iter().enumerate() {
            let bad = |what: &str| file.error(format!("holds a key that can't be used (keys[{idx}]): {what}"));
            if matches!(jwk.algorithm, AlgorithmParameters::OctetKey(_)) {
                return Err(bad("it is a secret, and whoever checks tokens by it could make them too"));
            }
            if jwk.common.public_key_use.as_ref().is_some_and(|purpose| *purpose != PublicKeyUse::Signature) {
                continue;
            }
            let id = jwk.common.key_id.clone().ok_or_else(|| bad("it has no kid"))?;
            let key = DecodingKey::from_jwk(jwk).map_err(|_| bad("it is malformed, or of a kind that is not known"))?;
            let algorithm = jwk.common.key_algorithm.map(|named| named.to_string().parse::<Algorithm>());
            let algorithm = algorithm.transpose().map_err(|_| bad("its alg is not one for signatures"))?;
            if by_id.insert(id, Key { key, algorithm }).is_some() {
                return Err(bad("another has the same kid"));
            }
        }
        if by_id.is_empty() {
            return Err(file.error("holds no key for signatures"));
        }
        Ok(Self { by_id, good: RwLock::default() })
    }

    fn remembered(&self, id: &[u8; 32]) -> Option<Caller> {
        let good = self.good.read().unwrap_or_else(PoisonError::into_inner);
        good.get(id).filter(|caller| caller.until_unix_seconds > unix_seconds()).cloned()
    }

    fn remember(&self, id: [u8; 32], caller: &Caller) {
        let mut good = self.good.write().unwrap_or_else(PoisonError::into_inner);
        if good.len() >= MAX_REMEMBERED {
            let now = unix_seconds();
            good.retain(|_, caller| caller.until_unix_seconds > now);
            if good.len() >= MAX_REMEMBERED {
                good.clear();
            }
        }
        good.insert(id, caller.clone());
    }
}

//! Who calls, and what they may: certificates, tokens, roles, and which method needs which.
//!
//! Nothing is open by mistake: once callers are asked who they are, a method that no table names is for nobody, a name
//! that no list holds has no role, and a file that can't be read changes nothing.

mod certificate;
mod config;
mod file;
mod grants;
mod method;
mod revoked;
mod role;
mod tls;
mod tokens;

use std::sync::Arc;

use http::HeaderMap;

pub use config::{IdentityConfig, InvalidIdentity, ValidIdentity};
pub use file::FileError;
pub use method::{Need, need};
pub use role::{Role, Roles};
pub use tls::Tls;

use crate::telemetry::unix_seconds;
use grants::Grants;
use tokens::Tokens;

/// Someone who is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// A name of its certificate, such as `uri:spiffe://post.example/sorting`, or `sub:` and the subject of its token.
    /// Never logged.
    pub name: Arc<str>,
    /// What logs call it: the beginning of the name's SHA-256.
    pub digest: Arc<str>,
    /// What it may.
    pub roles: Roles,
    /// From then on it is unknown again, in seconds since 1970.
    pub until_unix_seconds: u64,
    /// Of its certificate, where it has one.
    pub(crate) serial: Option<Arc<[u8; 32]>>,
}

/// Why a call is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It says nothing of who it is.
    #[error("who calls is not known: show {0}")]
    Unknown(&'static str),
    /// Its certificate was valid when the connection began.
    #[error("the client certificate has expired: connect anew with a valid one")]
    Expired,
    /// Its certificate was taken back since the connection began.
    #[error("the client certificate has been revoked")]
    Revoked,
    /// Its token is none, or not for here.
    #[error("the token is not accepted: {0}")]
    Token(&'static str),
    /// It is known, and may not.
    #[error("{0}")]
    Role(&'static str),
}

impl Denied {
    /// As metrics name it.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Unknown(_) => "unknown",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Token(_) => "token",
            Self::Role(_) => "role",
        }
    }
}

/// What knows callers; shared by all connections.
#[derive(Debug, Default)]
pub struct Identity {
    config: ValidIdentity,
    grants: Grants,
    tls: Option<Tls>,
    tokens: Option<Tokens>,
}

/// Why a server does not start as it was told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exposed {
    /// Anyone on the way reads names and addresses.
    #[error(
        "serve.listen or serve.listen_apart is no loopback address, and there is no TLS: set identity.tls_certificate_file and \
         identity.tls_key_file, or identity.insecure_plaintext = true where the network is trusted"
    )]
    Plaintext,
    /// Anyone who gets there is the administrator.
    #[error(
        "serve.listen or serve.listen_apart is no loopback address, and nobody is asked who they are: set identity.client_ca_file or \
         identity.jwks_file, or identity.insecure_anonymous = true where only those connect who may do everything"
    )]
    Anonymous,
}

impl Identity {
    /// Reads all files that the configuration names.
    ///
    /// # Errors
    /// [`FileError`] for the first that can't be used.
    pub fn load(config: ValidIdentity) -> Result<Self, FileError> {
        let tls = config.tls_files().map(Tls::load).transpose()?;
        let tokens = config.token_rules().map(Tokens::load).transpose()?;
        Ok(Self { grants: Grants::of(&config), config, tls, tokens })
    }

    /// Reads the files anew. Each that can't be used is left as it was, and is told of.
    pub fn reload(&self) -> Vec<FileError> {
        let tls = self.tls.as_ref().and_then(|tls| tls.reload().err());
        let tokens = self.tokens.as_ref().and_then(|tokens| tokens.reload().err());
        tls.into_iter().chain(tokens).collect()
    }

    /// Whether there are files to read anew.
    pub fn has_files(&self) -> bool {
        self.tls.is_some() || self.tokens.is_some()
    }

    /// What ends TLS; none where text is plain.
    pub fn tls(&self) -> Option<&Tls> {
        self.tls.as_ref()
    }

    /// How it is set.
    pub fn config(&self) -> &ValidIdentity {
        &self.config
    }

    /// Whether the server may listen where it does.
    ///
    /// # Errors
    /// [`Exposed`] where others than this machine's get there, and that was not said outright.
    pub fn check_exposure(&self, is_loopback: bool) -> Result<(), Exposed> {
        self.config.check_exposure(is_loopback)
    }

    /// Who the owner of a verified certificate is; `None` where it holds no name.
    pub fn of_certificate(&self, der: &[u8]) -> Option<Caller> {
        certificate::caller(der, &self.grants)
    }

    /// Lets a call of the method at `path` in, or not. A token, where there is one, decides instead of the connection's
    /// certificate. `None`: nobody is asked.
    ///
    /// # Errors
    /// [`Denied`].
    pub fn admit(&self, path: &str, headers: &HeaderMap, peer: Option<&Caller>) -> Result<Option<Caller>, Denied> {
        if !self.config.asks_who_calls() {
            return Ok(None);
        }
        let need = need(path);
        if need == Need::Nothing {
            return Ok(None);
        }
        let caller = self.caller(headers, peer)?;
        if need.is_met_by(caller.roles) { Ok(Some(caller)) } else { Err(Denied::Role(need.lacking())) }
    }

    fn caller(&self, headers: &HeaderMap, peer: Option<&Caller>) -> Result<Caller, Denied> {
        if let Some(tokens) = &self.tokens
            && let Some(caller) = tokens.caller(headers)?
        {
            return Ok(caller);
        }
        let wanted = match (self.config.asks_for_certificates(), self.tokens.is_some()) {
            (true, true) => "a client certificate with a name, or `authorization: Bearer` and a token",
            (_, true) => "`authorization: Bearer` and a token",
            (_, false) => "a client certificate with a name",
        };
        let caller = peer.ok_or(Denied::Unknown(wanted))?;
        if caller.until_unix_seconds <= unix_seconds() {
            return Err(Denied::Expired);
        }
        if let (Some(tls), Some(serial)) = (&self.tls, &caller.serial)
            && tls.is_revoked(serial)
        {
            return Err(Denied::Revoked);
        }
        Ok(caller.clone())
    }
}

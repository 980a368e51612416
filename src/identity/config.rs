//! How callers are known, and the check that stands before anything starts.

use std::net::SocketAddr;
use std::path::PathBuf;

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde::{Deserialize, Serialize};

use super::Exposed;
use super::file::Named;
use super::role::Role;
use super::tls::TlsFiles;
use super::tokens::TokenRules;

/// Who callers are, and what they may, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IdentityConfig {
    /// The server's certificate and those between it and its root, in PEM; empty: plain text.
    pub tls_certificate_file: String,
    /// Its private key in PEM, readable by its owner, and its group at most.
    pub tls_key_file: String,
    /// Certificates of who signs those of clients, in PEM; empty: no client certificate is asked for.
    pub client_ca_file: String,
    /// Revocation lists of all who sign clients' certificates, in PEM; empty: none is asked.
    pub client_crl_file: String,
    /// Public keys of who signs tokens, a JSON Web Key Set; empty: no token is read.
    pub jwks_file: String,
    /// Who must have issued a token (`iss`).
    pub jwt_issuer: String,
    /// Whom it must be for (`aud`).
    pub jwt_audience: String,
    /// How it may be signed.
    pub jwt_algorithms: Vec<String>,
    /// The claim with its roles.
    pub jwt_roles_claim: String,
    /// Names of certificates that may have parcels scored.
    pub may_score: Vec<String>,
    /// That may see the reasons of a score as it is made.
    pub may_explain: Vec<String>,
    /// That may record outcomes.
    pub may_outcome: Vec<String>,
    /// That may look decisions up.
    pub may_audit: Vec<String>,
    /// That may change what decides.
    pub may_admin: Vec<String>,
    /// How soon a TLS handshake must be done.
    pub handshake_timeout_seconds: u32,
    /// Most handshakes at once; more connections wait in the system's queue.
    pub max_pending_handshakes: u32,
    /// Whether plain text may leave this machine.
    pub insecure_plaintext: bool,
    /// Whether others than this machine's may call without being asked who they are.
    pub insecure_anonymous: bool,
}

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            tls_certificate_file: String::new(),
            tls_key_file: String::new(),
            client_ca_file: String::new(),
            client_crl_file: String::new(),
            jwks_file: String::new(),
            jwt_issuer: String::new(),
            jwt_audience: String::new(),
            jwt_algorithms: ["EdDSA", "ES256", "ES384"].map(str::to_owned).to_vec(),
            jwt_roles_claim: "roles".to_owned(),
            may_score: Vec::new(),
            may_explain: Vec::new(),
            may_outcome: Vec::new(),
            may_audit: Vec::new(),
            may_admin: Vec::new(),
            handshake_timeout_seconds: 3,
            max_pending_handshakes: 256,
            insecure_plaintext: false,
            insecure_anonymous: false,
        }
    }
}

/// Every bad setting; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct InvalidIdentity(pub Vec<String>);

/// Settings that go together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValidIdentity(IdentityConfig);

impl IdentityConfig {
    /// Checks every setting, and that they go together.
    ///
    /// # Errors
    /// [`InvalidIdentity`] with all that is wrong.
    pub fn check(self) -> Result<ValidIdentity, InvalidIdentity> {
        let mut bad = Vec::new();
        let mut must = |holds: bool, what: &str| {
            if !holds {
                bad.push(format!("identity.{what}"));
            }
        };
        let is_set = |path: &str| !path.is_empty();
        let has_tls = is_set(&self.tls_certificate_file);
        must(has_tls == is_set(&self.tls_key_file), "tls_certificate_file and identity.tls_key_file go together");
        must(has_tls || !is_set(&self.client_ca_file), "client_ca_file needs tls_certificate_file");
        must(
            is_set(&self.client_ca_file) || !is_set(&self.client_crl_file),
            "client_crl_file needs client_ca_file: it is about the certificates of clients",
        );
        let named = self.lists().into_iter().any(|(_, names)| !names.is_empty());
        must(!named || is_set(&self.client_ca_file), "may_… names certificates, which needs client_ca_file");
        must(
            named || !is_set(&self.client_ca_file),
            "client_ca_file lets nobody in where no may_… names a certificate",
        );
        let has_tokens = is_set(&self.jwks_file);
        must(has_tokens == is_set(&self.jwt_issuer), "jwks_file and identity.jwt_issuer go together");
        must(has_tokens == is_set(&self.jwt_audience), "jwks_file and identity.jwt_audience go together");
        must(is_set(&self.jwt_roles_claim), "jwt_roles_claim must name a claim");
        must(!self.jwt_algorithms.is_empty(), "jwt_algorithms must name one");
        for (idx, name) in self.jwt_algorithms.iter().enumerate() {
            let expected = "must be EdDSA, ES256, ES384, RS256, RS384, RS512, PS256, PS384 or PS512";
            must(algorithm(name).is_some(), &format!("jwt_algorithms[{idx}]: {expected}"));
        }
        for (role, names) in self.lists() {
            for (idx, name) in names.iter().enumerate() {
                let expected = if is_name(&name.to_ascii_lowercase()) {
                    "must be in lower case: the name of a host, and what stands before the colon"
                } else {
                    "must be uri:, dns: or email: and a whole name, without * and without spaces"
                };
                must(is_name(name), &format!("may_{}[{idx}]: {expected}", role.name()));
            }
        }
        let both = self.may_outcome.iter().find(|name| self.may_admin.contains(name));
        must(
            both.is_none(),
            "may_outcome and identity.may_admin hold the same name: who says what models learn from may not choose the model",
        );
        must((1..=60).contains(&self.handshake_timeout_seconds), "handshake_timeout_seconds must be from 1 to 60");
        must((1..=65_536).contains(&self.max_pending_handshakes), "max_pending_handshakes must be from 1 to 65536");
        if bad.is_empty() { Ok(ValidIdentity(self)) } else { Err(InvalidIdentity(bad)) }
    }

    fn lists(&self) -> [(Role, &[String]); 5] {
        [
            (Role::Score, &self.may_score),
            (Role::Explain, &self.may_explain),
            (Role::Outcome, &self.may_outcome),
            (Role::Audit, &self.may_audit),
            (Role::Admin, &self.may_admin),
        ]
    }
}

/// Kinds of names are in lower case, as are names of hosts: no other spelling would ever be found.
fn is_name(text: &str) -> bool {
    let Some((kind, name)) = text.split_once(':') else { return false };
    let is_whole = !name.is_empty() && !name.contains(|c: char| c == '*' || c.is_whitespace() || c.is_control());
    match kind {
        "uri" => is_whole && name.contains(':'),
        "email" => is_whole && name.contains('@'),
        "dns" => is_whole && !name.contains(|c: char| c.is_ascii_uppercase()),
        _ => false,
    }
}

/// None of those whose key both makes and checks.
fn algorithm(name: &str) -> Option<Algorithm> {
    name.parse::<Algorithm>().ok().filter(|algorithm| algorithm.family() != AlgorithmFamily::Hmac)
}

impl ValidIdentity {
    /// Whether a caller must be known.
    pub fn asks_who_calls(&self) -> bool {
        self.asks_for_certificates() || !self.0.jwks_file.is_empty()
    }

    pub(super) fn asks_for_certificates(&self) -> bool {
        !self.0.client_ca_file.is_empty()
    }

    /// Seconds that a TLS handshake may take.
    pub fn handshake_timeout_seconds(&self) -> u32 {
        self.0.handshake_timeout_seconds
    }

    /// Most handshakes at once.
    pub fn max_pending_handshakes(&self) -> u32 {
        self.0.max_pending_handshakes
    }

    /// As [`super::Identity::check_exposure`], before any file is read.
    ///
    /// # Errors
    /// [`Exposed`].
    pub fn check_exposure(&self, is_loopback: bool) -> Result<(), Exposed> {
        if is_loopback {
            return Ok(());
        }
        if self.0.tls_certificate_file.is_empty() && !self.0.insecure_plaintext {
            return Err(Exposed::Plaintext);
        }
        if !self.asks_who_calls() && !self.0.insecure_anonymous {
            return Err(Exposed::Anonymous);
        }
        Ok(())
    }

    /// The same, of an address as it is configured. Of a name nothing is known until it is listened on.
    ///
    /// # Errors
    /// [`Exposed`].
    pub fn check_address(&self, listen: &str) -> Result<(), Exposed> {
        self.check_exposure(listen.parse::<SocketAddr>().map_or(true, |address| address.ip().is_loopback()))
    }

    pub(super) fn lists(&self) -> [(Role, &[String]); 5] {
        self.0.lists()
    }

    pub(super) fn tls_files(&self) -> Option<TlsFiles> {
        let certificate = named("identity.tls_certificate_file", &self.0.tls_certificate_file)?;
        let key = named("identity.tls_key_file", &self.0.tls_key_file)?;
        Some(TlsFiles {
            certificate,
            key,
            client_ca: named("identity.client_ca_file", &self.0.client_ca_file),
            client_crl: named("identity.client_crl_file", &self.0.client_crl_file),
        })
    }

    pub(super) fn token_rules(&self) -> Option<TokenRules> {
        Some(TokenRules {
            keys: named("identity.jwks_file", &self.0.jwks_file)?,
            issuer: self.0.jwt_issuer.clone(),
            audience: self.0.jwt_audience.clone(),
            algorithms: self.0.jwt_algorithms.iter().filter_map(|name| algorithm(name)).collect(),
            roles_claim: self.0.jwt_roles_claim.clone(),
        })
    }
}

fn named(key: &'static str, path: &str) -> Option<Named> {
    (!path.is_empty()).then(|| Named { key, path: PathBuf::from(path) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(config: IdentityConfig) -> String {
        config.check().unwrap_err().to_string()
    }

    #[test]
    fn half_a_setting_is_refused_and_never_read_as_none() {
        let text = str::to_owned;
        for (config, said) in [
            (IdentityConfig { tls_key_file: text("k"), ..Default::default() }, "go together"),
            (IdentityConfig { tls_certificate_file: text("c"), ..Default::default() }, "go together"),
            (IdentityConfig { client_ca_file: text("c"), ..Default::default() }, "needs tls_certificate_file"),
            (IdentityConfig { client_crl_file: text("c"), ..Default::default() }, "needs client_ca_file"),
            (IdentityConfig { may_score: vec![text("dns:a")], ..Default::default() }, "needs client_ca_file"),
            (IdentityConfig { jwks_file: text("k"), ..Default::default() }, "jwt_issuer go together"),
            (IdentityConfig { jwt_audience: text("k"), ..Default::default() }, "jwt_audience go together"),
            (IdentityConfig { jwt_algorithms: vec![], ..Default::default() }, "must name one"),
            (IdentityConfig { max_pending_handshakes: 0, ..Default::default() }, "from 1 to 65536"),
        ] {
            let wrong = wrong(config);
            assert!(wrong.contains(said), "{said:?} is not in {wrong:?}");
        }
    }

    #[test]
    fn no_list_holds_a_name_that_stands_for_many() {
        for name in
            ["*", "uri:*", "dns:*.post.example", "post.example", "cn:post", "dns:", "dns:Post.example", "uri:a b"]
        {
            let config = IdentityConfig { may_score: vec![name.to_owned()], ..Default::default() };
            assert!(wrong(config).contains("may_score[0]"), "{name}");
        }
        let config = IdentityConfig { may_score: vec!["dns:Post.example".to_owned()], ..Default::default() };
        assert!(wrong(config).contains("may_score[0]: must be in lower case"));
        for name in ["none", "HS256", "HS512", "eddsa"] {
            let config = IdentityConfig { jwt_algorithms: vec![name.to_owned()], ..Default::default() };
            assert!(wrong(config).contains("jwt_algorithms[0]"), "{name}");
        }
    }

    #[test]
    fn who_reports_outcomes_does_not_choose_the_model() {
        let both = vec!["dns:a".to_owned()];
        let config = IdentityConfig { may_outcome: both.clone(), may_admin: both, ..Default::default() };
        assert!(wrong(config).contains("may_outcome and identity.may_admin"));
    }

    #[test]
    fn beyond_this_machine_what_is_open_is_said_outright() {
        let open = IdentityConfig::default();
        let exposed = |config: &IdentityConfig, address| config.clone().check().unwrap().check_address(address);
        for address in ["127.0.0.1:1", "[::1]:1", "localhost:1"] {
            assert_eq!(exposed(&open, address), Ok(()), "{address}");
        }
        assert_eq!(exposed(&open, "0.0.0.0:1"), Err(Exposed::Plaintext));
        let plain = IdentityConfig { insecure_plaintext: true, ..open };
        assert_eq!(exposed(&plain, "[::]:1"), Err(Exposed::Anonymous));
        let both = IdentityConfig { insecure_anonymous: true, ..plain };
        assert_eq!(exposed(&both, "10.0.0.1:1"), Ok(()));
    }
}

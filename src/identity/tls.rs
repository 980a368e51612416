//! The server's certificate, and who signs those of its clients.

use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

use super::certificate::validity;
use super::file::{FileError, Named};
use super::revoked::{Revoked, Serial};
use crate::telemetry::unix_seconds;

/// Files of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TlsFiles {
    pub(super) certificate: Named,
    pub(super) key: Named,
    pub(super) client_ca: Option<Named>,
    pub(super) client_crl: Option<Named>,
}

/// What ends TLS. Connections that are open keep what they began with.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    current: ArcSwap<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    config: Arc<ServerConfig>,
    expires_unix_seconds: u64,
    revoked: Revoked,
}

impl Tls {
    pub(super) fn load(files: TlsFiles) -> Result<Self, FileError> {
        let loaded = files.load()?;
        Ok(Self { files, current: ArcSwap::from_pointee(loaded) })
    }

    pub(super) fn reload(&self) -> Result<(), FileError> {
        self.current.store(Arc::new(self.files.load()?));
        Ok(())
    }

    /// For the next connection.
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().config)
    }

    /// When the server's own certificate expires, in seconds since 1970.
    pub fn expires_unix_seconds(&self) -> u64 {
        self.current.load().expires_unix_seconds
    }

    /// When the first of the revocation lists is due to be replaced, in seconds since 1970; `None` where there is none.
    pub fn lists_due_unix_seconds(&self) -> Option<u64> {
        self.current.load().revoked.next_update_unix_seconds
    }

    /// Whether a client's certificate was taken back, as far as the lists of now know.
    pub(super) fn is_revoked(&self, serial: &Serial) -> bool {
        self.current.load().revoked.holds(serial)
    }
}

impl TlsFiles {
    fn load(&self) -> Result<Loaded, FileError> {
        let chain = certificates(&self.certificate)?;
        let expires_unix_seconds = expires(&self.certificate, &chain)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key.read_secret()?)
            .map_err(|_| self.key.error("holds no private key in PEM"))?;
        // Named, so that it does not depend on which other crate has installed one for the process.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| self.certificate.error(error.to_string()))?;
        let (revoked, lists) = self.client_crl.as_ref().map(Revoked::read).transpose()?.unwrap_or_default();
        let builder = match &self.client_ca {
            None => builder.with_no_client_auth(),
            Some(file) => {
                let mut roots = RootCertStore::empty();
                for root in certificates(file)? {
                    roots
                        .add(root)
                        .map_err(|error| file.error(format!("holds a certificate that is none: {error}")))?;
                }
                // A client without a certificate is let this far: it may ask for health, and for nothing else. One whose
                // certificate does not hold is not.
                //
                // Where there are lists, each issuer between a client and its root must have one: of a certificate of
                // which nothing is known nobody can say that it holds. An old list is better than none.
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                    .with_crls(lists)
                    .allow_unauthenticated()
                    .build()
                    .map_err(|error| {
                        self.client_crl.as_ref().unwrap_or(file).error(format!("can't be used: {error}"))
                    })?;
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|error| self.certificate.error(format!("does not go with {}: {error}", self.key.key)))?;
        // gRPC speaks nothing else.
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Loaded { config: Arc::new(config), expires_unix_seconds, revoked })
    }
}

fn certificates(file: &Named) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let text = file.read()?;
    let found = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
    let found = found.map_err(|_| file.error("is no PEM"))?;
    if found.is_empty() { Err(file.error("holds no certificate in PEM")) } else { Ok(found) }
}

/// Of the first, which is the server's own.
fn expires(file: &Named, chain: &[CertificateDer<'static>]) -> Result<u64, FileError> {
    let own = chain.first().and_then(|own| validity(own));
    let (from, until) = own.ok_or_else(|| file.error("holds a certificate that is none"))?;
    let now = i64::try_from(unix_seconds()).unwrap_or(i64::MAX);
    if until <= now {
        return Err(file.error("holds a certificate that has expired"));
    }
    if from > now {
        return Err(file.error("holds a certificate that is not valid yet"));
    }
    Ok(u64::try_from(until).unwrap_or(0))
}

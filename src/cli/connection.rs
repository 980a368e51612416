//! How a client of ours reaches a server: by TLS where the address says https, and with what says who it is.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

/// Flags of every command that calls a server.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct ConnectionFlags {
    /// Certificates of who signs the server's, in PEM; for https.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Client certificate, in PEM.
    #[arg(long, value_name = "FILE", requires_all = ["key", "ca"])]
    certificate: Option<PathBuf>,
    /// Its private key, in PEM.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,
    /// File with a JSON Web Token.
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

impl ConnectionFlags {
    /// Connects to a server.
    pub(super) async fn connect(&self, endpoint: &str) -> anyhow::Result<Channel> {
        let mut to = Endpoint::from_shared(endpoint.to_owned()).with_context(|| format!("the address {endpoint}"))?;
        if endpoint.starts_with("https:") {
            let ca = self.ca.as_deref().context("an address with https needs --ca FILE")?;
            let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(ca)?));
            if let (Some(certificate), Some(key)) = (&self.certificate, &self.key) {
                tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
            }
            to = to.tls_config(tls).context("the certificates")?;
        } else {
            anyhow::ensure!(self.ca.is_none(), "certificates are for an address with https");
        }
        to.connect().await.with_context(|| format!("connecting to {endpoint}"))
    }

    /// What says who calls, where there is a token.
    pub(super) fn authorization(&self) -> anyhow::Result<Option<MetadataValue<Ascii>>> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let token = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        // The parser's own words would quote it.
        let value = format!("Bearer {}", token.trim()).parse();
        Ok(Some(value.map_err(|_| anyhow::anyhow!("{} holds no token", path.display()))?))
    }
}

/// The trace that this command is a part of, as its environment says (W3C Trace Context); the server judges it.
pub(super) fn trace_parent() -> Option<MetadataValue<Ascii>> {
    std::env::var("TRACEPARENT").ok()?.parse().ok()
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}

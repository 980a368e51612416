//! Certificates that their issuers have taken back.

use std::collections::HashSet;

use rustls::pki_types::CertificateRevocationListDer;
use rustls::pki_types::pem::PemObject as _;
use sha2::{Digest as _, Sha256};
use x509_parser::prelude::{CertificateRevocationList, FromDer as _, X509Certificate};

use super::file::{FileError, Named};

/// Which certificate: of its issuer's name and the number that it gave.
pub(super) type Serial = [u8; 32];

/// The lists of one file.
#[derive(Debug, Default)]
pub(super) struct Revoked {
    serials: HashSet<Serial>,
    /// When the first of them is due to be replaced, in seconds since 1970; `None` where none says.
    pub(super) next_update_unix_seconds: Option<u64>,
}

impl Revoked {
    /// Reads a file of lists in PEM; what rustls makes of them stands beside.
    pub(super) fn read(file: &Named) -> Result<(Self, Vec<CertificateRevocationListDer<'static>>), FileError> {
        let text = file.read()?;
        let lists = CertificateRevocationListDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>();
        let lists = lists.map_err(|_| file.error("is no PEM"))?;
        if lists.is_empty() {
            return Err(file.error("holds no certificate revocation list in PEM"));
        }
        let mut revoked = Self::default();
        for der in &lists {
            let (_, list) =
                CertificateRevocationList::from_der(der).map_err(|_| file.error("holds a list that is none"))?;
            let issuer = list.issuer().as_raw();
            revoked.serials.extend(list.iter_revoked_certificates().map(|entry| serial(issuer, entry.raw_serial())));
            let next = list.next_update().map(|next| u64::try_from(next.timestamp()).unwrap_or(0));
            revoked.next_update_unix_seconds = revoked.next_update_unix_seconds.into_iter().chain(next).min();
        }
        Ok((revoked, lists))
    }

    pub(super) fn holds(&self, serial: &Serial) -> bool {
        self.serials.contains(serial)
    }
}

/// That of a certificate.
pub(super) fn serial_of(certificate: &X509Certificate<'_>) -> Serial {
    serial(certificate.issuer().as_raw(), certificate.raw_serial())
}

fn serial(issuer: &[u8], number: &[u8]) -> Serial {
    // The length first, or two pairs could read the same.
    let length = u64::try_from(issuer.len()).unwrap_or(u64::MAX).to_le_bytes();
    Sha256::new().chain_update(length).chain_update(issuer).chain_update(number).finalize().into()
}

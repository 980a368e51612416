//! Whoever signs certificates in tests.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use parcel_risk::identity::IdentityConfig;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, ExtendedKeyUsagePurpose,
    IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use tonic::transport::{Certificate, ClientTlsConfig, Identity};

/// Has a certificate of its own, by which those that it signs are known.
pub(super) struct Issuer(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key, both in PEM.
pub(super) struct Issued {
    pub(super) certificate: String,
    pub(super) key: String,
    serial: SerialNumber,
}

impl Issuer {
    pub(super) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn pem(&self) -> String {
        self.0.pem()
    }

    fn sign(&self, names: Vec<SanType>, usage: ExtendedKeyUsagePurpose, until_year: i32) -> Issued {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names;
        params.extended_key_usages = vec![usage];
        params.not_after = date_time_ymd(until_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let serial = SerialNumber::from_slice(&key.public_key_raw()[..16]);
        params.serial_number = Some(serial.clone());
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Issued { certificate: certificate.pem(), key: key.serialize_pem(), serial }
    }

    /// A list of those that it has taken back.
    pub(super) fn revokes(&self, lost: &[&Issued]) -> String {
        let revoked = |issued: &&Issued| RevokedCertParams {
            serial_number: issued.serial.clone(),
            revocation_time: date_time_ymd(2026, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2026, 1, 1),
            next_update: date_time_ymd(2100, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: lost.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.0).unwrap().pem().unwrap()
    }

    /// For a client that is called by this URI.
    pub(super) fn client(&self, uri: &str) -> Issued {
        self.client_until(uri, 2100)
    }

    pub(super) fn client_until(&self, uri: &str, year: i32) -> Issued {
        let names = vec![SanType::URI(Ia5String::try_from(uri).unwrap())];
        self.sign(names, ExtendedKeyUsagePurpose::ClientAuth, year)
    }

    /// For a client with names of every kind.
    pub(super) fn client_named(&self, names: Vec<SanType>) -> Issued {
        self.sign(names, ExtendedKeyUsagePurpose::ClientAuth, 2100)
    }

    pub(super) fn server(&self) -> Issued {
        self.server_until(2100)
    }

    pub(super) fn server_until(&self, year: i32) -> Issued {
        let names = vec![SanType::DnsName(Ia5String::try_from("localhost").unwrap())];
        self.sign(names, ExtendedKeyUsagePurpose::ServerAuth, year)
    }

    /// How a client calls that trusts this issuer.
    pub(super) fn trusted(&self) -> ClientTlsConfig {
        ClientTlsConfig::new().ca_certificate(Certificate::from_pem(self.pem())).domain_name("localhost")
    }

    /// The same, with a certificate of its own.
    pub(super) fn trusted_by(&self, client: &Issued) -> ClientTlsConfig {
        self.trusted().identity(Identity::from_pem(&client.certificate, &client.key))
    }
}

/// A file that only its owner may read.
pub(super) fn write(dir: &Path, name: &str, text: &str) -> String {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A server with a certificate of this issuer, who signs clients' too.
pub(super) fn config(dir: &Path, issuer: &Issuer) -> IdentityConfig {
    let server = issuer.server();
    IdentityConfig {
        tls_certificate_file: write(dir, "server.pem", &server.certificate),
        tls_key_file: write(dir, "server.key", &server.key),
        client_ca_file: write(dir, "clients.pem", &issuer.pem()),
        may_score: vec!["uri:spiffe://post.example/scores".to_owned()],
        may_explain: vec!["uri:spiffe://post.example/explains".to_owned()],
        ..IdentityConfig::default()
    }
}

//! What a certificate says of its owner. rustls has verified it before anything here reads it.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Caller;
use super::grants::Grants;
use super::revoked::serial_of;
use super::role::Roles;

/// Longest name that is taken for one, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// Names of the subject alternative name, in the order in which they stand, each with its kind before it. The subject itself
/// is not read: what it means is up to whoever reads it.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else { return Vec::new() };
    let named = |name: &GeneralName<'_>| match name {
        GeneralName::URI(uri) => Some(format!("uri:{uri}")),
        GeneralName::DNSName(name) => Some(format!("dns:{}", name.to_ascii_lowercase())),
        GeneralName::RFC822Name(address) => Some(format!("email:{address}")),
        _ => None,
    };
    let names = alternatives.value.general_names.iter().filter_map(named);
    names.filter(|name| name.len() <= MAX_NAME_BYTES).collect()
}

/// The owner: its roles are those of all its names. Named by the first that has a role, else by its first.
pub(super) fn caller(der: &[u8], grants: &Grants) -> Option<Caller> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let names = names(&certificate);
    let roles = names.iter().fold(Roles::default(), |roles, name| roles.union(grants.roles(name)));
    // No list gives both, but a certificate may have names of two.
    let roles = if roles.conflict() { Roles::default() } else { roles };
    let name = names.iter().find(|name| !grants.roles(name).is_empty()).or(names.first())?;
    let until = u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0);
    Some(Caller {
        name: name.as_str().into(),
        digest: digest(name).into(),
        roles,
        until_unix_seconds: until,
        serial: Some(Arc::new(serial_of(&certificate))),
    })
}

/// From when to when a certificate is valid, in seconds since 1970; `None` where it is no certificate.
pub(super) fn validity(der: &[u8]) -> Option<(i64, i64)> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let validity = certificate.validity();
    Some((validity.not_before.timestamp(), validity.not_after.timestamp()))
}

/// What logs call a name: enough to tell callers apart, and not who they are.
pub(super) fn digest(name: &str) -> String {
    Sha256::digest(name.as_bytes()).iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

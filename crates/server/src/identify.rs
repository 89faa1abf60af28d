//! From the bytes of a leaf certificate to what the decisions need of it.
//!
//! Reads names, serial and usage and nothing else: no address in a certificate is ever followed.

use data_encoding::HEXLOWER;
use rustls_pki_types::CertificateDer;
use tsmgate_gate::policy::Leaf;
use tsmgate_gate::reason::Reason;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::digest::sha256;

/// More names than any client needs; a certificate with thousands must not cost us thousands.
const NAMES_LIMIT: usize = 64;

/// What a certificate says of itself; not yet whether that is true.
#[derive(Debug)]
pub struct Claim {
    /// Who.
    pub leaf: Leaf,
    /// Whether it is for client authentication: extended key usage says so, and key usage, where it is
    /// there, allows signing. webpki takes a missing extended key usage for any usage, and does not look
    /// at key usage.
    pub for_clients: bool,
}

/// Reads a leaf.
///
/// # Errors
/// [`Reason::CertificateInvalid`] where it or one of its names cannot be read, or it has more than 64
/// names.
pub fn read_leaf(der: &[u8]) -> Result<Claim, Reason> {
    let invalid = |_| Reason::CertificateInvalid;
    let parsed = X509Certificate::from_der(der);
    let (_, certificate) = parsed.map_err(|_| Reason::CertificateInvalid)?;
    let (mut uris, mut dns) = (Vec::new(), Vec::new());
    if let Some(names) = certificate.subject_alternative_name().map_err(invalid)? {
        if names.value.general_names.len() > NAMES_LIMIT {
            return Err(Reason::CertificateInvalid);
        }
        for name in &names.value.general_names {
            match name {
                GeneralName::URI(uri) => uris.push((*uri).to_owned()),
                GeneralName::DNSName(name) => dns.push((*name).to_owned()),
                // a second name nobody can read must not stand beside one that counts
                GeneralName::Invalid(..) => return Err(Reason::CertificateInvalid),
                _ => {}
            }
        }
    }
    let extended = certificate.extended_key_usage().map_err(invalid)?;
    let usage = certificate.key_usage().map_err(invalid)?;
    let leaf = Leaf {
        serial: serial(&certificate),
        fingerprint: sha256(der),
        public_key: sha256(certificate.public_key().raw),
        uris,
        dns,
        not_after: certificate.validity().not_after.timestamp(),
    };
    let for_clients = extended.is_some_and(|usage| usage.value.client_auth)
        && usage.is_none_or(|usage| usage.value.digital_signature());
    Ok(Claim { leaf, for_clients })
}

/// The serial number of a certificate, in the spelling of [`Leaf::serial`].
///
/// # Errors
/// [`Reason::CertificateInvalid`] where it is none.
pub fn read_serial(der: &[u8]) -> Result<String, Reason> {
    let parsed = X509Certificate::from_der(der);
    let (_, certificate) = parsed.map_err(|_| Reason::CertificateInvalid)?;
    Ok(serial(&certificate))
}

fn serial(certificate: &X509Certificate<'_>) -> String {
    normal_serial(&HEXLOWER.encode(certificate.raw_serial()))
}

/// The soonest end of any of these certificates that is not past at `now`, both in seconds since 1970.
pub fn next_end(chain: &[CertificateDer<'_>], now: i64) -> Option<i64> {
    chain.iter().filter_map(|der| end(der)).filter(|end| *end >= now).min()
}

/// When a certificate ends, in seconds since 1970; `None` where it is none.
pub fn end(der: &[u8]) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    Some(certificate.validity().not_after.timestamp())
}

/// One spelling for serial numbers: lower case, no leading zeros.
pub fn normal_serial(hex: &str) -> String {
    let trimmed = hex.trim_start_matches('0');
    if trimmed.is_empty() { "0".to_owned() } else { trimmed.to_ascii_lowercase() }
}

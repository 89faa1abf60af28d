//! Views of certificates and requests.

use data_encoding::HEXLOWER;
use serde::Serialize;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::extensions::ParsedExtension;

use super::words::{
    days_left, extended_key_usage, general_name, key_identity, key_usage, public_key_kind, subject,
};
use crate::key::sha256;
use crate::serial::Serial;
use crate::time_text;

/// What a certificate says. Every text is escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateView {
    /// X.509 version, 3 for all but antiques.
    pub version: u32,
    /// Its subject; it identifies nobody.
    pub subject: String,
    /// Who claims to have signed it.
    pub issuer: String,
    /// Its subject alternative names, each with its kind: `URI:`, `DNS:`, `IP:`.
    pub names: Vec<String>,
    /// Its serial number, lowercase hex.
    pub serial_number: String,
    /// The start of its life, RFC 3339.
    pub begins: String,
    /// The end of its life, RFC 3339.
    pub ends: String,
    /// Whole days left; negative once it has expired.
    pub days_left: i64,
    /// Whether it is an authority's.
    pub is_authority: bool,
    /// What its key may do, as RFC 5280 calls it.
    pub key_usage: Vec<String>,
    /// What it is for, as RFC 5280 calls it, or a dotted number.
    pub extended_key_usage: Vec<String>,
    /// The kind of its key, such as `ECDSA P-256`.
    pub key_type: String,
    /// Its key as an identity, `KEY:` and base64 SHA-256 of its SubjectPublicKeyInfo.
    pub public_key: String,
    /// SHA-256 of the whole certificate, lowercase hex.
    pub sha256: String,
}

impl CertificateView {
    /// Reads a parsed certificate.
    pub(crate) fn of(certificate: &X509Certificate<'_>, now: OffsetDateTime) -> CertificateView {
        let validity = certificate.validity();
        let extensions = certificate.extensions();
        CertificateView {
            version: certificate.version().0.saturating_add(1),
            subject: subject(certificate.subject()),
            issuer: subject(certificate.issuer()),
            names: names(extensions.iter().map(|e| e.parsed_extension())),
            serial_number: Serial::from_bytes(certificate.raw_serial()).to_string(),
            begins: time_text(validity.not_before.to_datetime()),
            ends: time_text(validity.not_after.to_datetime()),
            days_left: days_left(validity.not_after.to_datetime(), now),
            is_authority: certificate.is_ca(),
            key_usage: extensions
                .iter()
                .flat_map(|e| match e.parsed_extension() {
                    ParsedExtension::KeyUsage(usage) => key_usage(usage),
                    _ => Vec::new(),
                })
                .collect(),
            extended_key_usage: extensions
                .iter()
                .flat_map(|e| match e.parsed_extension() {
                    ParsedExtension::ExtendedKeyUsage(usage) => extended_key_usage(usage),
                    _ => Vec::new(),
                })
                .collect(),
            key_type: public_key_kind(certificate.public_key()),
            public_key: key_identity(certificate.public_key().raw),
            sha256: HEXLOWER.encode(&sha256(certificate.as_raw())),
        }
    }
}

/// What a request asks for. Every text is escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestView {
    /// The subject it asks for; signing ignores it.
    pub subject: String,
    /// The names it asks for; signing ignores them.
    pub names: Vec<String>,
    /// The kind of its key.
    pub key_type: String,
    /// Its key as an identity.
    pub public_key: String,
    /// Whether it is signed by the key in it.
    pub signature_valid: bool,
}

impl RequestView {
    pub(super) fn of(request: &X509CertificationRequest<'_>) -> RequestView {
        let info = &request.certification_request_info;
        RequestView {
            subject: subject(&info.subject),
            names: request.requested_extensions().map(names).unwrap_or_default(),
            key_type: public_key_kind(&info.subject_pki),
            public_key: key_identity(info.subject_pki.raw),
            signature_valid: request.verify_signature().is_ok(),
        }
    }
}

fn names<'a>(extensions: impl Iterator<Item = &'a ParsedExtension<'a>>) -> Vec<String> {
    extensions
        .flat_map(|extension| match extension {
            ParsedExtension::SubjectAlternativeName(names) => {
                names.general_names.iter().map(general_name).collect()
            }
            _ => Vec::new(),
        })
        .collect()
}

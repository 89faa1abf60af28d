//! The words for what X.509 says in bits and object identifiers. What comes from the file as text is
//! escaped here, and nowhere later.

use std::net::IpAddr;

use time::OffsetDateTime;
use x509_parser::extensions::{ExtendedKeyUsage, GeneralName, KeyUsage};
use x509_parser::objects::{oid_registry, oid2abbrev};
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_NIST_EC_P521, OID_SIG_ED25519};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::{ReasonCode, SubjectPublicKeyInfo, X509Name};

use crate::key::public_key_sha256;
use tsmgate_text::escape;

/// `CN=…, O=…`, in the certificate's order.
pub(super) fn subject(name: &X509Name<'_>) -> String {
    let parts = name.iter_attributes().map(|attribute| {
        let oid = attribute.attr_type();
        let kind =
            oid2abbrev(oid, oid_registry()).map_or_else(|_| oid.to_id_string(), ToOwned::to_owned);
        format!("{kind}={}", escape(attribute.as_slice()))
    });
    parts.collect::<Vec<_>>().join(", ")
}

/// `DNS:…`, `URI:…`, `IP:…`; kinds nobody compares show their kind alone.
pub(super) fn general_name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(text) => format!("DNS:{}", escape(text.as_bytes())),
        GeneralName::URI(text) => format!("URI:{}", escape(text.as_bytes())),
        GeneralName::RFC822Name(text) => format!("email:{}", escape(text.as_bytes())),
        GeneralName::IPAddress(bytes) => match address(bytes) {
            Some(addr) => format!("IP:{addr}"),
            None => "IP:malformed".into(),
        },
        GeneralName::DirectoryName(name) => format!("directory:{}", subject(name)),
        GeneralName::RegisteredID(oid) => format!("OID:{}", oid.to_id_string()),
        GeneralName::OtherName(oid, _) => format!("other:{}", oid.to_id_string()),
        GeneralName::X400Address(_) => "X.400".into(),
        GeneralName::EDIPartyName(_) => "EDI".into(),
        GeneralName::Invalid(tag, bytes) => format!("malformed:{}:{}", tag.0, escape(bytes)),
    }
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .map(IpAddr::from)
        .or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from))
        .ok()
}

/// The names of RFC 5280 § 4.2.1.3.
pub(super) fn key_usage(usage: &KeyUsage) -> Vec<String> {
    chosen(&[
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
        (usage.encipher_only(), "encipherOnly"),
        (usage.decipher_only(), "decipherOnly"),
    ])
}

/// The names of RFC 5280 § 4.2.1.12, dotted numbers for others.
pub(super) fn extended_key_usage(usage: &ExtendedKeyUsage<'_>) -> Vec<String> {
    let mut words = chosen(&[
        (usage.any, "anyExtendedKeyUsage"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ]);
    words.extend(usage.other.iter().map(|oid| oid.to_id_string()));
    words
}

fn chosen(words: &[(bool, &str)]) -> Vec<String> {
    words.iter().filter(|(is, _)| *is).map(|(_, word)| (*word).to_owned()).collect()
}

/// The kind and size of a key.
pub(super) fn public_key_kind(info: &SubjectPublicKeyInfo<'_>) -> String {
    let algorithm = &info.algorithm.algorithm;
    if *algorithm == OID_SIG_ED25519 {
        return "Ed25519".into();
    }
    match info.parsed() {
        Ok(PublicKey::RSA(rsa)) => format!("RSA {}", rsa.key_size()),
        Ok(PublicKey::EC(_)) => {
            match info.algorithm.parameters.as_ref().and_then(|p| p.as_oid().ok()) {
                Some(curve) if curve == OID_EC_P256 => "ECDSA P-256".into(),
                Some(curve) if curve == OID_NIST_EC_P384 => "ECDSA P-384".into(),
                Some(curve) if curve == OID_NIST_EC_P521 => "ECDSA P-521".into(),
                Some(curve) => format!("ECDSA {}", curve.to_id_string()),
                None => "ECDSA".into(),
            }
        }
        _ => algorithm.to_id_string(),
    }
}

/// A key as the daemon's configuration writes it, `KEY:` and base64 SHA-256.
pub(super) fn key_identity(public_key_info: &[u8]) -> String {
    format!("KEY:{}", public_key_sha256(public_key_info))
}

/// Whole days until a time, rounded down: 0 on the last day, negative afterwards.
pub(super) fn days_left(end: OffsetDateTime, now: OffsetDateTime) -> i64 {
    (end - now).whole_seconds().div_euclid(24 * 60 * 60)
}

/// The names of RFC 5280 § 5.3.1.
pub(super) fn reason(code: ReasonCode) -> String {
    match code {
        ReasonCode::Unspecified => "unspecified".into(),
        ReasonCode::KeyCompromise => "keyCompromise".into(),
        ReasonCode::CACompromise => "cACompromise".into(),
        ReasonCode::AffiliationChanged => "affiliationChanged".into(),
        ReasonCode::Superseded => "superseded".into(),
        ReasonCode::CessationOfOperation => "cessationOfOperation".into(),
        ReasonCode::CertificateHold => "certificateHold".into(),
        ReasonCode::RemoveFromCRL => "removeFromCRL".into(),
        ReasonCode::PrivilegeWithdrawn => "privilegeWithdrawn".into(),
        ReasonCode::AACompromise => "aACompromise".into(),
        other => format!("{}", other.0),
    }
}

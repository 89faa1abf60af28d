//! A certificate signing request. All that is taken from it is its public key, once its signature
//! has proved that the sender holds the private half: names, usages and extensions are ignored,
//! whatever they ask for. Weak and unusual keys are refused.

use std::path::Path;

use rcgen::SubjectPublicKeyInfo;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::{OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA};
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use crate::error::PkiError;
use crate::key::public_key_sha256;
use crate::store;

pub(crate) const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// A request is a key, a name and a signature; 64 KiB is plenty.
const REQUEST_MOST: usize = 64 * 1024;

/// The proved public key of a request.
#[derive(Debug)]
pub(crate) struct ProvedKey {
    pub(crate) key: SubjectPublicKeyInfo,
    pub(crate) sha256: String,
}

/// The text of a file with a PEM request. The file is bounded; what is in it is judged when it is
/// signed.
///
/// # Errors
/// [`PkiError::File`], or [`PkiError::RequestMalformed`] when it is no text.
pub fn read_request(path: &Path) -> Result<String, PkiError> {
    String::from_utf8(store::read(path)?).map_err(|_| PkiError::RequestMalformed)
}

/// Reads a PEM request and checks that it is signed by the key in it.
pub(crate) fn proved_key(csr_pem: &str) -> Result<ProvedKey, PkiError> {
    let mut blocks = Pem::iter_from_buffer(csr_pem.as_bytes());
    let (Some(Ok(block)), None, true) =
        (blocks.next(), blocks.next(), csr_pem.len() <= REQUEST_MOST)
    else {
        return Err(PkiError::RequestMalformed);
    };
    if !matches!(block.label.as_str(), "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST") {
        return Err(PkiError::RequestMalformed);
    }
    let (rest, request) = X509CertificationRequest::from_der(&block.contents)
        .map_err(|_| PkiError::RequestMalformed)?;
    if !rest.is_empty() {
        return Err(PkiError::RequestMalformed);
    }
    let info = &request.certification_request_info.subject_pki;
    let key = acceptable(info)?;
    let signed_with = &request.signature_algorithm.algorithm;
    if *signed_with == OID_PKCS1_SHA1WITHRSA || *signed_with == OID_SHA1_WITH_RSA {
        return Err(PkiError::RequestRefused("it is signed with SHA-1"));
    }
    request.verify_signature().map_err(|_| PkiError::RequestSignature)?;
    Ok(ProvedKey { key, sha256: public_key_sha256(info.raw) })
}

fn acceptable(
    info: &x509_parser::x509::SubjectPublicKeyInfo<'_>,
) -> Result<SubjectPublicKeyInfo, PkiError> {
    let unusual = || PkiError::RequestRefused("its key is of an unusual kind");
    let key = SubjectPublicKeyInfo::from_der(info.raw).map_err(|_| unusual())?;
    if let Ok(PublicKey::RSA(rsa)) = info.parsed() {
        return if RSA_BITS.contains(&rsa.key_size()) {
            Ok(key)
        } else {
            Err(PkiError::RequestRefused(
                "its RSA key is shorter than 2048 or longer than 8192 bits",
            ))
        };
    }
    let usual =
        [&rcgen::PKCS_ECDSA_P256_SHA256, &rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519];
    if usual.contains(&rcgen::PublicKeyData::algorithm(&key)) { Ok(key) } else { Err(unusual()) }
}

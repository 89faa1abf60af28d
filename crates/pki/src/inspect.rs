//! What a file holds: certificates, requests, revocation lists, keys, as PEM or DER. It reads what
//! strangers wrote, so it trusts nothing: nothing is verified but a request's own signature, every
//! text is escaped before it leaves, and of a private key only its kind and public half are told.

use std::path::Path;

use pkcs8::PrivateKeyInfoRef;
use rcgen::{KeyPair, PublicKeyData};
use serde::Serialize;
use time::OffsetDateTime;
use x509_parser::asn1_rs::Integer;
use x509_parser::certificate::X509Certificate;
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use zeroize::{Zeroize, Zeroizing};

use crate::error::PkiError;
use crate::request::RSA_BITS;
use crate::serial::Serial;
use crate::store;

mod certificate;
mod revocation_list;
mod words;

pub use certificate::{CertificateView, RequestView};
pub use revocation_list::{RevocationListView, RevokedView};

use words::{key_identity, public_key_kind};

/// One thing found in a file, ready to be shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum View {
    /// A certificate.
    Certificate(CertificateView),
    /// A certificate signing request.
    Request(RequestView),
    /// A certificate revocation list.
    RevocationList(RevocationListView),
    /// A private key.
    PrivateKey(PrivateKeyView),
}

/// What may be told of a private key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PrivateKeyView {
    /// Whether it is encrypted; then nothing else is known.
    pub encrypted: bool,
    /// Its kind, such as `ECDSA P-256`.
    pub key_type: Option<String>,
    /// Its public half as an identity, `KEY:` and base64 SHA-256.
    pub public_key: Option<String>,
}

/// All that a file holds, in its order; the days left are counted from `now`.
///
/// # Errors
/// [`PkiError::File`], [`PkiError::ShortKey`] for an RSA key that nothing takes, or
/// [`PkiError::Unknown`] when any part of it cannot be read.
pub fn inspect(path: &Path, now: OffsetDateTime) -> Result<Vec<View>, PkiError> {
    let contents = Zeroizing::new(store::read(path)?);
    let unknown = || PkiError::Unknown(path.to_owned());
    let unread = |der: &[u8]| match rsa_key_bits(der) {
        Some(bits) if bits < *RSA_BITS.start() => {
            PkiError::ShortKey { path: path.to_owned(), bits }
        }
        _ => unknown(),
    };
    if !is_pem(&contents) {
        return view_der(&contents, now).map(|view| vec![view]).ok_or_else(|| unread(&contents));
    }
    let mut views = Vec::new();
    for block in Pem::iter_from_buffer(&contents) {
        let mut block = block.map_err(|_| unknown())?;
        // OpenSSL writes the curve before the key, which names it again
        if block.label == "EC PARAMETERS" {
            continue;
        }
        let view = view_block(&block, now).ok_or_else(|| unread(&block.contents));
        block.contents.zeroize();
        views.push(view?);
    }
    if views.is_empty() { Err(unknown()) } else { Ok(views) }
}

/// What one certificate in DER says, such as a peer showed; the days left are counted from `now`. None where
/// it cannot be read.
pub fn inspect_certificate(der: &[u8], now: OffsetDateTime) -> Option<CertificateView> {
    let (rest, certificate) = X509Certificate::from_der(der).ok()?;
    rest.is_empty().then(|| CertificateView::of(&certificate, now))
}

/// The first certificate of a PEM or DER file, as DER.
pub(crate) fn first_certificate(contents: &[u8]) -> Option<Vec<u8>> {
    if !is_pem(contents) {
        return Some(contents.to_vec());
    }
    Pem::iter_from_buffer(contents)
        .filter_map(Result::ok)
        .find(|block| block.label == "CERTIFICATE")
        .map(|block| block.contents)
}

/// The serial number of the first certificate of a PEM or DER file.
pub(crate) fn first_serial(contents: &[u8]) -> Option<Serial> {
    let der = first_certificate(contents)?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    Some(Serial::from_bytes(certificate.raw_serial()))
}

fn is_pem(contents: &[u8]) -> bool {
    contents.windows(11).any(|window| window == b"-----BEGIN ")
}

fn view_block(block: &Pem, now: OffsetDateTime) -> Option<View> {
    let der = &block.contents;
    match block.label.as_str() {
        "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => certificate_view(der, now),
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => request_view(der),
        "X509 CRL" => list_view(der, now),
        label => key_view(label, der),
    }
}

fn view_der(der: &[u8], now: OffsetDateTime) -> Option<View> {
    certificate_view(der, now)
        .or_else(|| list_view(der, now))
        .or_else(|| request_view(der))
        .or_else(|| key_view("PRIVATE KEY", der))
}

fn certificate_view(der: &[u8], now: OffsetDateTime) -> Option<View> {
    inspect_certificate(der, now).map(View::Certificate)
}

fn request_view(der: &[u8]) -> Option<View> {
    let (rest, request) = X509CertificationRequest::from_der(der).ok()?;
    rest.is_empty().then(|| View::Request(RequestView::of(&request)))
}

pub(crate) fn list_view(der: &[u8], now: OffsetDateTime) -> Option<View> {
    let (rest, list) = CertificateRevocationList::from_der(der).ok()?;
    rest.is_empty().then(|| View::RevocationList(RevocationListView::of(&list, now)))
}

/// A key under its PEM label.
pub(crate) fn key_view(label: &str, der: &[u8]) -> Option<View> {
    match label {
        "PRIVATE KEY" | "EC PRIVATE KEY" | "RSA PRIVATE KEY" => {}
        "ENCRYPTED PRIVATE KEY" => {
            let (key_type, public_key) = (None, None);
            return Some(View::PrivateKey(PrivateKeyView {
                encrypted: true,
                key_type,
                public_key,
            }));
        }
        _ => return None,
    }
    let mut pair = KeyPair::try_from(der).ok()?;
    let info = pair.subject_public_key_info();
    pair.zeroize();
    let (_, parsed) = x509_parser::x509::SubjectPublicKeyInfo::from_der(&info).ok()?;
    Some(View::PrivateKey(PrivateKeyView {
        encrypted: false,
        key_type: Some(public_key_kind(&parsed)),
        public_key: Some(key_identity(&info)),
    }))
}

/// The size of an RSA private key, PKCS#8 or PKCS#1 (RFC 8017 § A.1.2: nine numbers, the modulus is
/// the second), whether or not it can be used.
fn rsa_key_bits(der: &[u8]) -> Option<usize> {
    let inner = PrivateKeyInfoRef::try_from(der).ok().map(|info| info.private_key.as_bytes());
    let (_, numbers) = <Vec<Integer<'_>>>::from_der(inner.unwrap_or(der)).ok()?;
    let [_, modulus, _, _, _, _, _, _, _] = numbers.as_slice() else { return None };
    let mut bytes = modulus.as_ref().iter().skip_while(|byte| **byte == 0);
    let first = bytes.next()?;
    Some((bytes.count() + 1) * 8 - usize::try_from(first.leading_zeros()).ok()?)
}

//! From a file to the certificates, lists and keys in it: PEM with anything around it, DER, PKCS#7, and
//! the JSON of Vault and SPIFFE. It judges nothing; what it does not know it does not guess at.

use std::path::Path;

use pkcs8::PrivateKeyInfoRef;
use x509_parser::certificate::X509Certificate;
use x509_parser::pem::Pem;
use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::CertificateRevocationList;
use zeroize::Zeroizing;

use super::{json, pkcs7};
use crate::error::PkiError;
use crate::store;

/// One thing in DER.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
    Certificate(Vec<u8>),
    List(Vec<u8>),
    Key(Key),
}

/// A private key; wiped when it goes.
#[derive(PartialEq, Eq)]
pub(super) struct Key {
    /// Its PEM label, such as `RSA PRIVATE KEY`.
    pub(super) label: String,
    pub(super) der: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

/// All that a file holds.
///
/// # Errors
/// It cannot be read, or is none of these.
pub(super) fn blocks(path: &Path) -> Result<Vec<Block>, PkiError> {
    let expected = "a certificate, revocation list, key or bundle in PEM, DER, PKCS#7 or JSON";
    let contents = Zeroizing::new(store::read(path)?);
    let found = match contents.trim_ascii_start() {
        text if text.starts_with(b"{") => json::blocks(text),
        text if has_pem(text) => pem_blocks(text),
        _ => der_blocks(&contents),
    };
    let found = found.filter(|found| !found.is_empty());
    found.ok_or_else(|| PkiError::Malformed { path: path.to_owned(), expected })
}

fn has_pem(text: &[u8]) -> bool {
    text.windows(11).any(|window| window == b"-----BEGIN ")
}

/// The blocks of a text, whatever stands around them; none where one of them is broken. Windows writes
/// what stands around them in any encoding.
pub(super) fn pem_blocks(text: &[u8]) -> Option<Vec<Block>> {
    let text = String::from_utf8_lossy(text);
    let mut found = Vec::new();
    for block in Pem::iter_from_buffer(text.as_bytes()) {
        let Pem { label, contents } = block.ok()?;
        match label.as_str() {
            "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => {
                found.push(Block::Certificate(contents));
            }
            "X509 CRL" => found.push(Block::List(contents)),
            "PKCS7" | "CMS" => found.extend(pkcs7::blocks(&contents)?),
            label if label.ends_with("PRIVATE KEY") => {
                let der = Zeroizing::new(contents);
                found.push(Block::Key(Key { label: label.to_owned(), der }));
            }
            _ => {}
        }
    }
    Some(found)
}

fn der_blocks(der: &[u8]) -> Option<Vec<Block>> {
    let whole = |rest: &[u8]| rest.is_empty();
    if X509Certificate::from_der(der).is_ok_and(|(rest, _)| whole(rest)) {
        return Some(vec![Block::Certificate(der.to_vec())]);
    }
    if CertificateRevocationList::from_der(der).is_ok_and(|(rest, _)| whole(rest)) {
        return Some(vec![Block::List(der.to_vec())]);
    }
    if PrivateKeyInfoRef::try_from(der).is_ok() {
        let der = Zeroizing::new(der.to_vec());
        return Some(vec![Block::Key(Key { label: "PRIVATE KEY".into(), der })]);
    }
    pkcs7::blocks(der)
}

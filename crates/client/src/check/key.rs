//! Private keys: that there is one, whether it is encrypted, and that it is the certificate's. Nothing of a key
//! is told but that.

use data_encoding::BASE64;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use tsmgate_catalogue::command::{Command, Kind};
use x509_parser::asn1_rs::{Integer, OctetString, Sequence};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use zeroize::Zeroize;

use super::certificate::{Certificates, name};
use super::pem::{self, Block, Holds};
use super::{File, Finding, Input, Severity};

/// How the old way of encrypting a PEM key shows (RFC 1421 § 4.6.1.1).
const OLD_ENCRYPTION: &[u8] = b"Proc-Type: 4,ENCRYPTED";

/// What is known of a key.
pub(super) enum Key {
    /// It is encrypted.
    Encrypted,
    /// The modulus of an RSA key, without zeros in front.
    Rsa(Vec<u8>),
    /// The public half of another one, a SubjectPublicKeyInfo.
    Public(Vec<u8>),
    /// It is of a kind that cannot be compared here.
    Unknown,
}

/// Judges the file by itself.
pub(super) fn judge(mut file: File<'_>, bytes: &[u8]) -> Option<Key> {
    let whole = "give the whole key file, PEM from BEGIN to END";
    let key = if bytes.windows(OLD_ENCRYPTION.len()).any(|window| window == OLD_ENCRYPTION) {
        Key::Encrypted
    } else {
        let blocks = match pem::read(bytes) {
            Holds::Pem(blocks) => blocks,
            Holds::Damaged => {
                file.found(Severity::Error, "is PEM that cannot be read", whole);
                return None;
            }
            Holds::Other => {
                file.found(Severity::Error, "holds no PEM private key", whole);
                return None;
            }
        };
        let Some(block) = blocks.iter().find(|block| block.is_key()) else {
            let hint = if blocks.iter().any(Block::is_certificate) {
                "see whether --cert-file and --key-file are swapped"
            } else {
                whole
            };
            file.found(Severity::Error, "holds no private key", hint);
            return None;
        };
        match known(block) {
            Some(key) => key,
            None => {
                file.found(Severity::Error, "holds a private key that cannot be read", whole);
                return None;
            }
        }
    };
    file.expect_extension("key");
    if matches!(key, Key::Unknown) {
        let what = "is of a kind that cannot be compared with the certificate here";
        file.found(Severity::Note, what, "");
    }
    Some(key)
}

/// Whether the passphrase is there where one is needed.
pub(super) fn with_passphrase(
    command: &Command,
    input: &Input,
    key: &Key,
    passphrase: Option<&Input>,
) -> Option<Finding> {
    let found = |severity, what: String, hint: String| Some(Finding { severity, what, hint });
    match (key, passphrase) {
        (Key::Encrypted, None) => {
            let option = command
                .options
                .iter()
                .find(|o| o.kind == Kind::Secret && o.long.contains("passphrase"));
            let hint = match option {
                Some(option) => format!("give --{}-file FILE with the passphrase", option.long),
                None => "give the key without a passphrase: openssl pkey -in FILE -out FILE".into(),
            };
            let what = format!("{} is encrypted, and no passphrase is given", input.called());
            found(Severity::Error, what, hint)
        }
        (Key::Encrypted, Some(_)) | (_, None) => None,
        (_, Some(passphrase)) => {
            let what = format!(
                "{} is given, and {} has no passphrase",
                passphrase.called(),
                input.called()
            );
            found(Severity::Note, what, String::new())
        }
    }
}

/// Whether it is the certificate's.
pub(super) fn beside(input: &Input, key: &Key, leaf: &Certificates) -> Option<Finding> {
    let mut all = leaf.all();
    let first = all.next()?;
    if is_of(key, &first)? {
        return None;
    }
    let hint = if all.any(|other| is_of(key, &other) == Some(true)) {
        "it is that of another certificate in the file: put that one first"
    } else {
        "give the key for which the certificate was issued"
    };
    Some(Finding {
        severity: Severity::Error,
        what: format!("{} is not the key of the certificate, {}", input.called(), name(&first)),
        hint: hint.to_owned(),
    })
}

/// None where that cannot be known.
fn is_of(key: &Key, certificate: &X509Certificate<'_>) -> Option<bool> {
    match (key, certificate.public_key().parsed()) {
        (Key::Encrypted | Key::Unknown, _) => None,
        (Key::Rsa(modulus), Ok(PublicKey::RSA(public))) => {
            Some(modulus.as_slice() == without_zeros(public.modulus))
        }
        (Key::Rsa(_), _) | (Key::Public(_), Ok(PublicKey::RSA(_))) => Some(false),
        (Key::Public(info), _) => Some(info.as_slice() == certificate.public_key().raw),
    }
}

/// What a PEM block with a key in it is; none where it cannot be read.
fn known(block: &Block) -> Option<Key> {
    match &*block.label {
        "ENCRYPTED PRIVATE KEY" => return Some(Key::Encrypted),
        // the numbers of a DSA key say nothing that a certificate of today says
        "DSA PRIVATE KEY" => return Some(Key::Unknown),
        _ => {}
    }
    // an RSA key is known by its modulus, also one that is too short to be used
    if let Some(modulus) = modulus(&block.der).or_else(|| modulus(inner(&block.der)?)) {
        return Some(Key::Rsa(modulus));
    }
    let pem = zeroize::Zeroizing::new(format!(
        "-----BEGIN {0}-----\n{1}\n-----END {0}-----\n",
        block.label,
        BASE64.encode(&block.der)
    ));
    use rustls::pki_types::pem::PemObject;
    let mut der = PrivateKeyDer::from_pem_slice(pem.as_bytes()).ok()?;
    let key = any_supported_type(&der).ok();
    der.zeroize();
    match key.as_ref().and_then(|key| key.public_key()) {
        Some(public) => Some(Key::Public(public.to_vec())),
        // PKCS#8 of another algorithm
        None if inner(&block.der).is_some() => Some(Key::Unknown),
        None => None,
    }
}

/// The key within PKCS#8 (RFC 5958 § 2): a number, an algorithm, and these bytes.
fn inner(der: &[u8]) -> Option<&[u8]> {
    let (_, sequence) = Sequence::from_der(der).ok()?;
    let content: &[u8] = match sequence.content {
        std::borrow::Cow::Borrowed(content) => content,
        std::borrow::Cow::Owned(_) => return None,
    };
    let (rest, _) = Integer::from_der(content).ok()?;
    let (rest, _) = Sequence::from_der(rest).ok()?;
    let (_, octets) = <&[u8]>::from_der(rest).ok().or_else(|| {
        let (rest, octets) = OctetString::from_der(rest).ok()?;
        match octets.into_cow() {
            std::borrow::Cow::Borrowed(bytes) => Some((rest, bytes)),
            std::borrow::Cow::Owned(_) => None,
        }
    })?;
    Some(octets)
}

/// The modulus of an RSA key (RFC 8017 § A.1.2: nine numbers, of which it is the second).
fn modulus(der: &[u8]) -> Option<Vec<u8>> {
    let (_, numbers) = <Vec<Integer<'_>>>::from_der(der).ok()?;
    let [_, modulus, _, _, _, _, _, _, _] = numbers.as_slice() else { return None };
    Some(without_zeros(modulus.as_ref()).to_vec())
}

fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

//! Private keys: that there is one, whether it is encrypted, and that it is the certificate's. Nothing of a key
//! is told but that.

use data_encoding::BASE64;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use tsmgate_catalogue::command::{Command, Kind};
use tsmgate_pki::{Opened, open_encrypted};
use x509_parser::asn1_rs::{Integer, Sequence};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use zeroize::{Zeroize, Zeroizing};

use super::certificate::{Certificates, name};
use super::pem::{self, Block, Holds};
use super::{File, Finding, Input, Severity, What};

/// How the old way of encrypting a PEM key shows (RFC 1421 § 4.6.1.1).
const OLD_ENCRYPTION: &[u8] = b"Proc-Type: 4,ENCRYPTED";

/// What is known of a key.
pub(super) enum Key {
    /// It is encrypted; its DER, where the way may be known here.
    Encrypted(Option<Vec<u8>>),
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
        Key::Encrypted(None)
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

/// Whether the passphrase is there where one is needed, and opens the key; and the key as it is then known.
pub(super) fn with_passphrase(
    command: &Command,
    input: &Input,
    key: Key,
    passphrase: Option<&Input>,
) -> (Key, Option<Finding>) {
    let called = input.called();
    let found = |severity, what: String, hint: &str| {
        Some(Finding { severity, what, hint: hint.to_owned() })
    };
    let (der, passphrase) = match (&key, passphrase) {
        (Key::Encrypted(_), None) => {
            let mut secrets = command.options.iter().filter(|option| option.kind == Kind::Secret);
            let hint = match secrets.find(|option| option.long.contains("passphrase")) {
                Some(option) => format!("give --{}-file FILE with the passphrase", option.long),
                None => "give the key without a passphrase: openssl pkey -in FILE -out FILE".into(),
            };
            let what = format!("{called} is encrypted, and no passphrase is given");
            return (key, found(Severity::Error, what, &hint));
        }
        (_, None) | (Key::Encrypted(None), Some(_)) => return (key, None),
        (Key::Encrypted(Some(der)), Some(passphrase)) => (der, passphrase),
        (_, Some(passphrase)) => {
            let what = format!("{} is given, and {called} has no passphrase", passphrase.called());
            return (key, found(Severity::Note, what, ""));
        }
    };
    let What::Secret(secret) = &passphrase.what else { return (key, None) };
    match open_encrypted(der, secret.expose().as_bytes()) {
        Opened::Key(der) => {
            let plain = Block { label: "PRIVATE KEY".to_owned(), der: der.to_vec() };
            (known(&plain).unwrap_or(Key::Unknown), None)
        }
        Opened::WrongPassphrase => {
            let what = format!("{} does not open {called}", passphrase.called());
            (key, found(Severity::Error, what, "give the passphrase of this key"))
        }
        // TSM may know more ways than we do
        Opened::UnknownScheme => (key, None),
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
        (Key::Encrypted(_) | Key::Unknown, _) => None,
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
        "ENCRYPTED PRIVATE KEY" => return Some(Key::Encrypted(Some(block.der.clone()))),
        // the numbers of a DSA key say nothing that a certificate of today says
        "DSA PRIVATE KEY" => return Some(Key::Unknown),
        _ => {}
    }
    // an RSA key is known by its modulus, also one that is too short to be used
    if let Some(modulus) = modulus(&block.der).or_else(|| modulus(inner(&block.der)?)) {
        return Some(Key::Rsa(modulus));
    }
    let pem = Zeroizing::new(format!(
        "-----BEGIN {0}-----\n{1}\n-----END {0}-----\n",
        block.label,
        BASE64.encode(&block.der)
    ));
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
    let (_, octets) = <&[u8]>::from_der(rest).ok()?;
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

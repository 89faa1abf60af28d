//! Private keys: made, read, written as PKCS#8 PEM, wiped when dropped. New keys are ECDSA P-256 and
//! nothing else. Encryption is in `key/encryption.rs`.

use std::fmt;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64;
use pkcs8::SecretDocument;
use rcgen::{KeyPair, PublicKeyData};
use zeroize::{Zeroize, Zeroizing};

use crate::error::PkiError;
use crate::passphrase::Passphrase;

mod encryption;

pub use encryption::{Opened, open_encrypted};

const PLAIN_LABEL: &str = "PRIVATE KEY";
const ENCRYPTED_LABEL: &str = "ENCRYPTED PRIVATE KEY";

/// A private key that is wiped when it goes.
pub(crate) struct PrivateKey(KeyPair);

impl PrivateKey {
    /// A new ECDSA P-256 key.
    pub(crate) fn generate() -> Result<PrivateKey, PkiError> {
        KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
            .map(PrivateKey)
            .map_err(|_| PkiError::Cryptography("make a key"))
    }

    /// Reads PEM that stands for the key at `path`.
    pub(crate) fn parse(
        contents: &[u8],
        path: &Path,
        passphrase: Option<&Passphrase>,
    ) -> Result<PrivateKey, PkiError> {
        let malformed = || PkiError::Malformed { path: path.to_owned(), expected: "a private key" };
        let pem = std::str::from_utf8(contents).map_err(|_| malformed())?;
        let (label, document) = SecretDocument::from_pem(pem).map_err(|_| malformed())?;
        let plain = match label {
            PLAIN_LABEL => Zeroizing::new(document.as_bytes().to_vec()),
            ENCRYPTED_LABEL => {
                let passphrase =
                    passphrase.ok_or_else(|| PkiError::PassphraseNeeded(path.to_owned()))?;
                encryption::decrypt(document.as_bytes(), passphrase, path)?
            }
            _ => return Err(malformed()),
        };
        KeyPair::try_from(plain.as_slice()).map(PrivateKey).map_err(|_| malformed())
    }

    /// PKCS#8 PEM, encrypted where a passphrase is given.
    pub(crate) fn to_pem(
        &self,
        passphrase: Option<&Passphrase>,
    ) -> Result<Zeroizing<String>, PkiError> {
        match passphrase {
            None => Ok(Zeroizing::new(self.0.serialize_pem())),
            Some(passphrase) => {
                encryption::encrypt(Zeroizing::new(self.0.serialize_der()), passphrase)
            }
        }
    }

    /// What signs certificates with this key.
    pub(crate) fn pair(&self) -> &KeyPair {
        &self.0
    }

    /// Base64 SHA-256 of the public half, as `KEY:` identities are written.
    pub(crate) fn public_key_sha256(&self) -> String {
        public_key_sha256(&self.0.subject_public_key_info())
    }
}

impl Drop for PrivateKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

/// Base64 SHA-256 of a SubjectPublicKeyInfo in DER.
pub(crate) fn public_key_sha256(public_key_info: &[u8]) -> String {
    BASE64.encode(&sha256(public_key_info))
}

/// SHA-256 of anything.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut sum = [0; 32];
    sum.copy_from_slice(digest(&SHA256, bytes).as_ref());
    sum
}

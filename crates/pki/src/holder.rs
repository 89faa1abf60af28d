//! The side of whoever is to hold a certificate: a key that is made on its host and stays there, and the request
//! that proves it. The request says nothing but the key: names are the authority's to give.

use std::fmt;
use std::path::Path;

use rcgen::{CertificateParams, DistinguishedName};
use zeroize::Zeroizing;

use crate::error::PkiError;
use crate::key::PrivateKey;
use crate::store;

/// The key of a certificate's holder, wiped when dropped. It does not show itself.
pub struct HolderKey(PrivateKey);

impl HolderKey {
    /// A new ECDSA P-256 key.
    ///
    /// # Errors
    /// [`PkiError::Cryptography`].
    pub fn generate() -> Result<HolderKey, PkiError> {
        PrivateKey::generate().map(HolderKey)
    }

    /// Reads a key file, PKCS#8 PEM without a passphrase.
    ///
    /// # Errors
    /// [`PkiError::File`], [`PkiError::SecretTooOpen`] where others may read it, [`PkiError::PassphraseNeeded`],
    /// [`PkiError::Malformed`].
    pub fn read(path: &Path) -> Result<HolderKey, PkiError> {
        PrivateKey::parse(&store::read_secret(path)?, path, None).map(HolderKey)
    }

    /// As a file holds it: PKCS#8 PEM.
    ///
    /// # Errors
    /// [`PkiError::Cryptography`].
    pub fn to_pem(&self) -> Result<Zeroizing<String>, PkiError> {
        self.0.to_pem(None)
    }

    /// A signing request for this key, PEM, without any name.
    ///
    /// # Errors
    /// [`PkiError::Cryptography`].
    pub fn request(&self) -> Result<String, PkiError> {
        let failed = |_| PkiError::Cryptography("make a signing request");
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.serialize_request(self.0.pair()).and_then(|request| request.pem()).map_err(failed)
    }

    /// Its public half as an identity, `KEY:` and base64 SHA-256, as
    /// [`crate::inspect::CertificateView::public_key`] has it.
    pub fn identity(&self) -> String {
        format!("KEY:{}", self.0.public_key_sha256())
    }
}

impl fmt::Debug for HolderKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HolderKey(…)")
    }
}

#[cfg(test)]
mod tests;

//! The passphrase of the authority's key. It comes from a terminal or a file, never from an argument
//! or the environment, is wiped when dropped, and shows itself to nobody.

use std::fmt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::PkiError;
use crate::store;

/// The fewest characters a passphrase has.
pub const PASSPHRASE_LEAST: usize = 8;

/// A passphrase: one line of at least [`PASSPHRASE_LEAST`] characters, none of them control.
#[derive(Clone, PartialEq, Eq)]
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// Takes over what was typed.
    ///
    /// # Errors
    /// [`PkiError::BadPassphrase`] when it is too short or has control characters.
    pub fn new(text: Zeroizing<String>) -> Result<Passphrase, PkiError> {
        if text.chars().count() < PASSPHRASE_LEAST || text.chars().any(char::is_control) {
            return Err(PkiError::BadPassphrase);
        }
        Ok(Passphrase(text))
    }

    /// The first line of a file, as `openssl -passin file:…` takes it.
    ///
    /// # Errors
    /// [`PkiError::File`], [`PkiError::SecretTooOpen`] when others may read the file, or
    /// [`PkiError::BadPassphrase`], also for a line that ends in a carriage return.
    pub fn from_file(path: &Path) -> Result<Passphrase, PkiError> {
        let contents = store::read_secret(path)?;
        let text = std::str::from_utf8(&contents).map_err(|_| PkiError::BadPassphrase)?;
        let line = text.split('\n').next().unwrap_or_default();
        Passphrase::new(Zeroizing::new(line.to_owned()))
    }

    /// The bytes that go into the key derivation.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

//! The authority: its folder, its key, its certificate. It is made once and opened for every change;
//! each change holds the folder's lock from reading the index to writing it, so that two commands
//! at once lose nothing. An authority is never replaced and never issues another authority.

use std::path::{Path, PathBuf};

use rcgen::{Issuer, KeyPair};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use crate::error::PkiError;
use crate::index::{Entry, Index};
use crate::key::PrivateKey;
use crate::passphrase::Passphrase;
use crate::profile::{self, CRL_DAYS};
use crate::register::{CERTIFICATE, KEY, Register};
use crate::serial::Serial;
use crate::store::{self, Access, FolderLock, Place};

/// How to make an authority.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InitOptions {
    /// Encrypts the authority's key; absent, it is protected by the mode of its file alone.
    pub passphrase: Option<Passphrase>,
}

/// An authority with its key at hand.
#[derive(Debug)]
pub struct Authority {
    pub(crate) register: Register,
    key: PrivateKey,
}

impl Authority {
    /// Makes an authority, with an empty revocation list, in a folder that has none.
    ///
    /// # Errors
    /// [`PkiError::AuthorityExists`] when the folder has one, whole or in parts;
    /// [`PkiError::FolderTooOpen`] for a folder with files in it that others may enter;
    /// [`PkiError::File`].
    pub fn init(dir: &Path, options: InitOptions) -> Result<Authority, PkiError> {
        Authority::init_at(dir, options, None)
    }

    /// Makes an authority as if it were another time, which is what tests of expiry need.
    ///
    /// # Errors
    /// Those of [`Authority::init`].
    pub fn danger_init_at(
        dir: &Path,
        options: InitOptions,
        now: OffsetDateTime,
    ) -> Result<Authority, PkiError> {
        Authority::init_at(dir, options, Some(now))
    }

    fn init_at(
        dir: &Path,
        options: InitOptions,
        fixed_now: Option<OffsetDateTime>,
    ) -> Result<Authority, PkiError> {
        let InitOptions { passphrase } = options;
        let now = fixed_now.unwrap_or_else(OffsetDateTime::now_utc);
        store::private_folder(dir)?;
        let lock = store::lock(dir)?;
        let exists = |_| PkiError::AuthorityExists(dir.to_owned());
        for file in [KEY, CERTIFICATE, Index::FILE] {
            store::must_be_empty(&dir.join(file)).map_err(exists)?;
        }
        let key = PrivateKey::generate()?;
        let serial = Serial::random()?;
        // Two authorities must not share a name: whoever trusts both could not tell them apart.
        let tag: String = serial.as_str().chars().rev().take(8).collect();
        let pem = profile::authority(now, &serial, &format!("tsmgate authority {tag}"))
            .self_signed(key.pair())
            .map_err(|_| PkiError::Cryptography("sign the authority"))?
            .pem();
        let secret = key.to_pem(passphrase.as_ref())?;
        store::write(&dir.join(KEY), secret.as_bytes(), Access::Secret, Place::Empty)?;
        store::write(&dir.join(CERTIFICATE), pem.as_bytes(), Access::Public, Place::Empty)?;
        Index::new(key.public_key_sha256()).write(dir, Place::Empty)?;
        let register =
            Register::new(dir, pem, fixed_now).ok_or(PkiError::Cryptography("read back ca.pem"))?;
        let authority = Authority { register, key };
        authority.write_crl(&lock, &mut authority.index(&lock)?, CRL_DAYS)?;
        Ok(authority)
    }

    /// Opens the authority in a folder; the passphrase is not looked at when its key is not encrypted.
    ///
    /// # Errors
    /// [`PkiError::NoAuthority`]; [`PkiError::FolderTooOpen`] and [`PkiError::SecretTooOpen`] for
    /// modes that let others in; [`PkiError::PassphraseNeeded`], [`PkiError::WrongPassphrase`];
    /// [`PkiError::KeyMismatch`], [`PkiError::Malformed`], [`PkiError::IndexLost`],
    /// [`PkiError::IndexDamaged`] for a folder that is not whole.
    pub fn open(dir: &Path, passphrase: Option<&Passphrase>) -> Result<Authority, PkiError> {
        Authority::open_with_key(dir, &Authority::key(dir)?, passphrase)
    }

    /// The file of the authority's key, as it is: for who may read it now and will not be the same user later.
    ///
    /// # Errors
    /// Those of [`Authority::open`], but for the passphrase.
    pub fn key(dir: &Path) -> Result<Zeroizing<Vec<u8>>, PkiError> {
        // without an index nothing can be done, whatever the key
        Register::open(dir)?;
        store::read_own_secret(&dir.join(KEY))
    }

    /// Opens it with a key that is kept elsewhere, PEM: a service is handed it by systemd.
    ///
    /// # Errors
    /// Those of [`Authority::open`].
    pub fn open_with_key(
        dir: &Path,
        key_pem: &[u8],
        passphrase: Option<&Passphrase>,
    ) -> Result<Authority, PkiError> {
        let register = Register::open(dir)?;
        let path = dir.join(KEY);
        let key = PrivateKey::parse(key_pem, &path, passphrase)?;
        if key.public_key_sha256() != register.public_key_sha256() {
            return Err(PkiError::KeyMismatch(path));
        }
        Ok(Authority { register, key })
    }

    /// All that the authority in a folder has issued, oldest first. Needs no key.
    ///
    /// # Errors
    /// [`PkiError::NoAuthority`], [`PkiError::FolderTooOpen`], [`PkiError::IndexLost`],
    /// [`PkiError::IndexDamaged`], [`PkiError::File`].
    pub fn list(dir: &Path) -> Result<Vec<Entry>, PkiError> {
        Register::open(dir)?.entries()
    }

    /// From now on the authority acts as if it were this time. It is for tests: certificates of the
    /// past are how expiry is tried out.
    pub fn danger_set_now(&mut self, now: OffsetDateTime) {
        self.register.fix_now(now);
    }

    /// The authority's folder.
    pub fn folder(&self) -> &Path {
        self.register.folder()
    }

    /// The authority's certificate, what peers trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder().join(CERTIFICATE)
    }

    /// The authority's private key.
    pub fn private_key(&self) -> PathBuf {
        self.folder().join(KEY)
    }

    /// Base64 SHA-256 of the authority's SubjectPublicKeyInfo.
    pub fn public_key_sha256(&self) -> &str {
        self.register.public_key_sha256()
    }

    /// When the authority ends.
    pub fn not_after(&self) -> OffsetDateTime {
        self.register.not_after()
    }

    pub(crate) fn certificate_pem(&self) -> &str {
        self.register.certificate_pem()
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.register.now()
    }

    pub(crate) fn lock(&self) -> Result<FolderLock, PkiError> {
        self.register.lock()
    }

    /// The index, read under the lock that the caller keeps until it has written it.
    pub(crate) fn index(&self, lock: &FolderLock) -> Result<Index, PkiError> {
        self.register.index(lock)
    }

    /// The signer of certificates and lists, with the names and key identifier of `ca.pem`.
    pub(crate) fn issuer(&self) -> Result<Issuer<'static, &KeyPair>, PkiError> {
        Issuer::from_ca_cert_pem(self.certificate_pem(), self.key.pair())
            .map_err(|_| PkiError::Cryptography("use ca.pem as an issuer"))
    }
}

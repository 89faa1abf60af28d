//! The authority: its folder, its key, its certificate. It is made once and opened for every change;
//! each change holds the folder's lock from reading the index to writing it, so that two commands
//! at once lose nothing. An authority is never replaced and never issues another authority.

use std::path::{Path, PathBuf};

use rcgen::{Issuer, KeyIdMethod, KeyPair};
use time::OffsetDateTime;
use x509_parser::extensions::ParsedExtension;
use x509_parser::pem::parse_x509_pem;

use crate::error::PkiError;
use crate::index::{Entry, Index};
use crate::key::{self, PrivateKey};
use crate::passphrase::Passphrase;
use crate::profile::{self, CRL_DAYS};
use crate::serial::Serial;
use crate::store::{self, Access, FolderLock, Place};

const CERTIFICATE: &str = "ca.pem";
const KEY: &str = "ca.key";

/// How to make an authority.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InitOptions {
    /// Encrypts the authority's key; absent, it is protected by the mode of its file alone.
    pub passphrase: Option<Passphrase>,
}

/// An authority with its key at hand.
#[derive(Debug)]
pub struct Authority {
    folder: PathBuf,
    key: PrivateKey,
    certificate: CaCertificate,
    fixed_now: Option<OffsetDateTime>,
}

/// What is needed from `ca.pem`.
#[derive(Debug)]
struct CaCertificate {
    pem: String,
    public_key_sha256: String,
    key_id: Option<Vec<u8>>,
    not_after: OffsetDateTime,
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
        let certificate =
            CaCertificate::parse(pem).ok_or(PkiError::Cryptography("read back ca.pem"))?;
        let authority = Authority { folder: dir.to_owned(), key, certificate, fixed_now };
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
        let certificate = CaCertificate::read(dir)?;
        // Before the passphrase is asked for: without an index nothing can be done.
        Index::read(dir, &certificate.public_key_sha256)?;
        let path = dir.join(KEY);
        let key = PrivateKey::read(&path, passphrase)?;
        if key.public_key_sha256() != certificate.public_key_sha256 {
            return Err(PkiError::KeyMismatch(path));
        }
        Ok(Authority { folder: dir.to_owned(), key, certificate, fixed_now: None })
    }

    /// All that the authority in a folder has issued, oldest first. Needs no key.
    ///
    /// # Errors
    /// [`PkiError::NoAuthority`], [`PkiError::FolderTooOpen`], [`PkiError::IndexLost`],
    /// [`PkiError::IndexDamaged`], [`PkiError::File`].
    pub fn list(dir: &Path) -> Result<Vec<Entry>, PkiError> {
        let certificate = CaCertificate::read(dir)?;
        Ok(Index::read(dir, &certificate.public_key_sha256)?.certificates)
    }

    /// From now on the authority acts as if it were this time. It is for tests: certificates of the
    /// past are how expiry is tried out.
    pub fn danger_set_now(&mut self, now: OffsetDateTime) {
        self.fixed_now = Some(now);
    }

    /// The authority's folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The authority's certificate, what peers trust.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join(CERTIFICATE)
    }

    /// The authority's private key.
    pub fn private_key(&self) -> PathBuf {
        self.folder.join(KEY)
    }

    /// Base64 SHA-256 of the authority's SubjectPublicKeyInfo.
    pub fn public_key_sha256(&self) -> &str {
        &self.certificate.public_key_sha256
    }

    /// When the authority ends.
    pub fn not_after(&self) -> OffsetDateTime {
        self.certificate.not_after
    }

    pub(crate) fn certificate_pem(&self) -> &str {
        &self.certificate.pem
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.fixed_now.unwrap_or_else(OffsetDateTime::now_utc)
    }

    pub(crate) fn lock(&self) -> Result<FolderLock, PkiError> {
        store::lock(&self.folder)
    }

    /// The index, read under the lock that the caller keeps until it has written it.
    pub(crate) fn index(&self, _lock: &FolderLock) -> Result<Index, PkiError> {
        Index::read(&self.folder, &self.certificate.public_key_sha256)
    }

    /// The signer of certificates and lists, with the names and key identifier of `ca.pem`.
    pub(crate) fn issuer(&self) -> Result<Issuer<'static, &KeyPair>, PkiError> {
        Issuer::from_ca_cert_pem(&self.certificate.pem, self.key.pair())
            .map_err(|_| PkiError::Cryptography("use ca.pem as an issuer"))
    }

    /// The key identifier lists point to.
    pub(crate) fn key_id(&self) -> KeyIdMethod {
        self.certificate.key_id.clone().map_or(KeyIdMethod::Sha256, KeyIdMethod::PreSpecified)
    }
}

impl CaCertificate {
    /// Reads `ca.pem` of a folder that nobody else may change.
    fn read(dir: &Path) -> Result<CaCertificate, PkiError> {
        use std::io::ErrorKind::NotFound;
        use std::os::unix::fs::MetadataExt as _;

        let none = || PkiError::NoAuthority(dir.to_owned());
        match dir.metadata() {
            Ok(meta) if !meta.is_dir() => return Err(none()),
            Ok(meta) if meta.mode() & 0o077 != 0 && dir.join(KEY).symlink_metadata().is_ok() => {
                return Err(PkiError::FolderTooOpen(dir.to_owned()));
            }
            Err(e) if e.kind() != NotFound => return Err(PkiError::file("read", dir, &e)),
            _ => {}
        }
        let path = dir.join(CERTIFICATE);
        let contents = store::read(&path).map_err(|error| match error {
            PkiError::File { kind: NotFound, .. } => none(),
            other => other,
        })?;
        String::from_utf8(contents)
            .ok()
            .and_then(CaCertificate::parse)
            .ok_or(PkiError::Malformed { path, expected: "an authority's certificate" })
    }

    fn parse(pem: String) -> Option<CaCertificate> {
        let (_, block) = parse_x509_pem(pem.as_bytes()).ok()?;
        let certificate = block.parse_x509().ok()?;
        if !certificate.is_ca() {
            return None;
        }
        let key_id = certificate.iter_extensions().find_map(|e| match e.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(id) => Some(id.0.to_vec()),
            _ => None,
        });
        Some(CaCertificate {
            public_key_sha256: key::public_key_sha256(certificate.public_key().raw),
            not_after: certificate.validity().not_after.to_datetime(),
            key_id,
            pem,
        })
    }
}

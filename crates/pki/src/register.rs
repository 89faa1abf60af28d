//! The folder of an authority without its key: its certificate, its index, and the lock that keeps two
//! commands apart. All that needs no signature needs no more than this.

use std::path::{Path, PathBuf};

use rcgen::KeyIdMethod;
use time::OffsetDateTime;
use x509_parser::extensions::ParsedExtension;
use x509_parser::pem::parse_x509_pem;

use crate::error::PkiError;
use crate::index::{Entry, Index};
use crate::key;
use crate::store::{self, FolderLock};

/// The authority's certificate in its folder.
pub(crate) const CERTIFICATE: &str = "ca.pem";
/// Its key there.
pub(crate) const KEY: &str = "ca.key";

/// An authority's folder, and what its certificate says.
#[derive(Debug)]
pub(crate) struct Register {
    folder: PathBuf,
    certificate: CaCertificate,
    fixed_now: Option<OffsetDateTime>,
}

/// What is needed from `ca.pem`.
#[derive(Debug)]
struct CaCertificate {
    pem: String,
    sha256: [u8; 32],
    public_key_sha256: String,
    key_id: Option<Vec<u8>>,
    not_after: OffsetDateTime,
}

impl Register {
    /// Opens the folder of an authority.
    ///
    /// # Errors
    /// [`PkiError::NoAuthority`], [`PkiError::FolderTooOpen`], [`PkiError::Malformed`],
    /// [`PkiError::IndexLost`], [`PkiError::IndexDamaged`], [`PkiError::File`].
    pub(crate) fn open(folder: &Path) -> Result<Register, PkiError> {
        let certificate = CaCertificate::read(folder)?;
        Index::read(folder, &certificate.public_key_sha256)?;
        Ok(Register { folder: folder.to_owned(), certificate, fixed_now: None })
    }

    /// The register of an authority that was made a moment ago.
    pub(crate) fn new(
        folder: &Path,
        pem: String,
        fixed_now: Option<OffsetDateTime>,
    ) -> Option<Register> {
        let certificate = CaCertificate::parse(pem)?;
        Some(Register { folder: folder.to_owned(), certificate, fixed_now })
    }

    /// As if it were another time, for tests.
    pub(crate) fn fix_now(&mut self, now: OffsetDateTime) {
        self.fixed_now = Some(now);
    }

    pub(crate) fn now(&self) -> OffsetDateTime {
        self.fixed_now.unwrap_or_else(OffsetDateTime::now_utc)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The authority's certificate, PEM.
    pub(crate) fn certificate_pem(&self) -> &str {
        &self.certificate.pem
    }

    /// The SHA-256 of the authority's certificate in DER: what tokens know it by.
    pub(crate) fn certificate_sha256(&self) -> [u8; 32] {
        self.certificate.sha256
    }

    /// Base64 SHA-256 of the authority's SubjectPublicKeyInfo.
    pub(crate) fn public_key_sha256(&self) -> &str {
        &self.certificate.public_key_sha256
    }

    /// The key identifier lists point to.
    pub(crate) fn key_id(&self) -> KeyIdMethod {
        self.certificate.key_id.clone().map_or(KeyIdMethod::Sha256, KeyIdMethod::PreSpecified)
    }

    pub(crate) fn not_after(&self) -> OffsetDateTime {
        self.certificate.not_after
    }

    pub(crate) fn lock(&self) -> Result<FolderLock, PkiError> {
        store::lock(&self.folder)
    }

    /// The index, read under the lock that the caller keeps until it has written it.
    pub(crate) fn index(&self, _lock: &FolderLock) -> Result<Index, PkiError> {
        Index::read(&self.folder, &self.certificate.public_key_sha256)
    }

    /// All that was issued, oldest first, as of now.
    pub(crate) fn entries(&self) -> Result<Vec<Entry>, PkiError> {
        Ok(Index::read(&self.folder, &self.certificate.public_key_sha256)?.certificates)
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
        let contents = store::read_own(&path).map_err(|error| match error {
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
            sha256: key::sha256(&block.contents),
            public_key_sha256: key::public_key_sha256(certificate.public_key().raw),
            not_after: certificate.validity().not_after.to_datetime(),
            key_id,
            pem,
        })
    }
}

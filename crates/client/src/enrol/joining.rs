//! What a host that joins keeps, in a folder of its own: `key.pem` 0600, `cert.pem`, `ca.pem` by which the gate is
//! checked, `authority.pem` by which the service is. The key is there before anything is sent, so that an answer
//! that got lost can be asked for again. No key is ever written over.

use std::io;
use std::path::{Path, PathBuf};

use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use time::OffsetDateTime;
use tsmgate_pki::enrolment::{Enrolled, JoinRequest, Token};
use tsmgate_pki::{ClientName, HolderKey, PkiError};

use super::{EnrolFailure, Leaf, Misfit, trust};
use crate::Address;
use crate::identity;
use crate::system::folder::{Folder, Lock, lock_folder};
use crate::system::mode::{Readers, make_private_folder, write_new, write_whole};

/// The folder of a host that joins, held against other runs as long as this is there.
#[derive(Debug)]
pub struct Place {
    folder: PathBuf,
    _lock: Lock,
}

/// A certificate that was given and is what was asked for.
#[derive(Debug)]
pub struct Accepted {
    /// The certificate.
    pub leaf: Leaf,
    /// Where the gate is.
    pub gate: Address,
    /// Set where it is good, and this host's clock says that it is not.
    pub untimely: Option<Misfit>,
}

impl Place {
    /// Takes a folder, or makes it; it has to be ours alone.
    ///
    /// # Errors
    /// [`EnrolFailure::Folder`], [`EnrolFailure::Unwritten`], and [`EnrolFailure::Busy`] where another run has it.
    pub fn open(folder: &Path) -> Result<Self, EnrolFailure> {
        let failed = |error: io::Error| unwritten(folder, &error);
        if let Some(above) = folder.parent() {
            make_private_folder(above).map_err(failed)?;
        }
        Folder::open(folder)
            .map_err(|what| EnrolFailure::Folder { path: folder.to_owned(), what })?;
        let lock = lock_folder(folder).map_err(failed)?;
        let lock = lock.ok_or_else(|| EnrolFailure::Busy(folder.to_owned()))?;
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// Our key.
    pub fn key_file(&self) -> PathBuf {
        self.folder.join("key.pem")
    }

    /// Our certificate.
    pub fn certificate_file(&self) -> PathBuf {
        self.folder.join("cert.pem")
    }

    /// By what the gate is checked.
    pub fn gate_authority_file(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// By what the service is checked.
    pub fn authority_file(&self) -> PathBuf {
        self.folder.join("authority.pem")
    }

    /// The key that is there, or a new one; and whether it is new. What is there is used again: it is this
    /// client's, from an earlier attempt or an earlier certificate.
    ///
    /// # Errors
    /// [`EnrolFailure::AnotherClient`], [`EnrolFailure::Key`], [`EnrolFailure::Unwritten`].
    pub fn key(&self, client: &ClientName) -> Result<(HolderKey, bool), EnrolFailure> {
        let path = self.certificate_file();
        if path.symlink_metadata().is_ok() {
            let leaf = Leaf::read(&identity::contents(&path)?);
            let name = leaf.map(|leaf| leaf.name().to_owned()).unwrap_or_default();
            if name != client.as_str() {
                return Err(EnrolFailure::AnotherClient { path, name });
            }
        }
        let path = self.key_file();
        match HolderKey::read(&path) {
            Ok(key) => Ok((key, false)),
            Err(PkiError::File { kind: io::ErrorKind::NotFound, .. }) => {
                let key = HolderKey::generate()?;
                write_new(&self.folder, &path, key.to_pem()?.as_bytes())
                    .map_err(|error| unwritten(&path, &error))?;
                Ok((key, true))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps what was given; the certificate last, for it is what the other commands look for.
    ///
    /// # Errors
    /// [`EnrolFailure::Unwritten`].
    pub fn keep(&self, enrolled: &Enrolled) -> Result<(), EnrolFailure> {
        let files = [
            (self.authority_file(), &enrolled.authority),
            (self.gate_authority_file(), &enrolled.gate.authority),
            (self.certificate_file(), &enrolled.certificate),
        ];
        for (path, pem) in files {
            write_whole(&self.folder, &path, pem.as_bytes(), Readers::Everybody)
                .map_err(|error| unwritten(&path, &error))?;
        }
        Ok(())
    }
}

/// The question of a token and a key.
///
/// # Errors
/// [`EnrolFailure::Key`].
pub fn question(token: &Token, key: &HolderKey) -> Result<JoinRequest, EnrolFailure> {
    let (name, secret) = (token.name.to_string(), token.secret.to_text());
    Ok(JoinRequest { name, secret, request: key.request()? })
}

/// Judges what was given for a token and a key.
///
/// # Errors
/// It is not what was asked for.
pub fn accept(
    token: &Token,
    key: &HolderKey,
    enrolled: &Enrolled,
    now: OffsetDateTime,
) -> Result<Accepted, Misfit> {
    let authorities = certificates(&enrolled.authority)?;
    let ours = authorities.into_iter().find(|one| trust::is_of(&token.authority_sha256, one));
    let roots = roots([ours.ok_or(Misfit::UnknownAuthority)?])?;
    let leaf = Leaf::read(enrolled.certificate.as_bytes()).ok_or(Misfit::Unreadable)?;
    leaf.check(&Leaf::identity_of(token.name.as_str()), &key.identity(), roots)?;
    self::roots(certificates(&enrolled.gate.authority)?)?;
    let gate = enrolled.gate.address.parse().map_err(|_| Misfit::NoGate)?;
    let untimely = leaf.timely(now).err();
    Ok(Accepted { leaf, gate, untimely })
}

/// The certificates of an authority, at least one.
fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, Misfit> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    found.ok().filter(|found| !found.is_empty()).ok_or(Misfit::UnknownAuthority)
}

fn roots(
    certificates: impl IntoIterator<Item = CertificateDer<'static>>,
) -> Result<RootCertStore, Misfit> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate).map_err(|_| Misfit::UnknownAuthority)?;
    }
    Ok(roots)
}

fn unwritten(path: &Path, error: &io::Error) -> EnrolFailure {
    EnrolFailure::Unwritten { path: path.to_owned(), kind: error.kind() }
}

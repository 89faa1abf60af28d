//! The files of a client: the authority of the gate, our certificate, our private key; a password.
//!
//! Files are bounded. A private key or password that group or others may touch is refused, judged on the open
//! file so that what was judged is what is read. Only what systemd hands over as a credential is
//! taken as it is: its access list shows as a group's permission, and nobody could change it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tsmgate_wire::Secret;
use zeroize::Zeroizing;

use crate::failure::{FileFault, LoginFailure};
use crate::system::mode::is_open_to_others;

/// The largest file that is read, in bytes: some hundred certificates.
const FILE_MOST: usize = 1024 * 1024;

/// The authorities in a file, at least one.
pub(crate) fn authority(path: &Path) -> Result<RootCertStore, LoginFailure> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|_| fault(path, FileFault::BadAuthority))?;
    }
    Ok(roots)
}

/// The certificates in a file, at least one.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, LoginFailure> {
    let pem = contents(path)?;
    match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(fault(path, FileFault::NoCertificate)),
    }
}

/// All that is in a file.
pub(crate) fn contents(path: &Path) -> Result<Zeroizing<Vec<u8>>, LoginFailure> {
    read(path, &open(path)?)
}

/// The private key in a file, whichever of the three usual kinds of PEM it is.
///
/// The file's bytes are wiped here, and what is returned is wiped by rustls once its provider has
/// made the signing key of it (`KeyProvider::load_private_key`); dropped elsewhere, it is not. Two
/// copies remain: the library's base64 of the PEM block, freed and not wiped, and the signing key
/// itself, which lives as long as the configuration of the one login and which AWS-LC wipes.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, LoginFailure> {
    let pem = owners_alone(path, FileFault::KeyTooOpen)?;
    PrivateKeyDer::from_pem_slice(&pem).map_err(|_| fault(path, FileFault::NoPrivateKey))
}

/// The one line of a file that holds a secret, such as a password.
pub(crate) fn secret(path: &Path) -> Result<Secret, LoginFailure> {
    let bytes = owners_alone(path, FileFault::SecretTooOpen)?;
    one_line(&bytes).ok_or_else(|| fault(path, FileFault::NotOneLine))
}

/// A secret that is all of a text but the end of its line.
pub(crate) fn one_line(bytes: &[u8]) -> Option<Secret> {
    let text = std::str::from_utf8(bytes).ok()?;
    let line = text.strip_suffix('\n').unwrap_or(text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let good = !line.is_empty() && !line.chars().any(char::is_control);
    good.then(|| Secret::new(line.to_owned()))
}

/// The bytes of a file that only its owner may touch.
fn owners_alone(path: &Path, otherwise: FileFault) -> Result<Zeroizing<Vec<u8>>, LoginFailure> {
    let file = open(path)?;
    let metadata = file.metadata().map_err(|error| unreadable(path, &error))?;
    if is_open_to_others(&metadata) && !is_credential(path) {
        return Err(fault(path, otherwise));
    }
    read(path, &file)
}

/// A failure about one file.
pub(crate) fn fault(path: &Path, fault: FileFault) -> LoginFailure {
    LoginFailure::File { path: path.to_owned(), fault }
}

fn is_credential(path: &Path) -> bool {
    std::env::var_os("CREDENTIALS_DIRECTORY")
        .is_some_and(|folder| path.parent() == Some(Path::new(&folder)))
}

fn open(path: &Path) -> Result<File, LoginFailure> {
    File::open(path).map_err(|error| unreadable(path, &error))
}

fn read(path: &Path, file: &File) -> Result<Zeroizing<Vec<u8>>, LoginFailure> {
    // all the room at once, for a pipe does not tell its size: a buffer that grows leaves copies of a
    // key behind
    let mut bytes = Zeroizing::new(Vec::with_capacity(FILE_MOST + 1));
    let read = file.take(FILE_MOST as u64 + 1).read_to_end(&mut bytes);
    match read.map_err(|error| unreadable(path, &error))? {
        0..=FILE_MOST => Ok(bytes),
        _ => Err(fault(path, FileFault::TooLarge(FILE_MOST))),
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> LoginFailure {
    fault(path, FileFault::Unreadable(error.kind()))
}

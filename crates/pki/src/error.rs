//! What can go wrong in this room, as values that tests compare and people read.
//! Each error is one line: what failed, on which object; `hint` says what to do about it. No error
//! carries a secret, and text that came from a file is escaped before it gets here.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use time::OffsetDateTime;

use crate::{kind_text, time_text};
use tsmgate_text::escape;

/// Why the authority did not do what it was asked.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PkiError {
    /// The system refused a file or a folder.
    #[error("cannot {doing} {}: {}", shown(path), kind_text(*kind))]
    File {
        /// The verb: read, write, lock.
        doing: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        kind: io::ErrorKind,
    },
    /// A file is there and nobody asked to replace it.
    #[error("{} exists", shown(.0))]
    Exists(PathBuf),
    /// `init` on a folder that has an authority.
    #[error("{} holds an authority already", shown(.0))]
    AuthorityExists(PathBuf),
    /// There is no authority in the folder.
    #[error("{} holds no authority", shown(.0))]
    NoAuthority(PathBuf),
    /// There is no enrolment service for the authority in the folder.
    #[error("{} belongs to no enrolment service", shown(.0))]
    NoService(PathBuf),
    /// An invite that cannot be filed.
    #[error("the invite cannot be filed: {0}")]
    BadInvite(&'static str),
    /// The client has not joined, or is out.
    #[error("the client {0} has not joined")]
    NotJoined(String),
    /// Others may enter or write the folder.
    #[error("the folder {} is open to other users", shown(.0))]
    FolderTooOpen(PathBuf),
    /// Others may read or write a file that holds a secret.
    #[error("{} holds a secret and is open to other users", shown(.0))]
    SecretTooOpen(PathBuf),
    /// The list of what was issued is gone.
    #[error("the index {} is missing", shown(.0))]
    IndexLost(PathBuf),
    /// The list of what was issued cannot be understood, or is another authority's.
    #[error("the index {} is damaged or of another authority", shown(.0))]
    IndexDamaged(PathBuf),
    /// There are too many certificates on it.
    #[error("the index {} is full", shown(.0))]
    IndexFull(PathBuf),
    /// The authority's key is encrypted and no passphrase was given.
    #[error("{} is encrypted", shown(.0))]
    PassphraseNeeded(PathBuf),
    /// The passphrase does not open the authority's key.
    #[error("the passphrase does not open {}", shown(.0))]
    WrongPassphrase(PathBuf),
    /// The passphrase is too short, or has control characters in it.
    #[error("the passphrase cannot be used")]
    BadPassphrase,
    /// A file is not what its place or name says.
    #[error("{} is not {expected}", shown(path))]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What should have been there.
        expected: &'static str,
    },
    /// A file is nothing that `inspect` knows.
    #[error("{} is not a certificate, request, revocation list or key in PEM or DER", shown(.0))]
    Unknown(PathBuf),
    /// An RSA key too short for any use.
    #[error("{} holds an RSA key of {bits} bits, which is too short", shown(path))]
    ShortKey {
        /// The file.
        path: PathBuf,
        /// The size of its modulus.
        bits: usize,
    },
    /// An import of several clients that is to be written into one place.
    #[error("there are certificates of several clients")]
    ManyClients,
    /// `ca.key` and `ca.pem` do not belong together.
    #[error("{} does not belong to the certificate beside it", shown(.0))]
    KeyMismatch(PathBuf),
    /// The certificate would end after its authority.
    #[error("the authority ends {}, before what was asked for", time_text(*.0))]
    OutlivesAuthority(OffsetDateTime),
    /// The name cannot be a client's.
    #[error("`{0}` cannot name a client")]
    BadClientName(String),
    /// The name cannot be a server's.
    #[error("`{0}` is neither a DNS name nor an IP address")]
    BadServerName(String),
    /// A server certificate without a name.
    #[error("a server certificate needs a name")]
    NoServerName,
    /// The text is no serial number.
    #[error("`{0}` is not a serial number")]
    BadSerial(String),
    /// The asked life is not within the limits.
    #[error("a life of {0} days is outside of 1 to 365")]
    BadLifetime(u16),
    /// The name has an unexpired, unrevoked certificate.
    #[error("{name} has a live certificate, {serial}, until {}", time_text(*not_after))]
    LiveCertificate {
        /// Whose.
        name: String,
        /// Its serial number, lowercase hex.
        serial: String,
        /// When it ends.
        not_after: OffsetDateTime,
    },
    /// The signing request cannot be read.
    #[error("the signing request is malformed")]
    RequestMalformed,
    /// The signing request is not signed by the key in it.
    #[error("the signing request is not signed by its own key")]
    RequestSignature,
    /// The signing request's key or signature is of a kind that is not accepted.
    #[error("the signing request is refused: {0}")]
    RequestRefused(&'static str),
    /// Nothing with this name or serial number was ever issued here.
    #[error("no certificate of {0} was issued here")]
    UnknownCertificate(String),
    /// The certificate was not signed by this authority.
    #[error("{} was not issued by this authority", shown(.0))]
    ForeignCertificate(PathBuf),
    /// The cryptographic library failed; never the caller's fault.
    #[error("cannot {0}")]
    Cryptography(&'static str),
}

/// Whose turn it is to act; the command line turns it into an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// What was asked makes no sense.
    Usage,
    /// A local file is missing, damaged or not to be trusted.
    File,
    /// What was asked makes sense and is refused.
    Check,
}

impl PkiError {
    /// Wraps the system's answer about one path.
    pub(crate) fn file(doing: &'static str, path: &Path, error: &io::Error) -> PkiError {
        PkiError::File { doing, path: path.to_owned(), kind: error.kind() }
    }

    /// Whose turn it is.
    pub fn fault(&self) -> Fault {
        match self {
            PkiError::BadClientName(_)
            | PkiError::BadServerName(_)
            | PkiError::NoServerName
            | PkiError::BadSerial(_)
            | PkiError::BadLifetime(_)
            | PkiError::BadInvite(_)
            | PkiError::BadPassphrase => Fault::Usage,
            PkiError::File { .. }
            | PkiError::NoAuthority(_)
            | PkiError::NoService(_)
            | PkiError::FolderTooOpen(_)
            | PkiError::SecretTooOpen(_)
            | PkiError::IndexLost(_)
            | PkiError::IndexDamaged(_)
            | PkiError::IndexFull(_)
            | PkiError::Malformed { .. }
            | PkiError::Unknown(_)
            | PkiError::ShortKey { .. }
            | PkiError::KeyMismatch(_) => Fault::File,
            PkiError::Exists(_)
            | PkiError::AuthorityExists(_)
            | PkiError::PassphraseNeeded(_)
            | PkiError::WrongPassphrase(_)
            | PkiError::OutlivesAuthority(_)
            | PkiError::LiveCertificate { .. }
            | PkiError::RequestMalformed
            | PkiError::RequestSignature
            | PkiError::RequestRefused(_)
            | PkiError::UnknownCertificate(_)
            | PkiError::NotJoined(_)
            | PkiError::ForeignCertificate(_)
            | PkiError::ManyClients
            | PkiError::Cryptography(_) => Fault::Check,
        }
    }

    /// What a person can do about it, in one line.
    pub fn hint(&self) -> String {
        match self {
            PkiError::File { kind: io::ErrorKind::NotFound, .. } => {
                "check the path and --dir; folders above it must exist".into()
            }
            PkiError::File { doing: "lock", kind: io::ErrorKind::TimedOut, .. } => {
                "another command, or the service, has held it for ten seconds: is one of them stopped?".into()
            }
            PkiError::File { .. } => "check owner, mode and free space of that path".into(),
            PkiError::Exists(_) => {
                "--force replaces it; --out, where there is one, writes elsewhere".into()
            }
            PkiError::AuthorityExists(_) => {
                "use it as it is, or choose another --dir; init never replaces an authority".into()
            }
            PkiError::NoAuthority(_) => {
                "`tsmgate pki init` makes one; --dir or TSMGATE_PKI_DIR say where it is".into()
            }
            PkiError::NoService(_) => {
                "`tsmgated setup` makes one; --dir or TSMGATE_PKI_DIR say where its authority is".into()
            }
            PkiError::BadInvite(_) => {
                "for example: tsmgate pki invite jump01 --roles operator --valid 1h".into()
            }
            PkiError::NotJoined(_) => {
                "`tsmgate pki list` shows who did; an invite says what it grants itself".into()
            }
            PkiError::FolderTooOpen(path) => format!("chmod 700 {}", shown(path)),
            PkiError::SecretTooOpen(path) => format!("chmod 600 {}", shown(path)),
            PkiError::IndexLost(_) | PkiError::IndexDamaged(_) => {
                "restore it from a backup: a new one would bring revoked certificates back".into()
            }
            PkiError::IndexFull(_) => {
                "give longer lives; what has ended is forgotten after three lives, 30 days at most".into()
            }
            PkiError::PassphraseNeeded(_) => {
                "run it on a terminal, or give --passphrase-file FILE".into()
            }
            PkiError::WrongPassphrase(_) => "try again; nothing was changed".into(),
            PkiError::BadPassphrase => {
                "at least 8 characters on one line, no control characters".into()
            }
            PkiError::Malformed { .. } => "`tsmgate pki inspect FILE` shows what it is".into(),
            PkiError::Unknown(_) => {
                "give the whole file as it was made: PEM from BEGIN to END, or DER".into()
            }
            PkiError::ShortKey { .. } => {
                "make a new key: ECDSA P-256, or RSA of 2048 to 8192 bits".into()
            }
            PkiError::ManyClients => "give --out for one client at a time".into(),
            PkiError::KeyMismatch(_) => "restore ca.pem and ca.key from one backup".into(),
            PkiError::OutlivesAuthority(_) => {
                "give fewer --days, or make a new authority and trust both for a while".into()
            }
            PkiError::BadClientName(_) => {
                "1 to 64 of a-z, 0-9, dot and dash; the first is a letter or digit".into()
            }
            PkiError::BadServerName(_) | PkiError::NoServerName => {
                "give the names clients connect to, without wildcards or a final dot".into()
            }
            PkiError::BadSerial(_) => {
                "hex digits, colons allowed; `tsmgate pki list` shows them".into()
            }
            PkiError::BadLifetime(_) => "--days takes 1 to 365".into(),
            PkiError::LiveCertificate { .. } => {
                "revoke it first, or allow both with --allow-second; an invite with --replace revokes it \
                 when the host joins"
                    .into()
            }
            PkiError::RequestMalformed => {
                "it must be one PEM block, BEGIN CERTIFICATE REQUEST".into()
            }
            PkiError::RequestSignature => "make the request again on the client".into(),
            PkiError::RequestRefused(_) => {
                "use a new ECDSA P-256 or P-384, Ed25519 or RSA key of 2048 to 8192 bits, not SHA-1"
                    .into()
            }
            PkiError::UnknownCertificate(_) => {
                "`tsmgate pki list` shows what was issued; servers need --as server".into()
            }
            PkiError::ForeignCertificate(_) => {
                "revoke it where it was issued, or list it under [revoked]".into()
            }
            PkiError::Cryptography(_) => "this is a bug; please report it".into(),
        }
    }
}

/// A path without what a hostile file name could do to a terminal.
fn shown(path: &Path) -> String {
    escape(path.as_os_str().as_encoded_bytes())
}

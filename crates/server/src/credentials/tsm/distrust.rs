//! Why TSM's controller was not believed, in words for the operator's log.
//!
//! What the other side says of itself is in it, escaped and cut. Nothing here decides anything.

use std::error::Error as StdError;
use std::fmt::{self, Display, Formatter};
use std::io;

use data_encoding::HEXUPPER;
use rustls::{AlertDescription, CertificateError, Error, PeerIncompatible};
use time::OffsetDateTime;
use tsmgate_text::escape;

use crate::credentials::day;

/// Another certificate was shown than the pinned one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotPinned {
    /// The SHA-256 of the one that was shown.
    pub shown: [u8; 32],
}

impl Display for NotPinned {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let shown = HEXUPPER.encode(&self.shown);
        write!(f, "its certificate is not the pinned one (SHA-256 {shown})")
    }
}

impl StdError for NotPinned {}

/// The most of what the other side says of itself, in characters.
const SAYS: usize = 200;

/// What to do, where it is the certificate.
const LOOK: &str = "`tsmgated trust-tsm` shows it";

/// What was wrong with TSM's controller and what to do about it, where a failed connection with
/// [`super::super::Credentials::tsm`] means that it is not to be trusted, or speaks no TLS that could be; `None` where
/// the transport failed. One line without an end, for a log.
pub fn distrust(error: &io::Error) -> Option<String> {
    let what = match library_error(error)? {
        Error::InvalidCertificate(fault) => certificate(fault),
        Error::NoCertificatesPresented => "it shows no certificate".to_owned(),
        Error::UnsupportedNameType => "what tsm.api calls it is no name".to_owned(),
        Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)
        | Error::AlertReceived(AlertDescription::ProtocolVersion) => {
            return Some("it speaks neither TLS 1.3 nor TLS 1.2".to_owned());
        }
        Error::AlertReceived(alert) => {
            return Some(format!("it refuses the handshake (alert {alert:?})"));
        }
        Error::InvalidMessage(_) | Error::InappropriateMessage { .. } => {
            return Some("it does not speak TLS; is tsm.api the port of its HTTPS?".to_owned());
        }
        other => return Some(format!("the handshake failed: {}", bounded(other))),
    };
    Some(format!("{what}; {LOOK}"))
}

/// The TLS library's word, however it is wrapped.
fn library_error(error: &io::Error) -> Option<&Error> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<Error>() {
            return Some(error);
        }
        // what an io::Error holds is not among its sources, but the sources of that are
        cause = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn certificate(fault: &CertificateError) -> String {
    let at = |time: rustls::pki_types::UnixTime| {
        let seconds = i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        OffsetDateTime::from_unix_timestamp(seconds).map(day).unwrap_or_default()
    };
    match fault {
        CertificateError::Other(other) => match other.0.downcast_ref::<NotPinned>() {
            Some(other) => format!(
                "{other}: either TSM has a new one, and then it must be pinned anew, or somebody \
                 else answers in its place"
            ),
            // the library has no name for it
            None if other.0.to_string().contains("CaUsedAsEndEntity") => {
                "its certificate is an authority's own, which vouches for others only: pin it".to_owned()
            }
            None => format!("its certificate is not good: {}", bounded(&other.0)),
        },
        CertificateError::Expired => "its certificate has expired".to_owned(),
        CertificateError::ExpiredContext { not_after, .. } => {
            format!("its certificate expired on {}", at(*not_after))
        }
        CertificateError::NotValidYet => "its certificate is not valid yet".to_owned(),
        CertificateError::NotValidYetContext { not_before, .. } => {
            format!("its certificate is not valid before {}", at(*not_before))
        }
        CertificateError::NotValidForName => {
            "its certificate is for another name than tsm.api calls it by".to_owned()
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            let expected = escape(expected.to_str().as_ref());
            let presented = match presented.as_slice() {
                [] => "none".to_owned(),
                names => bounded(&names.join(", ")),
            };
            format!("its certificate is for another name: tsm.api calls it {expected}, it has {presented}")
        }
        CertificateError::UnknownIssuer => {
            "no authority of tsm.api_authority that is within its time issued its certificate".to_owned()
        }
        CertificateError::BadSignature => {
            "a signature is wrong: it does not have the key of the certificate that it shows, or an \
             authority of the same name issued that"
                .to_owned()
        }
        other => format!("its certificate is not good: {}", bounded(other)),
    }
}

/// Text of the other side, or that may hold some.
fn bounded(text: &(impl Display + ?Sized)) -> String {
    let text = escape(text.to_string());
    match text.char_indices().nth(SAYS) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

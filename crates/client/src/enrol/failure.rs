//! Every way to get no certificate, as values that can be compared; with the exit code and one hint of each.
//!
//! A failure never holds a token or a key, and what the service says is escaped and cut before it is shown.

use std::io;
use std::path::PathBuf;

use rustls::CertificateError;
use rustls::pki_types::UnixTime;
use time::OffsetDateTime;
use tsmgate_pki::{PkiError, kind_text, time_text};
use tsmgate_text::escape;

use super::{Misfit, Service, Trust};
use crate::api::failure::Breach;
use crate::exit::Exit;
use crate::failure::{Distrust, LoginFailure, Refusal, Unreached, shown};
use crate::system::folder::Amiss;
use crate::tls::{self, HandshakeFault};

mod refusal;

pub use refusal::EnrolRefusal;

/// Why there is no certificate, or no new one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrolFailure {
    /// A file of ours, a name, or the password of a proxy.
    #[error(transparent)]
    Own(#[from] LoginFailure),
    /// Our key.
    #[error(transparent)]
    Key(#[from] PkiError),
    /// The folder for key and certificate is not ours alone.
    #[error("the folder {} is {what}", shown(.path))]
    Folder {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        what: Amiss,
    },
    /// A file cannot be written.
    #[error("cannot write {}: {}", shown(.path), kind_text(*.kind))]
    Unwritten {
        /// Which.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// Another run has the folder.
    #[error("another tsmgate is at work in {}", shown(.0))]
    Busy(PathBuf),
    /// In the folder is another client's certificate.
    #[error("{} is the certificate of another client, {}", shown(.path), escape(.name.as_bytes()))]
    AnotherClient {
        /// The certificate.
        path: PathBuf,
        /// Whose.
        name: String,
    },
    /// Our certificate has ended: it opens nothing any more.
    #[error("the certificate of {} ended {}, and this host's clock says {}", escape(.client.as_bytes()), time_text(*.ended), time_text(*.now))]
    Ended {
        /// Whose.
        client: String,
        /// When.
        ended: OffsetDateTime,
        /// What time it is here.
        now: OffsetDateTime,
    },
    /// No connection, or no answer.
    #[error("cannot reach {peer}: {cause}")]
    Unreachable {
        /// The service, `HOST:PORT`.
        peer: String,
        /// How far it went.
        cause: Unreached,
    },
    /// The connection ended before the whole answer was here. It may have done what it was asked.
    #[error("the connection to {peer} ended before its answer was here")]
    Cut {
        /// The service, `HOST:PORT`.
        peer: String,
    },
    /// It shows no certificate of the fingerprint, or one that this did not issue. It was told nothing.
    #[error("{peer} is not the authority that the token is of")]
    AnotherAuthority {
        /// Who was asked, `HOST:PORT`.
        peer: String,
    },
    /// Its certificate does not convince us. It was told nothing.
    #[error("cannot trust {peer}: {cause}")]
    Untrusted {
        /// The service, `HOST:PORT`.
        peer: String,
        /// What is wrong with its certificate.
        cause: Distrust,
    },
    /// By this host's clock its certificate is not good today. It was told nothing.
    #[error("cannot trust {peer}: its certificate {}, and this host's clock says {}", .edge, time_text(*.now))]
    Untimely {
        /// The service, `HOST:PORT`.
        peer: String,
        /// The start or the end that is at fault.
        edge: Edge,
        /// What time it is here.
        now: OffsetDateTime,
    },
    /// In the handshake the service does not take our certificate.
    #[error("{peer} does not accept this client: {refusal}")]
    NotAccepted {
        /// The service, `HOST:PORT`.
        peer: String,
        /// What it said.
        refusal: Refusal,
        /// Who we are there.
        client: String,
    },
    /// The service says no.
    #[error(transparent)]
    Refused(#[from] Box<EnrolRefusal>),
    /// The peer does not speak as agreed.
    #[error("{peer} does not answer as agreed: {breach}")]
    Protocol {
        /// The service, `HOST:PORT`.
        peer: String,
        /// What came instead.
        breach: Breach,
    },
    /// What came is not what was asked for. Nothing was written.
    #[error("{peer} gave {misfit}")]
    Misfit {
        /// The service, `HOST:PORT`.
        peer: String,
        /// What it gave.
        misfit: Misfit,
    },
}

/// The edge of a life that the clock is beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Edge {
    /// It has not begun.
    #[error("is not valid before {}", time_text(*.0))]
    Begins(OffsetDateTime),
    /// It is over.
    #[error("ended {}", time_text(*.0))]
    Ended(OffsetDateTime),
}

/// What a handshake with the service failed for.
pub(super) fn of_handshake(service: &Service, error: &io::Error) -> EnrolFailure {
    let peer = service.peer();
    if let Some(fault) = tls::certificate_error(error)
        && let Some((edge, now)) = untimely(fault)
    {
        return EnrolFailure::Untimely { peer, edge, now };
    }
    match tls::sort_handshake(error) {
        HandshakeFault::Unreached(cause) => EnrolFailure::Unreachable { peer, cause },
        HandshakeFault::Distrust(Distrust::UnknownAuthority)
            if matches!(service.trust, Trust::Fingerprint(_)) =>
        {
            EnrolFailure::AnotherAuthority { peer }
        }
        HandshakeFault::Distrust(cause) => EnrolFailure::Untrusted { peer, cause },
        HandshakeFault::Refused(refusal) => {
            EnrolFailure::NotAccepted { peer, refusal, client: service.client.clone() }
        }
        HandshakeFault::Breach(breach) => EnrolFailure::Protocol { peer, breach: breach.into() },
    }
}

fn untimely(fault: &CertificateError) -> Option<(Edge, OffsetDateTime)> {
    let time = |time: &UnixTime| {
        OffsetDateTime::from_unix_timestamp(i64::try_from(time.as_secs()).ok()?).ok()
    };
    match fault {
        CertificateError::ExpiredContext { time: now, not_after } => {
            Some((Edge::Ended(time(not_after)?), time(now)?))
        }
        CertificateError::NotValidYetContext { time: now, not_before } => {
            Some((Edge::Begins(time(not_before)?), time(now)?))
        }
        _ => None,
    }
}

/// How a host gets in again.
fn anew(client: &str) -> String {
    let client = escape(client.as_bytes());
    format!("join again: `tsmgate pki invite {client} …` on the TSM host, `tsmgate join` here")
}

impl EnrolFailure {
    /// The exit code of this failure.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Own(failure) => failure.exit(),
            Self::Key(_)
            | Self::Folder { .. }
            | Self::Unwritten { .. }
            | Self::AnotherClient { .. } => Exit::File,
            Self::Busy(_) => Exit::RetryLater,
            Self::Ended { .. } | Self::NotAccepted { .. } => Exit::NotAccepted,
            Self::Unreachable { .. } | Self::Cut { .. } => Exit::Unreachable,
            Self::AnotherAuthority { .. }
            | Self::Untrusted { .. }
            | Self::Untimely { .. }
            | Self::Protocol { .. }
            | Self::Misfit { .. } => Exit::Protocol,
            Self::Refused(refusal) => refusal.exit(),
        }
    }

    /// What can be done about it, in one line.
    pub fn hint(&self) -> String {
        match self {
            Self::Own(failure) => failure.hint(),
            Self::Key(PkiError::PassphraseNeeded(_)) => {
                "a client's key has no passphrase: no command could use it unattended".into()
            }
            Self::Key(error) => error.hint(),
            Self::Folder { path, .. } => {
                format!("it must be your own, and yours alone: chmod 700 {}", shown(path))
            }
            Self::Unwritten { .. } => "check owner, mode and free space of that folder".into(),
            Self::Busy(_) => "wait until it is done, and try again".into(),
            Self::AnotherClient { .. } => {
                "give --name or --folder another one; no key is ever written over".into()
            }
            Self::Ended { client, .. } => {
                format!("set the clock where it is wrong; otherwise {}", anew(client))
            }
            Self::Unreachable { peer, cause: Unreached::Refused | Unreached::Network(_) } => {
                format!("check that tsmgate-authority runs there, and the network and firewall to {peer}")
            }
            Self::Unreachable { cause: Unreached::Closed | Unreached::TimedOut(_), .. } => {
                "the network is at fault, or the service is busy or does not list this address in \
                 admission.allow; the same command may be given again"
                    .into()
            }
            Self::Unreachable { peer, cause } => {
                let peer = peer.clone();
                LoginFailure::Unreachable { peer, cause: *cause }.hint()
            }
            Self::Cut { .. } => {
                "give the same command again: nothing is lost, and the same key is asked for".into()
            }
            Self::AnotherAuthority { .. } => {
                "it was told nothing. Either its address leads elsewhere, or the authority was replaced: \
                 ask for a new invite"
                    .into()
            }
            Self::Untrusted { peer, cause: Distrust::WrongName } => {
                format!("listen.names of tsmgate-authority must hold the host of {peer}")
            }
            Self::Untrusted { .. } => {
                "authority_ca of the profile must be the authority of tsmgate-authority's certificate".into()
            }
            Self::Untimely { .. } => {
                "this host's clock may be hours off: compare `date -u` with another host's; otherwise \
                 restart tsmgate-authority, which makes itself a new certificate"
                    .into()
            }
            Self::NotAccepted { refusal: Refusal::CertificateRequired, .. } => {
                "give the profile a certificate that this authority issued".into()
            }
            Self::NotAccepted { client, .. } => anew(client),
            Self::Refused(refusal) => refusal.hint(),
            Self::Protocol { .. } => {
                "check host and port, that tsmgate-authority is at the other end, and its version".into()
            }
            Self::Misfit { misfit: Misfit::Untimely { .. }, .. } => {
                "this host's clock may be hours off: compare `date -u` with another host's".into()
            }
            Self::Misfit { .. } => {
                "nothing of it was used; see the log and the version of tsmgate-authority".into()
            }
        }
    }
}
